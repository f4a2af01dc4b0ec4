"""Homographies between two pictures of one ground: through four places, through many, and how badly one fits.

The search for what two cameras both see: the map from one ground to the other, and how far their clocks differ.

Tracklets that look alike are tried as the same people. Four places from three such pairs make a map; the map that most
other pairs agree with, at the shift of clocks at which most do, is refined on all of them. It is accepted where several
people agree at that shift and far fewer at wrong ones. People who stand still agree at any shift: they decide nothing.

How far apart two tracklets of different cameras stood at one moment, where both cameras see the same ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from core.base.types import Bools, Floats, Ints, Tracklets
from core.vision.camera_overlap.footpaths import THIN, TICK_SECONDS, Feet, Meetings, Numbers, Walks, meetings

FAR = 99.0
"""In body heights; also what a place beyond the horizon is worth."""
USUAL = 0.1
"""How far feet are usually off, in body heights: what is much farther off pulls less."""


def through(here: Numbers, there: Numbers) -> Numbers:
    """The maps (k, 3, 3) that take four places each (k, 4, 2) to four others; those of no solution are left out."""
    x, y, u, v = here[..., 0], here[..., 1], there[..., 0], there[..., 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, one, none, none, none, -u * x, -u * y], axis=-1)
    lower = np.stack([none, none, none, x, y, one, -v * x, -v * y], axis=-1)
    left, right = np.concatenate([upper, lower], axis=1), np.concatenate([u, v], axis=1)
    good = np.abs(np.linalg.det(left)) > 1e-12
    found = np.ones((int(good.sum()), 9))
    found[:, :8] = np.linalg.solve(left[good], right[good][..., None])[..., 0]
    return found.reshape(-1, 3, 3)


def fitted(feet: Feet, start: Numbers, rounds: int = 3) -> Numbers:
    """The map (3, 3) that fits all places best, from a first guess; places far off it hardly count."""
    found = start
    for _ in range(rounds):
        weight = 1 / (1 + (misses(found[None], feet)[0].ravel() / USUAL) ** 2)
        found = _least_squares(feet.here.reshape(-1, 2), feet.there.reshape(-1, 2), weight)
    return found


def _least_squares(here: Numbers, there: Numbers, weight: Numbers) -> Numbers:
    """By singular values, in coordinates in which both clouds of places have their middle at 0 and spread 1: otherwise
    the places far from the origin would decide (Hartley, 1997)."""
    to_here, to_there = _centred(here, weight), _centred(there, weight)
    (x, y), (u, v) = (moved(to[None], places)[0].T for to, places in ((to_here, here), (to_there, there)))
    one, none = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=-1)
    lower = np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=-1)
    rows = np.concatenate([upper, lower]) * np.tile(np.sqrt(weight), 2)[:, None]
    found = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 3)
    return np.asarray(np.linalg.inv(to_there) @ found @ to_here)


def _centred(places: Numbers, weight: Numbers) -> Numbers:
    share = weight / weight.sum()
    middle = share @ places
    spread = max(float(np.sqrt(share @ ((places - middle) ** 2).sum(axis=1))), 1e-9)
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def moved(found: Numbers, places: Numbers) -> Numbers:
    """Places (..., 2) in the other picture, for each of the maps (k, 3, 3): (k, ..., 2)."""
    flat = np.concatenate([places.reshape(-1, 2), np.ones((places.size // 2, 1))], axis=1)
    with np.errstate(all="ignore"):
        there = flat @ np.swapaxes(found, -1, -2)
        return np.asarray((there[..., :2] / there[..., 2:]).reshape(len(found), *places.shape))


def inverse(found: Numbers) -> Numbers:
    """That of each map (k, 3, 3), up to a factor, which a homography does not mind; of a degenerate one too."""
    a, b, c = found[:, 0], found[:, 1], found[:, 2]
    return np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-1)


def misses(found: Numbers, feet: Feet) -> Numbers:
    """How far feet are apart in body heights, in the picture where it is more, for each of the maps (k, 3, 3)."""
    with np.errstate(all="ignore"):
        there = np.linalg.norm(moved(found, feet.here) - feet.there, axis=-1) / feet.tall_there
        here = np.linalg.norm(moved(inverse(found), feet.there) - feet.here, axis=-1) / feet.tall_here
    worst = np.maximum(here, there)
    return np.where(np.isfinite(worst), np.minimum(worst, FAR), FAR)


NEAR = 0.5
"""A pair agrees with a map where the median distance of its feet is at most this many body heights."""
FULL_TICKS = 100
"""A pair seen together for this many ticks or more counts as one person; a shorter one as a part of one."""
MOST_PAIRS = 40
LIKELY = 0.3
"""Similarity from which a pair is tried as one person."""
DRAWS, KEPT, ROUNDS = 300, 6, 6
REACH_SECONDS, STEP, AWAY_SECONDS = 3.0, 3, 1.0
"""Shifts of the clocks are searched up to `REACH_SECONDS` both ways, every `STEP` ticks. Those `AWAY_SECONDS` or more
from the best one are wrong for certain, and show how many people agree by chance."""
AGREED, CONTRAST = 2.4, 1.5
"""A map is accepted where at least `AGREED` people agree, and `CONTRAST` times as many as at any wrong shift."""


@dataclass(frozen=True, eq=False)
class CameraOverlap:
    """Two cameras (numbers, `one` < `other`) that see the same ground.

    `to_other` (3, 3) takes places in the first picture to the second, in widths of the picture; `shift_seconds` is what
    the second one's clock must be put forward. `worth` is how many people agree, `by_chance` how many at wrong times.
    `here` (k, 2) are the places in the first picture from which it was learned, `off` how far feet usually were apart.
    """

    one: int
    other: int
    to_other: Numbers
    shift_seconds: float
    worth: float
    by_chance: float
    here: Numbers
    off: float

    @property
    def shift(self) -> int:
        return round(self.shift_seconds / TICK_SECONDS)

    def plain(self) -> dict[str, Any]:
        """What JSON can hold, and `of` reads."""
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> CameraOverlap:
        arrays = {name: np.array(plain[name], np.float64) for name in ("to_other", "here")}
        return cls(**{**plain, **arrays})


def find_overlaps(tracklets: Tracklets, walks: Walks, similarity: Floats, together: Bools) -> list[CameraOverlap]:
    """Those of all pairs of cameras that are believed; `similarity` and `together` (one camera, at once) are (n, n)."""
    begin = walks.begins(len(tracklets))
    cameras = np.unique(tracklets.camera).tolist()
    found = []
    for at, one in enumerate(cameras):
        for other in cameras[at + 1 :]:
            rows = np.flatnonzero(tracklets.camera == one), np.flatnonzero(tracklets.camera == other)
            search = _Search(walks, begin, _likely(tracklets, *rows, similarity), together)
            overlap = search.run(one, other)
            if overlap is not None:
                found.append(overlap)
    return found


def _likely(tracklets: Tracklets, ones: Ints, others: Ints, similarity: Floats) -> list[tuple[int, int]]:
    """Pairs to try, the most alike first: those that may have met, and are among the first choices of either side."""
    between = similarity[np.ix_(ones, others)]
    soon = tracklets.start[ones][:, None] <= tracklets.end[others][None] + REACH_SECONDS
    soon &= tracklets.start[others][None] <= tracklets.end[ones][:, None] + REACH_SECONDS
    between = np.where(soon, between, -1)
    chosen: list[tuple[int, int]] = []
    had = np.zeros(len(ones), int), np.zeros(len(others), int)
    for flat in np.argsort(-between, axis=None, kind="stable")[: 100 * MOST_PAIRS].tolist():
        i, j = divmod(flat, len(others))
        if between[i, j] < LIKELY or len(chosen) == MOST_PAIRS:
            break
        few, many = sorted((had[0][i], had[1][j]))
        if few < 2 and many < 4:
            had[0][i] += 1
            had[1][j] += 1
            chosen.append((int(ones[i]), int(others[j])))
    return chosen


@dataclass(frozen=True, eq=False)
class _Found:
    worth: float
    shift: int
    map: Numbers
    pairs: Meetings


@dataclass(frozen=True, eq=False)
class _Search:
    """One pair of cameras."""

    walks: Walks
    begin: Ints
    likely: list[tuple[int, int]]
    together: Bools

    def run(self, one: int, other: int) -> CameraOverlap | None:
        reach = round(REACH_SECONDS / TICK_SECONDS)
        tried = [self.at(shift) for shift in range(-reach, reach + 1, STEP)]
        best = max(tried, key=lambda found: found.worth)
        if best.worth < AGREED:
            return None
        fine = [self.at(shift) for shift in range(best.shift - STEP + 1, best.shift + STEP)]
        best = max([best, *fine], key=lambda found: found.worth)
        away = round(AWAY_SECONDS / TICK_SECONDS)
        chance = max((t.worth for t in tried if abs(t.shift - best.shift) >= away), default=0.0)
        if best.worth < max(AGREED, CONTRAST * chance):
            return None
        off = float(np.median(misses(best.map[None], best.pairs.feet)))
        here = best.pairs.feet.here.reshape(-1, 2)
        return CameraOverlap(one, other, best.map, best.shift * TICK_SECONDS, best.worth, chance, here, off)

    def at(self, shift: int) -> _Found:
        """The best map where the clocks differ by `shift` ticks."""
        pairs = meetings(self.walks, self.begin, self.likely, shift)
        best = _Found(0.0, shift, np.eye(3), pairs[:0])
        if len(pairs) < 3:
            return best
        drawn = _draw(pairs)
        apart = np.median(misses(drawn, pairs.feet), axis=2)
        rough = np.maximum(1 - (apart / NEAR) ** 2, 0) @ _weight(pairs)
        for k in np.argsort(-rough, kind="stable")[:KEPT].tolist():
            found = self._refined(drawn[k], pairs, shift)
            best = max(best, found, key=lambda f: f.worth)
        return best

    def _refined(self, found: Numbers, pairs: Meetings, shift: int) -> _Found:
        best = _Found(0.0, shift, found, pairs[:0])
        for _ in range(ROUNDS):
            apart = np.median(misses(found[None], pairs.feet)[0], axis=1)
            agree = self._one_to_one(apart, pairs)
            worth = float((1 - (apart[agree] / NEAR) ** 2) @ _weight(pairs)[agree])
            if worth > best.worth:
                best = _Found(worth, shift, found, pairs[agree])
            if len(agree) < 2:
                break
            found = fitted(pairs[agree].feet, found)
        return best

    def _one_to_one(self, apart: Numbers, pairs: Meetings) -> Ints:
        """Pairs that agree, nearest first; nobody has two partners who are in the picture together."""
        agree: list[int] = []
        for k in np.argsort(apart, kind="stable").tolist():
            if apart[k] > NEAR:
                break
            a, b = pairs.one[k], pairs.other[k]
            if all(
                not (a == pairs.one[g] and self.together[b, pairs.other[g]])
                and not (b == pairs.other[g] and self.together[a, pairs.one[g]])
                for g in agree
            ):
                agree.append(k)
        return np.array(agree, np.int64)


def _weight(pairs: Meetings) -> Numbers:
    return np.asarray(np.minimum(pairs.ticks, FULL_TICKS) / FULL_TICKS)


def _draw(pairs: Meetings) -> Numbers:
    """Maps through four places of three pairs: an early and a late one of the first pair, one of each of the others."""
    rng = np.random.default_rng(0)
    three = np.argsort(rng.random((DRAWS, len(pairs))), axis=1)[:, :3]
    which = three[:, [0, 1, 2, 0]]
    part = rng.random(which.shape) * [0.3, 1, 1, 0.3] + [0, 0, 0, 0.7]
    moment = np.minimum((part * THIN).astype(int), THIN - 1)
    return through(pairs.feet.here[which, moment], pairs.feet.there[which, moment])


AROUND = 2.0
"""A map is used within this many body heights of the places from which it was learned."""
BLOCK = 2048
LEARNED = 400


def distances(tracklets: Tracklets, walks: Walks, found: Sequence[CameraOverlap]) -> Floats:
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


def together(tracklets: Tracklets, overlap: CameraOverlap) -> list[tuple[int, int]]:
    """Pairs of rows that are seen at the same time by the two cameras."""
    ones, others = (np.flatnonzero(tracklets.camera == camera) for camera in (overlap.one, overlap.other))
    start, end = tracklets.start[others] + overlap.shift_seconds, tracklets.end[others] + overlap.shift_seconds
    both = (tracklets.start[ones][:, None] <= end[None]) & (start[None] <= tracklets.end[ones][:, None])
    i, j = np.nonzero(both)
    return list(zip(ones[i].tolist(), others[j].tolist(), strict=True))


def steps(overlap: CameraOverlap, feet: Feet) -> Numbers:
    """Body heights between the feet at each moment, NaN where the first one stood where the map is not trusted."""
    learned = overlap.here[:: max(len(overlap.here) // LEARNED, 1)]
    nearest = cKDTree(learned).query(feet.here.reshape(-1, 2))[0]
    known = nearest.reshape(feet.tall_here.shape) <= AROUND * feet.tall_here
    return np.where(known, misses(overlap.to_other[None], feet)[0], np.nan)


def _middle(apart: Numbers) -> Numbers:
    """The median over the known moments, NaN where fewer than half of them are."""
    count = np.isfinite(apart).sum(axis=1)
    ordered = np.sort(apart, axis=1)  # what is unknown comes last
    middle = ordered[np.arange(len(apart)), np.maximum(count - 1, 0) // 2]
    return np.where(count >= apart.shape[1] / 2, middle, np.nan)
