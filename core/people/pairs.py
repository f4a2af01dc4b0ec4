"""Why two tracks, or two people, are together or apart: in words, with the two pictures that say most about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.match import FREE, Match, most_alike
from core.people.evidence import Evidence
from core.people.lookalikes import reasons_of
from core.types import Ints


@dataclass(frozen=True)
class Pair:
    """`similarity` is NaN for somebody who has a single track. `crops` are rows of the evidence's crops, one of either
    side, the two most alike of all, and `alike` is how much."""

    similarity: float
    together: bool
    words: str
    crops: tuple[int, int]
    alike: float


def pair_of_tracks(evidence: Evidence, match: Match, one: int, other: int) -> Pair:
    """`one` and `other` are rows of the tracklets."""
    together = bool(match.people().person[one] == match.people().person[other])
    words = _of_tracks(evidence, match, one, other, together)
    return _shown(evidence, np.array([one]), np.array([other]), float(match.similarity[one, other]), together, words)


def pair_of_people(evidence: Evidence, match: Match, one: int, other: int) -> Pair:
    """`one` and `other` are numbers of people; a person with itself is all pairs of its tracks."""
    person = match.people().person
    mine, theirs = np.flatnonzero(person == one), np.flatnonzero(person == other)
    left, right = np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))
    if one == other:
        later = left < right
        left, right = left[later], right[later]
        if not len(left):
            words = "This person has one track only: there is nothing to compare it with."
            return _shown(evidence, mine, mine, float("nan"), True, words)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    words = _within(mean, len(mine)) if one == other else _of_people(evidence, match, left, right)
    return _shown(evidence, left, right, mean, one == other, words)


def _shown(evidence: Evidence, left: Ints, right: Ints, mean: float, together: bool, words: str) -> Pair:
    one, other, alike = most_alike(left, right, evidence.crops.row, evidence.crop_looks)
    best = int(alike.argmax())
    return Pair(mean, together, words, (int(one[best]), int(other[best])), float(alike[best]))


def _of_tracks(evidence: Evidence, match: Match, one: int, other: int, together: bool) -> str:
    alike, least, why = float(match.similarity[one, other]), match.threshold, int(match.why[one, other])
    if one == other:
        return "This is one and the same track."
    if together:
        if {(one, other), (other, one)} & set(match.decisions.same):
            return "Together: you said that they are one person."
        if match.bundle[one] == match.bundle[other]:
            return "Together: you joined them, through other tracks."
        if alike >= least:
            return f"Together: their similarity is at or above the threshold, {least:.3f}."
        return f"Together through other tracks of this person. These two alone are below the threshold, {least:.3f}."
    if why != FREE:
        return f"Apart: {reasons_of(evidence)[why]}."
    if alike < least:
        return f"Apart: their similarity is below the threshold, {least:.3f}."
    person = match.people().person
    mine, theirs = np.flatnonzero(person == person[one]), np.flatnonzero(person == person[other])
    rest = _of_people(evidence, match, np.repeat(mine, len(theirs)), np.tile(theirs, len(mine)))
    rest = f"{rest[0].lower()}{rest[1:]}"
    return f"Apart, though these two alone are as alike as the threshold asks. Their people: {rest}"


def _of_people(evidence: Evidence, match: Match, left: Ints, right: Ints) -> str:
    """Why the people of these pairs, all that there are between the two, are apart."""
    why, pairs = match.why[left, right], len(left)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    below = f"the mean similarity of their tracks, {mean:.3f}, is below the threshold, {match.threshold:.3f}"
    codes, counts = np.unique(why[why != FREE], return_counts=True)
    if not len(codes):
        return f"Apart: {below}."
    said = [
        (f"in {count} of {pairs} pairs of tracks, " if pairs > 1 else "") + reasons_of(evidence)[code]
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    ]
    return f"Apart: {'; '.join(said)}." + (f" Besides, {below}." if mean < match.threshold else "")


def _within(mean: float, tracks: int) -> str:
    return f"Together: {tracks} tracks of one person. The similarity, {mean:.3f}, is the mean of all their pairs."
