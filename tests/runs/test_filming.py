"""Films with the people drawn in: every frame at the clip's rate, boxes in between, heads covered."""

from pathlib import Path

import av
import numpy as np
import pytest

from core.base.errors import ClipError
from core.base.text import Clocks
from core.base.types import Tracks
from core.export import write_films
from core.export.film import FilmBoxes, _label, draw_people, draw_time, interpolate_boxes
from core.runs import Evidence, load_timelines
from tests.runs.fakes import write_scene
from tests.runs.making import run

SECONDS = np.arange(21) / 10


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Evidence]:
    folder = tmp_path_factory.mktemp("films")
    return folder, run(folder)


def walk(step: int = 5) -> Tracks:
    """One track that is seen every `step` frames from 5 to 15, 10 px to the right with each frame."""
    frame = np.arange(5, 16, step)
    box = np.stack([10.0 * frame, np.full(len(frame), 20), 10.0 * frame + 40, np.full(len(frame), 120)], axis=1)
    return Tracks(frame, frame / 10, np.full(len(frame), 3), box, np.ones(len(frame)), np.ones(len(frame), bool))


def test_boxes_lie_between_those_that_were_found() -> None:
    found = interpolate_boxes(walk(), {3: 7}, SECONDS)
    # From one step before to one step after: where a head shows before it is found, it is covered as well.
    assert found.row.tolist() == list(range(21))
    assert set(found.person.tolist()) == {7}
    np.testing.assert_allclose(found.xyxy[7], (70, 20, 110, 120))
    np.testing.assert_allclose(found.xyxy[[0, 20], 0], (50, 150))


def test_a_track_that_is_nobodys_is_drawn_too() -> None:
    assert set(interpolate_boxes(walk(), {}, SECONDS).person.tolist()) == {0}


def test_people_are_drawn_into_a_copy() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    drawn = draw_people(noise, 7, SECONDS, interpolate_boxes(walk(), {3: 1}, SECONDS))
    assert (drawn[20:120, 70] == (0, 159, 230)).all(axis=-1).mean() > 0.8
    assert (noise == np.random.default_rng(0).integers(0, 256, (200, 300, 3))).all()


def test_labels_of_any_script_are_drawn_on_the_colour_and_once() -> None:
    labels = [_label(name, 16, (0, 159, 230)) for name in ("P001", "入口", "出口", "Ä")]
    for label in labels:
        assert (label == (0, 159, 230)).all(axis=2).mean() > 0.4 and (label < 60).all(axis=2).sum() > 5
    assert not np.array_equal(labels[1], labels[2])
    assert _label("入口", 16, (0, 159, 230)) is labels[1]


@pytest.mark.parametrize("left", [-60, -10, 5, 90, 99, 120])
@pytest.mark.parametrize("top", [-30, 0, 6, 50, 99, 120])
def test_labels_stay_in_the_picture(left: int, top: int) -> None:
    """Wherever the box lies, beyond the edges as well; above it where there is room."""
    picture = np.zeros((100, 100, 3), np.uint8)
    boxes = FilmBoxes(*(np.array([value]) for value in (0, 1, 3)), np.array([[left, top, left + 20, top + 30]]))
    drawn = draw_people(picture, 0, SECONDS, boxes)
    assert drawn.shape == picture.shape
    label = (drawn == (0, 159, 230)).all(axis=2)
    if left == 5 and top == 50:
        assert label[37:49, 6:30].mean() > 0.4


def test_a_film_for_each_camera(made: tuple[Path, Evidence], tmp_path: Path) -> None:
    folder, evidence = made
    films = list(write_films(evidence, np.array([1, 2, 1, 2]), folder / "out", tmp_path))
    assert [film.name for film in films] == ["gate.mp4", "hall.mp4", "frames_in_doubt.csv", "films.json"]
    with av.open(str(films[0])) as film, av.open(str(folder / "gate.mp4")) as clip:
        one, other = film.streams.video[0], clip.streams.video[0]
        assert one.codec_context.name == "h264" and one.average_rate == other.average_rate
        pictures = [frame.to_ndarray(format="bgr24") for frame in film.decode(one)]
        plain = [frame.to_ndarray(format="bgr24") for frame in clip.decode(other)]
    assert len(pictures) == len(plain) and pictures[0].shape == plain[0].shape
    assert np.abs(pictures[9].astype(int) - plain[9]).max() > 60


def test_a_film_shows_the_time_of_day_where_it_is_known(made: tuple[Path, Evidence], tmp_path: Path) -> None:
    folder, evidence = made
    clocks = Clocks.read({"gate": "2026-10-25T02:29:59+01:00", "hall": "2026-10-25T02:30:00+01:00"}, "Europe/Berlin")
    person = np.array([1, 2, 1, 2])
    film = next(write_films(evidence, person, folder / "out", tmp_path, clocks=clocks))
    seconds = load_timelines(folder / "out")["gate"].seconds
    with av.open(str(film)) as opened:
        pictures = [frame.to_ndarray(format="bgr24") for frame in opened.decode(opened.streams.video[0])]
    for place in (0, len(pictures) - 1):
        at = seconds[0] if place == 0 else seconds[-1]
        wanted, other = (draw_time(pictures[place], clocks.format("gate", at + wrong)) for wrong in (0, 4))
        differences = [np.abs(drawn.astype(int) - pictures[place]).sum() for drawn in (wanted, other)]
        assert differences[0] < 0.75 * differences[1]


def test_a_clip_is_read_where_it_is_now(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    moved = (tmp_path / "gate.mp4").rename(tmp_path / "elsewhere.mp4")
    films = write_films(evidence, np.array([1, 2, 1, 2]), tmp_path / "out", tmp_path / "to", clips=[moved])
    assert next(films).name == "gate.mp4"
    with pytest.raises(ClipError):
        next(write_films(evidence, np.array([1, 2, 1, 2]), tmp_path / "out", tmp_path / "to"))


def test_a_clip_that_has_changed_is_refused(tmp_path: Path) -> None:
    evidence = run(tmp_path)
    write_scene(tmp_path / "gate.mp4", 30)
    with pytest.raises(ClipError, match="has changed since the run"):
        next(write_films(evidence, np.array([1, 2, 1, 2]), tmp_path / "out", tmp_path / "to"))
    assert not (tmp_path / "to").exists()
