"""Which boxes are worth a look: those whose appearance decides who goes on as whom.

A first pass follows people by motion alone, always with the same rules: what is chosen depends on the boxes, never on
what the user sets for tracking. Looks say something where a track begins or returns and where somebody else is within
reach; a person who walks alone is looked at now and then, so that it is known what they look like by now.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.settings import TrackSettings
from core.track import kalman
from core.track.tracker import NO_FEATURES, STEP_SECONDS, Rules, Tracker
from core.types import Bools, Detections, Ints, Seconds, Timeline

_GRACE = 0.01
"""Seconds by which the times of a container may be off."""


@dataclass(frozen=True)
class LookRules:
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


def decisive(timeline: Timeline, detections: Detections, usable: Bools, rules: LookRules = LookRules()) -> Bools:
    """Which of the `usable` boxes decide something."""
    motion = Rules.of(TrackSettings())
    track, contested = _followed(timeline, detections, usable, motion)
    # Weak boxes only prolong tracks, and are never matched by their looks.
    rows = np.flatnonzero((track > 0) & (detections.score >= motion.sure))
    rows = rows[np.lexsort((detections.frame[rows], track[rows]))]
    frame = np.searchsorted(timeline.frame, detections.frame[rows])
    chosen = np.zeros(len(detections), bool)
    chosen[rows] = _looked_at(track[rows], frame, timeline.seconds[frame], contested[rows], rules)
    return chosen


def _followed(timeline: Timeline, detections: Detections, usable: Bools, motion: Rules) -> tuple[Ints, Bools]:
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


def _looked_at(track: Ints, frame: Ints, seconds: Seconds, contested: Bools, rules: LookRules) -> Bools:
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
