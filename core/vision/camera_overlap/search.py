"""Which cameras see the same ground, the map between their pictures, and how far apart two people stood there.

Two pictures of one flat ground differ by a homography (a 3 x 3 matrix). Tracklets that look alike are tried as the
same person. Four places from three such pairs make a homography; the one that most other pairs agree with, at the
shift of clocks at which most do, is refined on all of them. It is accepted where several people agree at that shift
and far fewer at wrong ones. People who stand still agree at any shift: they decide nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.base.types import Bools, Floats, Ints, Tracklets
from core.vision.camera_overlap.footpaths import SAMPLES, TICK_SECONDS, Feet, Meetings, Numbers, Walks, meetings
from core.vision.camera_overlap.homography import distances, fit_homography, homographies_through

AGREE_DISTANCE = 0.5
"""A pair agrees with a homography where the median distance of its feet is at most this many body heights."""
FULL_TICKS = 100
"""A pair seen together for this many ticks or more counts as one person; a shorter one as a part of one."""
MAX_PAIRS = 40
MIN_SIMILARITY = 0.3
"""Similarity from which a pair is tried as one person."""
DRAWS = 300
"""Homographies that are drawn at each shift."""
REFINED_DRAWS, REFINE_ROUNDS = 6, 6
"""The best so many draws are refined, in so many rounds."""
MAX_SHIFT_SECONDS, SHIFT_STEP_TICKS, WRONG_SHIFT_SECONDS = 3.0, 3, 1.0
"""Shifts of the clocks are searched up to `MAX_SHIFT_SECONDS` both ways, every `SHIFT_STEP_TICKS`. Those
`WRONG_SHIFT_SECONDS` or more from the best one are wrong for certain, and show how many people agree by chance."""
MIN_AGREEING, MIN_CONTRAST = 2.4, 1.5
"""A homography is accepted where at least `MIN_AGREEING` people agree, and `MIN_CONTRAST` times as many as at any wrong
shift."""
MAX_EXTRAPOLATION = 2.0
"""A homography is used within this many body heights of the places from which it was learned."""
BLOCK = 2048
MAX_LEARNED_PLACES = 400

_FILE_NAMES = {
    "camera_a": "one",
    "camera_b": "other",
    "homography": "to_other",
    "shift_seconds": "shift_seconds",
    "agreeing": "worth",
    "agreeing_by_chance": "by_chance",
    "places": "here",
    "residual": "off",
}
"""What the fields of `CameraOverlap` are called in the files of a run, in their order there."""


@dataclass(frozen=True, eq=False)
class CameraOverlap:
    """Two cameras (numbers, `camera_a` < `camera_b`) that see the same ground.

    homography           (3, 3) takes places in the first picture to the second, in widths of the picture
    shift_seconds        by how much the second camera's clock must be put forward
    agreeing             how many people agree with the homography
    agreeing_by_chance   how many people agree at the best of the wrong shifts
    places               (k, 2) the places in the first picture from which the homography was learned
    residual             the median distance between feet that should be at one place, in body heights
    """

    camera_a: int
    camera_b: int
    homography: Numbers
    shift_seconds: float
    agreeing: float
    agreeing_by_chance: float
    places: Numbers
    residual: float

    @property
    def shift(self) -> int:
        """`shift_seconds` in ticks."""
        return round(self.shift_seconds / TICK_SECONDS)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, and `from_dict` reads."""
        values = {_FILE_NAMES[name]: value for name, value in vars(self).items()}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CameraOverlap:
        found = {name: values[in_file] for name, in_file in _FILE_NAMES.items()}
        arrays = {name: np.array(found[name], np.float64) for name in ("homography", "places")}
        return cls(**{**found, **arrays})


def find_overlaps(tracklets: Tracklets, walks: Walks, similarity: Floats, together: Bools) -> list[CameraOverlap]:
    """All pairs of cameras that are found to see the same ground.

    `similarity` and `together` (whether two were in the picture of one camera at the same time) are (n, n).
    """
    begin = walks.begins(len(tracklets))
    cameras = np.unique(tracklets.camera).tolist()
    overlaps = []
    for at, camera_a in enumerate(cameras):
        for camera_b in cameras[at + 1 :]:
            rows = np.flatnonzero(tracklets.camera == camera_a), np.flatnonzero(tracklets.camera == camera_b)
            search = _Search(walks, begin, _likely_pairs(tracklets, *rows, similarity), together)
            overlap = search.run(camera_a, camera_b)
            if overlap is not None:
                overlaps.append(overlap)
    return overlaps


