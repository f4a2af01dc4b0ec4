"""Average precision on cases small enough to do by hand, and on properties that hold for all."""

import numpy as np
import pytest

from core.lab.evaluate import PictureDetections, average_precision, recall_at

A, B, C = [0, 0, 10, 20], [30, 0, 40, 20], [60, 0, 70, 20]


def picture(
    truth: list[list[int]], found: list[tuple[list[int], float]], counts: list[bool] | None = None
) -> PictureDetections:
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    scores = np.array([score for _, score in found], np.float32)
    asked = np.array([True] * len(truth) if counts is None else counts, bool)
    return PictureDetections(np.array(truth, np.float64).reshape(-1, 4), asked, boxes, scores)


CASES = [
    ("all found", [picture([A, B], [(A, 0.9), (B, 0.8)])], 1.0),
    ("half found", [picture([A, B], [(A, 0.9)])], 0.5),
    ("a wrong box after all right ones costs nothing", [picture([A], [(A, 0.9), (C, 0.2)])], 1.0),
    ("a wrong box before it halves precision", [picture([A], [(C, 0.9), (A, 0.2)])], 0.5),
    ("the second box on one person is wrong", [picture([A, B], [(A, 0.9), (A, 0.8), (B, 0.7)])], 0.5 + 0.5 * 2 / 3),
    ("ranked over all pictures", [picture([A], [(A, 0.5)]), picture([B], [(C, 0.9), (B, 0.4)])], 2 / 3),
    ("half an overlap is enough", [picture([A], [([0, 0, 10, 10], 0.9)])], 1.0),
    ("less is not", [picture([A], [([0, 0, 10, 9], 0.9)])], 0.0),
    ("nothing found", [picture([A], [])], 0.0),
    ("nobody there", [picture([], [(A, 0.9)])], 0.0),
    ("no pictures", [], 0.0),
    ("who does not count is no mistake", [picture([A, B], [(B, 0.9), (A, 0.8)], [True, False])], 1.0),
    ("and is not asked for", [picture([A, B], [(A, 0.8)], [True, False])], 1.0),
]


@pytest.mark.parametrize(("name", "pictures", "expected"), CASES, ids=[name for name, *_ in CASES])
def test_by_hand(name: str, pictures: list[PictureDetections], expected: float) -> None:
    assert average_precision(pictures) == pytest.approx(expected)


def test_recall_counts_only_boxes_that_are_sure_enough() -> None:
    pictures = [picture([A, B], [(A, 0.9), (B, 0.2)])]
    assert recall_at(pictures, 0.25) == 0.5 and recall_at(pictures, 0.1) == 1.0
    assert recall_at([], 0.5) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_one_more_right_box_never_hurts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = [[int(x), 0, int(x) + 10, 20] for x in range(0, 400, 20)]
    boxes = [(truth[i], float(rng.random())) for i in rng.permutation(20)[:10]]
    boxes += [([int(x), 50, int(x) + 10, 70], float(rng.random())) for x in rng.integers(0, 400, 5)]
    before = average_precision([picture(truth, boxes)])
    missing = next(box for box in truth if box not in [b for b, _ in boxes])
    assert average_precision([picture(truth, [*boxes, (missing, float(rng.random()))])]) >= before
