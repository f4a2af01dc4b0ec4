"""All of matching in one call: tracklets, the user's decisions and perhaps a threshold in, people with evidence out.

`match` computes everything that does not depend on the threshold; `Match.people` reads who is who from it. Every
tracklet has a number, and a person has the lowest one among its tracklets. So a group that did not change when the
threshold moved keeps its number, and no other group can have it. `rank_similar` and `most_similar_crops` show who else
a tracklet may be.

Works in blocks of rows: beside the similarities themselves little memory is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Floats, Ints, Seconds, Table, Tracklets
from core.vision.match.calibration import Calibration, calibrate
from core.vision.match.constraints import (
    ELSEWHERE,
    FREE,
    OBJECT,
    Decisions,
    Presence,
    Reasons,
    must_link_groups,
    overrule,
    reasons,
)
from core.vision.match.similarity import cosine_similarity, lean_on_faces, raise_colocated, similarity_to_groups
from core.vision.match.tree import MergeTree, grow_merge_tree
from core.vision.models import EmbedderPrior

MARGIN = 0.05
"""Another person this close in similarity leaves a tracklet in doubt."""
BEST = 5
"""How many similar tracklets are ranked for each tracklet."""
BLOCK = 512
_BATCH_NUMBERS = 1 << 22
"""So many numbers of crops' vectors are compared at once."""

ALONE, CANDIDATE, DOUBTFUL, CONFIRMED = "alone", "candidate", "doubtful", "confirmed"
NO_PERSON = "thing"
"""The status of somebody all of whose tracklets are probably things."""


@dataclass(frozen=True, eq=False)
class Match:
    """The result of matching n tracklets; `at` reads it at another threshold without computing it again.

    `similarity` and `why` are (n, n); `must_link` (n,) is alike for tracklets that the user joined. `number` (n,) is
    the number of each tracklet, all different: a person has the lowest number among the person's tracklets.
    """

    tracklets: Tracklets
    decisions: Decisions
    similarity: Floats
    why: Reasons
    must_link: Ints
    tree: MergeTree
    calibration: Calibration
    threshold: float
    number: Ints

    def people(self) -> Identities:
        """Who is who at the threshold; computed once."""
        return self._people

    @cached_property
    def _people(self) -> Identities:
        people = identities(self.similarity, self.why, self.tree, self.threshold, self.must_link, self.number)
        return replace(people, no_person=_is_no_person(people.person, self.tracklets.is_object))

    def at(self, threshold: float) -> Match:
        """The same match at another threshold."""
        return replace(self, threshold=threshold)


def match(
    tracklets: Tracklets,
    prior: EmbedderPrior,
    threshold: float | None = None,
    decisions: Decisions | None = None,
    travel: Seconds | None = None,
    foot_distance: Floats | None = None,
    presence: Presence | None = None,
    face_similarity: Floats | None = None,
) -> Match:
    """Who is who among the tracklets.

    `threshold` is the user's; without it the calibration suggests one, helped by `prior`, what is known of the model's
    similarities. `travel` (cameras, cameras) are the fewest seconds from camera to camera. `foot_distance` (n, n) is
    how many body heights apart two cameras saw two tracklets at one moment; NaN where nobody knows. `presence` says in
    which frames each tracklet was seen, `face_similarity` (n, n) how alike their faces are; NaN where one has none.
    People are numbered by rank.
    """
    decisions = decisions or Decisions()
    similarity = cosine_similarity(tracklets)
    why = reasons(tracklets, travel, decisions.different, foot_distance, presence)
    if foot_distance is not None:
        similarity = raise_colocated(similarity, foot_distance)
    if face_similarity is not None:
        similarity = lean_on_faces(similarity, face_similarity)
    must_link = must_link_groups(len(tracklets), decisions.same, why)
    if decisions.same:
        why = overrule(why, must_link)
    tree = grow_merge_tree(similarity, why, must_link)
    calibration = calibrate(similarity, why, tree, prior)
    level = calibration.threshold if threshold is None else threshold
    return Match(tracklets, decisions, similarity, why, must_link, tree, calibration, level, rank_tracklets(tracklets))


