"""Contact sheets and lineups: pictures of people to compare by eye, to print and to hand out.

A contact sheet has a row per person with crops ordered by camera and time, over as many pages as it takes. A lineup
shows each person of a photo beside the candidates who look most like them.

Colour is never the only sign: below its frame, a crop also says in words whether the match is confirmed or doubtful, or
that it reaches the similarity threshold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from core.base.text import CANDIDATES, Clocks, format_clock, format_count, person_name
from core.base.types import Image
from core.export.images import blur_heads, load_picture
from core.export.tables import describe_times, time_label
from core.machine.canvas import FAINT, Canvas, Colour, shorten
from core.runs import Candidate, Crop, Gallery, Sighting
from core.vision.match import NO_PERSON

WIDTH, MARGIN, HEAD, LABEL = 1200, 28, 76, 124
CELL_WIDTH, CELL_HEIGHT, GAP = 88, 168, 12
ABOVE, BELOW = 24, 42  # the camera above a crop, time and similarity below it
LINE = ABOVE + CELL_HEIGHT + BELOW
COLUMNS = (WIDTH - 2 * MARGIN - LABEL + GAP) // (CELL_WIDTH + GAP)
TITLE, TEXT, SMALL = 19, 14, 12  # sizes of letters
_MAX_SIGHTINGS = 3 * COLUMNS  # sightings of one person; more are in the report
_MAX_CROPS = 3  # crops of one sighting, where there is room
_WIDE = len("11-28 14:03:10")  # letters of a time for which there is room below a crop
_MARK_WIDTH = 42  # of ", match" beside a camera
_LINES_PER_PAGE = 10  # of crops on a page
_NO_CLOCKS = Clocks()
_UNTIMED = "Pictures without times are numbered in the order of their file names."
_FRAMES: dict[str, Colour] = {"confirmed": (115, 158, 0), "doubtful": (0, 94, 213)}
_MATCH_COLOUR: Colour = (115, 158, 0)
LoadPicture = Callable[[Crop], Image]
CropOfSighting = tuple[Sighting, int]
"""A sighting, and the index of one of its crops."""


@dataclass(frozen=True)
class _Line:
    """Up to `COLUMNS` crops of one person side by side; the first line of a person carries the number."""

    sightings: Sequence[Sighting]
    cells: Sequence[CropOfSighting]
    first: bool


def draw_sheets(gallery: Gallery, load: LoadPicture) -> Iterator[Image]:
    """The pages, at least one, as BGR; `load` opens the picture of a crop when it is drawn."""
    lines = _layout(gallery)
    pages = [lines[at : at + _LINES_PER_PAGE] for at in range(0, len(lines), _LINES_PER_PAGE)] or [[]]
    for number, page in enumerate(pages, 1):
        yield _draw_page(gallery, page, f"Page {number} of {len(pages)}." if len(pages) > 1 else "", load)


def count_crops(gallery: Gallery) -> int:
    """The number of crops on all pages."""
    return sum(bool(sighting.crops) for line in _layout(gallery) for sighting, _ in line.cells)


def _layout(gallery: Gallery) -> list[_Line]:
    lines = []
    for _, sightings in gallery.by_person():
        cells = _cells(sightings)
        lines += [_Line(sightings, cells[at : at + COLUMNS], at == 0) for at in range(0, len(cells), COLUMNS)]
    return lines


def _cells(sightings: Sequence[Sighting]) -> list[CropOfSighting]:
    """A crop of each sighting by camera and time, or up to three of each where all fit on one line."""
    each = max(1, min(_MAX_CROPS, COLUMNS // len(sightings)))
    order = sorted(sightings, key=lambda s: s.sort_key_in_person)[:_MAX_SIGHTINGS]
    return [(sighting, crop) for sighting in order for crop in range(max(1, min(each, len(sighting.crops))))]


def _draw_page(gallery: Gallery, lines: Sequence[_Line], number: str, load: LoadPicture) -> Image:
    canvas = Canvas(WIDTH, HEAD + LINE * max(1, len(lines)) + MARGIN)
    title = f"{gallery.describe_people()}, {format_count(len(gallery.cameras), 'camera', 'cameras')}"
    canvas.text(f"Contact sheet: {title}", MARGIN, 34, TITLE, bold=True)
    times = describe_times(gallery.clocks) if gallery.has_times else _UNTIMED
    canvas.text(f"{CANDIDATES} {times} {number}", MARGIN, 58, TEXT)
    for place, line in enumerate(lines):
        _draw_line(canvas, line, HEAD + place * LINE, load, gallery.clocks)
    if not lines:
        canvas.text("Nobody was found.", MARGIN, HEAD + 60, TITLE)
    return canvas.as_image()


def _draw_line(canvas: Canvas, line: _Line, y: int, load: LoadPicture, clocks: Clocks) -> None:
    if line.first:
        canvas.rule(y, MARGIN, WIDTH - MARGIN)
        _draw_label(canvas, line.sightings, y)
    last = ""
    for place, (sighting, crop) in enumerate(line.cells):
        x = MARGIN + LABEL + place * (CELL_WIDTH + GAP)
        if sighting.camera != last:
            canvas.text(shorten(sighting.camera, CELL_WIDTH + 4, TEXT), x, y + 17, TEXT)
        last = sighting.camera
        _draw_crop(canvas, (sighting, crop), x, y + ABOVE, load)
        when = _time_of_cell((sighting, crop), clocks)
        canvas.text(when, x, y + ABOVE + CELL_HEIGHT + 17, SMALL + 1 if len(when) < _WIDE else SMALL)


def _draw_label(canvas: Canvas, sightings: Sequence[Sighting], y: int) -> None:
    cameras = len({sighting.camera for sighting in sightings})
    canvas.text(person_name(sightings[0].person), MARGIN, y + 44, 22, bold=True)
    canvas.text(format_count(len(sightings), "sighting", "sightings"), MARGIN, y + 68, SMALL, FAINT)
    canvas.text(format_count(cameras, "camera", "cameras"), MARGIN, y + 86, SMALL, FAINT)
    if len(sightings) > _MAX_SIGHTINGS:
        canvas.text(f"{len(sightings) - _MAX_SIGHTINGS} more in", MARGIN, y + 110, SMALL, FAINT)
        canvas.text("report.html", MARGIN, y + 126, SMALL, FAINT)


def _draw_crop(canvas: Canvas, cell: CropOfSighting, x: int, y: int, load: LoadPicture) -> None:
    sighting, number = cell
    if sighting.crops:
        canvas.picture(load(sighting.crops[number]), x, y, CELL_WIDTH, CELL_HEIGHT)
    else:
        canvas.text("no picture", x, y + CELL_HEIGHT // 2, SMALL, FAINT)
    if sighting.status in _FRAMES:
        canvas.frame(x, y, CELL_WIDTH, CELL_HEIGHT, _FRAMES[sighting.status])
    if number == 0:
        canvas.text(_match_note(sighting), x, y + CELL_HEIGHT + 33, SMALL, FAINT)


def _time_of_cell(cell: CropOfSighting, clocks: Clocks) -> str:
    """When a crop was taken; the start of a sighting without crops.

    Below a crop there is room for month and day, not for the year; and beside an offset from UTC for neither.
    """
    sighting, number = cell
    if sighting.crops:
        text = time_label(sighting.crops[number], sighting.camera, clocks)
    elif sighting.has_times:
        text = clocks.format(sighting.camera, sighting.start_seconds) or format_clock(sighting.start_seconds)
    else:
        return ""
    return text[-_WIDE:] if clocks else text


def _match_note(sighting: Sighting) -> str:
    """Similarity and status, as far as there is something to say.

    >>> _match_note(Sighting("a", 1, 1, 0, 1, 0.834)), _match_note(Sighting("a", 1, 1, 0, 1, status="alone"))
    ('0.83', 'seen once')
    """
    similarity = "" if math.isnan(sighting.similarity) else f"{sighting.similarity:.2f}"
    status = {"candidate": "", "alone": "seen once", NO_PERSON: "thing?"}.get(sighting.status, sighting.status)
    return " ".join(filter(None, [similarity, status]))


@dataclass(frozen=True, eq=False)
class LineupRow:
    """A person in a photo: a label, the picture as BGR, and the candidates, best first."""

    label: str
    bgr: Image
    candidates: Sequence[Candidate]


def draw_lineup(
    rows: Sequence[LineupRow], title: str, threshold: float, blur: bool = True, clocks: Clocks = _NO_CLOCKS
) -> Image:
    """A row for each person: the picture on the left, candidates beside it in as many lines as they need."""
    heights = [LINE * max(1, -(-len(row.candidates) // COLUMNS)) for row in rows]
    canvas = Canvas(WIDTH, HEAD + sum(heights) + MARGIN)
    canvas.text(shorten(title, WIDTH - 2 * MARGIN, TITLE), MARGIN, 34, TITLE, bold=True)
    note = f'Framed and labelled "match": similarity of {threshold:.2f} or more.'
    canvas.text(f"{CANDIDATES} {note}", MARGIN, 58, TEXT)
    y = HEAD
    for row, height in zip(rows, heights, strict=True):
        _draw_lineup_row(canvas, row, y, blur, clocks)
        y += height
    return canvas.as_image()


def _draw_lineup_row(canvas: Canvas, row: LineupRow, y: int, blur: bool, clocks: Clocks) -> None:
    canvas.rule(y, MARGIN, WIDTH - MARGIN)
    canvas.text(shorten(row.label, LABEL - 8, TEXT), MARGIN, y + 17, TEXT)
    canvas.picture(blur_heads(row.bgr) if blur else row.bgr, MARGIN, y + ABOVE, CELL_WIDTH, CELL_HEIGHT)
    for place, candidate in enumerate(row.candidates):
        line, across = divmod(place, COLUMNS)
        corner = MARGIN + LABEL + across * (CELL_WIDTH + GAP), y + line * LINE
        _draw_candidate(canvas, candidate, corner, blur, clocks)
    if not row.candidates:
        canvas.text("Nobody to compare with.", MARGIN + LABEL, y + CELL_HEIGHT // 2, TEXT, FAINT)


def _draw_candidate(canvas: Canvas, candidate: Candidate, corner: tuple[int, int], blur: bool, clocks: Clocks) -> None:
    x, y = corner
    canvas.text(f"{person_name(candidate.person)} {candidate.similarity:.2f}", x, y + 17, TEXT)
    canvas.picture(load_picture(candidate.crop, blur), x, y + ABOVE, CELL_WIDTH, CELL_HEIGHT)
    if candidate.above_threshold:
        canvas.frame(x, y + ABOVE, CELL_WIDTH, CELL_HEIGHT, _MATCH_COLOUR)
    when, mark = time_label(candidate.crop, candidate.camera, clocks), ", match" if candidate.above_threshold else ""
    # A time of day fills its line, and as below the crops of a contact sheet there is no room for the year.
    lines = (mark, when[-_WIDE:]) if clocks else ("", when + mark)
    width = CELL_WIDTH + 4 - (_MARK_WIDTH if lines[0] else 0)
    canvas.text(shorten(candidate.camera, width, SMALL) + lines[0], x, y + ABOVE + CELL_HEIGHT + 15, SMALL)
    canvas.text(lines[1], x, y + ABOVE + CELL_HEIGHT + 31, SMALL, FAINT)
