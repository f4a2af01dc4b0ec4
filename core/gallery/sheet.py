"""Contact sheets: a row per person, their crops camera by camera with the time, a page after the other.

Colours do not speak alone: a match that is confirmed or doubtful says so in words below its frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.gallery.naming import clock, counted, moment, person_name
from core.gallery.paper import FAINT, INK, Colour, Paper, drawable, shortened
from core.gallery.sightings import Crop, Gallery, Sighting
from core.types import Image

_WIDTH, _MARGIN, _HEAD, _LABEL = 1200, 28, 76, 124
_CELL, _HIGH, _GAP = 88, 168, 12
_ABOVE, _BELOW = 24, 42  # the camera above a crop, time and likeness below it
_LINE = _ABOVE + _HIGH + _BELOW
_ACROSS = (_WIDTH - 2 * _MARGIN - _LABEL + _GAP) // (_CELL + _GAP)
_MOST = 3 * _ACROSS  # sightings of one person; more are in the report
_EACH = 3  # crops of one sighting, where there is room
_LINES = 10  # of crops on a page
_FRAMES: dict[str, Colour] = {"confirmed": (115, 158, 0), "doubtful": (0, 94, 213)}

Look = Callable[[Crop], Image]
Cell = tuple[Sighting, int]
"""A sighting, and which of its crops."""


@dataclass(frozen=True)
class _Line:
    """Up to `_ACROSS` crops of one person side by side; the first line carries the person's number."""

    sightings: Sequence[Sighting]
    cells: Sequence[Cell]
    first: bool


def sheets(gallery: Gallery, look: Look) -> Iterator[Image]:
    """Page after page, at least one; `look` hands over a crop's picture when it is drawn."""
    lines = _lines(gallery)
    pages = [lines[at : at + _LINES] for at in range(0, len(lines), _LINES)] or [[]]
    for number, page in enumerate(pages, 1):
        yield _page(gallery, page, f"Page {number} of {len(pages)}." if len(pages) > 1 else "", look)


def shown(gallery: Gallery) -> int:
    """How many crops all pages show."""
    return sum(bool(sighting.crops) for line in _lines(gallery) for sighting, _ in line.cells)


def _lines(gallery: Gallery) -> list[_Line]:
    lines = []
    for _, sightings in gallery.by_person():
        cells = _cells(sightings)
        lines += [_Line(sightings, cells[at : at + _ACROSS], at == 0) for at in range(0, len(cells), _ACROSS)]
    return lines


def _cells(sightings: Sequence[Sighting]) -> list[Cell]:
    """One crop of each sighting by camera and time, or up to three where all of them fit on one line."""
    each = max(1, min(_EACH, _ACROSS // len(sightings)))
    order = sorted(sightings, key=lambda s: s.place_in_person)[:_MOST]
    return [(sighting, crop) for sighting in order for crop in range(max(1, min(each, len(sighting.crops))))]


def _page(gallery: Gallery, lines: Sequence[_Line], words: str, look: Look) -> Image:
    paper = Paper(_WIDTH, _HEAD + _LINE * max(1, len(lines)) + _MARGIN)
    people, cameras = len(gallery.by_person()), len(gallery.cameras)
    title = f"{counted(people, 'person', 'people')}, {counted(cameras, 'camera', 'cameras')}"
    paper.text(f"Contact sheet: {title}", _MARGIN, 34, 17, bold=True)
    times = "Times are the clips' own." if gallery.timed else "Pictures without times, numbered by their names."
    promise = f"Candidates until a person confirms them. {times}"
    paper.text(f"{promise} {words}", _MARGIN, 58, 13)
    for number, line in enumerate(lines):
        _row(paper, line, _HEAD + number * _LINE, gallery.cameras, look)
    if not lines:
        paper.text("Nobody was found.", _MARGIN, _HEAD + 60, 16)
    return paper.finished()


def _row(paper: Paper, line: _Line, y: int, cameras: Sequence[str], look: Look) -> None:
    if line.first:
        paper.rule(y, _MARGIN, _WIDTH - _MARGIN)
        _label(paper, line.sightings, y)
    last = ""
    for place, (sighting, crop) in enumerate(line.cells):
        x = _MARGIN + _LABEL + place * (_CELL + _GAP)
        if sighting.camera != last:
            name = drawable(sighting.camera, f"camera {cameras.index(sighting.camera) + 1}")
            paper.text(shortened(name, _CELL + 4, 13), x, y + 17, 13, INK)
        last = sighting.camera
        _cell(paper, (sighting, crop), x, y + _ABOVE, look)


def _label(paper: Paper, sightings: Sequence[Sighting], y: int) -> None:
    cameras = len({sighting.camera for sighting in sightings})
    paper.text(person_name(sightings[0].person), _MARGIN, y + 44, 20, bold=True)
    paper.text(counted(len(sightings), "sighting", "sightings"), _MARGIN, y + 68, 12, FAINT)
    paper.text(counted(cameras, "camera", "cameras"), _MARGIN, y + 86, 12, FAINT)
    if len(sightings) > _MOST:
        paper.text(f"{len(sightings) - _MOST} more in", _MARGIN, y + 110, 12, FAINT)
        paper.text("report.html", _MARGIN, y + 126, 12, FAINT)


def _cell(paper: Paper, cell: Cell, x: int, y: int, look: Look) -> None:
    sighting, number = cell
    if sighting.crops:
        paper.picture(look(sighting.crops[number]), x, y, _CELL, _HIGH)
    else:
        paper.text("no picture", x, y + _HIGH // 2, 11, FAINT)
    if sighting.status in _FRAMES:
        paper.frame(x, y, _CELL, _HIGH, _FRAMES[sighting.status])
    when = clock(sighting.start_seconds) if sighting.timed else ""
    paper.text(moment(sighting.crops[number]) if sighting.crops else when, x, y + _HIGH + 17, 12)
    if number == 0:
        paper.text(_standing(sighting), x, y + _HIGH + 33, 11, FAINT)


def _standing(sighting: Sighting) -> str:
    """
    >>> _standing(Sighting("a", 1, 1, 0, 1, 0.834)), _standing(Sighting("a", 1, 1, 0, 1, status="alone"))
    ('0.83', 'alone')
    """
    likeness = "" if math.isnan(sighting.similarity) else f"{sighting.similarity:.2f}"
    return " ".join(filter(None, [likeness, "" if sighting.status == "candidate" else sighting.status]))
