"""Appearance in tracking: which boxes are worth an embedding, and what each track looks like between two doubts.

Embedding every box would cost most of a run's time, and hardly any of it matters: appearance decides where a track
begins or returns, and where somebody else is within reach. `select_boxes_to_embed` finds those boxes in a first pass
that follows people by motion alone. Its rules never change: which boxes are chosen depends on the detections, not on
what the user sets for tracking.

`StretchAppearance` gathers vectors while the tracker runs: one mean for each stretch of a track, never one per box. A
stretch ends at a doubt: a gap, a moment at which two people nearly cover each other, or a change of appearance. There
the tracker may have gone on with somebody else. Boxes that others cover are left out, since they may show either
person."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Floats, Ints, Seconds, Timeline
from core.vision.track import kalman
from core.vision.track.tracker import NO_FEATURES, STEP_SECONDS, AssociationRules, Tracker, iou_matrix

_TIME_TOLERANCE = 0.01
"""Seconds by which the times of a container may be off."""

TOUCHING_IOU = 0.3
"""IoU of two boxes from which their tracks may have changed places."""
CLEAR_IOU = 0.2
"""IoU up to which a box shows one person."""
GAP_SECONDS = 0.35
"""A track that was not seen for longer than this may have gone on with somebody else."""
_KEEP, _ADD = 0.9, 0.1
"""Weights of the appearance so far and of the newest box in the running mean of a stretch."""

Stretch = tuple[int, int]
"""A track's number, and how many doubts the track had before."""


@dataclass(frozen=True)
class EmbeddingRules:
    """How often boxes are embedded; chosen by measurement on PETS 2009 and on synthetic plazas (docs/decisions/0007).

    initial_boxes                how many boxes are embedded when a track begins, returns, meets somebody or is alone
                                 again
    initial_interval_seconds     the time between these boxes
    absence_seconds              a gap from which on the track was away: somebody who is covered is detected with low
                                 confidence, or not in every frame
    contested_interval_seconds   the time between embeddings while somebody else is within the tracker's gate
    alone_interval_seconds       the time between embeddings otherwise
    calm_seconds                 after this long without anybody within reach, a person is alone again
    """

    initial_boxes: int = 3
    initial_interval_seconds: float = 0.1
    absence_seconds: float = 0.15
    contested_interval_seconds: float = 0.3
    alone_interval_seconds: float = 2.0
    calm_seconds: float = 2.0


def select_boxes_to_embed(
    timeline: Timeline, detections: Detections, usable: Bools, rules: EmbeddingRules = EmbeddingRules()
) -> Bools:
    """Which of the `usable` boxes (n,) should be embedded, because their appearance decides who goes on as whom."""
    motion = AssociationRules.from_settings(TrackSettings())
    track, contested = _track_by_motion(timeline, detections, usable, motion)
    # Weak boxes only prolong tracks, and are never matched by appearance.
    rows = np.flatnonzero((track > 0) & (detections.score >= motion.high_confidence))
    rows = rows[np.lexsort((detections.frame[rows], track[rows]))]
    frame = np.searchsorted(timeline.frame, detections.frame[rows])
    chosen = np.zeros(len(detections), bool)
    chosen[rows] = _first_of_each_interval(track[rows], frame, timeline.seconds[frame], contested[rows], rules)
    return chosen


def _track_by_motion(
    timeline: Timeline, detections: Detections, usable: Bools, motion: AssociationRules
) -> tuple[Ints, Bools]:
    """The track of each box by motion alone (0: none), and whether another box or track could be in its place."""
    tracker = Tracker(motion, STEP_SECONDS)
    use = usable & (detections.score >= motion.conf)
    begin = np.searchsorted(detections.frame, timeline.frame, "left")
    end = np.searchsorted(detections.frame, timeline.frame, "right")
    track, contested = np.zeros(len(detections), np.int64), np.zeros(len(detections), bool)
    for now, a, b in zip(timeline.seconds.tolist(), begin.tolist(), end.tolist(), strict=True):
        rows = np.flatnonzero(use[a:b]) + a
        xyxy, score = detections.xyxy[rows], detections.score[rows]
        in_gate = tracker.distances(now, xyxy) <= kalman.CHI_SQUARE_95
        contested[rows] = _is_contested(in_gate, score >= motion.high_confidence)
        track[rows] = tracker.step(now, xyxy, score, NO_FEATURES, np.zeros(len(rows), bool))
    return track, contested


def _is_contested(in_gate: Bools, strong: Bools) -> Bools:
    """Boxes that two tracks could have, or whose track could have two; `in_gate` is (tracks, boxes)."""
    has_choice = in_gate[:, strong].sum(axis=1) > 1
    return np.asarray((in_gate.sum(axis=0) > 1) | in_gate[has_choice].any(axis=0))


