"""What can be told of a picture without looking: who is framed green, where curves cross, that marks differ."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.types import Floats, Image, Ints
from core.lab.training import (
    COLOURS,
    HEIGHT,
    MARKERS,
    RIGHT,
    WIDTH,
    WRONG,
    chart,
    count_pairs,
    picture_of,
    plot_features,
    plot_rankings,
    plot_similarities,
    rgb,
    save_picture,
)
from core.lab.training import plots as pictures
from core.machine.canvas import Canvas

HIGH, WIDE = 64, 32


def unit(rows: list[list[float]]) -> Floats:
    vectors = np.array(rows, np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def people(seed: int, rows: int, count: int, noise: float) -> tuple[Floats, Ints, Ints]:
    """Vectors around one direction per person, seen by three cameras."""
    random = np.random.default_rng(seed)
    person = np.arange(rows) % count + 1
    vectors = np.eye(max(count, 2), dtype=np.float32)[person - 1] + random.normal(0, noise, (rows, max(count, 2)))
    return unit(vectors.tolist()), person, np.arange(rows) // count % 3 + 1


def close(picture: Image, colour: tuple[int, int, int]) -> int:
    """How many pixels have this colour."""
    return int((np.abs(picture.astype(int) - colour).max(axis=2) <= 2).sum())


def test_ranked_lists_frame_right_green_and_wrong_red() -> None:
    """The query's gallery, best first: wrong, right, then junk and its own camera, which are not shown at all."""
    vectors = unit([[1, 0], [1, 0.1], [1, 0.2], [1, 0], [1, 0]])
    person, camera = np.array([5, 6, 5, -1, 5]), np.array([1, 2, 2, 2, 1])
    grey = np.full((5, HIGH, WIDE, 3), 128, np.uint8)
    gallery = np.array([False, True, True, True, True])
    sheet = plot_rankings(grey, vectors, person, camera, gallery, [0])
    columns = {
        name: np.flatnonzero((sheet == colour).all(axis=2).any(axis=0)) for name, colour in (("r", RIGHT), ("w", WRONG))
    }
    assert columns["w"].max() < columns["r"].min()  # two places, red one first
    assert columns["r"].max() - columns["r"].min() < 2 * WIDE * 124 / HIGH  # and only one green
    assert close(sheet, (128, 128, 128)) > 3 * 100 * 40  # query and two found, nothing else
    assert close(sheet, (128, 128, 128)) < 3.05 * 124 * 62


def test_no_queries_are_still_a_picture() -> None:
    vectors, person, camera = people(0, 6, 2, 0.1)
    sheet = plot_rankings(np.zeros((6, HIGH, WIDE, 3), np.uint8), vectors, person, camera, np.ones(6, bool), [])
    assert close(sheet, RIGHT) == close(sheet, WRONG) == 0 and sheet.ndim == 3


def test_pairs_are_counted_once_and_by_their_kind() -> None:
    """Person 1 in cameras 1, 1, 2 and person 2 in camera 1; a distractor and junk do not count."""
    vectors = unit([[1, 0], [1, 0], [1, 0], [0, 1], [1, 1], [1, 1]])
    found = count_pairs(vectors, np.array([1, 1, 1, 2, 0, -1]), np.array([1, 1, 2, 1, 1, 1]), bins=4)
    assert found.same.tolist() == [0, 0, 0, 2]  # rows 0 and 1 with row 2, not with each other
    assert found.different.tolist() == [0, 0, 3, 0]
    assert (found.crossing, found.missed, found.mistaken) == (0.5, 0, 0)


@pytest.mark.parametrize("person", [[1, 1, 1], [1, 2, 3], []])
def test_a_kind_of_pair_that_is_missing_is_misuse(person: list[int]) -> None:
    rows = len(person)
    with pytest.raises(ValueError, match="expected pairs"):
        count_pairs(np.ones((rows, 2), np.float32), np.array(person, int), np.arange(rows))


@given(seed=st.integers(0, 2**32), noise=st.floats(0.05, 2))
def test_the_crossing_errs_least_and_blocks_do_not_matter(seed: int, noise: float) -> None:
    vectors, person, camera = people(seed, 40, 5, noise)
    found = count_pairs(vectors, person, camera)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "_BLOCK", 100)
        again = count_pairs(vectors, person, camera)
    assert (found.same == again.same).all() and (found.different == again.different).all()
    similar = (vectors @ vectors.T)[np.triu_indices(40, 1)]
    alike = (person[:, None] == person)[np.triu_indices(40, 1)]
    apart = (camera[:, None] != camera)[np.triu_indices(40, 1)]
    assert found.same.sum() == (alike & apart).sum() and found.different.sum() == (~alike).sum()

    def errors(threshold: float) -> float:
        return float((similar[alike & apart] < threshold).mean() + (similar[~alike] >= threshold).mean())

    # A similarity on an edge may fall on either side of it: products in blocks differ in their last bit.
    assert found.missed + found.mistaken <= min(errors(edge) for edge in found.edges) + 0.02


