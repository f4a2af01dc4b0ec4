"""Who goes with whom: overlap of boxes, and the cheapest one-to-one assignment under a limit.

What each track has looked like lately: a bounded ring of unit vectors per track, all in one array.

DeepSORT for one camera, frame by frame: all tracks as arrays, every step vectorised.

Written from the papers (Wojke 2017: cascade on appearance under a motion gate, overlap for the rest; Zhang 2022: a
second stage for weak boxes). A tracker owns its arrays and its counter; several side by side share nothing.
It decides with what has been seen so far; `core.track.hindsight` then uses the whole recording."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from core.base.settings import TrackSettings
from core.base.types import Bools, Floats, Ints
from core.vision.track import kalman

Rows = NDArray[np.int64]
_JUST_OVER = 1e-5


def iou_matrix(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of `xyxy` boxes; 0 where a box has no area."""
    return iou(one[:, None], other[None])


def iou(one: NDArray[np.floating], other: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of each box (..., 4) with the one beside it."""
    side = np.maximum(np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2]), 0.0)
    shared = side[..., 0] * side[..., 1]
    size, other_size = one[..., 2:] - one[..., :2], other[..., 2:] - other[..., :2]
    either = size[..., 0] * size[..., 1] + other_size[..., 0] * other_size[..., 1] - shared
    return np.asarray(np.divide(shared, either, out=np.zeros_like(shared, np.float64), where=either > 0))


def assign(cost: NDArray[np.float64], limit: float) -> tuple[Rows, Rows]:
    """Rows and columns of the cheapest assignment, without the pairs that cost more than `limit`.

    Pairs over the limit all cost the same in the search, so that no hopeless pair pushes a good one aside.
    """
    rows, columns = linear_sum_assignment(np.minimum(cost, limit + _JUST_OVER))
    good = cost[rows, columns] <= limit
    return rows[good], columns[good]


class FeatureBank:
    """`size` last vectors for each of n tracks. Rows follow the tracker's tracks through `keep` and `grow`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: Floats = np.empty((0, size, 0), np.float32)
        self._count: Ints = np.empty(0, np.int64)

    @property
    def filled(self) -> Bools:
        """Which tracks have any vector."""
        return np.asarray(self._count > 0)

    def similarity(self, tracks: Ints, vectors: Floats) -> Floats:
        """Cosine (tracks, vectors) of each vector with the closest one in each track's ring; -1 for an empty ring."""
        depth = int(min(self._count[tracks].max(initial=0), self._size))
        if not depth:
            return np.full((len(tracks), len(vectors)), -1, np.float32)
        # Over the whole bank: copying out the rows asked for costs more than multiplying the few others too.
        every = self._vectors.reshape(-1, self._vectors.shape[2]) @ vectors.T
        cosine = every.reshape(len(self._count), self._size, len(vectors))[tracks, :depth]
        cosine[np.arange(depth)[None] >= self._count[tracks][:, None]] = -1
        return np.asarray(cosine.max(axis=1))

    def add(self, tracks: Ints, vectors: Floats) -> None:
        """One more vector for each of `tracks` (no track twice); the oldest goes when the ring is full."""
        if self._vectors.shape[2] != vectors.shape[1]:
            self._vectors = np.zeros((len(self._count), self._size, vectors.shape[1]), np.float32)
        self._vectors[tracks, self._count[tracks] % self._size] = vectors
        self._count[tracks] += 1

    def keep(self, alive: Bools) -> None:
        self._vectors, self._count = self._vectors[alive], self._count[alive]

    def grow(self, more: int) -> None:
        empty = np.zeros((more, *self._vectors.shape[1:]), np.float32)
        self._vectors = np.concatenate([self._vectors, empty])
        self._count = np.concatenate([self._count, np.zeros(more, np.int64)])


NO_FEATURES: Floats = np.empty((0, 0), np.float32)
STEP_SECONDS = 1 / 30
"""The time step that the motion noise was measured for; the tracker scales it to the times that pass."""


@dataclass(frozen=True)
class AssociationRules:
    """All that decides an association. Users set `TrackSettings`; the rest was chosen by measurement.

    sure       boxes from here up are matched first and may start a track; weaker ones (from `conf`) only prolong one
    weak_iou   overlap that a weak box needs
    bank       vectors remembered per track
    patience   time steps that a track with fewer than `n_init` hits may miss
    reach      time steps without a box after which a track is no longer matched by overlap alone
    hold       a track that was not seen in the last frame keeps its height and shape while it coasts
    noise      of the motion model, for a time step of the length that the tracker is given
    """

    conf: float
    iou: float
    track_cos: float
    n_init: int
    max_age: float
    sure: float = 0.55
    weak_iou: float = 0.6
    bank: int = 30
    patience: int = 0
    reach: float = np.inf
    hold: bool = True
    noise: kalman.Noise = kalman.MEASURED

    @classmethod
    def of(cls, settings: TrackSettings) -> AssociationRules:
        return cls(settings.conf, settings.iou, settings.track_cos, settings.n_init, settings.max_age)

    @classmethod
    def classic(cls, track_cos: float = 0.8, max_age: float = 30, bank: int = 100) -> AssociationRules:
        """The tracker of the 2017 paper: one stage, overlap only for tracks seen in the frame before."""
        return cls(0.0, 0.3, track_cos, 3, max_age, sure=0.0, bank=bank, reach=1, hold=False, noise=kalman.PAPER)


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
        self._seen_at: NDArray[np.float64] = np.empty(0)
        self._bank = FeatureBank(rules.bank)

    def step(self, seconds: float, xyxy: Floats, score: Floats, vectors: Floats, has_vector: Bools) -> Ints:
        """Track number of each box of this frame (0: none). `vectors` has one row per True in `has_vector`."""
        rules = self.rules
        self._keep(self._in_time(seconds))
        self._state = self._expected(seconds)
        self._clock = seconds
        self._missed += 1
        owner: Rows = np.full(len(score), -1, np.int64)
        track_free = np.ones(len(self._id), bool)
        measurement = kalman.measured(xyxy)
        strong = score >= max(rules.sure, rules.conf)
        if len(self._id) and len(score):
            if len(vectors):
                self._match_appearance(owner, track_free, strong, measurement, vectors, has_vector)
            shared = iou_matrix(kalman.boxes(self._state), xyxy)
            near = (self._missed <= rules.reach) | (self._hits < rules.n_init)
            self._match_overlap(owner, track_free, near, strong, shared, rules.iou)
            weak = (score >= rules.conf) & ~strong
            if weak.any():
                self._match_overlap(owner, track_free, self._missed == 1, weak, shared, rules.weak_iou)
        self._correct(seconds, owner, measurement, vectors, has_vector)
        numbers = np.where(owner >= 0, self._id[owner], 0) if len(self._id) else np.zeros(len(score), np.int64)
        self._keep((self._hits >= rules.n_init) | (self._missed <= rules.patience))
        fresh = np.flatnonzero(strong & (owner < 0))
        if len(fresh):
            numbers[fresh] = self._give_birth(seconds, fresh, measurement, vectors, has_vector)
        return numbers

    def distances(self, seconds: float, xyxy: Floats) -> NDArray[np.float64]:
        """Squared distance (tracks, boxes) of boxes from where confirmed tracks are expected then; changes nothing."""
        counts = self._in_time(seconds) & (self._hits >= self.rules.n_init)
        return kalman.gate(self._expected(seconds)[counts], kalman.measured(xyxy), self.rules.noise)

    def _in_time(self, seconds: float) -> Bools:
        # Half a step of grace: container times jitter, and "30 frames" must mean 30 frames.
        return np.asarray(seconds - self._seen_at <= self.rules.max_age + self._step / 2)

    def _expected(self, seconds: float) -> kalman.State:
        if self._clock is None or not len(self._id):
            return self._state
        state = self._state
        if self.rules.hold:
            state = state.copy()
            state[self._missed > 0, kalman.SPEED, 2:] = 0
        return kalman.predict(state, (seconds - self._clock) / self._step, self.rules.noise)

    def _match_appearance(
        self,
        owner: Rows,
        track_free: Bools,
        strong: Bools,
        measurement: NDArray[np.float64],
        vectors: Floats,
        has_vector: Bools,
    ) -> None:
        """The cascade: tracks seen most recently choose first, by cosine, among boxes inside their motion gate."""
        columns = np.flatnonzero(strong & has_vector)
        rows = np.flatnonzero((self._hits >= self.rules.n_init) & self._bank.filled)
        if not len(columns) or not len(rows):
            return
        row_of_vector = np.cumsum(has_vector) - 1
        cost = 1.0 - self._bank.similarity(rows, vectors[row_of_vector[columns]]).astype(np.float64)
        far = kalman.gate(self._state[rows], measurement, self.rules.noise)
        # Looks speak only for boxes that have been looked at: past a nearer one that has not, they say nothing.
        nearest = far[:, strong & ~has_vector].min(axis=1, initial=np.inf)
        far = far[:, columns]
        cost[(far > kalman.CHI_SQUARE_95) | (far > nearest[:, None])] = np.inf
        limit = 1.0 - self.rules.track_cos
        for age in np.unique(self._missed[rows]):
            level = np.flatnonzero(self._missed[rows] == age)
            left = np.flatnonzero(owner[columns] < 0)
            if not len(left):
                return
            r, c = assign(cost[np.ix_(level, left)], limit)
            owner[columns[left[c]]] = rows[level[r]]
            track_free[rows[level[r]]] = False

    def _match_overlap(
        self,
        owner: Rows,
        track_free: Bools,
        tracks: Bools,
        boxes: Bools,
        shared: NDArray[np.float64],
        least: float,
    ) -> None:
        rows = np.flatnonzero(track_free & tracks)
        columns = np.flatnonzero(boxes & (owner < 0))
        if len(rows) and len(columns):
            r, c = assign(1.0 - shared[rows[:, None], columns], 1.0 - least)
            owner[columns[c]] = rows[r]
            track_free[rows[r]] = False

    def _correct(
        self, seconds: float, owner: Rows, measurement: NDArray[np.float64], vectors: Floats, has_vector: Bools
    ) -> None:
        found = owner >= 0
        rows = owner[found]
        if not len(rows):
            return
        self._state[rows] = kalman.update(self._state[rows], measurement[found], self.rules.noise)
        self._hits[rows] += 1
        self._missed[rows] = 0
        self._seen_at[rows] = seconds
        if len(vectors):
            known = owner[has_vector]
            self._bank.add(known[known >= 0], vectors[known >= 0])

    def _keep(self, alive: Bools) -> None:
        """The other tracks are gone for good: not seen for longer than `max_age`, or young and missing."""
        if alive.all():
            return
        self._state, self._id, self._hits = self._state[alive], self._id[alive], self._hits[alive]
        self._missed, self._seen_at = self._missed[alive], self._seen_at[alive]
        self._bank.keep(alive)

    def _give_birth(
        self, seconds: float, fresh: Rows, measurement: NDArray[np.float64], vectors: Floats, has_vector: Bools
    ) -> Ints:
        more = len(fresh)
        first = len(self._id)
        numbers = np.arange(self._next, self._next + more)
        self._next += more
        self._state = np.concatenate([self._state, kalman.born(measurement[fresh], self.rules.noise)])
        self._id = np.concatenate([self._id, numbers])
        self._hits = np.concatenate([self._hits, np.ones(more, np.int64)])
        self._missed = np.concatenate([self._missed, np.zeros(more, np.int64)])
        self._seen_at = np.concatenate([self._seen_at, np.full(more, seconds)])
        self._bank.grow(more)
        known = has_vector[fresh]
        if len(vectors) and known.any():
            row_of_vector = np.cumsum(has_vector) - 1
            self._bank.add(first + np.flatnonzero(known), vectors[row_of_vector[fresh[known]]])
        return numbers
