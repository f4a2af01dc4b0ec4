"""What share of the links shown at a threshold is likely wrong, read from the clips themselves, without any labels.

Two tracks in the picture of one camera at the same time are two people, and so are two that were seen at different
places at one moment. Their pairs are *impostor pairs*: their similarities show how alike two different people are here.
Going down the merge tree, each merge joins pairs; by chance, some of them are impostors. In symbols:

    z(s)      atanh(s), the similarity turned so that the impostors' are close to normal
    mu, sd    mean and deviation of the impostors' z
    F(s)      = Phi((mu - z(s)) / sd), the chance that an impostor pair lies above similarity s
    N_i       pairs of tracklets in different groups that could still join before merge i (`joinable_pairs`)
    s_i       the level of merge i, falling; s_0 is above all
    pi        share of impostors among all joinable pairs (Storey, 2002): twice the share of them below mu
    J(t)      pairs joined at threshold t (`joined_pairs`); k the number of merges at or above t (`merges_at_level`)

    expected impostor pairs joined at t:
        E(t) = pi * ( sum_{i=1..k} N_i * (F(s_i) - F(s_{i-1}))  +  N_{k+1} * max(F(t) - F(s_k), 0) )
    expected false share:
        q(t) = max over t' >= t of min(E(t') / J(t'), 1)        so a lower threshold never seems purer

This is the false discovery rate as decoys give it in other fields (Elias and Gygi, 2007). A tracklet whose true
partners have joined is no longer there to be taken for somebody else, so q is far less than among all pairs taken by
themselves; and it is conservative, because means over many pairs spread less than the single pairs it is read from.
Where the clips hold few impostor pairs, what is known of the model counts for as much as `PRIOR_PAIRS` pairs would.

How many links are missed cannot be read like this: two sightings by one camera seconds apart are far easier than two
by two cameras."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints
from core.vision.match.constraints import FREE, IMPOSTOR_REASONS, Reasons
from core.vision.match.tree import MergeTree, pair_counts
from core.vision.models import EmbedderPrior

Numbers = NDArray[np.float64]

TARGET_FALSE_SHARE = 0.05
"""The expected false share at the threshold that is suggested."""
LEVELS = np.round(np.arange(-0.2, 1.0, 0.01), 2)
"""Thresholds at which the expected share is computed, rising."""
PRIOR_PAIRS = 10
"""The number of impostor pairs that weighs as much as what is known of the model."""
MIN_IMPOSTOR_PAIRS = 10
"""With fewer impostor pairs than this, the model's usual threshold is suggested instead."""
DRAWS = 400
"""Impostor distributions that are drawn for the interval."""
BLOCK = 512
"""Rows that are counted at once: memory stays small beside the matrix."""
BIN_EDGES = np.round(np.arange(-1.0, 1.0005, 0.001), 3)
"""Borders of the histograms' bins."""
INTERVAL_QUANTILES = 0.05, 0.95
"""Ends of the 90 % interval."""
MIXED_SHARE = 0.02
"""Share of tracklets that mix two people, or lie on nobody: one of 57 on plazas 10 and 11."""
TENTH_DEVIATIONS = 1.2816
"""Deviations above the mean from which a tenth of a normal distribution lies."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """At each of `levels`, the expected false share of the links shown, with a 90 % interval.

    `pairs` is the number of impostor pairs. `enough` is whether they suffice to suggest the `threshold`; otherwise it
    is the model's usual one.
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
    def description(self) -> str:
        """The expected error at the threshold, as a clause for reports and pages."""
        if not self.enough:
            return f"too little evidence ({self.pairs} known-different pairs); using the default of this model"
        share, low, high = self.at(self.threshold)
        return f"{share:.0%} of the links shown are expected to be wrong ({low:.0%} to {high:.0%})"


