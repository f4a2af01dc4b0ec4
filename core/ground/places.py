"""How far apart two tracklets of different cameras stood at one moment, where both cameras see the same ground."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from core.ground import maps
from core.ground.search import Overlap
from core.ground.walks import Feet, Numbers, Walks, meetings
from core.types import Floats, Tracklets

AROUND = 2.0
"""A map is used within this many body heights of the places from which it was learned."""
BLOCK = 2048
LEARNED = 400


def distances(tracklets: Tracklets, walks: Walks, found: Sequence[Overlap]) -> Floats:
    """Body heights between the feet of each pair, the middle one of the moments seen together, (n, n); NaN: unknown."""
    apart = np.full((len(tracklets),) * 2, np.nan, np.float32)
    begin = walks.begins(len(tracklets))
    for overlap in found:
        pairs = together(tracklets, overlap)
        for at in range(0, len(pairs), BLOCK):
            met = meetings(walks, begin, pairs[at : at + BLOCK], overlap.shift)
            if len(met):
                middle = _middle(steps(overlap, met.feet))
                apart[met.one, met.other] = apart[met.other, met.one] = middle
    return apart


def together(tracklets: Tracklets, overlap: Overlap) -> list[tuple[int, int]]:
    """Pairs of rows that are seen at the same time by the two cameras."""
    ones, others = (np.flatnonzero(tracklets.camera == camera) for camera in (overlap.one, overlap.other))
    start, end = tracklets.start[others] + overlap.shift_seconds, tracklets.end[others] + overlap.shift_seconds
    both = (tracklets.start[ones][:, None] <= end[None]) & (start[None] <= tracklets.end[ones][:, None])
    i, j = np.nonzero(both)
    return list(zip(ones[i].tolist(), others[j].tolist(), strict=True))


def steps(overlap: Overlap, feet: Feet) -> Numbers:
    """Body heights between the feet at each moment, NaN where the first one stood where the map is not trusted."""
    learned = overlap.here[:: max(len(overlap.here) // LEARNED, 1)]
    nearest = cKDTree(learned).query(feet.here.reshape(-1, 2))[0]
    known = nearest.reshape(feet.tall_here.shape) <= AROUND * feet.tall_here
    return np.where(known, maps.misses(overlap.to_other[None], feet)[0], np.nan)


def _middle(apart: Numbers) -> Numbers:
    """The median over the known moments, NaN where fewer than half of them are."""
    count = np.isfinite(apart).sum(axis=1)
    ordered = np.sort(apart, axis=1)  # what is unknown comes last
    middle = ordered[np.arange(len(apart)), np.maximum(count - 1, 0) // 2]
    return np.where(count >= apart.shape[1] / 2, middle, np.nan)
