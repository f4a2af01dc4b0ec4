"""Tables that a user has written, of links or of names: read line by line, whatever program saved them.

What the user has decided, from a text file: pairs of tracks that are one person, or two, and tracks to cut in two.

camera,track,other_camera,other_track,decision,seconds
cam1,3,cam2,5,same
cam1,3,cam2,8,different
cam1,4,,,cut,12.5
cam1,31,cam2,5,same

A cut names a moment of the camera's clip. What the track shows from then on has a new number, the next one above the
highest of its camera; several cuts are numbered by track and time. The other lines may name the new numbers. What lies
on either side of a cut are two people, unless a line says that these very two are the same.

Names and notes that the user has typed for people, as a text file and by the tracks that they were typed for.

camera,track,name,note
cam1,3,Anna,came by bicycle
cam2,5,,wears a hat

A person's name is that of its tracks: where two of them were named apart, both names are shown. Any text will do; it is
never part of a file's name."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from core.base.errors import SettingsError
from core.base.text import calm, one_line
from core.runs.cutting import CutPoint, cut, adjacent_parts
from core.runs.evidence import Evidence
from core.runs.record import load_tracks
from core.vision.match import Decisions


def read_rows(path: Path, what: str, layout: str) -> list[dict[str, str]]:
    """The lines below the head, by column; a file that is no such table is refused with its `layout`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SettingsError(f"{path} cannot be read as {what} ({fault})", layout) from fault


LINK_COLUMNS = ("camera", "track", "other_camera", "other_track", "decision", "seconds")
SAME, DIFFERENT, CUT = "same", "different", "cut"
_FILLED = {SAME: LINK_COLUMNS[:5], DIFFERENT: LINK_COLUMNS[:5], CUT: (*LINK_COLUMNS[:2], *LINK_COLUMNS[4:])}
_LINK_LAYOUT = (
    f"The first line is {','.join(LINK_COLUMNS)}; a decision is {SAME} or {DIFFERENT}, of two tracks, or {CUT}, of one "
    "track at so many seconds of its clip."
)

Link = Mapping[str, str]
"""What one line says, by column; empty cells are left out."""


def read_links(path: Path) -> tuple[Link, ...]:
    """The lines of a file, in order; none of them makes no sense."""
    lines = read_rows(path, "links", _LINK_LAYOUT)
    links = tuple(
        {name: line[name].strip() for name in LINK_COLUMNS if (line.get(name) or "").strip()} for line in lines
    )
    for number, link in enumerate(links, 2):  # the first line is the head
        _parse_link(number, link)
    return links


