"""Who is who at a threshold: people numbered by first appearance, how alike each tracklet is to its person, and doubts.

A person's number is the rank of its first tracklet among all tracklets of the run. So a group that did not change when
the threshold moved keeps its number, and nobody else can have it.

Who else each tracklet may be: those most like it among other people, and the two crops that are most alike.

Works in blocks of rows: beside the similarities themselves little memory is needed.

All of matching in one call: tracklets, what the user said and perhaps a threshold in, people with evidence out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Floats, Ints, Seconds, Table, Tracklets
from core.vision.match.calibration import Calibration, calibrate
from core.vision.match.constraints import ELSEWHERE, FREE, Decisions, Reasons, must_link_groups, reasons
from core.vision.match.similarity import cosine_similarity, raise_colocated, similarity_to_groups
from core.vision.match.tree import MergeTree, grow_merge_tree
from core.vision.models import EmbedderPrior

MARGIN = 0.05
"""Another person this close in similarity leaves a tracklet in doubt."""
BLOCK = 512

ALONE, CANDIDATE, DOUBTFUL, CONFIRMED = "alone", "candidate", "doubtful", "confirmed"


@dataclass(frozen=True, eq=False)
class Identities:
    """One row per tracklet. `similarity` is the mean to the others of its person (NaN: alone), `rival` the number of
    the other person that it is most like (0: none it could be) and `rival_similarity` how much."""

    person: Ints
    similarity: Floats
    rival: Ints
    rival_similarity: Floats
    doubtful: Bools
    confirmed: Bools

    def status(self, row: int) -> str:
        if np.isnan(self.similarity[row]):
            return DOUBTFUL if self.doubtful[row] else ALONE
        return CONFIRMED if self.confirmed[row] else DOUBTFUL if self.doubtful[row] else CANDIDATE


def identities(
    tracklets: Tracklets, similarity: Floats, why: Reasons, tree: MergeTree, threshold: float, bundle: Ints
) -> Identities:
    """`bundle` is alike for tracklets that the user joined: a person of one bundle is confirmed."""
    label = tree.cut(threshold)
    person = number_people(label, tracklets)
    numbers, group = np.unique(person, return_inverse=True)
    to_group, forbidden = similarity_to_groups(similarity, why, group)
    rows = np.arange(len(person))
    own = to_group[rows, group] if len(rows) else np.empty(0, np.float32)
    to_group[forbidden] = -np.inf
    if len(rows):
        to_group[rows, group] = -np.inf
    best = to_group.argmax(1) if len(rows) else np.empty(0, np.int64)
    rival = to_group[rows, best] if len(rows) else np.empty(0, np.float32)
    there = np.isfinite(rival)
    held = np.where(np.isnan(own), threshold, own)
    return Identities(
        person=person,
        similarity=own,
        rival=np.where(there, numbers[best], 0) if len(rows) else np.empty(0, np.int64),
        rival_similarity=np.where(there, rival, np.nan).astype(np.float32),
        doubtful=_in_doubt(group, there & (rival > held - MARGIN), best)
        | _in_doubt(group, *_torn(similarity, why, group)),
        confirmed=_confirmed(group, bundle),
    )


def _torn(similarity: Floats, why: Reasons, group: Ints) -> tuple[Bools, Ints]:
    """Tracklets that are as like a single one of somebody else as the most alike of their own, and whose that is.

    This finds two people who are dressed alike even where others of the two forbid that the two are one, or where only
    the places at which they stood tell them apart.
    """
    torn, whose = np.zeros(len(group), bool), np.zeros(len(group), np.int64)
    for at in range(0, len(group), BLOCK):
        rows = slice(at, at + BLOCK)
        alike, own = similarity[rows].copy(), group[rows, None] == group[None]
        own[np.arange(len(own)), np.arange(at, at + len(own))] = False
        other = (group[rows, None] != group[None]) & ((why[rows] == FREE) | (why[rows] == ELSEWHERE))
        nearest = np.where(own, alike, -np.inf).max(1)
        alike[~other] = -np.inf
        best = alike.argmax(1)
        torn[rows] = alike[np.arange(len(own)), best] > np.where(np.isfinite(nearest), nearest - MARGIN, np.inf)
        whose[rows] = group[best]
    return torn, whose


def _in_doubt(group: Ints, torn: Bools, rival: Ints) -> Bools:
    """Tracklets that are torn between two people, those whom they may belong to instead, and who is left without them.

    In a person of more than two, the others still have each other.
    """
    size = np.bincount(group, minlength=1)
    left = (size == 2) & (np.bincount(group[torn], minlength=len(size)) > 0)
    return np.asarray(torn | np.isin(group, rival[torn]) | left[group])


def number_people(label: Ints, tracklets: Tracklets) -> Ints:
    """A number from 1 up for each group: the rank of its first tracklet (ties: by camera, then by track)."""
    order = np.lexsort((tracklets.track, tracklets.camera, tracklets.start))
    rank = np.empty(len(label), np.int64)
    rank[order] = np.arange(1, len(label) + 1)
    first = np.full(len(label), len(label) + 1)
    np.minimum.at(first, label, rank)
    return np.asarray(first[label], np.int64)


def _confirmed(group: Ints, bundle: Ints) -> Bools:
    """Tracklets whose whole person, of two or more, the user joined."""
    if not len(group):
        return np.zeros(0, bool)
    pairs = np.unique(np.stack([group, bundle]), axis=1)
    bundles_in = np.bincount(pairs[0], minlength=group.max() + 1)
    members = np.bincount(group)
    return np.asarray((bundles_in[group] == 1) & (members[group] > 1))


BEST = 5
RANK_BLOCK = 512
_NUMBERS = 1 << 22
"""So many numbers of crops' vectors are looked at together."""


