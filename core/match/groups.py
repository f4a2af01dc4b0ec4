"""How alike tracklets and groups of them are: means over all pairs, in time that grows with the square of their number.

Works in blocks of rows: beside the matrices themselves little memory is needed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.match.rules import FREE, Reasons
from core.types import Bools, Floats, Ints

Doubles = NDArray[np.float64]

BLOCK = 512


def to_groups(similarity: Floats, why: Reasons, group: Ints) -> tuple[Floats, Bools]:
    """Mean similarity of each tracklet to each group (0 to k - 1) without itself, (n, k), NaN where that is nobody; and
    where anybody in the group forbids it."""
    n, size = len(group), np.bincount(group)
    means, forbidden = np.empty((n, len(size)), np.float32), np.empty((n, len(size)), bool)
    # Both matrices are symmetric: columns are as good as rows, and a product adds up the rows of each group.
    member = csr_matrix((np.ones(n), (group, np.arange(n))), (len(size), n))
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        sums = np.ascontiguousarray((member @ similarity[:, rows].astype(np.float64)).T)
        pairs = np.tile(size.astype(np.float64), (len(sums), 1))
        own = np.arange(len(sums)), group[rows]
        sums[own] -= np.diagonal(similarity)[rows]
        pairs[own] -= 1
        means[rows] = _divided(sums, pairs)
        forbidden[rows] = (member @ (why[:, rows] != FREE).astype(np.float64) > 0).T
    return means, forbidden


def between(similarity: Floats, group: Ints) -> Floats:
    """How alike groups (0 to k - 1) are, (k, k): the mean over all pairs of tracklets.

    Of one group with itself, over the pairs of different tracklets: NaN where there is only one.
    """
    order, begin, size = _sorted(group)
    ends = np.append(begin, len(order))
    itself = np.diagonal(similarity)[order].astype(np.float64)
    found = np.empty((len(size), len(size)), np.float32)
    last = 0
    while (first := last) < len(size):
        # As many whole groups as go into a block, and at least one.
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + BLOCK, "right")) - 1)
        rows, starts = slice(ends[first], ends[last]), begin[first:last] - begin[first]
        sums = np.add.reduceat(similarity[order[rows]], starts, axis=0, dtype=np.float64)
        sums = np.add.reduceat(sums[:, order], begin, axis=1)
        pairs = np.outer(size[first:last], size).astype(np.float64)
        own = np.arange(last - first), np.arange(first, last)
        sums[own] -= np.add.reduceat(itself[rows], starts)
        pairs[own] -= size[first:last]
        found[first:last] = _divided(sums, pairs)
    return _mirrored(found)


def _sorted(group: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows by group, where each group begins among them, and how many it has."""
    size = np.bincount(group)
    return np.argsort(group, kind="stable"), np.cumsum(size) - size, size


def _divided(sums: Doubles, pairs: Doubles) -> Floats:
    return np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0).astype(np.float32)


def _mirrored(found: Floats) -> Floats:
    """The two halves were summed in different order; the lower one counts."""
    for at in range(0, len(found), BLOCK):
        rows = slice(at, at + BLOCK)
        found[rows, rows] = np.tril(found[rows, rows]) + np.tril(found[rows, rows], -1).T
        found[rows, at + BLOCK :] = found[at + BLOCK :, rows].T
    return found
