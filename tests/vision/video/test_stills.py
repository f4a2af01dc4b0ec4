"""Stills of any moment: the picture that is shown then, made once, and not more of them than there is room for."""

from pathlib import Path

import cv2
import pytest

from core.vision.video import probe
from core.workspace import media as stills
from core.workspace.media import still_at, stills_folder
from tests.vision.video.making import shown_number, write_clip


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("seconds", "number"), [(0, 0), (0.039, 0), (0.04, 1), (0.2, 3), (0.24, 3), (99, 4)])
def test_the_picture_shown_at_that_moment(tmp_path: Path, seconds: float, number: int) -> None:
    clip = probe(write_clip(tmp_path / "uneven.mp4", [0, 1, 2, 5, 10]))
    assert shown_number(cv2.imread(str(still_at(clip, seconds)))) == number


def test_made_once(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "gate.mp4", range(5))
    clip = probe(path)
    made = still_at(clip, 0.1)
    path.unlink()
    assert still_at(clip, 0.11) == made


def test_the_first_made_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stills, "MAX_STILLS", 3)
    clip = probe(write_clip(tmp_path / "gate.mp4", range(6)))
    for seconds in clip.times:
        still_at(clip, seconds)
    assert sorted(path.name for path in stills_folder(clip.digest).iterdir()) == ["3.jpg", "4.jpg", "5.jpg"]
