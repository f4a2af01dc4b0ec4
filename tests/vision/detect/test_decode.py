"""From raw network output to boxes, and the geometry around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.errors import WeightsError
from core.base.settings import DetectSettings
from core.vision.detect import Letterbox, decode_boxes, person_class, suppress
from core.vision.track import iou_matrix

SETTINGS = DetectSettings()


def raw(*anchors: tuple[float, ...]) -> np.ndarray:
    """Output (4 + classes, anchors) from rows (centre x, centre y, width, height, score per class...)."""
    return np.array(anchors, np.float32).T


def test_centre_and_size_become_corners() -> None:
    found = decode_boxes(raw((50, 40, 20, 30, 0.9)), 0, SETTINGS)
    np.testing.assert_allclose(found.xyxy, [[40, 25, 60, 55]])


def test_an_anchor_speaks_for_its_best_class_only() -> None:
    output = raw((50, 40, 20, 30, 0.5, 0.6), (150, 40, 20, 30, 0.6, 0.5))
    np.testing.assert_allclose(decode_boxes(output, 0, SETTINGS).score, [0.6])
    np.testing.assert_allclose(decode_boxes(output, 1, SETTINGS).xyxy[:, 0], [40])


@pytest.mark.parametrize(("score", "kept"), [(0.0499, 0), (0.0501, 1)])
def test_the_floor(score: float, kept: int) -> None:
    assert len(decode_boxes(raw((50, 40, 20, 30, score)), 0, SETTINGS).score) == kept


def test_end_to_end_rows_are_taken_as_they_are() -> None:
    """YOLO26 gives (x, y, x, y, score, class) and has suppressed already."""
    rows = np.zeros((300, 6), np.float32)
    rows[0] = (1, 2, 30, 40, 0.4, 0)
    rows[1] = (1, 2, 30, 41, 0.8, 0)
    rows[2] = (5, 5, 9, 9, 0.9, 2)
    found = decode_boxes(rows, 0, SETTINGS)
    np.testing.assert_allclose(found.xyxy, [[1, 2, 30, 41], [1, 2, 30, 40]])


@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.3, 0.5, 0.7]))
def test_suppression_equals_the_plain_loop(seed: int, count: int, iou: float) -> None:
    rng = np.random.default_rng(seed)
    xyxy = rng.uniform(0, 100, (count, 4)).astype(np.float32)
    xyxy[:, 2:] = xyxy[:, :2] + rng.uniform(5, 60, (count, 2)).astype(np.float32)
    score = rng.permutation(np.linspace(0.1, 0.9, count)).astype(np.float32)
    kept: list[int] = []
    for i in np.argsort(-score):
        if all(iou_matrix(xyxy[[i]], xyxy[[k]])[0, 0] <= iou + 1e-6 for k in kept):
            kept.append(int(i))
    found = suppress(xyxy, score, iou, 300)
    np.testing.assert_array_equal(found.xyxy, xyxy[kept])
    assert len(suppress(xyxy, score, iou, 2).score) == min(2, len(kept))


@given(st.integers(16, 4000), st.integers(16, 4000), st.sampled_from([320, 640, 960]))
def test_letterbox_there_and_back(width: int, height: int, size: int) -> None:
    box = Letterbox.around(width, height, size)
    (iw, ih), (ow, oh), (left, top) = box.inner, box.outer, box.left_top
    assert max(iw, ih) == size and ow % 32 == 0 and oh % 32 == 0
    assert 0 <= left <= ow - iw < 32 and 0 <= top <= oh - ih < 32
    whole = np.array([[left, top, left + iw, top + ih]], np.float32)
    np.testing.assert_allclose(box.undo(whole, width, height), [[0, 0, width, height]], rtol=1e-4)


def test_a_fixed_input_is_filled_as_far_as_it_goes() -> None:
    assert Letterbox.around(480, 360, 640, (640, 640)) == Letterbox((640, 480), (640, 640))
    assert Letterbox.around(360, 480, 640, (640, 640)).left_top == (80, 0)


def test_which_class_is_a_person() -> None:
    assert person_class({0: "person", 1: "bicycle"}, "m") == 0
    assert person_class({0: "car", 7: "Pedestrian"}, "m") == 7
    with pytest.raises(WeightsError, match="has no class called person"):
        person_class({0: "cat", 1: "dog"}, "m")
