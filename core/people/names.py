"""Names and notes that the user has typed for people, as a text file and by the tracks that they were typed for.

camera,track,name,note
cam1,3,Anna,came by bicycle
cam2,5,,wears a hat

A person's name is that of its tracks: where two of them were named apart, both names are shown. Any text will do; it is
never part of a file's name.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from core.errors import SettingsError
from core.gallery.naming import calm, one_line
from core.people.lines import lines_of

COLUMNS = ("camera", "track", "name", "note")
_LAYOUT = f"The first line is {','.join(COLUMNS)}; each other one names a track."


class Name(NamedTuple):
    """What the user calls the person of a track, and a note on them; either may be empty."""

    camera: str
    track: int
    name: str
    note: str


def read_names(path: Path) -> tuple[Name, ...]:
    """The lines of a file, in order."""
    lines = lines_of(path, "names", _LAYOUT)
    return tuple(_understood(number, line) for number, line in enumerate(lines, 2))  # the first line is the head


def names_csv(names: Iterable[Name]) -> str:
    """What `read_names` reads. No cell of it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((camera, track, calm(name), calm(note)) for camera, track, name, note in names)
    return text.getvalue()


def people_named(
    names: Iterable[Name], row_of: Mapping[tuple[str, int], int], person: Iterable[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Names and notes by the person's number; `person` is that of each row."""
    whose = list(person)
    called: dict[int, list[str]] = {}
    noted: dict[int, list[str]] = {}
    for camera, track, name, note in names:
        if (camera, track) not in row_of:
            raise SettingsError(f"there is no track {track} of camera {camera} to name", _LAYOUT)
        number = whose[row_of[camera, track]]
        for said, text in ((called, one_line(name)), (noted, one_line(note))):
            if text and text not in said.setdefault(number, []):
                said[number].append(text)
    return _joined(called, ", "), _joined(noted, "; ")


def _joined(said: Mapping[int, list[str]], between: str) -> dict[int, str]:
    return {number: between.join(texts) for number, texts in said.items() if texts}


def _understood(number: int, line: Mapping[str, str | None]) -> Name:
    try:
        camera, track = (line["camera"] or "").strip(), int(line["track"] or "")
    except (KeyError, ValueError) as fault:
        raise SettingsError(f"line {number} of the names names no track", _LAYOUT) from fault
    name, note = (_as_typed((line.get(column) or "").strip()) for column in COLUMNS[2:])
    return Name(camera, track, name, note)


def _as_typed(cell: str) -> str:
    """Without the mark that keeps spreadsheets from taking it for a formula.

    >>> _as_typed("'=1+1"), _as_typed("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and calm(cell[1:]) == cell else cell
