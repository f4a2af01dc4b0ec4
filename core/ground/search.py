"""The search for what two cameras both see: the map from one ground to the other, and how far their clocks differ.

Tracklets that look alike are tried as the same people. Four places from three such pairs make a map; the map that most
other pairs agree with, at the shift of clocks at which most do, is refined on all of them. It is accepted where several
people agree at that shift and far fewer at wrong ones. People who stand still agree at any shift: they decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.ground import maps
from core.ground.walks import THIN, TICK_SECONDS, Meetings, Numbers, Walks, meetings
from core.types import Bools, Floats, Ints, Tracklets

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
class Overlap:
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
    def of(cls, plain: Mapping[str, Any]) -> Overlap:
        arrays = {name: np.array(plain[name], np.float64) for name in ("to_other", "here")}
        return cls(**{**plain, **arrays})


def overlaps(tracklets: Tracklets, walks: Walks, similarity: Floats, together: Bools) -> list[Overlap]:
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

    def run(self, one: int, other: int) -> Overlap | None:
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
        off = float(np.median(maps.misses(best.map[None], best.pairs.feet)))
        here = best.pairs.feet.here.reshape(-1, 2)
        return Overlap(one, other, best.map, best.shift * TICK_SECONDS, best.worth, chance, here, off)

    def at(self, shift: int) -> _Found:
        """The best map where the clocks differ by `shift` ticks."""
        pairs = meetings(self.walks, self.begin, self.likely, shift)
        best = _Found(0.0, shift, np.eye(3), pairs[:0])
        if len(pairs) < 3:
            return best
        drawn = _draw(pairs)
        apart = np.median(maps.misses(drawn, pairs.feet), axis=2)
        rough = np.maximum(1 - (apart / NEAR) ** 2, 0) @ _weight(pairs)
        for k in np.argsort(-rough, kind="stable")[:KEPT].tolist():
            found = self._refined(drawn[k], pairs, shift)
            best = max(best, found, key=lambda f: f.worth)
        return best

    def _refined(self, found: Numbers, pairs: Meetings, shift: int) -> _Found:
        best = _Found(0.0, shift, found, pairs[:0])
        for _ in range(ROUNDS):
            apart = np.median(maps.misses(found[None], pairs.feet)[0], axis=1)
            agree = self._one_to_one(apart, pairs)
            worth = float((1 - (apart[agree] / NEAR) ** 2) @ _weight(pairs)[agree])
            if worth > best.worth:
                best = _Found(worth, shift, found, pairs[agree])
            if len(agree) < 2:
                break
            found = maps.fitted(pairs[agree].feet, found)
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
    return maps.through(pairs.feet.here[which, moment], pairs.feet.there[which, moment])
