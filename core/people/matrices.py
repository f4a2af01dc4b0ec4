"""How alike all tracks and all people are, as files that say how they were made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.gallery import calm, person_name
from core.match import Match, between
from core.people.evidence import Evidence
from core.types import Floats, Ints


def of_people(match: Match) -> tuple[Ints, Floats]:
    """The numbers of the people (k,), rising, and how alike they are, (k, k): the mean over all pairs of tracks.

    Of one person with itself, over the pairs of different tracks: NaN where there is only one.
    """
    people, group = np.unique(match.people().person, return_inverse=True)
    return people, between(match.similarity, group)


def similarity_npz(evidence: Evidence, match: Match, about: Mapping[str, Any]) -> bytes:
    """`about` says how it was made; it is kept as JSON text."""
    people, alike = of_people(match)
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        similarity=match.similarity,
        why=match.why,
        camera=np.array(evidence.cameras, str)[evidence.tracklets.camera],
        track=evidence.tracklets.track,
        person=match.people().person,
        people=people,
        between=alike,
        threshold=match.threshold,
        about=np.array(json.dumps(about, ensure_ascii=False)),
    )
    return buffer.getvalue()


def between_csv(match: Match, names: Mapping[int, str], about: Mapping[str, Any]) -> str:
    """Person by person; the first lines, which begin with #, say how it was made. `names` are those that have one."""
    people, alike = of_people(match)
    text = io.StringIO()
    text.write("# mean similarity of all pairs of tracks of two people, -1 to 1; empty for one track by itself\n")
    text.write(f"# people as they are at the threshold {match.threshold:.4f}\n")
    for name, value in about.items():
        text.write(f"# {name}: {json.dumps(value, ensure_ascii=False)}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("person", "name", *map(person_name, people.tolist())))
    for number, row in zip(people.tolist(), alike, strict=True):
        cells = ("" if np.isnan(value) else f"{value:.4f}" for value in row)
        writer.writerow((person_name(number), calm(names.get(number, "")), *cells))
    return text.getvalue()
