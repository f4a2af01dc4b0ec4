"""The report: one page of HTML that needs nothing else, neither a network nor a script, to read, send or print.

The page is the template `report.html.j2` with the style `report.css`; here is what it shows. Every text from outside is
put on one line and escaped, and the page forbids itself to load or to run anything. It is made piece by piece, with one
picture in memory at a time.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.gallery.facts import topics
from core.gallery.naming import clock, counted, moment, one_line, person_name
from core.gallery.sightings import Crop, Gallery, Sighting

CROPS, FEW = 3, 500
"""Pictures of one sighting; above this many sightings one each, so that a browser can still open the page."""
_FOLDER = Path(__file__).parent
_TEMPLATE, _STYLE = "report.html.j2", "report.css"
_PIECES = 64  # of the template in one piece of the page

Small = Callable[[Crop], bytes]


@dataclass(frozen=True)
class _Figure:
    """A crop with its texts."""

    crop: Crop
    title: str
    description: str
    caption: str


@dataclass(frozen=True)
class _Card:
    """A sighting: its crops, and a name and a value for each fact."""

    camera: str
    status: str
    figures: Sequence[_Figure]
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Person:
    """A person with the name and the note that the user typed, cards ordered by camera and time."""

    number: str
    name: str
    remark: str
    summary: str
    cards: Sequence[_Card]


def report(gallery: Gallery, small: Small, blur: bool) -> Iterator[str]:
    """The page in pieces; `small` hands over a crop as a small JPEG when its turn comes."""

    def picture(crop: Crop) -> Markup:
        return Markup(base64.b64encode(small(crop)).decode())

    people = [_person(person, sightings, gallery) for person, sightings in gallery.by_person()]
    stream = (
        _environment()
        .get_template(_TEMPLATE)
        .stream(
            style=Markup((_FOLDER / _STYLE).read_text(encoding="utf-8")),
            gallery=gallery,
            purpose=one_line(str(gallery.about.get("purpose", ""))),
            blur=blur,
            people=people,
            summary=f"{counted(len(people), 'person', 'people')}, {_summary(gallery.sightings)}",
            base64=picture,
            topics=topics,
        )
    )
    stream.enable_buffering(_PIECES)
    yield from stream


def shown(gallery: Gallery) -> int:
    """How many crops the page shows."""
    return sum(min(len(sighting.crops), _pictures(gallery)) for sighting in gallery.sightings)


def _environment() -> Environment:
    """Whatever a template prints is on one line and escaped; a name that is missing is an error."""
    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=_clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _clean(value: Any) -> Any:
    """
    >>> _clean("a\\n b"), _clean(Markup("a\\n b"))
    ('a b', Markup('a\\n b'))
    """
    return value if isinstance(value, Markup) else one_line(str(value))


def _pictures(gallery: Gallery) -> int:
    return CROPS if len(gallery.sightings) <= FEW else 1


def _summary(sightings: Sequence[Sighting]) -> str:
    cameras = len({sighting.camera for sighting in sightings})
    return f"{counted(len(sightings), 'sighting', 'sightings')}, {counted(cameras, 'camera', 'cameras')}"


def _person(person: int, sightings: Sequence[Sighting], gallery: Gallery) -> _Person:
    name, remark = (one_line(texts.get(person, "")) for texts in (gallery.people, gallery.remarks))
    order = sorted(sightings, key=lambda sighting: sighting.place_in_person)
    cards = [_card(sighting, sighting.crops[: _pictures(gallery)]) for sighting in order]
    return _Person(person_name(person), name, remark, _summary(sightings), cards)


def _card(sighting: Sighting, crops: Sequence[Crop]) -> _Card:
    figures = [_figure(sighting, crop) for crop in crops]
    return _Card(sighting.camera, sighting.status, figures, list(_facts(sighting)))


def _figure(sighting: Sighting, crop: Crop) -> _Figure:
    when, clothes = moment(crop), _clothes(sighting)
    which = f" at {when}" if sighting.timed else f", {when}"
    description = f"{person_name(sighting.person)} in {sighting.camera}{which}{f', {clothes}' if clothes else ''}"
    return _Figure(crop, f"frame {crop.frame}" if sighting.timed else when, description, when)


def _facts(sighting: Sighting) -> Iterator[tuple[str, str]]:
    if sighting.timed:
        lasted = sighting.end_seconds - sighting.start_seconds
        yield "Seen", f"{clock(sighting.start_seconds)} to {clock(sighting.end_seconds)} ({lasted:,.1f} s)"
    else:
        yield "Seen", counted(len(sighting.crops), "picture", "pictures")
    yield "Similarity", "alone" if math.isnan(sighting.similarity) else f"{sighting.similarity:.2f}"
    if clothes := _clothes(sighting):
        yield "Colours", clothes
    yield "Track", str(sighting.track)


def _clothes(sighting: Sighting) -> str:
    """
    >>> _clothes(Sighting("a", 1, 1, 0, 1, upper="red", lower="dark blue"))
    'red above, dark blue below'
    """
    words = ((sighting.upper, "above"), (sighting.lower, "below"))
    return ", ".join(f"{colour} {where}" for colour, where in words if colour)