@dataclass(frozen=True, eq=False)
class Identities:
    """Who each tracklet is; all (n,).

    `similarity` is the mean to the others of its person (NaN: alone), `rival` the number of the other person that it is
    most like (0: none it could be) and `rival_similarity` how much. `no_person` says who is probably a thing.
    """

    person: Ints
    similarity: Floats
    rival: Ints
    rival_similarity: Floats
    doubtful: Bools
    confirmed: Bools
    no_person: Bools

    def status(self, row: int) -> str:
        """`ALONE`, `CANDIDATE`, `DOUBTFUL`, `CONFIRMED` or `NO_PERSON`."""
        if self.no_person[row]:
            return NO_PERSON
        if np.isnan(self.similarity[row]):
            return DOUBTFUL if self.doubtful[row] else ALONE
        return CONFIRMED if self.confirmed[row] else DOUBTFUL if self.doubtful[row] else CANDIDATE


def identities(
    similarity: Floats, why: Reasons, tree: MergeTree, threshold: float, must_link: Ints, number: Ints
) -> Identities:
    """The people at a threshold. `must_link` (n,) is alike for tracklets that the user joined: a person who is one such
    group is confirmed. `number` (n,) is the number of each tracklet."""
    person = number_people(tree.cut(threshold), number)
    numbers, group = np.unique(person, return_inverse=True)
    to_group, forbidden = similarity_to_groups(similarity, why, group)
    rows = np.arange(len(person))
    to_own = to_group[rows, group] if len(rows) else np.empty(0, np.float32)
    to_group[forbidden] = -np.inf
    if len(rows):
        to_group[rows, group] = -np.inf
    best = to_group.argmax(1) if len(rows) else np.empty(0, np.int64)
    to_rival = to_group[rows, best] if len(rows) else np.empty(0, np.float32)
    has_rival = np.isfinite(to_rival)
    compared = np.where(np.isnan(to_own), threshold, to_own)
    return Identities(
        person=person,
        similarity=to_own,
        rival=np.where(has_rival, numbers[best], 0) if len(rows) else np.empty(0, np.int64),
        rival_similarity=np.where(has_rival, to_rival, np.nan).astype(np.float32),
        doubtful=_spread_doubt(group, has_rival & (to_rival > compared - MARGIN), best)
        | _spread_doubt(group, *_near_single_tracklet(similarity, why, group)),
        confirmed=_is_confirmed(group, must_link),
        no_person=np.zeros(len(group), bool),
    )


def _is_no_person(person: Ints, is_object: Bools) -> Bools:
    """Tracklets of people none of whose tracklets shows a person."""
    return np.asarray(~np.isin(person, person[~is_object]))


def _near_single_tracklet(similarity: Floats, why: Reasons, group: Ints) -> tuple[Bools, Ints]:
    """Tracklets that are as like a single tracklet of another group as the most alike of their own, and that group.

    This finds two people who are dressed alike even where other tracklets of the two forbid that the two are one, or
    where only the places at which they stood separate them.
    """
    is_near, rival = np.zeros(len(group), bool), np.zeros(len(group), np.int64)
    for at in range(0, len(group), BLOCK):
        rows = slice(at, at + BLOCK)
        alike, in_group = similarity[rows].copy(), group[rows, None] == group[None]
        in_group[np.arange(len(in_group)), np.arange(at, at + len(in_group))] = False
        could_be = (group[rows, None] != group[None]) & ((why[rows] == FREE) | (why[rows] == ELSEWHERE))
        nearest = np.where(in_group, alike, -np.inf).max(1)
        alike[~could_be] = -np.inf
        best = alike.argmax(1)
        is_near[rows] = alike[np.arange(len(alike)), best] > np.where(np.isfinite(nearest), nearest - MARGIN, np.inf)
        rival[rows] = group[best]
    return is_near, rival


def _spread_doubt(group: Ints, is_near: Bools, rival: Ints) -> Bools:
    """Tracklets that are near a rival group, the members of that group, and the partner in a group of two.

    In a person of more than two, the others still have each other.
    """
    size = np.bincount(group, minlength=1)
    leaves_partner = (size == 2) & (np.bincount(group[is_near], minlength=len(size)) > 0)
    return np.asarray(is_near | np.isin(group, rival[is_near]) | leaves_partner[group])


