"""Heads in films are covered from every stored box and through time, and what is in doubt is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.types import Detections, Floats, Timeline, Tracks
from core.cli import main
from core.export import CameraHeads, FilmCovering, write_films
from core.export.heads import CLOSE, GONE, LOST, SHAPE
from core.runs import Crop
from tests.runs.making import run

SIZE = (640, 480)
FILM = Timeline(np.arange(41), np.arange(41) / 20)
ANALYSED = FILM[np.arange(0, 41, 2)]
NOBODY = Detections(np.empty(0), np.empty((0, 4)), np.empty(0))  # type: ignore[arg-type]


def box(x: float, y: float = 200) -> list[float]:
    return [x, y, x + 40, y + 100]


def walk(frames: list[int], detected: list[bool] | None = None, track: int = 1, start: float = 100) -> Tracks:
    """A track that moves 4 pixels to the right with each frame of the film."""
    at, seen = np.array(frames), np.array(detected or [True] * len(frames))
    boxes = np.array([box(start + 4 * frame) for frame in frames])
    return Tracks(at, at / 20, np.full(len(at), track), boxes, np.full(len(at), 0.8), seen)


def found(*boxes: tuple[int, list[float], float]) -> Detections:
    frame, xyxy, score = zip(*boxes, strict=True)
    return Detections(np.array(frame), np.array(xyxy), np.array(score))


def heads(tracks: Tracks, detections: Detections | None = NOBODY, **more: set[int]) -> CameraHeads:
    return CameraHeads(tracks, detections, ANALYSED, FILM, SIZE, **more)


def is_covered(areas: Floats, x: float, y: float = 210) -> bool:
    """Whether a point lies in any of the areas."""
    return bool(((areas[:, 0] <= x) & (x <= areas[:, 2]) & (areas[:, 1] <= y) & (y <= areas[:, 3])).any())


@pytest.mark.parametrize("frame", [4, 7, 14, 26, 32, 35])
def test_a_track_is_followed_through_gaps_and_beyond_its_ends(frame: int) -> None:
    tracks = walk([14, 16, 18, 20, 22, 24, 26], [True, True, False, False, False, True, True])
    assert is_covered(heads(tracks).at(frame).areas, 100 + 4 * frame + 20)


@pytest.mark.parametrize("score", [0.05, 0.3, 0.9])
def test_every_stored_box_is_covered_whether_it_has_a_track_or_not(score: float) -> None:
    covered = heads(Tracks.empty(), found((10, box(300), score)))
    assert is_covered(covered.at(10).areas, 320)
    # It may have come or gone at any frame up to the next that was analysed.
    assert is_covered(covered.at(9).areas, 320) and is_covered(covered.at(11).areas, 320)
    assert not len(covered.at(13).areas)


def test_between_two_analysed_frames_a_box_lies_between() -> None:
    covered = heads(Tracks.empty(), found((10, box(300), 0.2), (12, box(310), 0.2)))
    (area,) = covered.at(11).areas
    assert area[0] + area[2] == pytest.approx(2 * 325)


def test_two_boxes_that_may_be_one_person_are_both_covered() -> None:
    covered = heads(Tracks.empty(), found((10, box(300), 0.2), (12, box(304), 0.2), (12, box(500), 0.2)))
    assert is_covered(covered.at(11).areas, 322) and is_covered(covered.at(11).areas, 520)


def test_what_is_in_doubt_is_said() -> None:
    assert heads(walk([14, 16])).at(14).doubt == ""
    assert heads(walk([14, 16])).at(32).doubt == LOST
    lying = found((10, [300, 200, 420, 250], 0.7))
    assert heads(Tracks.empty(), lying).at(10).doubt == SHAPE
    assert heads(Tracks.empty(), replace(lying, score=np.array([0.1], np.float32))).at(10).doubt == ""
    assert heads(walk([14, 16]), None).at(14).doubt == GONE


def test_everybody_but_one_is_covered_from_head_to_foot() -> None:
    tracks = Tracks.concatenate([walk([14, 16, 18]), walk([14, 16, 18], track=2, start=300)])
    tracks = tracks[np.lexsort((tracks.track, tracks.frame))]
    seen = found((16, box(164), 0.8), (16, box(365), 0.8), (16, box(500), 0.1))
    picture = heads(tracks, seen, shown={1}).at(16)
    assert picture.of_bodies and not is_covered(picture.areas, 184) and not is_covered(picture.areas, 184, 280)
    for x in (384, 520):
        assert is_covered(picture.areas, x) and is_covered(picture.areas, x, 298)
    assert heads(tracks, found((16, box(184), 0.8)), shown={1}).at(16).doubt == CLOSE


def test_all_heads_that_may_be_in_a_crop_are_covered_in_it() -> None:
    """Another person behind: the crop's own box says nothing about them."""
    behind = found((16, [150, 180, 190, 280], 0.1))
    crop = heads(walk([14, 16, 18]), behind).cover_crop(1, Crop(0.8, 16, b""))
    areas = np.array(crop.heads)
    assert is_covered(areas, 20, 5) and is_covered(areas, 1, 2) and areas[:, 3].max() >= 35


def test_films_list_what_is_in_doubt_and_why_somebody_is_shown(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    person = np.array([1, 2, 1, 2])
    covering = FilmCovering(True, "asked for by P001", 1)
    *films, doubts, record = write_films(evidence, person, tmp_path / "out", tmp_path / "to", covering)
    assert [film.name for film in films] == ["gate.mp4", "hall.mp4"]
    lines = doubts.read_text().splitlines()
    # The boxes of this run are not in the cache folder.
    assert lines[0] == "camera,frame,clip_s,local,reason" and lines[1].startswith("gate,0,0.000,,the boxes of the")
    said = record.read_text()
    assert '"in_doubt": 40' in said and '"only_person": "P001"' in said and "asked for by P001" in said
    with pytest.raises(SettingsError, match="no P009"):
        next(write_films(evidence, person, tmp_path / "out", tmp_path, FilmCovering(True, "x", 9)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "x", "--what", "crops", "--no-blur"], "no reason is given"),
        (["--market", "x", "--no-blur"], "no reason is given"),
        (["--to", "x", "--what", "films", "--only-person", "1"], "no reason is given"),
        (["--to", "x", "--what", "crops", "--only-person", "1", "--reason", "y"], "for --what films"),
        (["--to", "x", "--what", "films", "--reason", "y"], "--reason needs"),
    ],
)
def test_whatever_shows_a_face_needs_a_reason(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(tmp_path / word) if word == "x" else word for word in words]
    assert main(["gallery", str(tmp_path), *words]) == 2 and said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
