"""What each track looks like between two doubts, gathered while tracking: a vector per stretch, never one per box.

A doubt is a gap, a moment in which two people nearly cover each other, or a change of looks: there the tracker may
have gone on with somebody else. A stretch is what lies between. Boxes that others cover say nothing about who is in
them.
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
    usual: Floats | None = None
    odd: int = 0


@dataclass
class Looks:
    """One per camera; fed frame by frame with the boxes that have a track.

    Looks have changed when two clean boxes in a row have a cosine under `least` with what the track looked like.
    """

    least: float
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
            vector = vectors[row_of_vector[i]]
            if self._is_odd(self._now[int(track[i])], vector):
                continue
            stretch[i] = self._now[int(track[i])].stretch
            key = int(track[i]), int(stretch[i])
            self._sum[key] = self._sum[key] + vector if key in self._sum else vector.astype(np.float32)
        return cover, stretch.astype(np.int64)

    def _stretch(self, track: int, seconds: float, touching: bool) -> int:
        now = self._now.get(track)
        if now is None:
            now = self._now[track] = _Now(0, seconds, touching)
            return 0
        if seconds - now.seconds > GAP_SECONDS or (touching and not now.touching):
            now.stretch, now.usual, now.odd = now.stretch + 1, None, 0
        now.seconds, now.touching = seconds, touching
        return now.stretch

    def _is_odd(self, now: _Now, vector: Floats) -> bool:
        """Whether a box looks unlike its track so far. With the second one in a row a new stretch has begun."""
        if now.usual is None or float(now.usual @ vector) >= self.least * float(np.linalg.norm(now.usual)):
            now.usual = vector if now.usual is None else 0.9 * now.usual + 0.1 * vector
            now.odd = 0
            return False
        now.odd += 1
        if now.odd < 2:
            return True
        now.stretch, now.usual, now.odd = now.stretch + 1, vector, 0
        return False

    def vectors(self) -> dict[Stretch, Floats]:
        """A unit vector for each stretch that was seen without cover."""
        return {key: np.asarray(s / np.linalg.norm(s), np.float32) for key, s in self._sum.items()}
