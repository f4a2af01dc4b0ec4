"""What share of the links shown at a threshold is likely wrong, read from the clips themselves, without any labels.

Two tracks in the picture of one camera at the same time are two people, and so are two that were seen at different
places at one moment: their similarities show how alike strangers are here. On the way down the merge tree, from one
level to the next, they say how many of the pairs that could still join are likely to do so by chance. Their sum,
divided by the pairs that have joined, is the expected false share, as decoys give it in other fields (Elias and Gygi,
2007). Whoever has found their own is no longer there to be taken for another, so this is far less than among all pairs
by themselves; and it is careful, for means of many pairs spread less than the single pairs that it is read from.
Where the clips hold few strangers, what is known of the model counts for as much as `PRIOR` pairs would.

How many links are missed cannot be read like this: two sightings by one camera seconds apart are far easier than two
by two cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import poisson

from core.match.rules import FREE, STRANGERS, Reasons
from core.match.tree import MergeTree, open_pairs
from core.types import Floats, Ints
from core.weights import Known

Numbers = NDArray[np.float64]

WANTED = 0.05
"""The expected false share at the threshold that is suggested."""
LEVELS = np.round(np.arange(-0.2, 1.0, 0.01), 2)
PRIOR = 10
"""So many pairs of strangers are worth as much as what is known of the model."""
FEW = 10
"""Under so many pairs of strangers the clips say too little."""
DRAWS = 400
BLOCK = 512  # rows looked at together: memory stays small beside the matrix
FINE = np.round(np.arange(-1.0, 1.0005, 0.001), 3)
"""Similarities are counted between these."""
INTERVAL = 0.05, 0.95
MIXED = 0.02
"""Share of tracklets that mix two people, or lie on nobody: one of 57 on plazas 10 and 11."""
TENTH = 1.2816
"""Deviations above the mean from which a tenth of a normal distribution lies."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """At each of `levels`, the expected false share of the links shown, with an interval of nine in ten.

    `pairs` is how many pairs of certain strangers there were. `enough` says whether they, or only what is known of the
    model, led to `threshold`.
    """

    levels: Numbers
    share: Numbers
    low: Numbers
    high: Numbers
    pairs: int
    enough: bool
    threshold: float

    def at(self, threshold: float) -> tuple[float, float, float]:
        """Expected share, and the ends of its interval, at a threshold."""
        share, low, high = (float(np.interp(threshold, self.levels, y)) for y in (self.share, self.low, self.high))
        return share, low, high

    @property
    def words(self) -> str:
        if not self.enough:
            return f"too little evidence ({self.pairs} known-different pairs); using the default of this model"
        share, low, high = self.at(self.threshold)
        return f"{share:.0%} of the links shown are expected to be wrong ({low:.0%} to {high:.0%})"


def calibrate(similarity: Floats, why: Reasons, tree: MergeTree, known: Known, seed: int = 0) -> Calibration:
    """From the similarities (n, n) of all tracklets, the reasons why pairs cannot be one person, and their tree."""
    seen = _tally(similarity, why)
    joins = _joins(tree, why)
    mean, spread, weight = _learned(seen, known)
    share = _share(np.array([[mean]]), np.array([[spread]]), seen, joins)[0]
    drawn = _share(*_possible(mean, spread, min(weight, seen.involved + PRIOR), seed), seen, joins)
    low, high = np.quantile(_come_out(drawn, joins, seed), INTERVAL, axis=0)
    enough = seen.pairs >= FEW
    return Calibration(
        levels=LEVELS,
        share=share,
        low=np.minimum(low, share),
        high=np.maximum(high, share),
        pairs=seen.pairs,
        enough=enough,
        threshold=float(_suggested(share, joins, known, np.tanh(mean + TENTH * spread)) if enough else known.threshold),
    )


@dataclass(frozen=True, eq=False)
class _Tally:
    """`pairs` certain strangers among `involved` tracklets; how many of them lie between each two of `FINE`, and how
    many pairs that could be one person have at least each of them."""

    pairs: int
    involved: int
    apart: Ints
    could: Ints

    def stranger(self, share: float) -> float:
        """The similarity, turned, below which this share of the certain strangers lies."""
        so_far = np.cumsum(self.apart) / max(self.pairs, 1)
        return float(_turned(FINE[1:])[np.searchsorted(so_far, share - 1e-9)])

    def at_least(self, similarity: Numbers) -> Numbers:
        return np.asarray(np.interp(similarity, FINE, self.could), np.float64)


def _tally(similarity: Floats, why: Reasons) -> _Tally:
    n = len(similarity)
    involved = np.zeros(n, bool)
    strange, counts = np.zeros((2, len(FINE) - 1), np.int64)
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        later = np.arange(n)[None] > np.arange(n)[rows][:, None]  # each pair once
        apart = later & np.isin(why[rows], STRANGERS)
        strange += np.histogram(np.clip(similarity[rows][apart], -1, 1), FINE)[0]
        involved[rows] |= apart.any(1)
        involved |= apart.any(0)
        could = np.clip(similarity[rows][later & (why[rows] == FREE)], -1, 1)
        counts += np.histogram(could, FINE)[0]
    could_be = np.append(np.cumsum(counts[::-1])[::-1], 0)
    return _Tally(int(strange.sum()), int(involved.sum()), strange, could_be)


@dataclass(frozen=True, eq=False)
class _Joins:
    """For each of `LEVELS` how many merges there were (`until`), pairs joined (`shown`) and tracklets that are not
    alone (`joined`); for each merge its turned level, and the pairs that could join before it, one more than merges."""

    until: Ints
    shown: Ints
    joined: Ints
    level: Numbers
    could: Numbers


def _joins(tree: MergeTree, why: Reasons) -> _Joins:
    could, within = open_pairs(tree, why)
    until = np.searchsorted(-tree.level.astype(np.float64), -LEVELS, "right")
    level = np.where(tree.level >= 1, np.inf, _turned(np.minimum(tree.level, 1)))
    # A group bears the name of one of its rows, so a row that a merge names for the first time was alone until then.
    named = np.stack([tree.one, tree.other], axis=1).ravel()
    first = np.zeros(len(named), np.int64)
    first[np.unique(named, return_index=True)[1]] = 1
    joined = np.append(0, np.cumsum(first.reshape(-1, 2).sum(axis=1)))
    return _Joins(until, within[until], joined[until], level, could.astype(np.float64))


def _turned(similarity: Floats | Numbers) -> Numbers:
    """Inverse hyperbolic tangent: cosines near 1 are spread out, and strangers' come close to a normal distribution."""
    return np.asarray(np.arctanh(np.clip(similarity.astype(np.float64), -0.999, 0.999)))


