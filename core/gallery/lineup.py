"""Who was asked for, beside those who look most like them: a sheet for comparing by eye.

Colour is never the only sign: whoever reaches the similarity threshold is framed, and labelled "match" below the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.amounts import CANDIDATES
from core.canvas import FAINT, Canvas, Colour, shortened
from core.gallery.heads import blurred
from core.gallery.naming import moment, person_name
from core.gallery.pictures import picture_of
from core.gallery.sheet import (
    ABOVE,
    ACROSS,
    CELL,
    GAP,
    HEAD,
    HIGH,
    LABEL,
    LINE,
    MARGIN,
    SMALL,
    TEXT,
    TITLE,
    WIDTH,
)
from core.gallery.sightings import Candidate
from core.types import Image

_ENOUGH: Colour = (115, 158, 0)


@dataclass(frozen=True, eq=False)
class Asked:
    """Somebody in a photo, in words and as BGR, with the candidates for them, best first."""

    words: str
    bgr: Image
    candidates: Sequence[Candidate]


def lineup(asked: Sequence[Asked], title: str, threshold: float, blur: bool = True) -> Image:
    """A band for each of `asked`: their picture on the left, candidates beside it in as many lines as they need."""
    heights = [LINE * max(1, -(-len(band.candidates) // ACROSS)) for band in asked]
    canvas = Canvas(WIDTH, HEAD + sum(heights) + MARGIN)
    canvas.text(shortened(title, WIDTH - 2 * MARGIN, TITLE), MARGIN, 34, TITLE, bold=True)
    note = f'Framed and labelled "match": similarity of {threshold:.2f} or more.'
    canvas.text(f"{CANDIDATES} {note}", MARGIN, 58, TEXT)
    y = HEAD
    for band, height in zip(asked, heights, strict=True):
        _band(canvas, band, y, blur)
        y += height
    return canvas.finished()


def _band(canvas: Canvas, band: Asked, y: int, blur: bool) -> None:
    canvas.rule(y, MARGIN, WIDTH - MARGIN)
    canvas.text(shortened(band.words, LABEL - 8, TEXT), MARGIN, y + 17, TEXT)
    canvas.picture(blurred(band.bgr) if blur else band.bgr, MARGIN, y + ABOVE, CELL, HIGH)
    for place, candidate in enumerate(band.candidates):
        line, across = divmod(place, ACROSS)
        _cell(canvas, candidate, MARGIN + LABEL + across * (CELL + GAP), y + line * LINE, blur)
    if not band.candidates:
        canvas.text("Nobody to compare with.", MARGIN + LABEL, y + HIGH // 2, TEXT, FAINT)


def _cell(canvas: Canvas, candidate: Candidate, x: int, y: int, blur: bool) -> None:
    canvas.text(f"{person_name(candidate.person)} {candidate.similarity:.2f}", x, y + 17, TEXT)
    canvas.picture(picture_of(candidate.crop, blur), x, y + ABOVE, CELL, HIGH)
    if candidate.enough:
        canvas.frame(x, y + ABOVE, CELL, HIGH, _ENOUGH)
    canvas.text(shortened(candidate.camera, CELL + 4, SMALL), x, y + ABOVE + HIGH + 15, SMALL)
    when = f"{moment(candidate.crop)}{', match' if candidate.enough else ''}"
    canvas.text(when, x, y + ABOVE + HIGH + 31, SMALL, FAINT)
