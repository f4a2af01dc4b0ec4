"""Who is who at a threshold: people numbered by first appearance, how alike each tracklet is to its person, and doubts.

A person's number is the rank of its first tracklet among all tracklets of the run. So a group that did not change when
the threshold moved keeps its number, and nobody else can have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.match.groups import to_groups
from core.match.rules import ELSEWHERE, FREE, Reasons
from core.match.tree import MergeTree
from core.types import Bools, Floats, Ints, Tracklets

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
    person = numbered(label, tracklets)
    numbers, group = np.unique(person, return_inverse=True)
    to_group, forbidden = to_groups(similarity, why, group)
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


def numbered(label: Ints, tracklets: Tracklets) -> Ints:
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