def calibrate(similarity: Floats, why: Reasons, tree: MergeTree, prior: EmbedderPrior, seed: int = 0) -> Calibration:
    """From the similarities (n, n) of all tracklets, the reasons why pairs cannot be one person, and their tree."""
    counts = _count_pairs(similarity, why)
    merges = _merges_by_level(tree, why)
    mean, spread, weight = _impostor_distribution(counts, prior)
    share = _expected_false_share(np.array([[mean]]), np.array([[spread]]), counts, merges)[0]
    draws = _plausible_distributions(mean, spread, min(weight, counts.impostor_tracklets + PRIOR_PAIRS), seed)
    low, high = np.quantile(
        _outcomes(_expected_false_share(*draws, counts, merges), merges, seed), INTERVAL_QUANTILES, axis=0
    )
    enough = counts.impostor_pairs >= MIN_IMPOSTOR_PAIRS
    floor = np.tanh(mean + TENTH_DEVIATIONS * spread)
    return Calibration(
        levels=LEVELS,
        share=share,
        low=np.minimum(low, share),
        high=np.maximum(high, share),
        pairs=counts.impostor_pairs,
        enough=enough,
        threshold=float(_suggested_threshold(share, merges, prior, floor) if enough else prior.threshold),
    )


@dataclass(frozen=True, eq=False)
class _PairCounts:
    """How the similarities of pairs are distributed.

    impostor_pairs       how many pairs are certainly two people
    impostor_tracklets   how many tracklets are in at least one of them
    impostor_histogram   impostor pairs in each bin between two neighbours of `BIN_EDGES`
    joinable_at_least    joinable pairs with a similarity of at least each of `BIN_EDGES`
    """

    impostor_pairs: int
    impostor_tracklets: int
    impostor_histogram: Ints
    joinable_at_least: Ints

    def impostor_quantile(self, share: float) -> float:
        """The z below which this share of the impostor pairs lies."""
        cumulative = np.cumsum(self.impostor_histogram) / max(self.impostor_pairs, 1)
        return float(_fisher_z(BIN_EDGES[1:])[np.searchsorted(cumulative, share - 1e-9)])

    def joinable_above(self, similarity: Numbers) -> Numbers:
        return np.asarray(np.interp(similarity, BIN_EDGES, self.joinable_at_least), np.float64)


def _count_pairs(similarity: Floats, why: Reasons) -> _PairCounts:
    n = len(similarity)
    in_impostor_pair = np.zeros(n, bool)
    impostor_histogram, joinable_histogram = np.zeros((2, len(BIN_EDGES) - 1), np.int64)
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        upper = np.arange(n)[None] > np.arange(n)[rows][:, None]  # each pair once
        impostor = upper & np.isin(why[rows], IMPOSTOR_REASONS)
        impostor_histogram += np.histogram(np.clip(similarity[rows][impostor], -1, 1), BIN_EDGES)[0]
        in_impostor_pair[rows] |= impostor.any(1)
        in_impostor_pair |= impostor.any(0)
        joinable = np.clip(similarity[rows][upper & (why[rows] == FREE)], -1, 1)
        joinable_histogram += np.histogram(joinable, BIN_EDGES)[0]
    joinable_at_least = np.append(np.cumsum(joinable_histogram[::-1])[::-1], 0)
    return _PairCounts(
        int(impostor_histogram.sum()), int(in_impostor_pair.sum()), impostor_histogram, joinable_at_least
    )


@dataclass(frozen=True, eq=False)
class _Merges:
    """What the merge tree joins, by level and by merge.

    merges_at_level      for each of `LEVELS`, how many merges lie at or above it
    joined_pairs         for each of `LEVELS`, how many pairs are in one group (J)
    joined_tracklets     for each of `LEVELS`, how many tracklets are not alone
    z                    for each merge, its level as z; infinite for what the user joined
    joinable_pairs       before each merge and after the last, how many pairs could still join (N)
    """

    merges_at_level: Ints
    joined_pairs: Ints
    joined_tracklets: Ints
    z: Numbers
    joinable_pairs: Numbers