def links_csv(links: Iterable[Link]) -> str:
    """What `read_links` reads."""
    text = io.StringIO()
    writer = csv.DictWriter(text, LINK_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(links)
    return text.getvalue()


def apply_cuts(links: Iterable[Link], evidence: Evidence, out: Path) -> Evidence:
    """`evidence` of the run in folder `out` with the tracks cut that the links say."""
    said = [_parse_link(number, link) for number, link in enumerate(links, 2)]
    moments = [CutPoint(*tracks[0], seconds) for decision, tracks, seconds in said if decision == CUT]
    cameras = {camera for camera, _, _ in moments if camera in evidence.cameras and evidence.has_times}
    return cut(evidence, moments, {camera: load_tracks(out, camera) for camera in cameras})


def resolve_links(links: Iterable[Link], evidence: Evidence) -> Decisions:
    """What the links say of pairs, as rows of the tracklets, which are cut already."""
    row_of = evidence.row_of
    said: dict[str, list[tuple[int, int]]] = {SAME: [], DIFFERENT: []}
    for number, link in enumerate(links, 2):
        decision, tracks, _ = _parse_link(number, link)
        if decision != CUT:
            try:
                said[decision].append((row_of[tracks[0]], row_of[tracks[1]]))
            except KeyError as fault:
                camera, track = fault.args[0]
                raise _link_error(number, link, f"there is no track {track} of camera {camera}") from fault
    joined = {frozenset(pair) for pair in said[SAME]}
    sides = [(row_of[one], row_of[other]) for one, other in adjacent_parts(evidence.cuts)]
    said[DIFFERENT] += [pair for pair in sides if frozenset(pair) not in joined]
    return Decisions(tuple(said[SAME]), tuple(said[DIFFERENT]))


def _parse_link(number: int, link: Link) -> tuple[str, list[tuple[str, int]], float]:
    """The decision, the track or the two tracks that it is about, and the moment of a cut."""
    try:
        decision = link["decision"]
        if set(link) != set(_FILLED[decision]):
            raise ValueError("other columns are filled in than it takes")
        pairs = [LINK_COLUMNS[:2]] if decision == CUT else [LINK_COLUMNS[:2], LINK_COLUMNS[2:4]]
        seconds = float(link.get("seconds", 0))
        if not math.isfinite(seconds):
            raise ValueError("no moment")
        return decision, [(link[camera], int(link[track])) for camera, track in pairs], seconds
    except (KeyError, ValueError) as fault:
        raise _link_error(number, link, "it names no tracks and a decision") from fault


def _link_error(number: int, link: Link, why: str) -> SettingsError:
    words = ",".join(link.get(name, "") for name in LINK_COLUMNS).rstrip(",")
    return SettingsError(f"line {number} of the links ({words}) cannot be obeyed: {why}", _LINK_LAYOUT)


NAME_COLUMNS = ("camera", "track", "name", "note")
_NAME_LAYOUT = f"The first line is {','.join(NAME_COLUMNS)}; each other one names a track."


class Name(NamedTuple):
    """What the user calls the person of a track, and a note on them; either may be empty."""

    camera: str
    track: int
    name: str
    note: str


def read_names(path: Path) -> tuple[Name, ...]:
    """The lines of a file, in order."""
    lines = read_rows(path, "names", _NAME_LAYOUT)
    return tuple(_parse_name(number, line) for number, line in enumerate(lines, 2))  # the first line is the head


def names_csv(names: Iterable[Name]) -> str:
    """What `read_names` reads. No cell of it is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(NAME_COLUMNS)
    writer.writerows((camera, track, calm(name), calm(note)) for camera, track, name, note in names)
    return text.getvalue()


def names_by_person(
    names: Iterable[Name], row_of: Mapping[tuple[str, int], int], person: Iterable[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Names and notes by the person's number; `person` is that of each row."""
    whose = list(person)
    called: dict[int, list[str]] = {}
    noted: dict[int, list[str]] = {}
    for camera, track, name, note in names:
        if (camera, track) not in row_of:
            raise SettingsError(f"there is no track {track} of camera {camera} to name", _NAME_LAYOUT)
        number = whose[row_of[camera, track]]
        for said, text in ((called, one_line(name)), (noted, one_line(note))):
            if text and text not in said.setdefault(number, []):
                said[number].append(text)
    return _join_texts(called, ", "), _join_texts(noted, "; ")


def _join_texts(said: Mapping[int, list[str]], between: str) -> dict[int, str]:
    return {number: between.join(texts) for number, texts in said.items() if texts}


def _parse_name(number: int, line: Mapping[str, str | None]) -> Name:
    try:
        camera, track = (line["camera"] or "").strip(), int(line["track"] or "")
    except (KeyError, ValueError) as fault:
        raise SettingsError(f"line {number} of the names names no track", _NAME_LAYOUT) from fault
    name, note = (_as_typed((line.get(column) or "").strip()) for column in NAME_COLUMNS[2:])
    return Name(camera, track, name, note)


def _as_typed(cell: str) -> str:
    """Without the mark that keeps spreadsheets from taking it for a formula.

    >>> _as_typed("'=1+1"), _as_typed("'tis")
    ('=1+1', "'tis")
    """
    return cell[1:] if cell.startswith("'") and calm(cell[1:]) == cell else cell
