"""The looks of all tracks on one plane (`project`), made once for a run and kept beside it."""

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
from core.tracklets import project
from core.types import Floats

FILE = "map.npz"


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
    xy, method = project(vector)
    return Plane(_fitted(xy), method)


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
