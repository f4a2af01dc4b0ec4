"""Similarity of tracklets: the cosine of their appearance vectors, less each camera's mean where that is needed, and
raised where two cameras saw them at one place at one time.

A model gives everybody something in common, and so do a camera's light and background. Two strangers in one room are
the more alike for it, so that no threshold fits a room and a street; without it, one fits both, and two models. It is
taken away where the clips hold too few strangers to suggest a threshold of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.types import Floats, Ints, Tracklets

BLOCK = 1024
NEAR = 0.4
"""Body heights between the feet of two, on ground that two cameras see, up to which they stood at one place."""
LIFT = 0.5
"""Standing at one place raises a similarity s by this share of 1 - s."""


SOME, ENOUGH = 8, 16
"""Weights of the priors of the overall mean and of a camera's mean, in tracklets: with as many tracklets, a mean counts
half."""


def usual_looks(vector: Floats, camera: Ints, cameras: int) -> Floats:
    """The mean appearance of each camera (cameras, d), of vectors (n, d) of unit norm.

    It is shrunk towards the mean of all cameras, and that towards zero, the more so the fewer tracklets there are:
    the appearance of somebody who is nearly alone in a camera must not be taken for that of the camera.
    """
    overall = vector.sum(axis=0, dtype=np.float64) / (len(vector) + SOME)
    own = np.zeros((cameras, vector.shape[1]))
    np.add.at(own, camera, vector)
    count = np.bincount(camera, minlength=cameras)[:, None]
    return np.asarray((own + ENOUGH * overall) / (count + ENOUGH), np.float32)


def set_apart(vector: NDArray[np.floating[Any]], usual: Floats) -> Floats:
    """`vector` (n, d) less the mean that is `usual` for each, scaled to unit norm again."""
    left = vector.astype(np.float32) - usual
    return np.asarray(left / np.maximum(np.linalg.norm(left, axis=-1, keepdims=True), 1e-6), np.float32)


def cosines(tracklets: Tracklets) -> Floats:
    """(n, n), -1 to 1, symmetric to the last bit."""
    found = tracklets.vector @ tracklets.vector.T
    # A product's two halves may be summed in different order; the upper one counts.
    for at in range(0, len(found), BLOCK):
        rows = slice(at, at + BLOCK)
        found[rows, rows] = np.triu(found[rows, rows]) + np.triu(found[rows, rows], 1).T
        found[at + BLOCK :, rows] = found[rows, at + BLOCK :].T
    return np.clip(found, -1, 1, out=found)


def lifted(cosine: Floats, apart: Floats) -> Floats:
    """`cosine` (n, n), raised for pairs that were at one place; `apart` (n, n) in body heights, NaN where unknown.

    >>> lifted(np.float32([[1, 0.5]]), np.float32([[np.nan, 0.1]])).tolist()
    [[1.0, 0.75]]
    """
    at_one_place = np.nan_to_num(apart, nan=np.inf) <= NEAR
    return np.where(at_one_place, cosine + LIFT * (1 - cosine), cosine).astype(np.float32)