def test_distances_draw_both_kinds() -> None:
    vectors, person, camera = people(1, 60, 5, 0.3)
    picture = plot_similarities(count_pairs(vectors, person, camera))
    assert picture.dtype == np.uint8 and picture.shape == (560, 880, 3)
    for colour in COLOURS[:2]:
        assert close(picture, colour) > 20


@pytest.mark.parametrize("how", ["pca", pytest.param("tsne", marks=pytest.mark.slow)])
def test_a_map_shows_the_busiest_in_colour(how: str) -> None:
    vectors, person, camera = people(2, 90, 12, 0.2)
    picture = plot_features(vectors, person, camera, how, people=3)  # type: ignore[arg-type]
    assert [close(picture, colour) > 30 for colour in COLOURS[:5]] == [True, True, True, False, False]
    again = plot_features(vectors, person, camera, how, people=3)  # type: ignore[arg-type]
    assert (picture == again).all()


@pytest.mark.parametrize("rows", [0, 1, 2, 4])
@pytest.mark.parametrize("how", ["pca", "tsne"])
def test_a_map_of_next_to_nobody(rows: int, how: str) -> None:
    vectors, person, camera = people(3, 4, 2, 0.1)
    picture = plot_features(vectors[:rows], person[:rows], camera[:rows], how)  # type: ignore[arg-type]
    assert picture.shape == (560, 880, 3)


def test_a_map_is_bounded_and_keeps_the_coloured() -> None:
    first = np.zeros(5000, bool)
    first[4000:4100] = True
    rows = pictures._sample_rows(first)
    assert len(rows) == pictures._MOST_POINTS and (np.diff(rows) > 0).all()
    assert set(range(4000, 4100)) <= set(rows.tolist())
    assert rows[0] == 0 and rows[-1] == 4999


def test_cameras_have_shapes_of_their_own() -> None:
    drawn = []
    for marker in MARKERS:
        figure, axes = chart("")
        axes.scatter([0], [0], s=400, color="black", marker=marker)
        drawn.append(picture_of(figure))
    for i, picture in enumerate(drawn):
        for earlier in drawn[:i]:
            assert (np.abs(picture.astype(int) - earlier) > 100).any(axis=2).sum() >= 10


def test_values_lie_where_their_axis_says() -> None:
    """On the left scale and on the right one; rows of a picture count from the top."""
    figure, axes = chart("", "steps", "loss")
    right = axes.twinx()
    axes.set(xlim=(0, 10), ylim=(0, 2))
    right.set_ylim(0, 1)
    axes.scatter([5], [0.5], s=60, color=rgb(COLOURS[0]), linewidths=0)
    right.scatter([7], [0.75], s=60, color=rgb(COLOURS[1]), linewidths=0)
    picture = picture_of(figure)
    box = axes.get_position()
    for colour, x, y in ((COLOURS[0], 0.5, 0.25), (COLOURS[1], 0.7, 0.75)):
        rows, columns = np.nonzero((np.abs(picture.astype(int) - colour) <= 2).all(axis=2))
        assert columns.mean() == pytest.approx(WIDTH * (box.x0 + x * box.width), abs=1.5)
        assert rows.mean() == pytest.approx(HEIGHT * (1 - box.y0 - y * box.height), abs=1.5)


@settings(max_examples=20, deadline=None)
@given(low=st.floats(-1e6, 1e6), size=st.floats(1e-3, 1e6))
def test_ticks_are_few_within_and_evenly_spaced(low: float, size: float) -> None:
    _, axes = chart("")
    axes.set_ylim(low, low + size)
    found = [tick for tick in axes.get_yticks() if low - 1e-6 * size <= tick <= low + size * (1 + 1e-6)]
    assert 2 <= len(found) <= 8
    steps = np.diff(found)
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-3)


def test_a_saved_picture_reads_as_drawn(tmp_path: Path) -> None:
    canvas = Canvas(30, 20)
    canvas.box(5, 5, 10, 10, (10, 20, 200))
    picture = canvas.as_image()
    save_picture(tmp_path / "deep" / "a.png", picture)
    assert (cv2.imread(str(tmp_path / "deep" / "a.png")) == picture).all()
    assert picture[10, 10].tolist() == [10, 20, 200] and picture[2, 2].tolist() == [255, 255, 255]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["a.png"]
