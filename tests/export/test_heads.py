"""What is covered can no longer be told, what is not stays as it is; and where heads are in boxes of every shape."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Image, Tracks
from core.export.images import CELLS, DEEPER, SOFT, Heights, PersonBoxes, blur_heads, head_areas, learn_heights
from tests.export.making import striped

HIGH, WIDE = 200, 80
DEEP = round(HIGH * DEEPER)
HEAD = (25.0, 10.0, 55.0, 50.0)


def detail(bgr: Image) -> float:
    """The energy of what changes from pixel to pixel."""
    return float((cv2.Laplacian(bgr.astype(np.float64), cv2.CV_64F) ** 2).mean())


def test_the_top_loses_its_detail_and_the_rest_keeps_every_pixel() -> None:
    before = striped(1, HIGH, WIDE)
    after = blur_heads(before)
    assert detail(before[:DEEP]) > 2_000 * detail(after[:DEEP])
    below = round(DEEP + SOFT * HIGH) + 1
    assert (after[below:] == before[below:]).all()
    assert (before == striped(1, HIGH, WIDE)).all()  # the picture that came in is not touched


def test_known_heads_are_covered_and_only_these() -> None:
    before = striped(2, HIGH, WIDE)
    after = blur_heads(before, [HEAD])
    x1, y1, x2, y2 = map(int, HEAD)
    assert detail(before[y1:y2, x1:x2]) > 500 * detail(after[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1])
    far = round((x2 - x1) * SOFT) + 2
    assert (after[y2 + far :] == before[y2 + far :]).all()
    assert (after[:, : x1 - far] == before[:, : x1 - far]).all()


def test_sharpening_does_not_bring_it_back() -> None:
    before = striped(3, HIGH, WIDE).astype(np.float64)
    after = blur_heads(striped(3, HIGH, WIDE)).astype(np.float64)
    sharp = after + 20 * (after - cv2.GaussianBlur(after, (0, 0), DEEP / CELLS))
    fine = [(picture - cv2.GaussianBlur(picture, (0, 0), 3))[: DEEP - 2, :, 0].ravel() for picture in (before, sharp)]
    assert abs(np.corrcoef(*fine)[0, 1]) < 0.1


def test_two_faces_with_the_same_few_averages_become_one() -> None:
    """A mask of fine marks whose mean is 0 in every cell leaves no trace."""
    plain = np.full((HIGH, WIDE, 3), 128, np.uint8)
    marks = np.where(np.indices((HIGH, WIDE)).sum(axis=0) % 2, 60, -60)[..., None]
    one, other = blur_heads((plain + marks).astype(np.uint8)), blur_heads(plain)
    assert np.abs(one[:DEEP].astype(int) - other[:DEEP]).max() <= 2


def test_edges_are_soft() -> None:
    """From covered to clear over several rows: no row differs from its neighbours by much more than rows do."""
    half = np.zeros((HIGH, WIDE, 3), np.uint8)
    half[:, ::2] = 200
    contrast = blur_heads(half)[..., 0].astype(int).std(axis=1)
    assert np.abs(np.diff(contrast)).max() < 0.35 * contrast.max()


def test_more_of_a_picture_without_legs_is_covered() -> None:
    bust = striped(4, 60, 60)
    assert detail(blur_heads(bust)[:30]) * 500 < detail(bust[:30])


@pytest.mark.parametrize("head", [(-50.0, -50.0, -10.0, -10.0), (90.0, 10.0, 120.0, 50.0)])
def test_a_head_outside_the_picture_covers_nothing(head: tuple[float, float, float, float]) -> None:
    picture = striped(5, HIGH, WIDE)
    assert (blur_heads(picture, [head]) == picture).all()


def covered(box: tuple[float, float, float, float], heights: Heights | None = None) -> list[int]:
    """The area that is covered for one box in a picture of 1000 x 1000."""
    boxes = PersonBoxes(np.zeros(1), np.zeros(1), np.array([box]), np.ones(1), np.zeros(1))  # type: ignore[arg-type]
    areas, _ = head_areas(boxes, 1000, 1000, heights)
    return [round(side) for side in areas[0].tolist()]


def test_of_somebody_who_stands_the_top_is_covered_and_beyond() -> None:
    x1, y1, x2, y2 = covered((400, 400, 480, 600))
    assert x1 < 400 and x2 > 480 and y1 == 384 and y2 == 450


@pytest.mark.parametrize("box", [(300, 400, 500, 500), (300, 400, 460, 560)])
def test_of_somebody_who_lies_all_is_covered(box: tuple[float, float, float, float]) -> None:
    """The head may be at either end."""
    x1, y1, x2, y2 = covered(box)
    assert x1 <= box[0] and y1 <= box[1] and x2 >= box[2] and y2 >= box[3]


@pytest.mark.parametrize(
    "box",
    [
        (400, 400, 440, 600),  # two people one behind the other, or much air
        (400, 400, 510, 550),  # bent
        (400, 0, 480, 200),  # cut off at the top
        (400, 880, 480, 1000),  # cut off at the bottom
    ],
)
def test_of_a_box_that_says_little_half_is_covered(box: tuple[float, float, float, float]) -> None:
    assert covered(box)[3] >= (box[1] + box[3]) / 2


def test_a_box_that_is_taller_than_people_are_there_is_covered_down_to_where_a_head_may_be() -> None:
    """The wall above somebody does not take the blur that the face needs."""
    heights = Heights(0, 0.25)  # 150 pixels at 600
    assert covered((400, 400, 480, 600), heights)[3] >= 600 - 0.75 * 150
    # And one that is too short, above it: of somebody whose head was not taken for a part of them.
    assert covered((400, 500, 480, 600), heights)[1] <= 600 - 1.05 * 150


def test_heights_are_learned_from_boxes_that_agree() -> None:
    random = np.random.default_rng(1)
    feet = random.uniform(300, 900, 400)
    high = (20 + 0.3 * feet) * random.normal(1, 0.03, 400)
    box = np.stack([np.full(400, 300), feet - high, 300 + high / 2.5, feet], axis=1)
    tracks = Tracks(np.arange(400), np.arange(400.0), np.zeros(400), box, np.ones(400), np.ones(400, bool))
    found = learn_heights(tracks, 1000, 1000)
    assert found is not None and abs(float(found.at(np.array(600.0))) - 200) < 5
    box[:, 1] = feet - random.uniform(60, 250, 400)
    assert learn_heights(replace(tracks, xyxy=box), 1000, 1000) is None


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.none() | st.tuples(*[st.floats(-20, 60), st.floats(-20, 60), st.floats(0.1, 90), st.floats(0.1, 90)]),
)
def test_any_picture_and_any_head(height: int, width: int, place: tuple[float, float, float, float] | None) -> None:
    picture = striped(6, height, width)
    heads = [] if place is None else [(place[0], place[1], place[0] + place[2], place[1] + place[3])]
    after = blur_heads(picture, heads)
    assert after.shape == picture.shape and after.dtype == np.uint8
