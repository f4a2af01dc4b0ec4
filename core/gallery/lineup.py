"""Who was asked for, beside those who look most like them: a sheet for comparing by eye.

Colours do not speak alone: who is as alike as a person's own pictures have to be is said so in words below the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.amounts import CANDIDATES
from core.gallery.heads import blurred
from core.gallery.naming import moment, person_name
from core.gallery.paper import FAINT, INK, Colour, Paper, drawable, shortened
from core.gallery.pictures import picture_of
from core.gallery.sightings import Crop
from core.types import Image

_WIDTH, _MARGIN, _HEAD, _LABEL = 1200, 28, 76, 124
_CELL, _HIGH, _GAP = 88, 168, 12
_ABOVE, _BELOW = 24, 42
_LINE = _ABOVE + _HIGH + _BELOW
_ACROSS = (_WIDTH - 2 * _MARGIN - _LABEL + _GAP) // (_CELL + _GAP)
_ENOUGH: Colour = (115, 158, 0)


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery: how alike they are to somebody over all their sightings, and at best, with the crop of
    that sighting; `enough` says whether the first reaches the threshold."""

    person: int
    similarity: float
    best: float
    enough: bool
    camera: str
    track: int
    crop: Crop


@dataclass(frozen=True, eq=False)
class Asked:
    """Somebody in a photo, in words and as BGR, with the candidates for them, best first."""

    words: str
    bgr: Image
    candidates: Sequence[Candidate]


def lineup(asked: Sequence[Asked], title: str, threshold: float, blur: bool = True) -> Image:
    """A band for each of `asked`: their picture on the left, candidates beside it in as many lines as they need."""
    high = [_LINE * max(1, -(-len(one.candidates) // _ACROSS)) for one in asked]
    paper = Paper(_WIDTH, _HEAD + sum(high) + _MARGIN)
    paper.text(shortened(drawable(title, "Photo"), _WIDTH - 2 * _MARGIN, 17), _MARGIN, 34, 17, bold=True)
    paper.text(f"{CANDIDATES} Framed, and called alike: {threshold:.2f} or more.", _MARGIN, 58, 13)
    y = _HEAD
    for one, deep in zip(asked, high, strict=True):
        _band(paper, one, y, blur)
        y += deep
    return paper.finished()


def _band(paper: Paper, one: Asked, y: int, blur: bool) -> None:
    paper.rule(y, _MARGIN, _WIDTH - _MARGIN)
    paper.text(one.words, _MARGIN, y + 17, 13, INK)
    paper.picture(blurred(one.bgr) if blur else one.bgr, _MARGIN, y + _ABOVE, _CELL, _HIGH)
    for place, candidate in enumerate(one.candidates):
        line, across = divmod(place, _ACROSS)
        _cell(paper, candidate, _MARGIN + _LABEL + across * (_CELL + _GAP), y + line * _LINE, blur)
    if not one.candidates:
        paper.text("Nobody to compare with.", _MARGIN + _LABEL, y + _HIGH // 2, 13, FAINT)


def _cell(paper: Paper, candidate: Candidate, x: int, y: int, blur: bool) -> None:
    words = f"{person_name(candidate.person)} {candidate.similarity:.2f}"
    paper.text(words, x, y + 17, 13, INK)
    paper.picture(picture_of(candidate.crop, blur), x, y + _ABOVE, _CELL, _HIGH)
    if candidate.enough:
        paper.frame(x, y + _ABOVE, _CELL, _HIGH, _ENOUGH)
    camera = shortened(drawable(candidate.camera, "another camera"), _CELL + 4, 11)
    paper.text(camera, x, y + _ABOVE + _HIGH + 15, 11)
    words = f"{moment(candidate.crop)}{', alike' if candidate.enough else ''}"
    paper.text(words, x, y + _ABOVE + _HIGH + 31, 11, FAINT)
