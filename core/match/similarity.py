"""How alike tracklets look: cosines of their vectors."""

from __future__ import annotations

import numpy as np

from core.types import Floats, Tracklets

BLOCK = 1024


def cosines(tracklets: Tracklets) -> Floats:
    """(n, n), -1 to 1, symmetric to the last bit."""
    found = tracklets.vector @ tracklets.vector.T
    # A product's two halves may be summed in different order; the upper one counts.
    for at in range(0, len(found), BLOCK):
        rows = slice(at, at + BLOCK)
        found[rows, rows] = np.triu(found[rows, rows]) + np.triu(found[rows, rows], 1).T
        found[at + BLOCK :, rows] = found[rows, at + BLOCK :].T
    return np.clip(found, -1, 1, out=found)
