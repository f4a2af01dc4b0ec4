"""How alike tracklets are: cosines of their looks, and more where two cameras saw them at one place at one time."""

from __future__ import annotations

import numpy as np

from core.types import Floats, Tracklets

BLOCK = 1024
NEAR = 0.4
"""Body heights between the feet of two, on ground that two cameras see, up to which they stood at one place."""
LIFT = 0.5
"""Share of what is missing to 1 that standing at one place adds."""


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
