"""Who else each track may be: what matching says of it, with the two pictures that say it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.gallery.sightings import Crop, Lookalike
from core.match import FREE, WORDS, Match, most_alike, rank
from core.match.rules import TOGETHER
from core.people.evidence import CROPS, Evidence

_TOLD_APART = {TOGETHER: "each has a folder in one camera, so they were told apart already"}
"""Instead of what is said of times, where there are none."""


def lookalikes_of(evidence: Evidence, match: Match, out: Path) -> list[Lookalike]:
    """For every tracklet those of other people that are most like it; crops stay in their files below `out`."""
    person = match.people().person.tolist()
    names = {row: name for name, row in evidence.row_of.items()}
    found = rank(match.similarity, match.why, match.people())
    crops = most_alike(found.row, found.other, evidence.crops.row, evidence.crop_looks)
    reasons = reasons_of(evidence)
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


def reasons_of(evidence: Evidence) -> Mapping[int, str]:
    """Why a pair cannot be one person, in words, by number."""
    return WORDS if evidence.timed else {**WORDS, **_TOLD_APART}


def _crop(evidence: Evidence, at: int, out: Path) -> Crop:
    crops = evidence.crops
    return Crop(float(crops.seconds[at]), int(crops.frame[at]), out / CROPS / str(crops.name[at]))
