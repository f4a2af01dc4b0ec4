"""Similarity of tracklets: the cosine of their appearance vectors, less each camera's mean where that is needed, and
raised where two cameras saw them at one place at one time.

A model gives everybody something in common, and so do a camera's light and background. Two strangers in one room are
the more alike for it, so that no threshold fits a room and a street; without it, one fits both, and two models. It is
taken away where the clips hold too few strangers to suggest a threshold of their own.

How alike tracklets and groups of them are: means over all pairs, in time that grows with the square of their number.

Works in blocks of rows: beside the matrices themselves little memory is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from core.base.types import Bools, Floats, Ints, Tracklets
from core.vision.match.constraints import FREE, Reasons

BLOCK = 1024
NEAR = 0.4
"""Body heights between the feet of two, on ground that two cameras see, up to which they stood at one place."""
LIFT = 0.5
"""Standing at one place raises a similarity s by this share of 1 - s."""


OVERALL_PRIOR, CAMERA_PRIOR = 8, 16
"""Weights of the priors of the overall mean and of a camera's mean, in tracklets: with as many tracklets, a mean counts
half."""


def camera_means(vector: Floats, camera: Ints, cameras: int) -> Floats:
    """The mean appearance of each camera (cameras, d), of vectors (n, d) of unit norm.

    It is shrunk towards the mean of all cameras, and that towards zero, the more so the fewer tracklets there are:
    the appearance of somebody who is nearly alone in a camera must not be taken for that of the camera.
    """
    overall = vector.sum(axis=0, dtype=np.float64) / (len(vector) + OVERALL_PRIOR)
    own = np.zeros((cameras, vector.shape[1]))
    np.add.at(own, camera, vector)
    count = np.bincount(camera, minlength=cameras)[:, None]
    return np.asarray((own + CAMERA_PRIOR * overall) / (count + CAMERA_PRIOR), np.float32)


def subtract_mean(vector: NDArray[np.floating[Any]], usual: Floats) -> Floats:
    """`vector` (n, d) less the mean that is `usual` for each, scaled to unit norm again."""
    left = vector.astype(np.float32) - usual
    return np.asarray(left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-6), np.float32)


def cosine_similarity(tracklets: Tracklets) -> Floats:
    """(n, n), -1 to 1, symmetric to the last bit."""
    found = tracklets.vector @ tracklets.vector.T
    # A product's two halves may be summed in different order; the upper one counts.
    for at in range(0, len(found), BLOCK):
        rows = slice(at, at + BLOCK)
        found[rows, rows] = np.triu(found[rows, rows]) + np.triu(found[rows, rows], 1).T
        found[at + BLOCK :, rows] = found[rows, at + BLOCK :].T
    return np.clip(found, -1, 1, out=found)


def raise_colocated(cosine: Floats, apart: Floats) -> Floats:
    """`cosine` (n, n), raised for pairs that were at one place; `apart` (n, n) in body heights, NaN where unknown.

    >>> lifted(np.float32([[1, 0.5]]), np.float32([[np.nan, 0.1]])).tolist()
    [[1.0, 0.75]]
    """
    at_one_place = np.nan_to_num(apart, nan=np.inf) <= NEAR
    return np.where(at_one_place, cosine + LIFT * (1 - cosine), cosine).astype(np.float32)


Doubles = NDArray[np.float64]

GROUP_BLOCK = 512


def similarity_to_groups(similarity: Floats, why: Reasons, group: Ints) -> tuple[Floats, Bools]:
    """Mean similarity of each tracklet to each group (0 to k - 1) without itself, (n, k), NaN where that is nobody; and
    where anybody in the group forbids it."""
    n, size = len(group), np.bincount(group)
    means, forbidden = np.empty((n, len(size)), np.float32), np.empty((n, len(size)), bool)
    # Both matrices are symmetric: columns are as good as rows, and a product adds up the rows of each group.
    member = csr_matrix((np.ones(n), (group, np.arange(n))), (len(size), n))
    for at in range(0, n, GROUP_BLOCK):
        rows = slice(at, at + GROUP_BLOCK)
        sums = np.ascontiguousarray((member @ similarity[:, rows].astype(np.float64)).T)
        pairs = np.tile(size.astype(np.float64), (len(sums), 1))
        own = np.arange(len(sums)), group[rows]
        sums[own] -= np.diagonal(similarity)[rows]
        pairs[own] -= 1
        means[rows] = _divided(sums, pairs)
        forbidden[rows] = (member @ (why[:, rows] != FREE).astype(np.float64) > 0).T
    return means, forbidden


def group_similarity(similarity: Floats, group: Ints) -> Floats:
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
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + GROUP_BLOCK, "right")) - 1)
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
    for at in range(0, len(found), GROUP_BLOCK):
        rows = slice(at, at + GROUP_BLOCK)
        found[rows, rows] = np.tril(found[rows, rows]) + np.tril(found[rows, rows], -1).T
        found[rows, at + GROUP_BLOCK :] = found[at + GROUP_BLOCK :, rows].T
    return found