def _likely_pairs(tracklets: Tracklets, rows_a: Ints, rows_b: Ints, similarity: Floats) -> list[tuple[int, int]]:
    """Pairs to try, the most alike first: those that may have met, and are among the first choices of either side."""
    candidates = similarity[np.ix_(rows_a, rows_b)]
    may_meet = tracklets.start[rows_a][:, None] <= tracklets.end[rows_b][None] + MAX_SHIFT_SECONDS
    may_meet &= tracklets.start[rows_b][None] <= tracklets.end[rows_a][:, None] + MAX_SHIFT_SECONDS
    candidates = np.where(may_meet, candidates, -1)
    chosen: list[tuple[int, int]] = []
    count_a, count_b = np.zeros(len(rows_a), int), np.zeros(len(rows_b), int)
    for flat in np.argsort(-candidates, axis=None, kind="stable")[: 100 * MAX_PAIRS].tolist():
        i, j = divmod(flat, len(rows_b))
        if candidates[i, j] < MIN_SIMILARITY or len(chosen) == MAX_PAIRS:
            break
        fewer, more = sorted((count_a[i], count_b[j]))
        if fewer < 2 and more < 4:
            count_a[i] += 1
            count_b[j] += 1
            chosen.append((int(rows_a[i]), int(rows_b[j])))
    return chosen


@dataclass(frozen=True, eq=False)
class _Hypothesis:
    """A homography at a shift of the clocks (ticks), the pairs that agree with it, and how many people these are."""

    agreeing: float
    shift: int
    homography: Numbers
    pairs: Meetings


@dataclass(frozen=True, eq=False)
class _Search:
    """The search for the homography and the shift of clocks of one pair of cameras."""

    walks: Walks
    begin: Ints
    likely: list[tuple[int, int]]
    together: Bools

    def run(self, camera_a: int, camera_b: int) -> CameraOverlap | None:
        """The overlap of the two cameras, or None where the evidence does not suffice."""
        if self._most_agreeing() < MIN_AGREEING:
            # Most pairs of many cameras: too few people could have met, whatever the clocks.
            return None
        reach = round(MAX_SHIFT_SECONDS / TICK_SECONDS)
        coarse = [self.at(shift) for shift in range(-reach, reach + 1, SHIFT_STEP_TICKS)]
        best = max(coarse, key=lambda hypothesis: hypothesis.agreeing)
        if best.agreeing < MIN_AGREEING:
            return None
        fine = [self.at(shift) for shift in range(best.shift - SHIFT_STEP_TICKS + 1, best.shift + SHIFT_STEP_TICKS)]
        best = max([best, *fine], key=lambda hypothesis: hypothesis.agreeing)
        wrong = round(WRONG_SHIFT_SECONDS / TICK_SECONDS)
        chance = max((h.agreeing for h in coarse if abs(h.shift - best.shift) >= wrong), default=0.0)
        if best.agreeing < max(MIN_AGREEING, MIN_CONTRAST * chance):
            return None
        residual = float(np.median(distances(best.homography[None], best.pairs.feet)))
        places = best.pairs.feet.here.reshape(-1, 2)
        shift_seconds = best.shift * TICK_SECONDS
        return CameraOverlap(
            camera_a, camera_b, best.homography, shift_seconds, best.agreeing, chance, places, residual
        )

    def _most_agreeing(self) -> float:
        """How many people could agree at most, at any shift: as if each pair met for as long as the shorter track is,
        and all were at the right places."""
        here, there = np.array(self.likely, np.int64).reshape(-1, 2).T
        lengths = np.diff(self.begin)
        ticks = np.minimum(lengths[here], lengths[there])
        weight = np.minimum(ticks, FULL_TICKS) / FULL_TICKS
        return min(self._most_of(here, there, weight), self._most_of(there, here, weight))

    def _most_of(self, rows: Ints, partners: Ints, weight: Numbers) -> float:
        """The most that these pairs count for if each of `rows` has one partner, or several who were never together."""
        most = 0.0
        for row in np.unique(rows):
            pairs = np.flatnonzero(rows == row)
            others = partners[pairs]
            one_at_once = (self.together[np.ix_(others, others)] | np.eye(len(others), dtype=bool)).all()
            most += float(weight[pairs].max() if one_at_once else weight[pairs].sum())
        return most

    def at(self, shift: int) -> _Hypothesis:
        """The best homography where the clocks differ by `shift` ticks."""
        pairs = meetings(self.walks, self.begin, self.likely, shift)
        best = _Hypothesis(0.0, shift, np.eye(3), pairs[:0])
        if len(pairs) < 3:
            return best
        draws = _draw(pairs)
        distance = np.median(distances(draws, pairs.feet), axis=2)
        score = np.maximum(1 - (distance / AGREE_DISTANCE) ** 2, 0) @ _weight(pairs)
        for k in np.argsort(-score, kind="stable")[:REFINED_DRAWS].tolist():
            hypothesis = self._refine(draws[k], pairs, shift)
            best = max(best, hypothesis, key=lambda h: h.agreeing)
        return best

    def _refine(self, homography: Numbers, pairs: Meetings, shift: int) -> _Hypothesis:
        """The best hypothesis on the way from a drawn homography to the fit to all pairs that agree with it."""
        best = _Hypothesis(0.0, shift, homography, pairs[:0])
        for _ in range(REFINE_ROUNDS):
            distance = np.median(distances(homography[None], pairs.feet)[0], axis=1)
            agree = self._one_to_one(distance, pairs)
            agreeing = float((1 - (distance[agree] / AGREE_DISTANCE) ** 2) @ _weight(pairs)[agree])
            if agreeing > best.agreeing:
                best = _Hypothesis(agreeing, shift, homography, pairs[agree])
            if len(agree) < 2:
                break
            homography = fit_homography(pairs[agree].feet, homography)
        return best

    def _one_to_one(self, distance: Numbers, pairs: Meetings) -> Ints:
        """Pairs that agree, nearest first; nobody has two partners who are in the picture together."""
        agree: list[int] = []
        for k in np.argsort(distance, kind="stable").tolist():
            if distance[k] > AGREE_DISTANCE:
                break
            a, b = pairs.row_a[k], pairs.row_b[k]
            if all(
                not (a == pairs.row_a[g] and self.together[b, pairs.row_b[g]])
                and not (b == pairs.row_b[g] and self.together[a, pairs.row_a[g]])
                for g in agree
            ):
                agree.append(k)
        return np.array(agree, np.int64)


