"""What the user has decided, as text files: links between tracks, and names of people. Any spreadsheet can write them.

Links say which two tracks are one person (same) or two (different), and where a track is to be cut in two:

    camera,track,other_camera,other_track,decision,seconds
    cam1,3,cam2,5,same
    cam1,3,cam2,8,different
    cam1,4,,,cut,12.5
    cam1,31,cam2,5,same
    cam2,9,,,person
    cam2,4,,,thing

`seconds` of a cut is a moment of the camera's clip. The part of the track from that moment on gets a new number, the
next one after the highest track of its camera; several cuts are numbered by track and time. The remaining lines may use
the new numbers. The two parts on either side of a cut are different people, unless a line says that they are the same.
A track that is a person, or the same as another, is no thing, whatever the run took it for.

Names and notes belong to the person of a track:

    camera,track,name,note
    cam1,3,Anna,came by bicycle
    cam2,5,,wears a hat

If the tracks of one person have different names, all of them are shown. A name may be any text: no file is named by it.

Numbers of people belong to a moment of a track: whoever has the box that the track has then is that person.

    number,camera,track,seconds
    1,cam1,3,0.000
    2,cam2,5,1.200

The track is numbered as in the run, also if it was cut; the moment is a second of the clip.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from core.base.errors import SettingsError
from core.base.limits import TABLE_BYTES, require_bytes
from core.base.text import csv_cell, csv_text, one_line
from core.runs.cutting import CutPoint, adjacent_parts, cut
from core.runs.evidence import Evidence
from core.runs.tables import load_all_tracks
from core.vision.match import Decisions, rank_tracklets


def read_rows(path: Path, what: str, layout: str) -> list[dict[str, str]]:
    """The rows below the header, by column. An unreadable file is an error whose remedy is `layout`."""
    try:
        require_bytes(path.stat().st_size, TABLE_BYTES, path.name, SettingsError, layout)
        with path.open(newline="", encoding="utf-8-sig") as file:
            # Of a row that is too long or too short, cells are lists or None.
            return [
                {k: csv_cell(v) if isinstance(v, str) else v for k, v in row.items()} for row in csv.DictReader(file)
            ]
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise SettingsError(f"{path} cannot be read as {what} ({fault})", layout) from fault


LINK_COLUMNS = ("camera", "track", "other_camera", "other_track", "decision", "seconds")
SAME, DIFFERENT, CUT, IS_PERSON, IS_OBJECT = "same", "different", "cut", "person", "thing"
_OF_A_TRACK = (*LINK_COLUMNS[:2], LINK_COLUMNS[4])
_FILLED = {
    **dict.fromkeys((SAME, DIFFERENT), LINK_COLUMNS[:5]),
    **dict.fromkeys((IS_PERSON, IS_OBJECT), _OF_A_TRACK),
    CUT: (*_OF_A_TRACK, LINK_COLUMNS[5]),
}
_LINK_LAYOUT = (
    f"The first line must be {','.join(LINK_COLUMNS)}. A decision is {SAME} or {DIFFERENT} for two tracks, "
    f"{IS_PERSON} or {IS_OBJECT} for one track, or {CUT} for one track at a second of its clip."
)


class TrackKey(NamedTuple):
    """A track of a run."""

    camera: str
    track: int


@dataclass(frozen=True)
class Link:
    """What was decided about one track or two: one line of the file.

    A decision about two has a `second` track, and a cut `seconds`. These stay as they were typed: keys of exports
    contain the text.
    """

    first: TrackKey
    decision: str
    second: TrackKey | None = None
    seconds: str = ""

    def __post_init__(self) -> None:
        if self.decision not in _FILLED:
            raise ValueError(f"'{self.decision}' is no decision")
        if self.is_of_two != (self.second is not None) or self.is_cut != bool(self.seconds):
            raise ValueError("a cut has seconds, and a decision about two tracks a second one")
        if self.is_cut and not math.isfinite(float(self.seconds)):
            raise ValueError(f"'{self.seconds}' is no number of seconds")

    @classmethod
    def cut(cls, point: CutPoint) -> Link:
        camera, track, seconds = point
        return cls(TrackKey(camera, track), CUT, seconds=f"{seconds:.3f}")

    @classmethod
    def from_dict(cls, cells: Mapping[str, str]) -> Link:
        """The link with these cells, by column; empty ones are left out. Raises KeyError or ValueError.

        >>> Link.from_dict({"camera": "gate", "track": "3", "decision": "cut", "seconds": "2.5"}).cut_point
        CutPoint(camera='gate', track=3, seconds=2.5)
        """
        decision = cells["decision"]
        if set(cells) != set(_FILLED[decision]):
            raise ValueError("the wrong columns are filled in")
        first = TrackKey(cells["camera"], int(cells["track"]))
        if "other_camera" in cells:
            return cls(first, decision, TrackKey(cells["other_camera"], int(cells["other_track"])))
        return cls(first, decision, seconds=cells.get("seconds", ""))

    def to_dict(self) -> dict[str, str]:
        """The filled cells, by column and in their order.

        >>> Link(TrackKey("gate", 3), "same", TrackKey("hall", 5)).to_dict()
        {'camera': 'gate', 'track': '3', 'other_camera': 'hall', 'other_track': '5', 'decision': 'same'}
        """
        other_camera, other_track = self.second or ("", "")
        cells = (self.first.camera, str(self.first.track), other_camera, str(other_track), self.decision, self.seconds)
        return {name: cell for name, cell in zip(LINK_COLUMNS, cells, strict=True) if cell}

    @property
    def is_cut(self) -> bool:
        return self.decision == CUT

    @property
    def is_of_two(self) -> bool:
        return self.decision in (SAME, DIFFERENT)

    @property
    def is_mark(self) -> bool:
        """Whether it says of a track that it shows a person, or a thing."""
        return self.decision in (IS_PERSON, IS_OBJECT)

    @property
    def pair(self) -> tuple[TrackKey, TrackKey]:
        """The two tracks of a decision about two."""
        if self.second is None:
            raise ValueError(f"'{self.decision}' is about one track")
        return self.first, self.second

    def about(self, *keys: TrackKey) -> Link:
        """The same decision about other tracks, one or two."""
        return Link(keys[0], self.decision, keys[1] if self.is_of_two else None, self.seconds)

    @property
    def tracks(self) -> tuple[TrackKey, ...]:
        """The tracks that it is about."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def cut_point(self) -> CutPoint:
        return CutPoint(*self.first, float(self.seconds))


