"""Films for the browser: each made once, one at a time, by a child that outlives the server and can be stopped."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.base.types import Clip
from core.vision.video import probe
from core.workspace.media import Proxies, ProxyState
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
