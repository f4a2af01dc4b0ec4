"""The report: one HTML page to read, send or print, which needs neither a network nor a script.

The page is the template `report.html.j2` with the style `report.css`; this module supplies the contents. Every text
from outside is put on one line and escaped, and the page forbids itself to load or run anything. It is rendered piece
by piece, with one picture in memory at a time.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.base.text import Clocks, format_clock, format_count, one_line, person_name
from core.export.tables import describe_times, time_label
from core.runs import Crop, Gallery, Sighting

MAX_ROWS = 200
"""Rows of one topic in the report; the rest is in manifest.json."""


def manifest_topics(about: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """How the gallery was made, for a reader who knows no JSON: each topic of `about` with rows of name and value.

    Single facts come first, under "general".

    >>> list(manifest_topics({"models": {"detector": {"name": "a"}}, "seed": 1}))
    [('general', [('seed', '1')]), ('models', [('detector: name', 'a')])]
    """
    single = {name: value for name, value in about.items() if not _is_nested(value)}
    if single:
        yield "general", _limit_rows(list(_rows(single)))
    for name, value in about.items():
        if name not in single:
            yield _readable(name), _limit_rows(list(_rows(value)))


def _is_nested(value: Any) -> bool:
    """Whether `value` takes more than one row."""
    if isinstance(value, list):
        return any(isinstance(item, (Mapping, list)) for item in value)
    return isinstance(value, Mapping) and bool(value)


def _rows(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and _is_nested(value):
        for key, inner in value.items():
            yield from _rows(inner, f"{name}: {_readable(key)}" if name else _readable(key))
    elif _is_nested(value):
        for number, item in enumerate(value, 1):
            yield from _rows(item, f"{name} {number}" if name else str(number))
    else:
        yield name, _format_value(value)


def _format_value(value: Any) -> str:
    """
    >>> _format_value(True), _format_value(None), _format_value([0.5, "a"]), _format_value({}), _format_value(2.0)
    ('yes', 'none', '0.5, a', 'none', '2')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ([], {}, ""):
        return "none"
    if isinstance(value, list):
        return ", ".join(map(_format_value, value))
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _limit_rows(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    further = len(rows) - MAX_ROWS
    return [*rows[:MAX_ROWS], ("and more", f"{further:,} further rows in manifest.json")] if further > 0 else rows


def _readable(key: str) -> str:
    return key.replace("_", " ")


CROPS_PER_SIGHTING, MAX_SIGHTINGS_WITH_CROPS = 3, 500
"""Crops of a sighting in the report; above this many sightings only one each, so that browsers can open the page."""
_FOLDER = Path(__file__).parent
_TEMPLATE, _STYLE = "report.html.j2", "report.css"
_PIECES = 64  # of the template in one piece of the page
MakeThumbnail = Callable[[Crop], bytes]


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


def render_report(gallery: Gallery, thumbnail: MakeThumbnail, blur: bool) -> Iterator[str]:
    """The page in pieces; `thumbnail` makes a small JPEG of a crop when its turn comes."""

    def picture(crop: Crop) -> Markup:
        return Markup(base64.b64encode(thumbnail(crop)).decode())

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
            times=describe_times(gallery.clocks),
            summary=f"{format_count(len(people), 'person', 'people')}, {_summary(gallery.sightings)}",
            base64=picture,
            topics=manifest_topics,
        )
    )
    stream.enable_buffering(_PIECES)
    yield from stream


def report_crops(gallery: Gallery) -> int:
    """The number of crops in the report."""
    return sum(min(len(sighting.crops), _crops_per_sighting(gallery)) for sighting in gallery.sightings)


def _environment() -> Environment:
    """Templates put every text on one line and escape it; a missing name is an error."""
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


def _crops_per_sighting(gallery: Gallery) -> int:
    return CROPS_PER_SIGHTING if len(gallery.sightings) <= MAX_SIGHTINGS_WITH_CROPS else 1


def _summary(sightings: Sequence[Sighting]) -> str:
    cameras = len({sighting.camera for sighting in sightings})
    return f"{format_count(len(sightings), 'sighting', 'sightings')}, {format_count(cameras, 'camera', 'cameras')}"


def _person(person: int, sightings: Sequence[Sighting], gallery: Gallery) -> _Person:
    name, remark = (one_line(texts.get(person, "")) for texts in (gallery.people, gallery.remarks))
    order = sorted(sightings, key=lambda sighting: sighting.sort_key_in_person)
    cards = [_card(sighting, sighting.crops[: _crops_per_sighting(gallery)], gallery.clocks) for sighting in order]
    return _Person(person_name(person), name, remark, _summary(sightings), cards)


def _card(sighting: Sighting, crops: Sequence[Crop], clocks: Clocks) -> _Card:
    figures = [_figure(sighting, crop, clocks) for crop in crops]
    return _Card(sighting.camera, sighting.status, figures, list(_facts(sighting, clocks)))


def _figure(sighting: Sighting, crop: Crop, clocks: Clocks) -> _Figure:
    when, clothes = time_label(crop, sighting.camera, clocks), _clothes(sighting)
    which = f" at {when}" if sighting.has_times else f", {when}"
    description = f"{person_name(sighting.person)} in {sighting.camera}{which}{f', {clothes}' if clothes else ''}"
    return _Figure(crop, f"frame {crop.frame}" if sighting.has_times else when, description, when)


def _facts(sighting: Sighting, clocks: Clocks) -> Iterator[tuple[str, str]]:
    if sighting.has_times:
        span = (sighting.start_seconds, sighting.end_seconds)
        of_clip = " to ".join(map(format_clock, span))
        of_day = " to ".join(filter(None, (clocks.format(sighting.camera, seconds) for seconds in span)))
        yield "Found", f"{of_day or of_clip} ({span[1] - span[0]:,.1f} s)"
        if of_day:
            yield "Clip time", of_clip
    else:
        yield "Found in", format_count(len(sighting.crops), "picture", "pictures")
    yield "Similarity", "no other sighting" if math.isnan(sighting.similarity) else f"{sighting.similarity:.2f}"
    if clothes := _clothes(sighting):
        yield "Colours", clothes
    yield "Track", str(sighting.track)


def _clothes(sighting: Sighting) -> str:
    """
    >>> _clothes(Sighting("a", 1, 1, 0, 1, upper="red", lower="dark blue"))
    'red top, dark blue bottom'
    """
    parts = ((sighting.upper, "top"), (sighting.lower, "bottom"))
    return ", ".join(f"{colour} {where}" for colour, where in parts if colour)
