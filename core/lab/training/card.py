"""The documents of a data set made from footage: the table that says who is who, and the data card.

The table (people.csv) is written here and read again after people have edited it."""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import __version__
from core.base.errors import SettingsError, StoreError
from core.base.text import csv_cell, csv_text, safe_name
from core.runs import ModelRecord, RunRecord

HEAD = ["camera", "track", "person"]
_NO_PERSON = {"", "-"}
Sighting = tuple[str, int]
"""A camera and a track of it; a person consists of these."""


@dataclass(frozen=True)
class Crop:
    """One crop of the data set: `person` is its folder, `camera` the number of the camera, `split` train or val."""

    person: str
    camera: int
    track: int
    frame: int
    split: str

    @property
    def name(self) -> str:
        return f"{self.split}/{self.person}/cam{self.camera}_{self.frame:06d}.jpg"


@dataclass(frozen=True)
class Prepared:
    """A data set as it lies in its folder. `left_out` counts the boxes without a crop, by reason."""

    crops: tuple[Crop, ...]
    cameras: Mapping[str, int]
    left_out: Mapping[str, int]

    def people(self, split: str) -> list[str]:
        return sorted({crop.person for crop in self.crops if crop.split == split})

    def askable(self, split: str) -> int:
        """People of a split seen by two cameras or more: only these can be queries across cameras."""
        pairs = {(crop.person, crop.camera) for crop in self.crops if crop.split == split}
        return sum(count > 1 for count in Counter(person for person, _ in pairs).values())


def table_of(sightings: Iterable[Sighting], cameras: Mapping[str, int]) -> str:
    """The table before it is edited: every track is a person of its own.

    >>> print(table_of([("gate", 7)], {"gate": 1}), end="")
    camera,track,person
    gate,7,cam1-0007
    """
    rows = [[camera, str(track), f"cam{cameras[camera]}-{track:04d}"] for camera, track in sightings]
    return csv_text([HEAD, *rows])


def read_table(path: Path, run_sightings: Iterable[Sighting]) -> dict[Sighting, str]:
    """The person of each track, as a name that suits a folder. Tracks without a person or a row are left out.

    Read as spreadsheets write it: commas or semicolons, with or without a byte order mark.
    """
    people: dict[Sighting, str] = {}
    names_by_folder: dict[str, str] = {}
    listed, run_sightings = set(), set(run_sightings)
    for line, row in _rows(path):
        sighting = (csv_cell(row[0].strip()), int(row[1]) if row[1].strip().isdecimal() else -1)
        if sighting not in run_sightings:
            raise _table_error(path, line, f"the run has no track {row[1]} in a camera {row[0]}")
        if sighting in listed:
            raise _table_error(path, line, f"track {row[1]} of {row[0]} is listed twice")
        listed.add(sighting)
        name = csv_cell(row[2].strip())
        if name in _NO_PERSON:
            continue
        folder = safe_name(name)
        if names_by_folder.setdefault(folder.lower(), name) != name:
            raise _table_error(
                path, line, f"'{name}' and '{names_by_folder[folder.lower()]}' would share the folder {folder}"
            )
        people[sighting] = folder
    return people


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row below the head."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as fault:
        raise StoreError(f"{path} cannot be read", "Save it as CSV in UTF-8.") from fault
    table = csv.reader(io.StringIO(text), delimiter=";" if ";" in text.split("\n")[0] else ",")
    rows = [(table.line_num, row) for row in table if any(cell.strip() for cell in row)]
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != HEAD:
        raise _table_error(path, 1, f"expected the columns {','.join(HEAD)}")
    for line, row in rows[1:]:
        if len(row) != len(HEAD):
            raise _table_error(path, line, f"expected {len(HEAD)} columns, found {len(row)}")
    return rows[1:]


def _table_error(path: Path, line: int, message: str) -> SettingsError:
    return SettingsError(f"{path.name}, line {line}: {message}", "Correct the table, or delete it to start again.")


def card(made: Prepared, settings: Mapping[str, Any], run: RunRecord) -> str:
    """The data card, Markdown. `run` is the run's record (`run.json`)."""
    facts = {name: value for name, value in settings.items() if name not in ("purpose", "consent")}
    models = {kind: _model(model) for kind, model in run.models.items()}
    parts = [
        "# Data card",
        "Pictures of people who can be recognised. Use them for the purpose below and for nothing else; delete this "
        "folder when it is served.",
        _provenance(settings, run),
        "## Sources",
        _table(["number", "camera", "clip (digest)", "picture", "frames"], _sources(made, run)),
        "## Content",
        _table(["split", "people", "of them seen by two cameras or more", "pictures"], _splits(made)),
        *_advice(made),
        _table(["person", "split", *(f"camera {n}" for n in made.cameras.values())], _people(made)),
        "## Left out",
        _table(["why", "boxes"], [[why, f"{count:,}"] for why, count in made.left_out.items()]),
        "## Settings and models",
        _table(["setting", "value"], [[name, str(value)] for name, value in facts.items()]),
        _table(["model", "which"], [[kind, model] for kind, model in models.items()]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _provenance(settings: Mapping[str, Any], run: RunRecord) -> str:
    facts = {
        "Purpose": _one_line(settings["purpose"]),
        "Consent": _one_line(settings["consent"]) or "nothing was stated",
        "Made": f"{time.strftime('%Y-%m-%d %H:%M %z')}, by sightline {__version__}",
        "Run": f"of {run.began or 'an unknown time'}, by {run.program or 'an unknown program'}",
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def _sources(made: Prepared, run: RunRecord) -> list[list[str]]:
    rows = []
    for name, number in made.cameras.items():
        facts = run.cameras[name]
        rows.append([str(number), name, f"`{facts.digest}`", f"{facts.width} x {facts.height}", f"{facts.frames:,}"])
    return rows


def _splits(made: Prepared) -> list[list[str]]:
    counts = Counter(crop.split for crop in made.crops)
    return [[s, str(len(made.people(s))), str(made.askable(s)), f"{counts[s]:,}"] for s in ("train", "val")]


def _people(made: Prepared) -> list[list[str]]:
    counts = Counter((crop.person, crop.camera) for crop in made.crops)
    splits = {crop.person: crop.split for crop in made.crops}
    cameras = made.cameras.values()
    return [[person, splits[person], *(str(counts[person, n]) for n in cameras)] for person in sorted(splits)]


def _advice(made: Prepared) -> list[str]:
    if made.askable("val"):
        return []
    return [
        "Nobody in val was seen by two cameras, so that nothing can be measured across cameras yet: give the tracks of "
        "one person the same name in people.csv, and prepare again."
    ]


def _model(model: ModelRecord | str) -> str:
    """Name, licence and digest of a model; what the record says where it names no model."""
    return model if isinstance(model, str) else f"{model.name}, {model.licence}, sha256 {model.sha256}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; empty where there are no rows."""
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines) if rows else ""
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
