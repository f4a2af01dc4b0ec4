"""Explanations of a match: who else each track may be, why two tracks or people are the same or not, and a map.

The alternatives of a track, and the reasons for a pair, come with the two most similar crops, so that a person can
compare them. The map lays the vectors of all tracks out in two dimensions. It is computed once and kept with the run.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints
from core.machine.artifacts import read_arrays
from core.machine.paths import write_atomically
from core.machine.records import DAMAGE
from core.runs.evidence import CROPS_FOLDER, Evidence
from core.runs.gallery import Crop, Lookalike
from core.vision.appearance import project
from core.vision.match import FREE, REASON_TEXTS, TOGETHER, Match, most_similar_crops, rank_similar

_REASONS_WITHOUT_TIMES = {TOGETHER: "each has a folder in one camera, so they were told apart already"}
"""Replaces the reasons that speak of times where the pictures have none."""


def find_lookalikes(evidence: Evidence, match: Match, out: Path) -> list[Lookalike]:
    """For each tracklet the most similar tracklets of other people; crops stay in their files below `out`."""
    person = match.people().person.tolist()
    names = {row: name for name, row in evidence.row_of.items()}
    found = rank_similar(match.similarity, match.why, match.people())
    crops = most_similar_crops(found.row, found.candidate, evidence.crops.row, evidence.crop_features)
    reasons = reason_texts(evidence)
    columns = (found.row, found.place, found.candidate, found.similarity, found.why, found.margin, *crops)
    cells = zip(*(column.tolist() for column in columns), strict=True)
    return [
        Lookalike(
            *names[row],
            person[row],
            place,
            *names[other_row],
            person[other_row],
            similarity,
            margin,
            "" if why == FREE else reasons[why],
            _crop(evidence, crop, out),
            _crop(evidence, other_crop, out),
            crop_similarity,
        )
        for row, place, other_row, similarity, why, margin, crop, other_crop, crop_similarity in cells
    ]


def reason_texts(evidence: Evidence) -> Mapping[int, str]:
    """Why a pair cannot be one person, as text by reason code."""
    return REASON_TEXTS if evidence.has_times else {**REASON_TEXTS, **_REASONS_WITHOUT_TIMES}


def _crop(evidence: Evidence, at: int, out: Path) -> Crop:
    crops = evidence.crops
    return Crop(float(crops.seconds[at]), int(crops.frame[at]), out / CROPS_FOLDER / str(crops.name[at]))


@dataclass(frozen=True)
class PairExplanation:
    """Why two tracks or two people are one person or not.

    `similarity` is NaN for a person who has a single track. `crops` are rows of the evidence's crops: of all pairs with
    a crop from either side the most similar one, with its `crop_similarity`.
    """

    similarity: float
    is_same_person: bool
    text: str
    crops: tuple[int, int]
    crop_similarity: float


def explain_tracks(evidence: Evidence, match: Match, a: int, b: int) -> PairExplanation:
    """Why the tracklets of rows `a` and `b` are one person or not."""
    person = match.people().person
    is_same = bool(person[a] == person[b])
    text = _tracks_text(evidence, match, a, b, is_same)
    return _explanation(evidence, np.array([a]), np.array([b]), float(match.similarity[a, b]), is_same, text)


def explain_people(evidence: Evidence, match: Match, a: int, b: int) -> PairExplanation:
    """Why people `a` and `b` (their numbers) are two people; for a person with itself, how similar its tracks are."""
    person = match.people().person
    rows_a, rows_b = np.flatnonzero(person == a), np.flatnonzero(person == b)
    left, right = np.repeat(rows_a, len(rows_b)), np.tile(rows_b, len(rows_a))
    if a == b:
        upper = left < right
        left, right = left[upper], right[upper]
        if not len(left):
            text = "This person has one track only: there is nothing to compare it with."
            return _explanation(evidence, rows_a, rows_a, float("nan"), True, text)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    text = _same_person_text(mean, len(rows_a)) if a == b else _people_text(evidence, match, left, right)
    return _explanation(evidence, left, right, mean, a == b, text)


def _explanation(
    evidence: Evidence, left: Ints, right: Ints, similarity: float, is_same: bool, text: str
) -> PairExplanation:
    """The explanation with the most similar crops of the pairs of rows `left` and `right`, (n,) each."""
    left_crop, right_crop, alike = most_similar_crops(left, right, evidence.crops.row, evidence.crop_features)
    best = int(alike.argmax())
    crops = (int(left_crop[best]), int(right_crop[best]))
    return PairExplanation(similarity, is_same, text, crops, float(alike[best]))


def _tracks_text(evidence: Evidence, match: Match, a: int, b: int, is_same: bool) -> str:
    similarity, threshold, why = float(match.similarity[a, b]), match.threshold, int(match.why[a, b])
    if a == b:
        return "This is one and the same track."
    if is_same:
        if {(a, b), (b, a)} & set(match.decisions.same):
            return "Together: you said that they are one person."
        if match.must_link[a] == match.must_link[b]:
            return "Together: you joined them, through other tracks."
        if similarity >= threshold:
            return f"Together: their similarity is at or above the threshold, {threshold:.3f}."
        return (
            f"Together through other tracks of this person. These two alone are below the threshold, {threshold:.3f}."
        )
    if why != FREE:
        return f"Apart: {reason_texts(evidence)[why]}."
    if similarity < threshold:
        return f"Apart: their similarity is below the threshold, {threshold:.3f}."
    person = match.people().person
    rows_a, rows_b = np.flatnonzero(person == person[a]), np.flatnonzero(person == person[b])
    of_people = _people_text(evidence, match, np.repeat(rows_a, len(rows_b)), np.tile(rows_b, len(rows_a)))
    of_people = f"{of_people[0].lower()}{of_people[1:]}"
    return f"Apart, although the similarity of these two tracks reaches the threshold. Their people: {of_people}"


def _people_text(evidence: Evidence, match: Match, left: Ints, right: Ints) -> str:
    """Why two people are apart, from all pairs of a track of the first with a track of the second."""
    why, pairs = match.why[left, right], len(left)
    mean = float(match.similarity[left, right].astype(np.float64).mean())
    below = f"the mean similarity of their tracks, {mean:.3f}, is below the threshold, {match.threshold:.3f}"
    codes, counts = np.unique(why[why != FREE], return_counts=True)
    if not len(codes):
        return f"Apart: {below}."
    causes = [
        (f"in {count} of {pairs} pairs of tracks, " if pairs > 1 else "") + reason_texts(evidence)[code]
        for code, count in zip(codes.tolist(), counts.tolist(), strict=True)
    ]
    return f"Apart: {'; '.join(causes)}." + (f" Also, {below}." if mean < match.threshold else "")


def _same_person_text(mean: float, tracks: int) -> str:
    return f"Together: {tracks} tracks of one person. The similarity, {mean:.3f}, is the mean of all their pairs."


MAP_FILE = "map.npz"


@dataclass(frozen=True, eq=False)
class Projection2D:
    """The vectors of all tracks in two dimensions: `xy` (n, 2) within 0 to 1, and the method that made it."""

    xy: Floats
    method: str


def load_projection(evidence: Evidence, out: Path) -> Projection2D:
    """The projection in folder `out` if it is of the vectors of `evidence`, else a new one, which is saved there."""
    vector = evidence.tracklets.vector
    digest = hashlib.sha256(np.ascontiguousarray(vector).tobytes()).hexdigest()
    try:
        arrays = read_arrays(out / MAP_FILE)
        if str(arrays["digest"]) == digest:
            return Projection2D(arrays["xy"], str(arrays["way"]))
    except (OSError, *DAMAGE):
        pass  # computed below
    projection = compute_projection(vector)
    buffer = io.BytesIO()
    arrays = {"xy": projection.xy, "way": np.array(projection.method), "digest": np.array(digest)}
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(out / MAP_FILE, buffer.getvalue())
    return projection


def compute_projection(vector: Floats) -> Projection2D:
    """The projection of vectors (n, d); the same vectors always give the same result."""
    xy, method = project(vector)
    return Projection2D(_fit_unit_square(xy), method)


def _fit_unit_square(xy: NDArray[np.float64]) -> Floats:
    """The points scaled into the unit square, by the same factor in both directions.

    >>> _fit_unit_square(np.array([[0.0, 5], [4, 5], [2, 6]])).tolist()
    [[0.0, 0.375], [1.0, 0.375], [0.5, 0.625]]
    """
    if not len(xy):
        return np.empty((0, 2), np.float32)
    low, high = xy.min(axis=0), xy.max(axis=0)
    extent = float((high - low).max()) or 1.0
    return np.asarray(0.5 + (xy - (low + high) / 2) / extent, np.float32)