def rank_tracklets(tracklets: Tracklets) -> Ints:
    """The order in which tracklets were first seen, from 1 (ties: by camera, then by track); things come last."""
    order = np.lexsort((tracklets.track, tracklets.camera, tracklets.start, tracklets.is_object))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def number_people(label: Ints, number: Ints) -> Ints:
    """The person's number for each tracklet: the lowest `number` in its group; `label` is alike within a group."""
    if not len(label):
        return np.empty(0, np.int64)
    lowest = np.full(label.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(lowest, label, number)
    return np.asarray(lowest[label], np.int64)


def _is_confirmed(group: Ints, must_link: Ints) -> Bools:
    """Tracklets of people, of two tracklets or more, that the user joined completely."""
    if not len(group):
        return np.zeros(0, bool)
    pairs = np.unique(np.stack([group, must_link]), axis=1)
    linked_groups = np.bincount(pairs[0], minlength=group.max() + 1)
    members = np.bincount(group)
    return np.asarray((linked_groups[group] == 1) & (members[group] > 1))


@dataclass(frozen=True, eq=False)
class RankedPairs(Table):
    """Each tracklet (`row`) with its most similar tracklets of other people (`candidate`), `place` 1 the first, ordered
    by row and place.

    `why` says what forbids the pair. `margin` is how much more alike the tracklet is to its own person (NaN: alone).
    """

    row: Ints
    place: Ints
    candidate: Ints
    similarity: Floats
    why: Reasons
    margin: Floats

    def __post_init__(self) -> None:
        integer, single = (np.int64, ()), (np.float32, ())
        self._validate_columns(
            row=integer, place=integer, candidate=integer, similarity=single, why=(np.uint8, ()), margin=single
        )


def rank_similar(similarity: Floats, why: Reasons, people: Identities, best: int = BEST) -> RankedPairs:
    """The `best` candidates of each tracklet, whether or not anything forbids them, and after them, where fewer than
    `best` of these are free, the next free ones. Of equals the lower row is first. Things are nobody's candidates, and
    have none."""
    n = len(similarity)
    candidate, alike = np.zeros((n, 2 * best), np.int64), np.full((n, 2 * best), -np.inf, np.float32)
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        is_nobody = (people.person[rows, None] == people.person[None]) | (why[rows] == OBJECT)
        left = np.where(is_nobody, -np.inf, similarity[rows])
        each, free = np.arange(len(left)), np.zeros(len(left), np.int64)
        for place in range(2 * best):
            if place == best:
                left[why[rows] != FREE] = -np.inf
            candidate[rows, place] = first = left.argmax(1)
            alike[rows, place] = np.where((place < best) | (free < best), left[each, first], -np.inf)
            free += why[rows][each, first] == FREE
            left[each, first] = -np.inf
    row, at_place = np.nonzero(np.isfinite(alike))
    chosen, value = candidate[row, at_place], alike[row, at_place]
    return RankedPairs(row, at_place + 1, chosen, value, why[row, chosen], people.similarity[row] - value)


def most_similar_crops(
    first: Ints, second: Ints, tracklet: Ints, vector: NDArray[np.floating[Any]]
) -> tuple[Ints, Ints, Floats]:
    """For each pair of tracklets (m,), the crop of the first and the crop of the second that are most alike, and how
    much.

    `tracklet` (c,) is the tracklet of each crop, `vector` (c, d) has unit norm; every tracklet needs a crop. The two
    crops are the same whichever tracklet is named first.
    """
    low, high = np.minimum(first, second), np.maximum(first, second)
    pairs, back = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    count = np.bincount(tracklet, minlength=pairs.max(initial=0) + 1)
    if (count[pairs] == 0).any():
        raise ValueError("most_similar_crops: a tracklet has no crop")
    by_tracklet, begin = np.argsort(tracklet, kind="stable"), np.cumsum(count) - count
    most = int(count[pairs].max(initial=1))
    crops, value = np.empty_like(pairs), np.empty(len(pairs), np.float32)
    step = max(1, _BATCH_NUMBERS // (most * max(vector.shape[1], most)))
    for at in range(0, len(pairs), step):
        rows = slice(at, at + step)
        # Where a tracklet has fewer, its first one stands again: of equals the first is taken.
        place = np.arange(most) * (np.arange(most) < count[pairs[rows], None])
        crops_of_pair = by_tracklet[begin[pairs[rows], None] + place]
        left, right = (vector[crops_of_pair[:, side]].astype(np.float32) for side in (0, 1))
        alike = (left @ right.transpose(0, 2, 1)).reshape(len(crops_of_pair), -1)
        best, each = alike.argmax(1), np.arange(len(crops_of_pair))
        crops[rows] = np.stack([crops_of_pair[each, 0, best // most], crops_of_pair[each, 1, best % most]], axis=1)
        value[rows] = alike[each, best]
    back = back.ravel()
    is_swapped = (first > second)[:, None]
    found = np.where(is_swapped, crops[back][:, ::-1], crops[back])
    return found[:, 0], found[:, 1], np.clip(value[back], -1, 1)
