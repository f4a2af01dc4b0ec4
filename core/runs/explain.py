"""Who else each track may be: what matching says of it, with the two pictures that say it.

Why two tracks, or two people, are together or apart: in words, with the two pictures that say most about it.

The looks of all tracks on one plane (`project`), made once for a run and kept beside it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints
from core.machine.paths import write_atomically
from core.runs.evidence import CROPS_FOLDER, Evidence
from core.runs.gallery import Crop, Lookalike
from core.vision.appearance import project
from core.vision.match import FREE, TOGETHER, REASON_TEXTS, Match, most_similar_crops, rank_similar

_REASONS_WITHOUT_TIMES = {TOGETHER: "each has a folder in one camera, so they were told apart already"}
"""Instead of what is said of times, where there are none."""


def find_lookalikes(evidence: Evidence, match: Match, out: Path) -> list[Lookalike]:
    """For every tracklet those of other people that are most like it; crops stay in their files below `out`."""
    person = match.people().person.tolist()
    names = {row: name for name, row in evidence.row_of.items()}
    found = rank_similar(match.similarity, match.why, match.people())
    crops = most_similar_crops(found.row, found.other, evidence.crops.row, evidence.crop_features)
    reasons = reason_texts(evidence)
    columns = (found.row, found.place, found.other, found.similarity, found.why, found.margin, *crops)
    said = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Lookalike(
            *names[row],
            person[row],
            place,
            *names[other],
            person[other],
            similarity,
            margin,
            "" if why == FREE else reasons[why],
            _crop(evidence, one, out),
            _crop(evidence, another, out),
            alike,
        )
        for row, place, other, similarity, why, margin, one, another, alike in said
    ]


def reason_texts(evidence: Evidence) -> Mapping[int, str]:
    """Why a pair cannot be one person, in words, by number."""
    return REASON_TEXTS if evidence.has_times else {**REASON_TEXTS, **_REASONS_WITHOUT_TIMES}


def _crop(evidence: Evidence, at: int, out: Path) -> Crop:
    crops = evidence.crops
    return Crop(float(crops.seconds[at]), int(crops.frame[at]), out / CROPS_FOLDER / str(crops.name[at]))


@dataclass(frozen=True)
class PairExplanation:
    """`similarity` is NaN for somebody who has a single track. `crops` are rows of the evidence's crops, one of either
    side, the two most alike of all, and `alike` is how much."""

    similarity: float
    together: bool
    words: str
    crops: tuple[int, int]
    alike: float


def explain_tracks(evidence: Evidence, match: Match, one: int, other: int) -> PairExplanation:
    """`one` and `other` are rows of the tracklets."""
    together = bool(match.people().person[one] == match.people().person[other])
    words = _tracks_text(evidence, match, one, other, together)
    return _pair_explanation(evidence, np.array([one]), np.array([other]), float(match.similarity[one, other]), together, words)


def explain_people(evidence: Evidence, match: Match, one: int, other: int) -> PairExplanation:
    """`one` and `other` are numbers of people; a person with itself is all pairs of its tracks."""
    person = match.people().person
    mine, theirs = np.flatnonzero(person == one), np.flatnonzero(person == other)
    left, right = np.repeat(mine, len(theirs)), np.tile(theirs, len(mine))
    if one == other:
        later = left < right
        left, right = left[later], right[later]
        if not len(left):
            words = "This person has one track only: there is nothing to compare it with."
            return _pair_explanation(evidence, mine, mine, float("nan"), True, words)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    words = _same_person_text(mean, len(mine)) if one == other else _people_text(evidence, match, left, right)
    return _pair_explanation(evidence, left, right, mean, one == other, words)


def _pair_explanation(evidence: Evidence, left: Ints, right: Ints, mean: float, together: bool, words: str) -> PairExplanation:
    one, other, alike = most_similar_crops(left, right, evidence.crops.row, evidence.crop_features)
    best = int(alike.argmax())
    return PairExplanation(mean, together, words, (int(one[best]), int(other[best])), float(alike[best]))


def _tracks_text(evidence: Evidence, match: Match, one: int, other: int, together: bool) -> str:
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
        return f"Apart: {reason_texts(evidence)[why]}."
    if alike < least:
        return f"Apart: their similarity is below the threshold, {least:.3f}."
    person = match.people().person
    mine, theirs = np.flatnonzero(person == person[one]), np.flatnonzero(person == person[other])
    rest = _people_text(evidence, match, np.repeat(mine, len(theirs)), np.tile(theirs, len(mine)))
    rest = f"{rest[0].lower()}{rest[1:]}"
    return f"Apart, though these two alone are as alike as the threshold asks. Their people: {rest}"


def _people_text(evidence: Evidence, match: Match, left: Ints, right: Ints) -> str:
    """Why the people of these pairs, all that there are between the two, are apart."""
    why, pairs = match.why[left, right], len(left)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    below = f"the mean similarity of their tracks, {mean:.3f}, is below the threshold, {match.threshold:.3f}"
    codes, counts = np.unique(why[why != FREE], return_counts=True)
    if not len(codes):
        return f"Apart: {below}."
    said = [
        (f"in {count} of {pairs} pairs of tracks, " if pairs > 1 else "") + reason_texts(evidence)[code]
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    ]
    return f"Apart: {'; '.join(said)}." + (f" Besides, {below}." if mean < match.threshold else "")


def _same_person_text(mean: float, tracks: int) -> str:
    return f"Together: {tracks} tracks of one person. The similarity, {mean:.3f}, is the mean of all their pairs."


MAP_FILE = "map.npz"


@dataclass(frozen=True, eq=False)
class Projection2D:
    """`xy` (n, 2) lies within 0 to 1; `way` says how it was made."""

    xy: Floats
    method: str


def load_projection(evidence: Evidence, out: Path) -> Projection2D:
    """The one kept in folder `out` if it is of these very looks, else made now, and kept."""
    vector = evidence.tracklets.vector
    digest = hashlib.sha256(np.ascontiguousarray(vector).tobytes()).hexdigest()
    try:
        with np.load(out / MAP_FILE, allow_pickle=False) as held:
            if str(held["digest"]) == digest:
                return Projection2D(held["xy"], str(held["way"]))
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        pass  # made again below
    plane = compute_projection(vector)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, xy=plane.xy, method=np.array(plane.method), digest=np.array(digest))
    write_atomically(out / MAP_FILE, buffer.getvalue())
    return plane


def compute_projection(vector: Floats) -> Projection2D:
    """The same looks (n, d) lie in the same places whenever this is done."""
    xy, method = project(vector)
    return Projection2D(_fit_unit_square(xy), method)


def _fit_unit_square(xy: NDArray[np.float64]) -> Floats:
    """Into the unit square, both ways by one measure.

    >>> _fitted(np.array([[0.0, 5], [4, 5], [2, 6]])).tolist()
    [[0.0, 0.375], [1.0, 0.375], [0.5, 0.625]]
    """
    if not len(xy):
        return np.empty((0, 2), np.float32)
    low, high = xy.min(axis=0), xy.max(axis=0)
    wide = float((high - low).max()) or 1.0
    return np.asarray(0.5 + (xy - (low + high) / 2) / wide, np.float32)
