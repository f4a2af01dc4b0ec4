"""Which boxes are worth a look: those whose appearance decides who goes on as whom.

A first pass follows people by motion alone, always with the same rules: what is chosen depends on the boxes, never on
what the user sets for tracking. Looks say something where a track begins or returns and where somebody else is within
reach; a person who walks alone is looked at now and then, so that it is known what they look like by now.

What each track looks like between two doubts, gathered while tracking: a vector per stretch, never one per box.

A doubt is a gap, a moment in which two people nearly cover each other, or a change of looks: there the tracker may
have gone on with somebody else. A stretch is what lies between. Boxes that others cover say nothing about who is in
them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Floats, Ints, Seconds, Timeline
from core.vision.track import kalman
from core.vision.track.tracker import NO_FEATURES, STEP_SECONDS, AssociationRules, Tracker, iou_matrix

_GRACE = 0.01
"""Seconds by which the times of a container may be off."""


@dataclass(frozen=True)
class EmbeddingRules:
    """Chosen by measurement on PETS 2009 and on drawn plazas: see docs/decisions/0007.

    first       boxes looked at when a track begins, returns, meets somebody or is alone again, `pace` seconds apart
    lost        seconds from which on it was away: somebody who is covered is found weakly, or not in every frame
    contested   seconds between looks while somebody else is within reach: inside the tracker's own gate
    alone       seconds between looks otherwise
    calm        seconds without anybody within reach after which a person is alone again
    """

    first: int = 3
    pace: float = 0.1
    lost: float = 0.15
    contested: float = 0.3
    alone: float = 2.0
    calm: float = 2.0


def select_boxes_to_embed(timeline: Timeline, detections: Detections, usable: Bools, rules: EmbeddingRules = EmbeddingRules()) -> Bools:
    """Which of the `usable` boxes decide something."""
    motion = AssociationRules.of(TrackSettings())
    track, contested = _followed(timeline, detections, usable, motion)
    # Weak boxes only prolong tracks, and are never matched by their looks.
    rows = np.flatnonzero((track > 0) & (detections.score >= motion.sure))
    rows = rows[np.lexsort((detections.frame[rows], track[rows]))]
    frame = np.searchsorted(timeline.frame, detections.frame[rows])
    chosen = np.zeros(len(detections), bool)
    chosen[rows] = _looked_at(track[rows], frame, timeline.seconds[frame], contested[rows], rules)
    return chosen


def _followed(timeline: Timeline, detections: Detections, usable: Bools, motion: AssociationRules) -> tuple[Ints, Bools]:
    """The track of each box by motion alone (0: none), and whether another box or track could be in its place."""
    tracker = Tracker(motion, STEP_SECONDS)
    use = usable & (detections.score >= motion.conf)
    begin = np.searchsorted(detections.frame, timeline.frame, "left")
    end = np.searchsorted(detections.frame, timeline.frame, "right")
    track, contested = np.zeros(len(detections), np.int64), np.zeros(len(detections), bool)
    for now, a, b in zip(timeline.seconds.tolist(), begin.tolist(), end.tolist(), strict=True):
        rows = np.flatnonzero(use[a:b]) + a
        xyxy, score = detections.xyxy[rows], detections.score[rows]
        near = tracker.distances(now, xyxy) <= kalman.CHI_SQUARE_95
        contested[rows] = _contested(near, score >= motion.sure)
        track[rows] = tracker.step(now, xyxy, score, NO_FEATURES, np.zeros(len(rows), bool))
    return track, contested


def _contested(near: Bools, strong: Bools) -> Bools:
    """Boxes that two tracks could have, or whose track could have two; `near` is (tracks, boxes)."""
    choosy = near[:, strong].sum(axis=1) > 1
    return np.asarray((near.sum(axis=0) > 1) | near[choosy].any(axis=0))


def _looked_at(track: Ints, frame: Ints, seconds: Seconds, contested: Bools, rules: EmbeddingRules) -> Bools:
    """Which rows, ordered by track and time, get a look: the first of each interval of the state that a track is in."""
    if not len(track):
        return np.zeros(0, bool)
    row = np.arange(len(track))
    begins = np.append(True, np.diff(track) != 0)
    ends = np.append(begins[1:], True)
    # A short calm between two meetings belongs to them.
    before = np.maximum.accumulate(np.where(contested | begins, row, 0))
    after = np.minimum.accumulate(np.where(contested | ends, row, len(row))[::-1])[::-1]
    held = contested[before] & contested[after] & (seconds[after] - seconds[before] <= rules.calm)
    met = contested | held
    turns = begins.copy()
    turns[1:] |= ((np.diff(frame) > 1) & (np.diff(seconds) > rules.lost)) | (met[1:] != met[:-1])
    since = seconds - seconds[np.maximum.accumulate(np.where(turns, row, 0))] + _GRACE
    early = (rules.first - 1) * rules.pace
    later = rules.first - 1 + (since - early) // np.where(met, rules.contested, rules.alone)
    interval = np.where(since < early, since // rules.pace, later)
    return np.asarray(turns | np.append(True, np.diff(interval) != 0))


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
class StretchAppearance:
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
        shared = iou_matrix(xyxy, xyxy)
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
