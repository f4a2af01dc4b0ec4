"""What is covered can no longer be told, what is not stays as it is."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Image
from core.export.images import CELLS, ROUND, SOFT, TOP, blur_head
from tests.export.making import striped

HIGH, WIDE = 200, 80
DEEP = round(HIGH * TOP)
HEAD = (25.0, 10.0, 55.0, 50.0)


def detail(bgr: Image) -> float:
    """The energy of what changes from pixel to pixel."""
    return float((cv2.Laplacian(bgr.astype(np.float64), cv2.CV_64F) ** 2).mean())


def test_the_top_loses_its_detail_and_the_rest_keeps_every_pixel() -> None:
    before = striped(1, HIGH, WIDE)
    after = blur_head(before)
    assert detail(before[:DEEP]) > 2_000 * detail(after[:DEEP])
    below = round(DEEP * (1 + SOFT)) + 1
    assert (after[below:] == before[below:]).all()
    assert (before == striped(1, HIGH, WIDE)).all()  # the picture that came in is not touched


def test_a_known_head_is_covered_and_only_that() -> None:
    before = striped(2, HIGH, WIDE)
    after = blur_head(before, HEAD)
    x1, y1, x2, y2 = map(int, HEAD)
    assert detail(before[y1:y2, x1:x2]) > 2_000 * detail(after[y1:y2, x1:x2])
    far = round((y2 - y1) / 2 * ROUND * (1 + 2 * SOFT)) + 1
    assert (after[(y1 + y2) // 2 + far :] == before[(y1 + y2) // 2 + far :]).all()
    assert (after[:, :2] == before[:, :2]).all()


def test_sharpening_does_not_bring_it_back() -> None:
    before = striped(3, HIGH, WIDE).astype(np.float64)
    after = blur_head(striped(3, HIGH, WIDE)).astype(np.float64)
    sharp = after + 20 * (after - cv2.GaussianBlur(after, (0, 0), DEEP / CELLS))
    fine = [(picture - cv2.GaussianBlur(picture, (0, 0), 3))[: DEEP - 2, :, 0].ravel() for picture in (before, sharp)]
    assert abs(np.corrcoef(*fine)[0, 1]) < 0.1


def test_two_faces_with_the_same_few_averages_become_one() -> None:
    """A mask of fine marks whose mean is 0 in every cell leaves no trace."""
    plain = np.full((HIGH, WIDE, 3), 128, np.uint8)
    marks = np.where(np.indices((HIGH, WIDE)).sum(axis=0) % 2, 60, -60)[..., None]
    one, other = blur_head((plain + marks).astype(np.uint8)), blur_head(plain)
    assert np.abs(one[:DEEP].astype(int) - other[:DEEP]).max() <= 2


def test_edges_are_soft() -> None:
    """From covered to clear over several rows: no row differs from its neighbours by much more than rows do."""
    half = np.zeros((HIGH, WIDE, 3), np.uint8)
    half[:, ::2] = 200
    contrast = blur_head(half)[..., 0].astype(int).std(axis=1)
    assert np.abs(np.diff(contrast)).max() < 0.35 * contrast.max()


def test_more_of_a_picture_without_legs_is_covered() -> None:
    bust = striped(4, 60, 60)
    assert detail(blur_head(bust)[:30]) * 500 < detail(bust[:30])


@pytest.mark.parametrize("head", [(-50.0, -50.0, -10.0, -10.0), (90.0, 10.0, 120.0, 50.0)])
def test_a_head_outside_the_picture_says_nothing(head: tuple[float, float, float, float]) -> None:
    picture = striped(5, HIGH, WIDE)
    assert (blur_head(picture, head) == blur_head(picture)).all()


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.none() | st.tuples(*[st.floats(-20, 60), st.floats(-20, 60), st.floats(0.1, 90), st.floats(0.1, 90)]),
)
def test_any_picture_and_any_head(height: int, width: int, place: tuple[float, float, float, float] | None) -> None:
    picture = striped(6, height, width)
    head = None if place is None else (place[0], place[1], place[0] + place[2], place[1] + place[3])
    after = blur_head(picture, head)
    assert after.shape == picture.shape and after.dtype == np.uint8