def _merges_by_level(tree: MergeTree, why: Reasons) -> _Merges:
    joinable_pairs, joined_pairs = pair_counts(tree, why)
    merges_at_level = np.searchsorted(-tree.level.astype(np.float64), -LEVELS, "right")
    z = np.where(tree.level >= 1, np.inf, _fisher_z(np.minimum(tree.level, 1)))
    # A group bears the name of one of its rows, so a row that a merge names for the first time was alone until then.
    named = np.stack([tree.leaf_a, tree.leaf_b], axis=1).ravel()
    first_named = np.zeros(len(named), np.int64)
    first_named[np.unique(named, return_index=True)[1]] = 1
    joined_tracklets = np.append(0, np.cumsum(first_named.reshape(-1, 2).sum(axis=1)))
    return _Merges(
        merges_at_level,
        joined_pairs[merges_at_level],
        joined_tracklets[merges_at_level],
        z,
        joinable_pairs.astype(np.float64),
    )


def _fisher_z(similarity: Floats | Numbers) -> Numbers:
    """Inverse hyperbolic tangent: cosines near 1 are spread out, and impostors' come close to a normal distribution."""
    return np.asarray(np.arctanh(np.clip(similarity.astype(np.float64), -0.999, 0.999)))


def _impostor_distribution(counts: _PairCounts, prior: EmbedderPrior) -> tuple[float, float, float]:
    """Mean and deviation of the impostors' z, with what is known of the model counted as `PRIOR_PAIRS` pairs; and how
    many pairs that makes in all.

    They are read from the median and the ninth decile: two people dressed alike, or one person who has two tracks for
    a while, would distort a plain mean and deviation.
    """
    weight = float(counts.impostor_pairs + PRIOR_PAIRS)
    if counts.impostor_pairs:
        median, decile = counts.impostor_quantile(0.5), counts.impostor_quantile(0.9)
    else:
        median = decile = prior.impostor_mean
    mean = (counts.impostor_pairs * median + PRIOR_PAIRS * prior.impostor_mean) / weight
    spread = max(decile - median, 0.05) / TENTH_DEVIATIONS
    observed = spread**2 + (median - mean) ** 2
    expected = prior.impostor_spread**2 + (prior.impostor_mean - mean) ** 2
    return mean, float(np.sqrt((counts.impostor_pairs * observed + PRIOR_PAIRS * expected) / weight)), weight


def _plausible_distributions(mean: float, spread: float, observations: float, seed: int) -> tuple[Numbers, Numbers]:
    """Means and deviations (draws, 1) from the posterior of a normal with so many independent observations.

    Pairs that share a tracklet are not independent: there are no more observations than tracklets.
    """
    rng = np.random.default_rng(seed)
    spreads = spread * np.sqrt(observations / rng.chisquare(observations, (DRAWS, 1)))
    return mean + spreads * rng.standard_normal((DRAWS, 1)) / np.sqrt(observations), spreads


def _outcomes(expected_share: Numbers, merges: _Merges, seed: int) -> Numbers:
    """False shares that may come out where `expected_share` (k, levels) is expected; one random draw for each row.

    Links are wrong together: a tracklet in the wrong group is wrong with all its pairs, so what is drawn from a
    Poisson distribution is tracklets, not pairs. To those wrong by chance come the tracklets that mix two people or
    lie on nobody (`MIXED_SHARE`), which the impostors say nothing about.
    """
    pairs_per_tracklet = np.maximum(2.0 * merges.joined_pairs / np.maximum(merges.joined_tracklets, 1), 1.0)
    wrong_tracklets = expected_share * merges.joined_pairs / pairs_per_tracklet + MIXED_SHARE * merges.joined_tracklets
    quantile = np.random.default_rng(seed + 1).random((len(expected_share), 1))
    wrong_pairs = _poisson_quantile(quantile, wrong_tracklets) * pairs_per_tracklet
    return np.asarray(np.minimum(wrong_pairs / np.maximum(merges.joined_pairs, 1), 1))


