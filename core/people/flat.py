"""The looks of all tracks on one plane: whoever looks alike lies close together. Made once for a run, kept beside it.

t-SNE (van der Maaten and Hinton 2008) keeps neighbours together; how far groups lie from each other, and where left and
right are, says nothing. Few tracks are turned to where they differ most instead (principal components).
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.folders import write_atomically
from core.people.evidence import Evidence
from core.types import Floats

FILE = "map.npz"
FEW = 8
"""Under so many tracks there are no neighbourhoods to keep."""
_PERPLEXITY = 30.0
_STEPS = 500
_EXACT = 300
"""Up to so many tracks the exact way is the faster one."""
_WIDTH = 50
"""Directions that are left for t-SNE: what lies in the others is mostly noise."""
_TSNE, _PRINCIPAL = "t-SNE", "principal components"


@dataclass(frozen=True, eq=False)
class Plane:
    """`xy` (n, 2) lies within 0 to 1; `way` says how it was made."""

    xy: Floats
    way: str


def plane_of(evidence: Evidence, out: Path) -> Plane:
    """The one kept in folder `out` if it is of these very looks, else made now, and kept."""
    vector = evidence.tracklets.vector
    digest = hashlib.sha256(np.ascontiguousarray(vector).tobytes()).hexdigest()
    try:
        with np.load(out / FILE, allow_pickle=False) as held:
            if str(held["digest"]) == digest:
                return Plane(held["xy"], str(held["way"]))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        pass  # made again below
    plane = lay_out(vector)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, xy=plane.xy, way=np.array(plane.way), digest=np.array(digest))
    write_atomically(out / FILE, buffer.getvalue())
    return plane


def lay_out(vector: Floats) -> Plane:
    """The same looks (n, d) lie in the same places whenever this is done."""
    main = _principal(vector)
    if len(vector) < FEW:
        return Plane(_fitted(main[:, :2]), _PRINCIPAL)
    from sklearn.manifold import TSNE  # takes a second to import

    made = TSNE(
        perplexity=min(_PERPLEXITY, (len(vector) - 1) / 3),
        init="pca",
        random_state=0,
        max_iter=_STEPS,
        method="exact" if len(vector) <= _EXACT else "barnes_hut",
    )
    return Plane(_fitted(np.asarray(made.fit_transform(main), np.float64)), _TSNE)


def _principal(vector: Floats) -> NDArray[np.float64]:
    """The directions in which they differ most, at least two."""
    centred = vector.astype(np.float64)
    centred -= centred.mean(axis=0, keepdims=True) if len(vector) else 0
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[:_WIDTH].T
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))


def _fitted(xy: NDArray[np.float64]) -> Floats:
    """Into the unit square, both ways by one measure.

    >>> _fitted(np.array([[0.0, 5], [4, 5], [2, 6]])).tolist()
    [[0.0, 0.375], [1.0, 0.375], [0.5, 0.625]]
    """
    if not len(xy):
        return np.empty((0, 2), np.float32)
    low, high = xy.min(axis=0), xy.max(axis=0)
    wide = float((high - low).max()) or 1.0
    return np.asarray(0.5 + (xy - (low + high) / 2) / wide, np.float32)