def _weight(pairs: Meetings) -> Numbers:
    """How much of a person each pair counts for (k,), 0 to 1."""
    return np.asarray(np.minimum(pairs.ticks, FULL_TICKS) / FULL_TICKS)


def _draw(pairs: Meetings) -> Numbers:
    """Homographies (draws, 3, 3) through four places of three pairs, drawn at random, the same each time: an early and
    a late place of the first pair, and any place of each of the others."""
    rng = np.random.default_rng(0)
    three = np.argsort(rng.random((DRAWS, len(pairs))), axis=1)[:, :3]
    pair = three[:, [0, 1, 2, 0]]
    share = rng.random(pair.shape) * [0.3, 1, 1, 0.3] + [0, 0, 0, 0.7]
    sample = np.minimum((share * SAMPLES).astype(int), SAMPLES - 1)
    return homographies_through(pairs.feet.here[pair, sample], pairs.feet.there[pair, sample])


def foot_distance_matrix(tracklets: Tracklets, walks: Walks, overlaps: Sequence[CameraOverlap]) -> Floats:
    """Body heights between the feet of each pair of tracklets, (n, n): the median over the moments at which two cameras
    saw both. NaN where that is unknown."""
    distance = np.full((len(tracklets),) * 2, np.nan, np.float32)
    begin = walks.begins(len(tracklets))
    for overlap in overlaps:
        pairs = pairs_in_view(tracklets, overlap)
        for at in range(0, len(pairs), BLOCK):
            met = meetings(walks, begin, pairs[at : at + BLOCK], overlap.shift)
            if len(met):
                median = _median_of_known(distance_by_tick(overlap, met.feet))
                distance[met.row_a, met.row_b] = distance[met.row_b, met.row_a] = median
    return distance


def pairs_in_view(tracklets: Tracklets, overlap: CameraOverlap) -> list[tuple[int, int]]:
    """Pairs of rows that are seen at the same time by the two cameras."""
    rows_a, rows_b = (np.flatnonzero(tracklets.camera == camera) for camera in (overlap.camera_a, overlap.camera_b))
    start, end = tracklets.start[rows_b] + overlap.shift_seconds, tracklets.end[rows_b] + overlap.shift_seconds
    both = (tracklets.start[rows_a][:, None] <= end[None]) & (start[None] <= tracklets.end[rows_a][:, None])
    i, j = np.nonzero(both)
    return list(zip(rows_a[i].tolist(), rows_b[j].tolist(), strict=True))


def distance_by_tick(overlap: CameraOverlap, feet: Feet) -> Numbers:
    """Body heights between the feet at each moment; NaN where the first person stood far from all learned places."""
    from scipy.spatial import cKDTree

    learned = overlap.places[:: max(len(overlap.places) // MAX_LEARNED_PLACES, 1)]
    nearest = cKDTree(learned).query(feet.here.reshape(-1, 2))[0]
    is_covered = nearest.reshape(feet.tall_here.shape) <= MAX_EXTRAPOLATION * feet.tall_here
    return np.where(is_covered, distances(overlap.homography[None], feet)[0], np.nan)


def _median_of_known(distance: Numbers) -> Numbers:
    """The median of each row (k,) over the known moments (k, moments), NaN where fewer than half of them are known."""
    count = np.isfinite(distance).sum(axis=1)
    ordered = np.sort(distance, axis=1)  # what is unknown comes last
    median = ordered[np.arange(len(distance)), np.maximum(count - 1, 0) // 2]
    return np.where(count >= distance.shape[1] / 2, median, np.nan)
