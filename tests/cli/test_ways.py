"""`--travel`: how it is read, what is refused before anything runs, and what it changes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.cli import main
from core.cli.run import parse_travel_times
from core.export import verify_zip
from core.runs import Choice, decide, load_evidence
from tests.runs.making import run

CAMERAS = ["gate", "hall", "back-yard", "yard", "hall-back"]


@pytest.mark.parametrize(
    ("words", "ways"),
    [
        ([], ()),
        (["gate-hall=20"], (("gate", "hall", 20.0),)),
        (["gate-hall=0", "yard-gate=2.5"], (("gate", "hall", 0.0), ("yard", "gate", 2.5))),
        (["gate-back-yard=7"], (("gate", "back-yard", 7.0),)),
        (["back-yard-gate=7"], (("back-yard", "gate", 7.0),)),
        (["hall:back-yard=5", "gate:yard=1"], (("hall", "back-yard", 5.0), ("gate", "yard", 1.0))),
    ],
)
def test_names_are_matched_with_those_of_the_cameras(words: list[str], ways: tuple[object, ...]) -> None:
    assert parse_travel_times(words, CAMERAS) == ways


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gate-porch=20"], "gate-porch=20 names no two cameras.*Cameras: gate, hall, back-yard"),
        (["gate-gate=20"], "names no two cameras"),
        (["gate=20"], "names no two cameras"),
        (["gate-hall"], "names no two cameras"),
        (["gate-hall="], "says no time"),
        (["gate-hall=soon"], "says no time"),
        (["gate-hall=-1"], "says no time"),
        (["gate-hall=nan"], "says no time"),
        (["gate-hall=inf"], "says no time"),
        (["gate-hall=20", "hall-gate=30"], "hall-gate=30: these two cameras were named before"),
        (["hall-back-yard=5"], "can mean hall to back-yard or hall-back to yard.*Write --travel hall:back-yard=20"),
        (["gate-hall=20", "hall:gate=30"], "hall:gate=30: these two cameras were named before"),
    ],
)
def test_what_is_mistyped_is_said(words: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_travel_times(words, CAMERAS)


def test_it_is_looked_at_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = [str(tmp_path / name) for name in ("gate.mp4", "hall.mp4")]
    assert main(["run", *clips, "--out", str(tmp_path / "out"), "--travel", "gate-porch=20"]) == 2
    assert "gate-porch=20 names no two cameras" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    words = ["gallery", "--from-crops", str(tmp_path), "--out", str(tmp_path / "out"), "--travel", "gate-hall=20"]
    assert main(words) == 2
    assert "crops come without times" in capsys.readouterr().err


def test_who_would_have_had_to_hurry_is_somebody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same two figures in both clips, the hall's ten seconds later: there are 6.1 seconds in between."""
    run(tmp_path, hall=10.0)
    out = tmp_path / "out"
    words = ["gallery", str(out), "--cos", "0.9", "--progress", "none"]
    for way, people in (("gate-hall=6", 2), ("hall-gate=6.2", 4)):
        assert main([*words, "--travel", way]) == 0
        assert capsys.readouterr().out.startswith(f"{people} people among 4 tracks")
    assert verify_zip(out / "gallery.zip").about["choice"]["travel"] == [["hall", "gate", 6.2]]
    reasons = [line.split(",")[9] for line in (out / "candidates.csv").read_text().splitlines()]
    assert reasons.count("there was no time to go from one camera to the other") == 8
    assert main([*words, "--travel", "gate-porch=1"]) == 2
    assert "Cameras: gate, hall." in capsys.readouterr().err
    # A camera whose clip failed has a record and no evidence: its ways say nothing.
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    record["cameras"]["porch"] = {"clip": "porch.mp4", "failed": "no frames"}
    (out / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert main([*words, "--travel", "gate-porch=100"]) == 0
    assert capsys.readouterr().out.startswith("2 people among 4 tracks")


def test_pictures_without_times_have_no_ways(tmp_path: Path) -> None:
    run(tmp_path)
    untimed = replace(load_evidence(tmp_path / "out"), offsets=np.full(2, np.nan))
    with pytest.raises(SettingsError, match="these pictures have no times"):
        decide(untimed, tmp_path / "out", None, Choice(travel=(("gate", "hall", 5.0),)))