def _first_of_each_interval(
    track: Ints, frame: Ints, seconds: Seconds, contested: Bools, rules: EmbeddingRules
) -> Bools:
    """Which rows, ordered by track and time, are the first of an interval of the state that their track is in."""
    if not len(track):
        return np.zeros(0, bool)
    row = np.arange(len(track))
    begins = np.append(True, np.diff(track) != 0)
    ends = np.append(begins[1:], True)
    # A short calm between two meetings belongs to them.
    before = np.maximum.accumulate(np.where(contested | begins, row, 0))
    after = np.minimum.accumulate(np.where(contested | ends, row, len(row))[::-1])[::-1]
    short_calm = contested[before] & contested[after] & (seconds[after] - seconds[before] <= rules.calm_seconds)
    in_meeting = contested | short_calm
    state_begins = begins.copy()
    is_back = (np.diff(frame) > 1) & (np.diff(seconds) > rules.absence_seconds)
    state_begins[1:] |= is_back | (in_meeting[1:] != in_meeting[:-1])
    since = seconds - seconds[np.maximum.accumulate(np.where(state_begins, row, 0))] + _TIME_TOLERANCE
    initial = (rules.initial_boxes - 1) * rules.initial_interval_seconds
    interval_seconds = np.where(in_meeting, rules.contested_interval_seconds, rules.alone_interval_seconds)
    later = rules.initial_boxes - 1 + (since - initial) // interval_seconds
    interval = np.where(since < initial, since // rules.initial_interval_seconds, later)
    return np.asarray(state_begins | np.append(True, np.diff(interval) != 0))


@dataclass
class _TrackState:
    """What `StretchAppearance` remembers of a track.

    `appearance` (d,) is the running mean of the stretch, not of unit norm; `unlike` counts the clear boxes in a row
    that did not look like it.
    """

    stretch: int
    seconds: float
    touching: bool
    appearance: Floats | None = None
    unlike: int = 0

    def begin_stretch(self, appearance: Floats | None) -> None:
        self.stretch, self.appearance, self.unlike = self.stretch + 1, appearance, 0


@dataclass
class StretchAppearance:
    """The mean appearance of each stretch of the tracks of one camera, fed frame by frame with the boxes that have a
    track.

    The appearance of a track has changed when two clear boxes in a row have a cosine under `min_cosine` with what the
    track looked like.
    """

    min_cosine: float
    _states: dict[int, _TrackState] = field(default_factory=dict)
    _sums: dict[Stretch, Floats] = field(default_factory=dict)

    def update(
        self, seconds: float, track: Ints, xyxy: Floats, vectors: Floats, has_vector: Bools
    ) -> tuple[NDArray[np.float64], Ints]:
        """The largest IoU of each box (n,) with another box of the frame, and the stretch of its track it lies in.

        `vectors` has one row per True in `has_vector`.
        """
        shared = iou_matrix(xyxy, xyxy)
        np.fill_diagonal(shared, 0)
        cover = shared.max(axis=1, initial=0)
        stretch = np.array(
            [self._stretch(int(t), seconds, c > TOUCHING_IOU) for t, c in zip(track, cover, strict=True)]
        )
        row_of_vector = np.cumsum(has_vector) - 1
        for i in np.flatnonzero(has_vector & (cover < CLEAR_IOU)):
            vector = vectors[row_of_vector[i]]
            state = self._states[int(track[i])]
            if self._is_outlier(state, vector):
                continue
            stretch[i] = state.stretch
            key = int(track[i]), int(stretch[i])
            self._sums[key] = self._sums[key] + vector if key in self._sums else vector.astype(np.float32)
        return cover, stretch.astype(np.int64)

    def _stretch(self, track: int, seconds: float, touching: bool) -> int:
        """The stretch that a box of a track lies in, as far as gaps and people who touch decide it."""
        state = self._states.get(track)
        if state is None:
            state = self._states[track] = _TrackState(0, seconds, touching)
            return 0
        if seconds - state.seconds > GAP_SECONDS or (touching and not state.touching):
            state.begin_stretch(None)
        state.seconds, state.touching = seconds, touching
        return state.stretch

    def _is_outlier(self, state: _TrackState, vector: Floats) -> bool:
        """Whether a box looks unlike its track so far. With the second one in a row a new stretch has begun."""
        mean = state.appearance
        if mean is None or float(mean @ vector) >= self.min_cosine * float(np.linalg.norm(mean)):
            state.appearance = vector if mean is None else _KEEP * mean + _ADD * vector
            state.unlike = 0
            return False
        state.unlike += 1
        if state.unlike < 2:
            return True
        state.begin_stretch(vector)
        return False

    def mean_vectors(self) -> dict[Stretch, Floats]:
        """A unit vector (d,) for each stretch of which a clear box was embedded."""
        return {key: np.asarray(s / np.linalg.norm(s), np.float32) for key, s in self._sums.items()}