def read_links(path: Path) -> tuple[Link, ...]:
    """The links in a file, in order, each checked to be complete."""
    lines = read_rows(path, "links", _LINK_LAYOUT)
    return tuple(_read_link(number, line) for number, line in enumerate(lines, 2))  # the first line is the head


def links_csv(links: Iterable[Link]) -> str:
    """The links as `read_links` reads them."""
    rows = (link.to_dict() for link in links)
    return csv_text([LINK_COLUMNS, *([row.get(name, "") for name in LINK_COLUMNS] for row in rows)])


def apply_links(links: Iterable[Link], evidence: Evidence, out: Path) -> Evidence:
    """The evidence of the run in folder `out` after the cuts among the links, and with what they say of things."""
    links = tuple(links)
    points = [link.cut_point for link in links if link.is_cut]
    cameras = {camera for camera, _, _ in points if camera in evidence.cameras and evidence.has_times}
    return mark_objects(links, cut(evidence, points, load_all_tracks(out, cameras)))


def mark_objects(links: Sequence[Link], evidence: Evidence) -> Evidence:
    """The evidence, which is cut already, with the things that the links say: a track that is joined with another is
    none, unless it is marked itself."""
    marks = {key: False for link in links if link.decision == SAME for key in link.pair}
    marks |= {link.first: link.decision == IS_OBJECT for link in links if link.is_mark}
    row_of, is_object = evidence.row_of, evidence.tracklets.is_object.copy()
    changed = [key for key, mark in marks.items() if key in row_of and is_object[row_of[key]] != mark]
    for key in changed:
        is_object[row_of[key]] = marks[key]
    if not changed:
        return evidence
    tracklets = replace(evidence.tracklets, is_object=is_object)
    return replace(evidence, tracklets=tracklets, reviewed_objects=tuple((key.camera, key.track) for key in changed))


