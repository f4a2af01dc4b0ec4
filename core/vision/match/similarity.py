"""How alike tracklets are, and groups of them.

The similarity of two tracklets is the cosine of their appearance vectors, raised where two cameras saw them at one
place at one time. The mean appearance of each camera is subtracted first where the clips hold too few pairs of
strangers to suggest a threshold of their own: a model gives everybody something in common, and so do a camera's light
and background. Two strangers in one room are the more alike for it, so that no threshold fits both a room and a street.

Groups are compared by the mean over all pairs between them. That takes time that grows with the square of the number of
tracklets; it is done in blocks of rows, so that beside the matrices themselves little memory is needed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Floats, Ints, Tracklets
from core.vision.match.constraints import FREE, Reasons

Doubles = NDArray[np.float64]

BLOCK = 512
"""Rows that are computed at once."""
SAME_PLACE_DISTANCE = 0.4
"""Body heights between the feet of two, on ground that two cameras see, up to which they stood at one place."""
SAME_PLACE_RAISE = 0.5
"""Standing at one place raises a similarity s by this share of 1 - s."""
SAME_FACE, FACE_SPREAD = 0.363, 0.2
"""The cosine from which SFace takes two faces for one person's, by its authors, and how far from it is as far as counts
at all: the cue is normalised to -1 to 1."""
FACE_SHARE = 0.1
"""Of what is left to full likeness or unlikeness, the share by which faces move a similarity at most."""
OVERALL_PRIOR, CAMERA_PRIOR = 8, 16
"""Weights of the priors of the overall mean and of a camera's mean, in tracklets: with as many tracklets, a mean counts
half."""


def camera_means(vector: Floats, camera: Ints, cameras: int) -> Floats:
    """The mean appearance of each camera (cameras, d), of vectors (n, d) of unit norm.

    It is shrunk towards the mean of all cameras, and that towards zero, the more so the fewer tracklets there are:
    the appearance of somebody who is nearly alone in a camera must not be taken for that of the camera.
    """
    overall = vector.sum(axis=0, dtype=np.float64) / (len(vector) + OVERALL_PRIOR)
    sums = np.zeros((cameras, vector.shape[1]))
    np.add.at(sums, camera, vector)
    count = np.bincount(camera, minlength=cameras)[:, None]
    return np.asarray((sums + CAMERA_PRIOR * overall) / (count + CAMERA_PRIOR), np.float32)


def subtract_mean(vector: NDArray[np.floating[Any]], mean: Floats) -> Floats:
    """`vector` (n, d) less `mean` (n, d or d), scaled to unit norm again."""
    difference = vector.astype(np.float32) - mean
    return np.asarray(difference / np.maximum(np.linalg.norm(difference, axis=-1, keepdims=True), 1e-6), np.float32)


def cosine_similarity(tracklets: Tracklets) -> Floats:
    """(n, n), -1 to 1, symmetric to the last bit."""
    cosine = tracklets.vector @ tracklets.vector.T
    # A product's two halves may be summed in different order; the upper one counts.
    for at in range(0, len(cosine), BLOCK):
        rows = slice(at, at + BLOCK)
        cosine[rows, rows] = np.triu(cosine[rows, rows]) + np.triu(cosine[rows, rows], 1).T
        cosine[at + BLOCK :, rows] = cosine[rows, at + BLOCK :].T
    return np.clip(cosine, -1, 1, out=cosine)


def raise_colocated(cosine: Floats, foot_distance: Floats) -> Floats:
    """`cosine` (n, n), raised for pairs that were at one place; `foot_distance` (n, n) in body heights, NaN where
    unknown.

    >>> raise_colocated(np.float32([[1, 0.5]]), np.float32([[np.nan, 0.1]])).tolist()
    [[1.0, 0.75]]
    """
    at_one_place = np.nan_to_num(foot_distance, nan=np.inf) <= SAME_PLACE_DISTANCE
    return np.where(at_one_place, cosine + SAME_PLACE_RAISE * (1 - cosine), cosine).astype(np.float32)


def lean_on_faces(similarity: Floats, face_similarity: Floats) -> Floats:
    """`similarity` (n, n), moved by at most `FACE_SHARE` of what is left to 1, or of as much downwards, as the faces of
    a pair are alike or not; `face_similarity` (n, n) is NaN where one of the two has no face.

    It is no more than a hint: faces never outvote appearance, nor what rules a pair out.

    >>> lean_on_faces(np.float32([[0.5, 0.5, 0.5]]), np.float32([[np.nan, 0.9, -0.5]])).astype(float).round(3).tolist()
    [[0.5, 0.55, 0.45]]
    """
    agreement = np.clip((face_similarity - SAME_FACE) / FACE_SPREAD, -1, 1)
    moved = similarity + FACE_SHARE * (1 - np.abs(similarity)) * np.nan_to_num(agreement)
    return np.asarray(np.clip(moved, -1, 1), np.float32)


def similarity_to_groups(similarity: Floats, why: Reasons, group: Ints) -> tuple[Floats, Bools]:
    """Mean similarity of each tracklet to the other members of each group (0 to k - 1), (n, k), NaN where there are
    none; and where a member of the group forbids it."""
    from scipy.sparse import csr_matrix

    n, size = len(group), np.bincount(group)
    means, forbidden = np.empty((n, len(size)), np.float32), np.empty((n, len(size)), bool)
    # Both matrices are symmetric: columns are as good as rows, and a product adds up the rows of each group.
    member = csr_matrix((np.ones(n), (group, np.arange(n))), (len(size), n))
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        sums = np.ascontiguousarray((member @ similarity[:, rows].astype(np.float64)).T)
        pairs = np.tile(size.astype(np.float64), (len(sums), 1))
        within = np.arange(len(sums)), group[rows]
        sums[within] -= np.diagonal(similarity)[rows]
        pairs[within] -= 1
        means[rows] = _divide(sums, pairs)
        forbidden[rows] = (member @ (why[:, rows] != FREE).astype(np.float64) > 0).T
    return means, forbidden


def group_similarity(similarity: Floats, group: Ints) -> Floats:
    """How alike groups (0 to k - 1) are, (k, k): the mean over all pairs of tracklets.

    Of one group with itself, over the pairs of different tracklets: NaN where there is only one.
    """
    order, begin, size = _sort_by_group(group)
    ends = np.append(begin, len(order))
    diagonal = np.diagonal(similarity)[order].astype(np.float64)
    means = np.empty((len(size), len(size)), np.float32)
    last = 0
    while (first := last) < len(size):
        # As many complete groups as go into a block, and at least one.
        last = max(first + 1, int(np.searchsorted(ends, ends[first] + BLOCK, "right")) - 1)
        rows, starts = slice(ends[first], ends[last]), begin[first:last] - begin[first]
        sums = np.add.reduceat(similarity[order[rows]], starts, axis=0, dtype=np.float64)
        sums = np.add.reduceat(sums[:, order], begin, axis=1)
        pairs = np.outer(size[first:last], size).astype(np.float64)
        within = np.arange(last - first), np.arange(first, last)
        sums[within] -= np.add.reduceat(diagonal[rows], starts)
        pairs[within] -= size[first:last]
        means[first:last] = _divide(sums, pairs)
    return _mirror(means)


def _sort_by_group(group: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows by group, where each group begins among them, and how many it has."""
    size = np.bincount(group)
    return np.argsort(group, kind="stable"), np.cumsum(size) - size, size


def _divide(sums: Doubles, pairs: Doubles) -> Floats:
    """Means of sums over so many pairs, NaN where there are none."""
    return np.divide(sums, pairs, out=np.full_like(sums, np.nan), where=pairs > 0).astype(np.float32)


def _mirror(means: Floats) -> Floats:
    """Copy the lower half of (k, k) onto the upper one, in place: the two were summed in different order."""
    for at in range(0, len(means), BLOCK):
        rows = slice(at, at + BLOCK)
        means[rows, rows] = np.tril(means[rows, rows]) + np.tril(means[rows, rows], -1).T
        means[rows, at + BLOCK :] = means[at + BLOCK :, rows].T
    return means
