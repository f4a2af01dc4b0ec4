"""What makes a box worth a crop: cover as counted in pixels, sharpness that falls with blur, boxes that are whole."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Floats, Tracks
from core.vision.appearance import is_inside_picture, occlusion, sharpness_of


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 2), *(st.integers(0, 20) for _ in range(2)), *(st.integers(1, 20) for _ in range(2))),
        max_size=8,
    )
)
def test_cover_as_counted_in_pixels(boxes: list[tuple[int, int, int, int, int]]) -> None:
    boxes = sorted(boxes)
    xyxy = np.array([(x, y, x + w, y + h) for _, x, y, w, h in boxes], np.float32).reshape(-1, 4)
    rows = np.arange(len(boxes))
    tracks = Tracks(np.array([b[0] for b in boxes]), rows / 10, rows, xyxy, rows * 0.0, rows >= 0)  # type: ignore[arg-type]
    masks = np.zeros((len(boxes), 40, 40), bool)
    for mask, (_, x, y, w, h) in zip(masks, boxes, strict=True):
        mask[y : y + h, x : x + w] = True
    for i, share in enumerate(occlusion(tracks)):
        others = [masks[j] & masks[i] for j in rows if j != i and boxes[j][0] == boxes[i][0]]
        expected = max((m.sum() / masks[i].sum() for m in others), default=0)
        assert share == pytest.approx(expected, abs=1e-6)


def test_sharpness_falls_with_blur_and_not_with_size() -> None:
    squares = np.kron(np.indices((10, 5)).sum(axis=0) % 2, np.ones((8, 8)))[..., None] * 50
    crop = np.clip(np.array((40, 120, 200)) + squares, 0, 255).astype(np.uint8)
    blurs = [sharpness_of(cv2.GaussianBlur(crop, (0, 0), sigma)) for sigma in (0.5, 1, 2, 4)]
    assert blurs == sorted(blurs, reverse=True)
    assert sharpness_of(np.kron(crop, np.ones((4, 4, 1), np.uint8))) == pytest.approx(sharpness_of(crop), rel=0.5)
    assert sharpness_of(np.full((80, 40, 3), 77, np.uint8)) == 0


@pytest.mark.parametrize(
    ("box", "expected"),
    [  # a picture of 320 x 240: its edge is 1.2 pixels wide
        ((100, 50, 140, 150), True),
        ((1.25, 50, 40, 150), True),
        ((1.15, 50, 40, 150), False),  # left
        ((100, 1.15, 140, 150), False),  # top
        ((280, 50, 318.75, 150), True),
        ((280, 50, 318.85, 150), False),  # right
        ((100, 50, 140, 238.85), False),  # bottom
        ((-20, -20, 400, 400), False),  # all around
    ],
)
def test_a_box_at_the_edge_is_cut_off(box: tuple[float, ...], expected: bool) -> None:
    boxes: Floats = np.array([box], np.float32)
    assert is_inside_picture(boxes, 320, 240).tolist() == [expected]
