"""What each track looks like between two doubts, gathered while tracking: a vector per stretch, never one per box.

A doubt is a gap, or a moment in which two people nearly cover each other: there a tracker may go on with the wrong
one. A stretch is what lies between. Boxes that others cover say nothing about who is in them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.track.assign import overlap
from core.types import Bools, Floats, Ints

TOUCH = 0.3
"""Overlap of two boxes from which their tracks may have changed places."""
CLEAN = 0.2
"""Overlap up to which a box shows one person."""
GAP_SECONDS = 0.35

Stretch = tuple[int, int]  # track number, how many doubts it had before


@dataclass
class _Now:
    stretch: int
    seconds: float
    touching: bool


@dataclass
class Looks:
    """One per camera; fed frame by frame with the boxes that have a track."""

    _now: dict[int, _Now] = field(default_factory=dict)
    _sum: dict[Stretch, Floats] = field(default_factory=dict)

    def see(
        self, seconds: float, track: Ints, xyxy: Floats, vectors: Floats, has_vector: Bools
    ) -> tuple[NDArray[np.float64], Ints]:
        """How much of each box shares with the nearest other one (IoU), and the stretch of its track it lies in."""
        shared = overlap(xyxy, xyxy)
        np.fill_diagonal(shared, 0)
        cover = shared.max(axis=1, initial=0)
        stretch = np.array([self._stretch(int(t), seconds, c > TOUCH) for t, c in zip(track, cover, strict=True)])
        row_of_vector = np.cumsum(has_vector) - 1
        for i in np.flatnonzero(has_vector & (cover < CLEAN)):
            key, vector = (int(track[i]), int(stretch[i])), vectors[row_of_vector[i]]
            self._sum[key] = self._sum[key] + vector if key in self._sum else vector.astype(np.float32)
        return cover, stretch.astype(np.int64)

    def _stretch(self, track: int, seconds: float, touching: bool) -> int:
        now = self._now.get(track)
        if now is None:
            now = self._now[track] = _Now(0, seconds, touching)
            return 0
        if seconds - now.seconds > GAP_SECONDS or (touching and not now.touching):
            now.stretch += 1
        now.seconds, now.touching = seconds, touching
        return now.stretch

    def vectors(self) -> dict[Stretch, Floats]:
        """A unit vector for each stretch that was seen without cover."""
        return {key: np.asarray(s / np.linalg.norm(s), np.float32) for key, s in self._sum.items()}
