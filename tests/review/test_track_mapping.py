"""Boxes shared by two results of one camera: properties, and small cases by hand."""

import numpy as np

from core.base.types import Tracks
from core.review import count_shared_boxes, match_boxes
from tests.review.tracked import lanes


def some(seed: int, count: int = 400) -> Tracks:
    """Boxes anywhere in 20 frames, some of them one on the other."""
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.integers(0, 20, count))
    corner, side = rng.uniform(0, 90, (count, 2)), rng.uniform(10, 60, (count, 2))
    box = np.concatenate([corner, corner + side], axis=1)
    return Tracks(frame, frame / 10, rng.integers(1, 9, count), box, np.ones(count), np.ones(count, bool))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    common = float(np.clip(sides, 0, None).prod())
    return common / float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - common)


def test_no_box_is_shared_twice_and_all_that_are_overlap_by_half_in_one_frame() -> None:
    one, other = some(1), some(2)
    rows, others = match_boxes(one, other)
    assert 20 < len(rows) == len(set(rows.tolist())) == len(set(others.tolist()))
    assert (one.frame[rows] == other.frame[others]).all()
    assert min(overlap(a, b) for a, b in zip(one.xyxy[rows], other.xyxy[others], strict=True)) >= 0.5


def test_it_is_the_same_seen_from_either_side() -> None:
    one, other = some(3), some(4)
    there, back = count_shared_boxes(one, other), count_shared_boxes(other, one)
    pairs = {
        (a, b): n for a, b, n in zip(there.first.tolist(), there.second.tolist(), there.boxes.tolist(), strict=True)
    }
    assert pairs and pairs == {
        (b, a): n for a, b, n in zip(back.first.tolist(), back.second.tolist(), back.boxes.tolist(), strict=True)
    }


def test_a_result_shares_all_boxes_with_itself() -> None:
    one = lanes((0, range(30)), (1, range(10, 50)), (0, range(40, 50)))
    found = count_shared_boxes(one, one)
    assert found.first.tolist() == found.second.tolist() == [1, 2, 3]
    assert found.boxes.tolist() == found.boxes_of_first.tolist() == found.boxes_of_second.tolist() == [30, 40, 10]


def test_work_in_blocks_changes_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    one, other = some(5), some(6)
    whole = match_boxes(one, other)
    monkeypatch.setattr("core.review.track_mapping._PAIRS_PER_BLOCK", 50)
    assert all((a == b).all() for a, b in zip(whole, match_boxes(one, other), strict=True))


def test_nothing_is_shared_with_nobody() -> None:
    assert (
        len(count_shared_boxes(lanes((0, range(9))), Tracks.empty()))
        == len(count_shared_boxes(Tracks.empty(), lanes((0, range(9)))))
        == 0
    )
