"""How alike all people are, as a table that says how it was made."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from core.gallery.naming import calm, person_name
from core.match import Match
from core.people.kept import of_people


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