def _learned(seen: _Tally, known: Known) -> tuple[float, float, float]:
    """Mean and spread of strangers, what is known of the model counted as `PRIOR` pairs; and how many pairs in all.

    The middle one and the one in ten that is most alike speak for all: two who are dressed alike, or one person who has
    two tracks for a while, would make strangers of everybody.
    """
    weight = float(seen.pairs + PRIOR)
    middle, high = (seen.stranger(0.5), seen.stranger(0.9)) if seen.pairs else (known.strange, known.strange)
    mean = (seen.pairs * middle + PRIOR * known.strange) / weight
    spread = max(high - middle, 0.05) / TENTH
    own, prior = spread**2 + (middle - mean) ** 2, known.spread**2 + (known.strange - mean) ** 2
    return mean, float(np.sqrt((seen.pairs * own + PRIOR * prior) / weight)), weight


def _possible(mean: float, spread: float, facts: float, seed: int) -> tuple[Numbers, Numbers]:
    """Means and spreads (draws, 1) that could as well be behind so many independent facts.

    Pairs of one tracklet are not independent: there are no more facts than tracklets.
    """
    rng = np.random.default_rng(seed)
    spreads = spread * np.sqrt(facts / rng.chisquare(facts, (DRAWS, 1)))
    return mean + spreads * rng.standard_normal((DRAWS, 1)) / np.sqrt(facts), spreads


def _come_out(share: Numbers, joins: _Joins, seed: int) -> Numbers:
    """What share may come out to be wrong where `share` (k, levels) is expected by chance.

    Links come and go together: a tracklet in the wrong group is wrong with all of it. And besides chance, some
    tracklets mix two people, or lie on nobody, in a way that no stranger foretells.
    """
    each = np.maximum(2.0 * joins.shown / np.maximum(joins.joined, 1), 1.0)
    wrong = share * joins.shown / each + MIXED * joins.joined
    luck = np.random.default_rng(seed + 1).random((len(share), 1))
    return np.asarray(np.minimum(poisson.ppf(luck, wrong) * each / np.maximum(joins.shown, 1), 1))


def _share(mean: Numbers, spread: Numbers, seen: _Tally, joins: _Joins) -> Numbers:
    """Expected pairs of strangers among those joined at each of `LEVELS`, as a share of them; (k, levels), falling.

    `mean` and `spread` are (k, 1). Half of all strangers lie under their mean, and hardly anybody else does, so twice
    as many pairs as lie there are strangers (Storey, 2002).
    """
    everybody = max(float(seen.could[0]), 1.0)
    strange = np.minimum(2.0 * (seen.could[0] - seen.at_least(np.tanh(mean))) / everybody, 1.0)
    # Chance of a stranger to lie above each merge's level, and the pairs that joined by chance on the way to it.
    above = np.pad(ndtr((mean - joins.level[None]) / spread), ((0, 0), (1, 0)))
    by_chance = np.pad(np.cumsum(np.diff(above, axis=1) * joins.could[:-1], axis=1), ((0, 0), (1, 0)))
    here = ndtr((mean - _turned(LEVELS)[None]) / spread) - above[:, joins.until]
    expected = strange * (by_chance[:, joins.until] + joins.could[joins.until] * np.maximum(here, 0))
    share = np.clip(expected / np.maximum(joins.shown, 1), 0, 1)
    return np.asarray(np.maximum.accumulate(share[:, ::-1], axis=1)[:, ::-1])


def _suggested(share: Numbers, joins: _Joins, known: Known, least: float) -> float:
    """The lowest level at which no more than `WANTED` is expected to be wrong, and the newest links more likely right
    than wrong: a last forced link must not hide behind many good ones. Half way to the links that are left out.

    Never under `least`, which one in ten strangers has: there nothing but what is forbidden keeps people apart.
    """
    good = (share <= WANTED) & (joins.shown > 0)
    if not good.any():
        return max(known.threshold, float(LEVELS[np.argmin(share)]))
    lowest = int(np.flatnonzero(good)[0])
    # Levels at which links join, from the highest on; each counts as shown from itself down to the next.
    joined = np.flatnonzero(np.diff(joins.shown, append=0))[::-1]
    wrong = np.diff(share[joined] * joins.shown[joined], prepend=0)
    forced = np.flatnonzero(wrong > np.diff(joins.shown[joined], prepend=0) / 2)
    if not len(forced) or joined[forced[0]] < lowest:
        return max(float(LEVELS[lowest]), round(least, 2))
    last = joined[forced[0] - 1] if forced[0] else len(LEVELS) - 1
    return max(float(np.round((LEVELS[joined[forced[0]]] + LEVELS[last]) / 2, 2)), round(least, 2))
