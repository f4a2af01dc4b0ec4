"""What the user has decided, from a text file: pairs of tracks that are one person, or two, and tracks to cut in two.

camera,track,other_camera,other_track,decision,seconds
cam1,3,cam2,5,same
cam1,3,cam2,8,different
cam1,4,,,cut,12.5
cam1,31,cam2,5,same

A cut names a moment of the camera's clip. What the track shows from then on has a new number, the next one above the
highest of its camera; several cuts are numbered by track and time. The other lines may name the new numbers. What lies
on either side of a cut are two people, unless a line says that these very two are the same.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.errors import SettingsError
from core.match import Decisions
from core.people.cutting import Moment, cut, neighbours
from core.people.evidence import Evidence
from core.people.lines import lines_of
from core.results import tracks_of

COLUMNS = ("camera", "track", "other_camera", "other_track", "decision", "seconds")
SAME, DIFFERENT, CUT = "same", "different", "cut"
_FILLED = {SAME: COLUMNS[:5], DIFFERENT: COLUMNS[:5], CUT: (*COLUMNS[:2], *COLUMNS[4:])}
_LAYOUT = (
    f"The first line is {','.join(COLUMNS)}; a decision is {SAME} or {DIFFERENT}, of two tracks, or {CUT}, of one "
    "track at so many seconds of its clip."
)

Link = Mapping[str, str]
"""What one line says, by column; empty cells are left out."""


def read_links(path: Path) -> tuple[Link, ...]:
    """The lines of a file, in order; none of them makes no sense."""
    lines = lines_of(path, "links", _LAYOUT)
    links = tuple({name: line[name].strip() for name in COLUMNS if (line.get(name) or "").strip()} for line in lines)
    for number, link in enumerate(links, 2):  # the first line is the head
        _understood(number, link)
    return links


def links_csv(links: Iterable[Link]) -> str:
    """What `read_links` reads."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(links)
    return text.getvalue()


def cut_as_said(links: Iterable[Link], evidence: Evidence, out: Path) -> Evidence:
    """`evidence` of the run in folder `out` with the tracks cut that the links say."""
    said = [_understood(number, link) for number, link in enumerate(links, 2)]
    moments = [Moment(*tracks[0], seconds) for decision, tracks, seconds in said if decision == CUT]
    cameras = {camera for camera, _, _ in moments if camera in evidence.cameras and evidence.timed}
    return cut(evidence, moments, {camera: tracks_of(out, camera) for camera in cameras})


def decisions_of(links: Iterable[Link], evidence: Evidence) -> Decisions:
    """What the links say of pairs, as rows of the tracklets, which are cut already."""
    row_of = evidence.row_of
    said: dict[str, list[tuple[int, int]]] = {SAME: [], DIFFERENT: []}
    for number, link in enumerate(links, 2):
        decision, tracks, _ = _understood(number, link)
        if decision != CUT:
            try:
                said[decision].append((row_of[tracks[0]], row_of[tracks[1]]))
            except KeyError as fault:
                camera, track = fault.args[0]
                raise _fault(number, link, f"there is no track {track} of camera {camera}") from fault
    joined = {frozenset(pair) for pair in said[SAME]}
    sides = [(row_of[one], row_of[other]) for one, other in neighbours(evidence.cuts)]
    said[DIFFERENT] += [pair for pair in sides if frozenset(pair) not in joined]
    return Decisions(tuple(said[SAME]), tuple(said[DIFFERENT]))


def _understood(number: int, link: Link) -> tuple[str, list[tuple[str, int]], float]:
    """The decision, the track or the two tracks that it is about, and the moment of a cut."""
    try:
        decision = link["decision"]
        if set(link) != set(_FILLED[decision]):
            raise ValueError("other columns are filled in than it takes")
        pairs = [COLUMNS[:2]] if decision == CUT else [COLUMNS[:2], COLUMNS[2:4]]
        seconds = float(link.get("seconds", 0))
        if not math.isfinite(seconds):
            raise ValueError("no moment")
        return decision, [(link[camera], int(link[track])) for camera, track in pairs], seconds
    except (KeyError, ValueError) as fault:
        raise _fault(number, link, "it names no tracks and a decision") from fault


def _fault(number: int, link: Link, why: str) -> SettingsError:
    words = ",".join(link.get(name, "") for name in COLUMNS).rstrip(",")
    return SettingsError(f"line {number} of the links ({words}) cannot be obeyed: {why}", _LAYOUT)
