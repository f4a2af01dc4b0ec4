"""`--began` and `--time-zone`: how they are read, what is refused before anything runs, and what they change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.base.types import Timeline, Tracks
from core.cli import main
from core.cli.run import _parse_clocks, parse_drift
from core.runs import Camera, CameraResult, load_people, offsets_amid
from core.workspace.jobs import run_folder
from tests.review.making import big_case

BERLIN = "--time-zone=Europe/Berlin"


def test_the_time_of_every_camera() -> None:
    clocks = _parse_clocks(["gate=25.10.2026 02:30+01:00", "hall=2026-10-25T03:00"], "Europe/Berlin", ["gate", "hall"])
    assert clocks.offsets == {"gate": 0.0, "hall": 1800.0}
    assert clocks.format("gate", 5) == "02:30:05+01:00"


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--began=gate=2026-11-28 14:03:10", BERLIN], "missing for hall"),
        (["--began=porch=2026-11-28 14:03:10"], "names no camera"),
        (["--began=gate=noon"], "not a date and time"),
        (["--began=gate=2026-10-25 02:30", BERLIN], "exists twice"),
        ([BERLIN], "needs --began"),
        (["--drift=porch=2"], "--drift porch=2 names no camera"),
        (["--drift=gate=fast"], "no camera and seconds"),
        (["--drift=gate=5000"], "cannot drift by that much"),
        (["--began=gate=2026-11-28 14:03", "--time-zone=Mars"], "not a time zone"),
    ],
)
def test_what_is_refused(flags: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = ["--name", "gate=a.mp4", "--name", "hall=b.mp4"]
    assert main(["run", *clips, "--out", str(tmp_path / "out"), *flags]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_matches_with_the_offset_that_a_drifting_clock_has_in_the_middle() -> None:
    frames = np.arange(3)
    results = [
        CameraResult(Camera(name, Path(name)), None, Tracks.empty(), {}, Timeline(frames, frames * 1800.0))
        for name in ("gate", "hall")
    ]
    offsets = offsets_amid(results, {"gate": 5.0, "hall": 7.0}, parse_drift(["gate=24"], ["gate", "hall"]))
    assert offsets == {"gate": pytest.approx(4.5, abs=1e-3), "hall": 7.0}


@pytest.mark.slow
def test_clocks_stay_with_the_people_until_others_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path))
    out = run_folder(big_case(2, 2, 4, 1, 10).run)
    assert out is not None
    words = ["gallery", str(out), "--progress", "none"]
    for camera in ("cam1", "cam2"):
        (out / "tracks" / f"{camera}.txt").write_text("")
    flags = ["--began=cam1=2026-11-28 14:03:10", "--began=cam2=2026-11-28 14:03:10"]
    assert main([*words, "--drift=cam2=2.5"]) == 2
    assert main([*words, *flags, BERLIN, "--drift=cam2=3600"]) == 0
    for _ in range(2):
        assert load_people(out).gallery.clocks.format("cam2", 25) == "14:03:34"
        assert main([*words, "--cos", "0.5"]) == 0
    assert "start_local,end_local,start_utc,end_utc" in (out / "people.csv").read_text()
    assert main([*words, *(flag.replace("14:", "15:") for flag in flags)]) == 0
    assert load_people(out).gallery.clocks.format("cam2", 1.5) == "15:03:11"