@dataclass(frozen=True, eq=False)
class RankedPairs(Table):
    """Each tracklet's (`row`) most similar ones of other people (`other`), `place` 1 the first, ordered by both.

    `why` says what forbids the pair. `margin` is how much more alike the tracklet is to its own person (NaN: alone).
    """

    row: Ints
    place: Ints
    other: Ints
    similarity: Floats
    why: Reasons
    margin: Floats

    def __post_init__(self) -> None:
        whole, single = (np.int64, ()), (np.float32, ())
        self._validate_columns(row=whole, place=whole, other=whole, similarity=single, why=(np.uint8, ()), margin=single)


def rank_similar(similarity: Floats, why: Reasons, found: Identities, best: int = BEST) -> RankedPairs:
    """The `best` of each tracklet, whether or not anything forbids them, and after them, where fewer than `best` of
    these are free, the next free ones. Of equals the lower row is first."""
    n = len(similarity)
    other, alike = np.zeros((n, 2 * best), np.int64), np.full((n, 2 * best), -np.inf, np.float32)
    for at in range(0, n, RANK_BLOCK):
        rows = slice(at, at + RANK_BLOCK)
        left = np.where(found.person[rows, None] == found.person[None], -np.inf, similarity[rows])
        each, free = np.arange(len(left)), np.zeros(len(left), np.int64)
        for place in range(2 * best):
            if place == best:
                left[why[rows] != FREE] = -np.inf
            other[rows, place] = first = left.argmax(1)
            alike[rows, place] = np.where((place < best) | (free < best), left[each, first], -np.inf)
            free += why[rows][each, first] == FREE
            left[each, first] = -np.inf
    row, at_place = np.nonzero(np.isfinite(alike))
    chosen, value = other[row, at_place], alike[row, at_place]
    return RankedPairs(row, at_place + 1, chosen, value, why[row, chosen], found.similarity[row] - value)


def most_similar_crops(one: Ints, other: Ints, of: Ints, vector: NDArray[np.floating[Any]]) -> tuple[Ints, Ints, Floats]:
    """For each pair of tracklets (m,), which crop of either is most like one of the other's, and how much.

    `of` (c,) is the tracklet of each crop, `vector` (c, d) has unit norm; every tracklet needs a crop. The two crops
    are the same whichever tracklet is named first.
    """
    low, high = np.minimum(one, other), np.maximum(one, other)
    pairs, back = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    count = np.bincount(of, minlength=pairs.max(initial=0) + 1)
    if (count[pairs] == 0).any():
        raise ValueError("most_alike: a tracklet has no crop")
    by_tracklet, begin = np.argsort(of, kind="stable"), np.cumsum(count) - count
    most = int(count[pairs].max(initial=1))
    crops, value = np.empty_like(pairs), np.empty(len(pairs), np.float32)
    step = max(1, _NUMBERS // (most * max(vector.shape[1], most)))
    for at in range(0, len(pairs), step):
        rows = slice(at, at + step)
        # Where a tracklet has fewer, its first one stands again: of equals the first is taken.
        place = np.arange(most) * (np.arange(most) < count[pairs[rows], None])
        mine = by_tracklet[begin[pairs[rows], None] + place]
        left, right = (vector[mine[:, side]].astype(np.float32) for side in (0, 1))
        alike = (left @ right.transpose(0, 2, 1)).reshape(len(mine), -1)
        best, each = alike.argmax(1), np.arange(len(mine))
        crops[rows] = np.stack([mine[each, 0, best // most], mine[each, 1, best % most]], axis=1)
        value[rows] = alike[each, best]
    back = back.ravel()
    swapped = (one > other)[:, None]
    found = np.where(swapped, crops[back][:, ::-1], crops[back])
    return found[:, 0], found[:, 1], np.clip(value[back], -1, 1)


@dataclass(frozen=True, eq=False)
class Match:
    """Everything that does not depend on the threshold, made once; `people` reads one threshold from it."""

    tracklets: Tracklets
    decisions: Decisions
    similarity: Floats
    why: Reasons
    bundle: Ints
    tree: MergeTree
    calibration: Calibration
    threshold: float

    def people(self) -> Identities:
        return self._people

    @cached_property
    def _people(self) -> Identities:
        return identities(self.tracklets, self.similarity, self.why, self.tree, self.threshold, self.bundle)

    def at(self, threshold: float) -> Match:
        return replace(self, threshold=threshold)


def match(
    tracklets: Tracklets,
    prior: EmbedderPrior,
    threshold: float | None = None,
    decisions: Decisions | None = None,
    travel: Seconds | None = None,
    foot_distance: Floats | None = None,
) -> Match:
    """`cos` is the user's threshold; without it the one that the calibration suggests.

    `apart` (n, n) is how many body heights apart two cameras saw two at one moment; NaN where nobody knows.
    """
    said = decisions or Decisions()
    similarity, why = cosine_similarity(tracklets), reasons(tracklets, travel, said.different, foot_distance)
    if foot_distance is not None:
        similarity = raise_colocated(similarity, foot_distance)
    bundle = must_link_groups(len(tracklets), said.same, why)
    tree = grow_merge_tree(similarity, why, bundle)
    calibration = calibrate(similarity, why, tree, prior)
    level = calibration.threshold if threshold is None else threshold
    return Match(tracklets, said, similarity, why, bundle, tree, calibration, level)