def resolve_links(links: Iterable[Link], evidence: Evidence) -> Decisions:
    """The links between pairs, as rows of the tracklets. `evidence` is cut already."""
    row_of = evidence.row_of
    pairs: dict[str, list[tuple[int, int]]] = {SAME: [], DIFFERENT: []}
    for number, link in enumerate(links, 2):
        if not link.is_cut:
            try:
                rows = [row_of[key] for key in link.tracks]
                if link.is_of_two:
                    pairs[link.decision].append((rows[0], rows[1]))
            except KeyError as fault:
                camera, track = fault.args[0]
                why = f"there is no track {track} of camera {camera}"
                raise _link_error(number, link.to_dict(), why) from fault
    joined = {frozenset(pair) for pair in pairs[SAME]}
    sides = [(row_of[before], row_of[after]) for before, after in adjacent_parts(evidence.cuts)]
    pairs[DIFFERENT] += [pair for pair in sides if frozenset(pair) not in joined]
    return Decisions(tuple(pairs[SAME]), tuple(pairs[DIFFERENT]))


def _read_link(number: int, line: Mapping[str, str | None]) -> Link:
    cells = {name: cell for name in LINK_COLUMNS if (cell := (line.get(name) or "").strip())}
    try:
        return Link.from_dict(cells)
    except (KeyError, ValueError) as fault:
        raise _link_error(number, cells, "it needs tracks and a decision") from fault


def _link_error(number: int, cells: Mapping[str, str], why: str) -> SettingsError:
    text = ",".join(cells.get(name, "") for name in LINK_COLUMNS).rstrip(",")
    return SettingsError(f"line {number} of the links ({text}) cannot be applied: {why}", _LINK_LAYOUT)


NAME_COLUMNS = ("camera", "track", "name", "note")
_NAME_LAYOUT = f"The first line must be {','.join(NAME_COLUMNS)}, and each line below it must name a track."


class Name(NamedTuple):
    """The user's name for the person of a track, and a note on the person; either may be empty."""

    camera: str
    track: int
    name: str
    note: str


def read_names(path: Path) -> tuple[Name, ...]:
    """The names in a file, in order."""
    lines = read_rows(path, "names", _NAME_LAYOUT)
    return tuple(_parse_name(number, line) for number, line in enumerate(lines, 2))  # the first line is the head


def names_csv(names: Iterable[Name]) -> str:
    """The names as `read_names` reads them."""
    rows = ((camera, track, one_line(name), one_line(note)) for camera, track, name, note in names)
    return csv_text([NAME_COLUMNS, *rows])


def names_by_person(
    names: Iterable[Name], row_of: Mapping[tuple[str, int], int], person: Iterable[int]
) -> tuple[dict[int, str], dict[int, str]]:
    """Names and notes by the number of the person; `person` (n,) holds the person of each row."""
    person_of_row = list(person)
    names_of: dict[int, list[str]] = {}
    notes_of: dict[int, list[str]] = {}
    for camera, track, name, note in names:
        if (camera, track) not in row_of:
            raise SettingsError(f"there is no track {track} of camera {camera} to name", _NAME_LAYOUT)
        number = person_of_row[row_of[camera, track]]
        for texts_of, text in ((names_of, one_line(name)), (notes_of, one_line(note))):
            if text and text not in texts_of.setdefault(number, []):
                texts_of[number].append(text)
    return _join_texts(names_of, ", "), _join_texts(notes_of, "; ")