def _poisson_quantile(quantile: Numbers, mean: Numbers) -> Numbers:
    """The same as `scipy.stats.poisson.ppf`, which takes half a second to import."""
    from scipy.special import pdtr, pdtrik

    count = np.ceil(pdtrik(quantile, mean))
    lower = np.maximum(count - 1, 0)
    return np.asarray(np.where(pdtr(lower, mean) >= quantile, lower, count))


def _expected_false_share(mean: Numbers, spread: Numbers, counts: _PairCounts, merges: _Merges) -> Numbers:
    """q of the module's docstring at each of `LEVELS`: (k, levels), falling with the level.

    `mean` and `spread` are (k, 1), and the symbols those of the docstring.
    """
    from scipy.special import ndtr

    joinable = max(float(counts.joinable_at_least[0]), 1.0)
    # pi: half of all impostors lie below their mean, and hardly any other pair does.
    below_mean = counts.joinable_at_least[0] - counts.joinable_above(np.tanh(mean))
    impostor_share = np.minimum(2.0 * below_mean / joinable, 1.0)
    # F(s_i), with F(s_0) = 0, and the sum over the merges so far.
    chance_above_merge = np.pad(ndtr((mean - merges.z[None]) / spread), ((0, 0), (1, 0)))
    joined_by_chance = np.cumsum(np.diff(chance_above_merge, axis=1) * merges.joinable_pairs[:-1], axis=1)
    joined_by_chance = np.pad(joined_by_chance, ((0, 0), (1, 0)))
    # F(t) - F(s_k): between the last merge and the threshold itself.
    k = merges.merges_at_level
    since_last_merge = ndtr((mean - _fisher_z(LEVELS)[None]) / spread) - chance_above_merge[:, k]
    expected_pairs = impostor_share * (
        joined_by_chance[:, k] + merges.joinable_pairs[k] * np.maximum(since_last_merge, 0)
    )
    share = np.clip(expected_pairs / np.maximum(merges.joined_pairs, 1), 0, 1)
    return np.asarray(np.maximum.accumulate(share[:, ::-1], axis=1)[:, ::-1])


def _suggested_threshold(share: Numbers, merges: _Merges, prior: EmbedderPrior, floor: float) -> float:
    """The lowest level at which both the whole and the newest links are likely right.

    The whole: no more than `WANTED` of all pairs joined is expected to be wrong. The newest: of the pairs that the last
    level added, no more than half is expected to be wrong; a few bad merges at the end would otherwise be averaged away
    by the many good ones before. Where such merges begin, the threshold lies half way between them and the last good
    ones. It never lies below `floor`, which one impostor pair in ten exceeds: there, only what is forbidden would keep
    people apart.
    """
    acceptable = (share <= TARGET_FALSE_SHARE) & (merges.joined_pairs > 0)
    if not acceptable.any():
        return max(prior.threshold, float(LEVELS[np.argmin(share)]))
    lowest = int(np.flatnonzero(acceptable)[0])
    # Indices of the levels at which pairs join, from the highest on; pairs count as joined from there downwards.
    joining = np.flatnonzero(np.diff(merges.joined_pairs, append=0))[::-1]
    added_wrong = np.diff(share[joining] * merges.joined_pairs[joining], prepend=0)
    added_pairs = np.diff(merges.joined_pairs[joining], prepend=0)
    bad = np.flatnonzero(added_wrong > added_pairs / 2)
    if not len(bad) or joining[bad[0]] < lowest:
        return max(float(LEVELS[lowest]), round(floor, 2))
    last_good = joining[bad[0] - 1] if bad[0] else len(LEVELS) - 1
    return max(float(np.round((LEVELS[joining[bad[0]]] + LEVELS[last_good]) / 2, 2)), round(floor, 2))
