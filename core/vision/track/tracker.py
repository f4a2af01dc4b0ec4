"""DeepSORT for one camera, frame by frame: all tracks as arrays, every step vectorised.

Written from the papers (Wojke 2017: cascade on appearance under a motion gate, overlap for the rest; Zhang 2022: a
second stage for boxes of low confidence). A tracker has its own arrays and its own counter; several side by side share
nothing. It decides with what has been seen so far; `core.vision.track.offline_pass` and `core.vision.track.relink` then
use the whole recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.settings import TrackSettings
from core.base.types import Bools, Floats, Ints
from core.vision.track import kalman

Rows = NDArray[np.int64]
NO_FEATURES: Floats = np.empty((0, 0), np.float32)
STEP_SECONDS = 1 / 30
"""The time step that the motion noise was measured for; the tracker scales it to the times that pass."""
_JUST_OVER = 1e-5


@dataclass(frozen=True)
class AssociationRules:
    """All that decides an association. Users set `TrackSettings`; the rest was chosen by measurement.

    high_confidence        boxes from here up are matched first and may start a track; weaker ones (from `conf`) only
                           prolong one
    weak_iou               overlap (IoU) that a weak box needs
    bank_size              vectors remembered per track
    max_tentative_misses   time steps that a track with fewer than `n_init` hits may miss
    max_iou_steps          time steps without a box after which a track is no longer matched by overlap alone
    freeze_size            whether a track that was not seen in the last frame keeps its size and shape while it coasts
    noise                  of the motion model, for a time step of the length that the tracker is given
    """

    conf: float
    iou: float
    track_cos: float
    n_init: int
    max_age: float
    high_confidence: float = 0.55
    weak_iou: float = 0.6
    bank_size: int = 30
    max_tentative_misses: int = 0
    max_iou_steps: float = np.inf
    freeze_size: bool = True
    noise: kalman.Noise = kalman.TUNED_NOISE

    @classmethod
    def from_settings(cls, settings: TrackSettings) -> AssociationRules:
        return cls(settings.conf, settings.iou, settings.track_cos, settings.n_init, settings.max_age)

    @classmethod
    def classic(cls, track_cos: float = 0.8, max_age: float = 30, bank_size: int = 100) -> AssociationRules:
        """The tracker of the 2017 paper: one stage, overlap only for tracks seen in the frame before."""
        return cls(
            conf=0.0,
            iou=0.3,
            track_cos=track_cos,
            n_init=3,
            max_age=max_age,
            high_confidence=0.0,
            bank_size=bank_size,
            max_iou_steps=1,
            freeze_size=False,
            noise=kalman.PAPER_NOISE,
        )


@dataclass(frozen=True, eq=False)
class _Frame:
    """The boxes of a frame (n,) as the tracker matches them.

    `vectors` (m, d) has one row per True in `has_vector`. `owner` is the row of the track that each box went to, -1 for
    none yet; the stages of the matching fill it in.
    """

    seconds: float
    measurement: NDArray[np.float64]
    vectors: Floats
    has_vector: Bools
    owner: Rows

    def vectors_of(self, boxes: Rows) -> Floats:
        """The vectors of boxes that have one."""
        return np.asarray(self.vectors[(np.cumsum(self.has_vector) - 1)[boxes]])


class Tracker:
    """Feed frames in order with `step`; `step_seconds` is the usual time between two of them."""

    def __init__(self, rules: AssociationRules, step_seconds: float) -> None:
        if step_seconds <= 0:
            raise ValueError(f"step_seconds must be positive, got {step_seconds}")
        self.rules = rules
        self._step = step_seconds
        self._clock: float | None = None
        self._next = 1
        self._state: kalman.State = np.empty((0, 5, 4))
        self._id: Ints = np.empty(0, np.int64)
        self._hits: Ints = np.empty(0, np.int64)
        self._missed: Ints = np.empty(0, np.int64)
        self._last_seconds: NDArray[np.float64] = np.empty(0)
        self._bank = FeatureBank(rules.bank_size)

    def step(self, seconds: float, xyxy: Floats, score: Floats, vectors: Floats, has_vector: Bools) -> Ints:
        """Track number of each box of this frame (0: none). `vectors` has one row per True in `has_vector`."""
        rules = self.rules
        self._keep(self._is_in_time(seconds))
        self._state = self._predict(seconds)
        self._clock = seconds
        self._missed += 1
        owner: Rows = np.full(len(score), -1, np.int64)
        frame = _Frame(seconds, kalman.to_measurement(xyxy), vectors, has_vector, owner)
        strong = score >= max(rules.high_confidence, rules.conf)
        if len(self._id) and len(score):
            self._match(frame, xyxy, score, strong)
        self._correct(frame)
        numbers = np.where(owner >= 0, self._id[owner], 0) if len(self._id) else np.zeros(len(score), np.int64)
        self._keep((self._hits >= rules.n_init) | (self._missed <= rules.max_tentative_misses))
        unmatched = np.flatnonzero(strong & (owner < 0))
        if len(unmatched):
            numbers[unmatched] = self._start_tracks(frame, unmatched)
        return numbers

    def distances(self, seconds: float, xyxy: Floats) -> NDArray[np.float64]:
        """Squared Mahalanobis distance (tracks, boxes) of boxes from where confirmed tracks are expected at `seconds`;
        changes nothing."""
        confirmed = self._is_in_time(seconds) & (self._hits >= self.rules.n_init)
        return kalman.gating_distance(self._predict(seconds)[confirmed], kalman.to_measurement(xyxy), self.rules.noise)

    def _is_in_time(self, seconds: float) -> Bools:
        # Half a step of grace: container times jitter, and "30 frames" must mean 30 frames.
        return np.asarray(seconds - self._last_seconds <= self.rules.max_age + self._step / 2)

    def _predict(self, seconds: float) -> kalman.State:
        """The states that are expected at `seconds`."""
        if self._clock is None or not len(self._id):
            return self._state
        state = self._state
        if self.rules.freeze_size:
            state = state.copy()
            state[self._missed > 0, kalman.SPEED, 2:] = 0
        return kalman.predict(state, (seconds - self._clock) / self._step, self.rules.noise)

    def _match(self, frame: _Frame, xyxy: Floats, score: Floats, strong: Bools) -> None:
        """Fill `frame.owner`: strong boxes by appearance, then by overlap, and weak boxes by overlap."""
        rules = self.rules
        if len(frame.vectors):
            self._match_appearance(frame, strong)
        shared = iou_matrix(kalman.to_boxes(self._state), xyxy)
        recent = (self._missed <= rules.max_iou_steps) | (self._hits < rules.n_init)
        self._match_overlap(frame.owner, recent, strong, shared, rules.iou)
        weak = (score >= rules.conf) & ~strong
        if weak.any():
            self._match_overlap(frame.owner, self._missed == 1, weak, shared, rules.weak_iou)

    def _match_appearance(self, frame: _Frame, strong: Bools) -> None:
        """The cascade: tracks seen most recently choose first, by cosine, among boxes inside their motion gate."""
        columns = np.flatnonzero(strong & frame.has_vector)
        rows = np.flatnonzero((self._hits >= self.rules.n_init) & self._bank.has_vectors)
        if not len(columns) or not len(rows):
            return
        cost = 1.0 - self._bank.similarity(rows, frame.vectors_of(columns)).astype(np.float64)
        distance = kalman.gating_distance(self._state[rows], frame.measurement, self.rules.noise)
        # Appearance is compared only among embedded boxes: beyond a nearer box without a vector it decides nothing.
        nearest = distance[:, strong & ~frame.has_vector].min(axis=1, initial=np.inf)
        distance = distance[:, columns]
        cost[(distance > kalman.CHI_SQUARE_95) | (distance > nearest[:, None])] = np.inf
        limit = 1.0 - self.rules.track_cos
        for age in np.unique(self._missed[rows]):
            level = np.flatnonzero(self._missed[rows] == age)
            left = np.flatnonzero(frame.owner[columns] < 0)
            if not len(left):
                return
            r, c = assign(cost[np.ix_(level, left)], limit)
            frame.owner[columns[left[c]]] = rows[level[r]]

    def _match_overlap(
        self, owner: Rows, tracks: Bools, boxes: Bools, shared: NDArray[np.float64], min_iou: float
    ) -> None:
        """Match those of `boxes` and `tracks` that are still free by their IoU `shared` (tracks, boxes)."""
        free = tracks.copy()
        free[owner[owner >= 0]] = False
        rows = np.flatnonzero(free)
        columns = np.flatnonzero(boxes & (owner < 0))
        if len(rows) and len(columns):
            r, c = assign(1.0 - shared[rows[:, None], columns], 1.0 - min_iou)
            owner[columns[c]] = rows[r]

    def _correct(self, frame: _Frame) -> None:
        """Update the tracks that have a box in this frame."""
        has_owner = frame.owner >= 0
        rows = frame.owner[has_owner]
        if not len(rows):
            return
        self._state[rows] = kalman.update(self._state[rows], frame.measurement[has_owner], self.rules.noise)
        self._hits[rows] += 1
        self._missed[rows] = 0
        self._last_seconds[rows] = frame.seconds
        if len(frame.vectors):
            owner = frame.owner[frame.has_vector]
            self._bank.add(owner[owner >= 0], frame.vectors[owner >= 0])

    def _keep(self, alive: Bools) -> None:
        """Forget all tracks but those that are `alive`: they were not seen for longer than `max_age`, or were young and
        missed a frame."""
        if alive.all():
            return
        self._state, self._id, self._hits = self._state[alive], self._id[alive], self._hits[alive]
        self._missed, self._last_seconds = self._missed[alive], self._last_seconds[alive]
        self._bank.keep(alive)

    def _start_tracks(self, frame: _Frame, boxes: Rows) -> Ints:
        """Begin a track with each of `boxes`; their new numbers."""
        more = len(boxes)
        first = len(self._id)
        numbers = np.arange(self._next, self._next + more)
        self._next += more
        self._state = np.concatenate([self._state, kalman.initiate(frame.measurement[boxes], self.rules.noise)])
        self._id = np.concatenate([self._id, numbers])
        self._hits = np.concatenate([self._hits, np.ones(more, np.int64)])
        self._missed = np.concatenate([self._missed, np.zeros(more, np.int64)])
        self._last_seconds = np.concatenate([self._last_seconds, np.full(more, frame.seconds)])
        self._bank.grow(more)
        has_vector = frame.has_vector[boxes]
        if len(frame.vectors) and has_vector.any():
            self._bank.add(first + np.flatnonzero(has_vector), frame.vectors_of(boxes[has_vector]))
        return numbers


class FeatureBank:
    """The appearance of n tracks lately: a ring of the last `size` unit vectors of each, all in one array.

    Rows follow the tracker's tracks through `keep` and `grow`.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: Floats = np.empty((0, size, 0), np.float32)
        self._count: Ints = np.empty(0, np.int64)

    @property
    def has_vectors(self) -> Bools:
        """Which tracks have any vector."""
        return np.asarray(self._count > 0)

    def similarity(self, tracks: Ints, vectors: Floats) -> Floats:
        """Cosine (tracks, vectors) of each vector with the most similar one in each track's ring; -1 for an empty
        ring."""
        depth = int(min(self._count[tracks].max(initial=0), self._size))
        if not depth:
            return np.full((len(tracks), len(vectors)), -1, np.float32)
        # Over the whole bank: copying out the rows asked for costs more than multiplying the few others too.
        products = self._vectors.reshape(-1, self._vectors.shape[2]) @ vectors.T
        cosine = products.reshape(len(self._count), self._size, len(vectors))[tracks, :depth]
        cosine[np.arange(depth)[None] >= self._count[tracks][:, None]] = -1
        return np.asarray(cosine.max(axis=1))

    def add(self, tracks: Ints, vectors: Floats) -> None:
        """Add a vector to each of `tracks` (no track twice); the oldest goes when the ring is full."""
        if self._vectors.shape[2] != vectors.shape[1]:
            self._vectors = np.zeros((len(self._count), self._size, vectors.shape[1]), np.float32)
        self._vectors[tracks, self._count[tracks] % self._size] = vectors
        self._count[tracks] += 1

    def keep(self, alive: Bools) -> None:
        """Drop the rows of all other tracks."""
        self._vectors, self._count = self._vectors[alive], self._count[alive]

    def grow(self, more: int) -> None:
        """Append so many empty rings."""
        empty = np.zeros((more, *self._vectors.shape[1:]), np.float32)
        self._vectors = np.concatenate([self._vectors, empty])
        self._count = np.concatenate([self._count, np.zeros(more, np.int64)])


def assign(cost: NDArray[np.float64], limit: float) -> tuple[Rows, Rows]:
    """Rows and columns of the cheapest one-to-one assignment, without the pairs that cost more than `limit`.

    Pairs over the limit all cost the same in the search, so that no hopeless pair pushes a good one aside.
    """
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.minimum(cost, limit + _JUST_OVER))
    good = cost[rows, columns] <= limit
    return rows[good], columns[good]


def iou_matrix(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of `xyxy` boxes `a` (n, 4) and `b` (m, 4); 0 where a box has no area."""
    return iou(a[:, None], b[None])


def iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of each box of `a` (..., 4) with the box of `b` at the same place."""
    sides = np.maximum(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0.0)
    intersection = sides[..., 0] * sides[..., 1]
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    union = size_a[..., 0] * size_a[..., 1] + size_b[..., 0] * size_b[..., 1] - intersection
    empty = np.zeros_like(intersection, np.float64)
    return np.asarray(np.divide(intersection, union, out=empty, where=union > 0))