def _join_texts(texts_of: Mapping[int, list[str]], separator: str) -> dict[int, str]:
    return {number: separator.join(texts) for number, texts in texts_of.items() if texts}


def _parse_name(number: int, line: Mapping[str, str | None]) -> Name:
    try:
        camera, track = (line["camera"] or "").strip(), int(line["track"] or "")
    except (KeyError, ValueError) as fault:
        raise SettingsError(f"line {number} of the names has no track", _NAME_LAYOUT) from fault
    name, note = ((line.get(column) or "").strip() for column in NAME_COLUMNS[2:])
    return Name(camera, track, name, note)


NUMBER_COLUMNS = ("number", "camera", "track", "seconds")
_NUMBER_LAYOUT = (
    f"The first line must be {','.join(NUMBER_COLUMNS)}, and each line below it must name a moment of a track."
)


class PersonNumber(NamedTuple):
    """A person's number: whoever has the box that a track (numbered as in the run) has at `seconds` of the clip."""

    number: int
    camera: str
    track: int
    seconds: float


def read_numbers(path: Path) -> tuple[PersonNumber, ...]:
    """The numbers in a file, in order."""
    lines = read_rows(path, "numbers", _NUMBER_LAYOUT)
    try:
        return tuple(
            PersonNumber(int(line["number"]), line["camera"], int(line["track"]), float(line["seconds"]))
            for line in lines
        )
    except (KeyError, TypeError, ValueError) as fault:
        raise SettingsError(f"{path} has a line that is no number of a person", _NUMBER_LAYOUT) from fault


def numbers_csv(numbers: Iterable[PersonNumber]) -> str:
    """The numbers as `read_numbers` reads them."""
    return csv_text([NUMBER_COLUMNS, *((*each[:3], f"{each.seconds:.3f}") for each in numbers)])


def numbers_by_row(numbers: Iterable[PersonNumber], evidence: Evidence) -> list[tuple[int, ...]]:
    """The numbers of each tracklet, rising; none where no number lies in the tracklet. `evidence` is cut already."""
    row_of, cuts_of = evidence.row_of, _cuts_by_track(evidence)
    found: list[list[int]] = [[] for _ in row_of]
    for number, camera, track, seconds in numbers:
        moments, parts = cuts_of.get((camera, track), ((), (track,)))
        row = row_of.get((camera, parts[bisect_right(moments, round(seconds, 3))]))
        if row is not None:
            found[row].append(number)
    return [tuple(sorted(row_numbers)) for row_numbers in found]


def _cuts_by_track(evidence: Evidence) -> dict[tuple[str, int], tuple[Sequence[float], Sequence[int]]]:
    """For each track that was cut, as the run numbered it: the moments of its cuts, and the numbers of its parts."""
    cuts_of: dict[tuple[str, int], tuple[list[float], list[int]]] = {}
    for each in evidence.cuts:
        moments, parts = cuts_of.setdefault((each.camera, each.track), ([], [each.track]))
        moments.append(round(each.seconds, 3))
        parts.append(each.new_track)
    return dict(cuts_of)


def new_numbers(numbers: Sequence[PersonNumber], evidence: Evidence, highest: int = 0) -> tuple[PersonNumber, ...]:
    """Numbers for the tracklets that have none among `numbers`, by rank, from the one after `highest`."""
    rank = rank_tracklets(evidence.tracklets)
    without = [row for row, of_row in enumerate(numbers_by_row(numbers, evidence)) if not of_row]
    highest = max(highest, *(each.number for each in numbers), 0)
    run_track = {(each.camera, each.new_track): each.track for each in evidence.cuts}
    keys = list(evidence.row_of)
    return tuple(
        PersonNumber(
            number,
            keys[row][0],
            run_track.get(keys[row], keys[row][1]),
            round(max(evidence.clip_seconds(row)[0], 0), 3),
        )
        for number, row in enumerate(sorted(without, key=lambda row: rank[row]), highest + 1)
    )
