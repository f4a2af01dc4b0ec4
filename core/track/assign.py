"""Who goes with whom: overlap of boxes, and the cheapest one-to-one assignment under a limit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Rows = NDArray[np.int64]
_JUST_OVER = 1e-5


def overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of `xyxy` boxes; 0 where a box has no area."""
    return overlap_each(one[:, None], other[None])


def overlap_each(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of each box (..., 4) with the one beside it."""
    side = np.maximum(np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2]), 0.0)
    shared = side[..., 0] * side[..., 1]
    size, other_size = one[..., 2:] - one[..., :2], other[..., 2:] - other[..., :2]
    either = size[..., 0] * size[..., 1] + other_size[..., 0] * other_size[..., 1] - shared
    return np.asarray(np.divide(shared, either, out=np.zeros_like(shared, np.float64), where=either > 0))


def assign(cost: NDArray[np.float64], limit: float) -> tuple[Rows, Rows]:
    """Rows and columns of the cheapest assignment, without the pairs that cost more than `limit`.

    Pairs over the limit all cost the same in the search, so that no hopeless pair pushes a good one aside.
    """
    rows, columns = linear_sum_assignment(np.minimum(cost, limit + _JUST_OVER))
    good = cost[rows, columns] <= limit
    return rows[good], columns[good]
