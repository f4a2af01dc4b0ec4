"""Films for the browser: each made once, one at a time, by a child that outlives the server and can be stopped."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.base.types import Clip
from core.machine.paths import cache_dir
from core.vision.video import probe
from core.workspace.media import Proxies, ProxyState, clock_crops, still_at, strip_of
from core.workspace.server import clip_of, serve_with
from tests.launching import FakeLauncher, flags
from tests.vision.video.making import write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    return probe(write_clip(tmp_path / "a.mp4", range(30)))


def convert(words: Sequence[str], folder: Path, variables: dict[str, str]) -> int:
    Path(flags(words)["to"]).write_bytes(b"film")
    return 0


def refuse(words: Sequence[str], folder: Path, variables: dict[str, str]) -> int:
    (folder / "log").write_text("sightline: The film of a.mp4 cannot be written. Free some space.\n")
    return 2


def over(proxies: Proxies, digest: str) -> ProxyState:
    end = time.monotonic() + 60
    while not (state := proxies.state_of(digest)).path and not state.fault:
        assert time.monotonic() < end
        time.sleep(0.05)
    return state


def test_the_edges_where_recorders_write_their_clock(tmp_path: Path) -> None:
    """White top edge, black bottom edge, in the first picture alone."""
    pictures = [np.full((100, 200, 3), 128, np.uint8) for _ in range(3)]
    pictures[0][:12], pictures[0][-12:] = 255, 0
    (tmp_path / "gate").mkdir()
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(tmp_path / "gate" / f"{number:06d}.png"), picture)
    crops = clock_crops(probe(tmp_path / "gate"))
    assert list(crops) == ["Top left", "Top right", "Bottom left", "Bottom right"]
    for place, crop in crops.items():
        bgr = cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR)
        assert bgr.shape == (12, 120, 3) and abs(bgr.mean() - (255 if "Top" in place else 0)) < 5


def test_a_film_is_made_by_a_child(tmp_path: Path, clip: Clip) -> None:
    proxies = Proxies(tmp_path / "films")
    assert proxies.state_of(clip.digest) == ProxyState()
    proxies.request(clip)
    path = over(proxies, clip.digest).path
    assert path == tmp_path / "films" / f"{clip.digest}.mp4" and probe(path).frames == 30
    written = path.stat().st_mtime_ns
    assert Proxies(tmp_path / "films").request(clip).path == path and path.stat().st_mtime_ns == written
    # The child may still be on its way out.
    end = time.monotonic() + 30
    while list((tmp_path / "films").iterdir()) != [path]:
        assert time.monotonic() < end
        proxies.remove_done()


def test_a_clip_that_has_changed_becomes_no_film(tmp_path: Path, clip: Clip) -> None:
    proxies = Proxies(tmp_path / "films")
    write_clip(Path(clip.path), range(5))
    proxies.request(clip)
    assert "a.mp4 has changed" in over(proxies, clip.digest).fault
    assert not list((tmp_path / "films").glob("*.mp4"))


def test_a_film_that_fails_says_why_and_can_be_tried_again(tmp_path: Path, clip: Clip) -> None:
    proxies = Proxies(tmp_path, launcher=FakeLauncher(refuse))
    assert "cannot be written" in proxies.request(clip).fault
    again = Proxies(tmp_path, launcher=FakeLauncher(convert))
    assert "cannot be written" in again.state_of(clip.digest).fault
    assert again.request(clip).path


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, clip: Clip) -> None:
    (tmp_path / "films").write_text("in the way")
    assert "cannot be made" in Proxies(tmp_path / "films", launcher=FakeLauncher(convert)).request(clip).fault


def test_films_are_made_one_after_another(tmp_path: Path, clip: Clip) -> None:
    other = probe(write_clip(tmp_path / "b.mp4", range(20)))
    launcher = FakeLauncher(lambda words, folder, variables: None)
    proxies = Proxies(tmp_path, launcher=launcher)
    assert proxies.request(clip) == ProxyState()
    proxies.request(other)
    assert not (tmp_path / f"{other.digest}.job").exists()
    proxies.stop(clip.digest)
    proxies.request(other)
    assert (tmp_path / f"{other.digest}.job").exists() and not (tmp_path / f"{clip.digest}.job").exists()


def test_the_share_that_is_done_is_known_to_every_server(tmp_path: Path, clip: Clip) -> None:
    def half(words: Sequence[str], folder: Path, variables: dict[str, str]) -> None:
        report = {"camera": "a", "number": 1, "cameras": 1, "stage": "film", "done": 15, "total": 30}
        (folder / "progress").write_text(json.dumps({**report, "rate": 1.0, "left_seconds": 1.0}) + "\n")

    launcher = FakeLauncher(half)
    Proxies(tmp_path, launcher=launcher).request(clip)
    assert Proxies(tmp_path, launcher=launcher).state_of(clip.digest).share == 0.5


def test_what_a_restart_of_the_machine_interrupted_begins_anew(tmp_path: Path, clip: Clip) -> None:
    Proxies(tmp_path, launcher=FakeLauncher(lambda words, folder, variables: None)).request(clip)
    later = Proxies(tmp_path, launcher=FakeLauncher(convert))
    assert later.state_of(clip.digest) == ProxyState()
    assert later.request(clip).path


@pytest.mark.slow
def test_a_film_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    clip = probe(write_clip(tmp_path / "long.mp4", range(3000)))
    proxies = Proxies(tmp_path / "films", (sys.executable, "-m", "core", "film"))
    proxies.request(clip)
    end = time.monotonic() + 60
    while not list((tmp_path / "films").glob(".*.part")):
        assert time.monotonic() < end and not proxies.state_of(clip.digest).fault
        time.sleep(0.01)
    proxies.stop(clip.digest)
    assert list((tmp_path / "films").iterdir()) == [] and proxies.state_of(clip.digest) == ProxyState()


def test_what_was_made_when_two_recordings_were_taken_for_one_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of earlier versions know of no parts, and their film shows the pictures of both mixed."""
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTLINE_FOOTAGE", str(tmp_path))
    path = tmp_path / "a.ts"
    path.write_bytes(2 * write_clip(tmp_path / "b.ts", range(20)).read_bytes())
    whole = write_clip(tmp_path / "whole.mp4", range(20))
    made = [probe(path), probe(whole)]
    for clip in made:
        (cache_dir() / "probes").mkdir(parents=True, exist_ok=True)
        facts = {"format": 1, "width": 128, "height": 64, "fps": 25.0, "codec": "h264", "container": clip.container}
        facts |= {"rotation": 0, "start_seconds": 0.0, "warnings": []}
        np.savez(
            cache_dir() / "probes" / f"{clip.digest}.npz", times=np.arange(20) / 25, facts=np.array(json.dumps(facts))
        )
        (cache_dir() / "proxies").mkdir(exist_ok=True)
        (cache_dir() / "proxies" / f"{clip.digest}.mp4").write_bytes(b"film")
        still_at(clip, 0.2)
        strip_of(clip)
    for _ in range(2):
        serve_with(None)
        found = [clip_of(clip.path) for clip in made]
        assert [clip.frames for clip in found] == [40, 20]
        assert [clip.parts for clip in found] == [clip.parts for clip in made] and made[0].parts and not made[1].parts
    serve_with(None)
    left = {file.relative_to(cache_dir()).as_posix() for file in cache_dir().rglob("*") if file.is_file()}
    assert not {file for file in left if made[0].digest in file} - {f"probes/{made[0].digest}.npz"}
    assert len({file for file in left if made[1].digest in file}) == 5
