"""The report: one HTML page to read, send or print, which needs neither a network nor a script.

The page is the template `report.html.j2` with the style `report.css`; this module supplies the contents. A cover says
what was examined, by whom and with what; each person has an itinerary, the pictures of every sighting, what was decided
and what speaks against it. Every text from outside is put on one line and escaped, and the page forbids itself to load
or run anything. It is rendered piece by piece, with one picture in memory at a time.
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

from core import __version__
from core.base.text import (
    describe_day,
    describe_purpose,
    format_bytes,
    format_clock,
    format_count,
    one_line,
    person_name,
)
from core.export.facts import (
    MODELS,
    CaseFacts,
    DecisionFact,
    Original,
    Rows,
    case_facts,
    models_of,
    originals_of,
    run_in_words,
)
from core.export.full_frames import FullFrames
from core.export.report_people import (
    CommonTime,
    Stop,
    against,
    camera_colours,
    decisions_about,
    describe_sightings,
    in_order,
    is_confirmed,
    itinerary,
    moment_text,
    person_status,
    timelines,
    with_day,
)
from core.export.tables import describe_times, time_label
from core.runs import Crop, Gallery, Sighting
from core.vision.match import NO_PERSON

CROPS_PER_SIGHTING, MAX_SIGHTINGS_WITH_CROPS = 3, 500
"""Crops of a sighting in the report; above this many sightings only one each, so that browsers can open the page."""
_FOLDER = Path(__file__).parent
_TEMPLATE, _STYLE = "report.html.j2", "report.css"
_PIECES = 64  # of the template in one piece of the page
_SAME_OFFSET = 0.05
_STATUS_NAMES = {"alone": "seen once", NO_PERSON: "thing?"}
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
    """A sighting: its full frame or why there is none, its crops, and a name and a value for each fact."""

    camera: str
    colour: int
    when: str
    status: str
    status_name: str
    frame: bytes
    no_frame: str
    caption: str
    description: str
    figures: Sequence[_Figure]
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class _Person:
    """A person with the name and the note that the user typed; stops and cards are in the order of time."""

    number: str
    name: str
    remark: str
    summary: str
    status: str
    stops: Sequence[Stop]
    cards: Sequence[_Card]
    against: Sequence[str]
    decisions: Sequence[DecisionFact]


@dataclass(frozen=True)
class _Clip:
    """A camera on the cover: its clip in facts, and the files that it consists of."""

    camera: str
    colour: int
    facts: Rows
    originals: Sequence[Original]
    notes: Sequence[str]


def render_report(
    gallery: Gallery, thumbnail: MakeThumbnail, blur: bool, frames: FullFrames | None = None
) -> Iterator[str]:
    """The page in pieces; `thumbnail` makes a small JPEG of a crop when its turn comes."""

    def picture(crop: Crop) -> Markup:
        return _base64(thumbnail(crop))

    page = _Page(gallery, blur, frames or FullFrames())
    people = [page.person(person, sightings) for person, sightings in gallery.by_person()]
    stream = (
        _environment()
        .get_template(_TEMPLATE)
        .stream(
            style=Markup((_FOLDER / _STYLE).read_text(encoding="utf-8") + page.running_title()),
            gallery=gallery,
            title=page.title,
            cover=list(page.cover()),
            clips=list(page.clips()),
            blur=blur,
            people=people,
            has_case=page.case is not None,
            left_out=page.frames.left_out,
            summary=f"{gallery.describe_people()}, {describe_sightings(gallery.sightings)}",
            timelines=timelines(gallery, page.time),
            cameras=page.colours,
            crop_picture=picture,
            frame_picture=_base64,
            size=format_bytes,
            topics=list(run_in_words(gallery.about)),
        )
    )
    stream.enable_buffering(_PIECES)
    yield from stream


def thumbnail_size(gallery: Gallery) -> tuple[int, int]:
    """Width and height of the crops in the report; smaller where there are very many."""
    return (200, 400) if len(gallery.sightings) <= MAX_SIGHTINGS_WITH_CROPS else (112, 224)


def report_crops(gallery: Gallery) -> int:
    """The number of crops in the report."""
    return sum(min(len(sighting.crops), _crops_per_sighting(gallery)) for sighting in gallery.sightings)


def _base64(content: bytes) -> Markup:
    return Markup(base64.b64encode(content).decode())


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


def _css_text(text: str) -> str:
    """`text` as a string of CSS, in which nothing but letters and digits stands for itself.

    >>> _css_text('a"</')
    '"a\\\\000022\\\\00003c\\\\00002f"'
    """
    clean = (letter if letter.isascii() and letter.isalnum() else f"\\{ord(letter):06x}" for letter in one_line(text))
    return f'"{"".join(clean)}"'


class _Page:
    """The contents of the report of one gallery."""

    def __init__(self, gallery: Gallery, blur: bool, frames: FullFrames) -> None:
        self.gallery, self.blur, self.frames = gallery, blur, frames
        self.case: CaseFacts | None = case_facts(gallery.about)
        self.time, self.colours = CommonTime(gallery), camera_colours(gallery)
        self.title = (self.case.name or "Case without a name") if self.case else "Who was seen"

    def running_title(self) -> str:
        """What stands at the top of every printed page, as CSS."""
        return f"@media print {{ @page {{ @top-left {{ content: {_css_text(f'Sightline: {self.title}')}; }} }} }}\n"

    def cover(self) -> Iterator[tuple[str, str]]:
        """The facts that a reader asks for first. What is unknown says so."""
        about, case, people = self.gallery.about, self.case, self.gallery.by_person()
        yield "Case", f"{self.title} ({case.key})" if case else "none: made from the folder of a run"
        yield "Purpose", describe_purpose(str(about.get("purpose", "")))
        yield "To be kept until", describe_day(str(about.get("keep_until", "")))
        yield "Prepared by", f"{case.made_by} (user name on the computer)" if case and case.made_by else "not recorded"
        made = "not recorded here; manifest.json has the date"
        yield "Prepared on", moment_text(case.made_at) if case and case.made_at else made
        if case:
            yield "Recordings analysed on", moment_text(case.analysed_at) or "not recorded"
            last = moment_text(case.decisions[-1].when) if case.decisions else "no decision was made"
            yield "Last decision about people", last
        yield "Times", self._times()
        confirmed = sum(is_confirmed(found) for _, found in people)
        yield "People", f"{confirmed} of {self.gallery.people_count} confirmed by somebody who compared the pictures"
        yield "Heads", _HEADS[self.blur]
        if reason := str(about.get("heads_shown_because", "")):
            yield "Reason for showing heads", reason
        ran, writes = about.get("run", {}).get("program"), f"sightline {__version__}"
        yield "Program", f"analysis by {ran}, report by {writes}" if ran else writes
        for kind, model in models_of(about).items():
            if isinstance(model, Mapping) and kind in MODELS:
                yield MODELS[kind], f"{model.get('name', 'unknown')}, SHA-256 {model.get('sha256') or 'unknown'}"

    def _times(self) -> str:
        if not self.gallery.has_times:
            return "It is unknown when these pictures were taken: they are numbered in the order of their file names."
        clocks, zone = self.gallery.clocks, self.case.time_zone if self.case else ""
        if clocks:
            return describe_times(clocks) + ("" if clocks.zone else " No time zone was given.")
        named = f" The time zone of the case is {zone}." if zone else ""
        return f"The start times of the recordings are unknown. {describe_times(clocks)}{named}"

    def clips(self) -> Iterator[_Clip]:
        about = self.gallery.about
        originals = originals_of(about)
        for record in about.get("run", {}).get("cameras", ()):
            camera = record.get("camera", "")
            files = [each for each in originals if each.camera == camera]
            facts = list(self._clip_facts(camera, record))
            notes = [f"Could not be analysed: {record['failed']}"] if record.get("failed") else record.get("notes", ())
            yield _Clip(camera, self.colours.get(camera, 0), facts, files, notes)

    def _clip_facts(self, camera: str, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        clocks = self.gallery.clocks
        if "height" in record:
            began = clocks.format(camera, 0, tenths=True)
            yield "Recording start", with_day(began, clocks.day) if began else "unknown"
            yield "Start offset", self._offset(camera)
            drift = clocks.drift.get(camera, 0.0)
            yield "Clock drift", f"{drift:+g} s a day" if drift else "none entered"
            length = f", {format_clock(record['frames'] / record['fps'])}" if record.get("fps") else ""
            size = f"{record['width']} x {record['height']}, {record.get('fps', 0):g} frames a second"
            yield "Recording", f"{size}{length}; {record.get('analysed', 0):,} of {record['frames']:,} frames analysed"
        if record.get("range"):
            start, end = record["range"]
            yield "Analysed part", f"from {start:g} s to {'the end' if end is None else f'{end:g} s'}"

    def _offset(self, camera: str) -> str:
        """By how much the clip begins later than the first; and what people were matched with, if that was another."""
        matched = self.gallery.about.get("offset_seconds", {}).get(camera, 0.0)
        offset = self.gallery.clocks.offsets.get(camera, matched)
        text, text_of_match = (f"{seconds:+.1f} s" if seconds else "0 s" for seconds in (offset, matched))
        return text if abs(offset - matched) < _SAME_OFFSET else f"{text}; people were matched with {text_of_match}"

    def person(self, person: int, sightings: Sequence[Sighting]) -> _Person:
        name, remark = (one_line(texts.get(person, "")) for texts in (self.gallery.people, self.gallery.remarks))
        order = in_order(sightings, self.time)
        return _Person(
            person_name(person),
            name,
            remark,
            describe_sightings(sightings),
            person_status(order),
            itinerary(order, self.time),
            [self._card(sighting) for sighting in order],
            against(order, self.gallery),
            decisions_about(order, self.case.decisions) if self.case else (),
        )

    def _card(self, sighting: Sighting) -> _Card:
        crops = sighting.crops[: _crops_per_sighting(self.gallery)]
        frame = self.frames.jpegs.get((sighting.camera, sighting.track), b"")
        when = self.time.format(self.time.at(sighting.camera, sighting.start_seconds)) if sighting.has_times else ""
        return _Card(
            sighting.camera,
            self.colours[sighting.camera],
            when,
            sighting.status,
            _STATUS_NAMES.get(sighting.status, sighting.status),
            frame,
            "" if frame else self._why_no_frame(sighting),
            f"Full frame at {self._time_of(sighting)}, frame {crops[0].frame}" if frame else "",
            self._describe(sighting, sighting.crops[0]) if sighting.crops else "",
            [self._figure(sighting, crop) for crop in crops],
            list(self._facts(sighting)),
        )

    def _why_no_frame(self, sighting: Sighting) -> str:
        """Why a sighting has no full frame; empty where none was to be expected."""
        if sighting.camera in self.frames.missing:
            return f"No full frame: {self.frames.missing[sighting.camera]}."
        if not sighting.has_times or not (self.frames.jpegs or self.frames.missing):
            return ""
        left_out = "No full frame: left out, so that the report stays small."
        return left_out if self.frames.left_out else "No full frame: it cannot be read."

    def _describe(self, sighting: Sighting, crop: Crop) -> str:
        when, clothes = time_label(crop, sighting.camera, self.gallery.clocks), _clothes(sighting)
        which = f" at {when}" if sighting.has_times else f", {when}"
        return f"{person_name(sighting.person)} in {sighting.camera}{which}{f', {clothes}' if clothes else ''}"

    def _time_of(self, sighting: Sighting) -> str:
        """When the best crop was taken."""
        return time_label(sighting.crops[0], sighting.camera, self.gallery.clocks)

    def _figure(self, sighting: Sighting, crop: Crop) -> _Figure:
        when = time_label(crop, sighting.camera, self.gallery.clocks)
        title = f"frame {crop.frame}" if sighting.has_times else when
        return _Figure(crop, title, self._describe(sighting, crop), when)

    def _facts(self, sighting: Sighting) -> Iterator[tuple[str, str]]:
        if sighting.has_times:
            span = (sighting.start_seconds, sighting.end_seconds)
            clocks, of_clip = self.gallery.clocks, " to ".join(map(format_clock, span))
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


_HEADS = {
    True: "blurred where the program finds or expects them; other people in the background may still be recognisable",
    False: "not blurred in this export: faces may be seen",
}


def _clothes(sighting: Sighting) -> str:
    """
    >>> _clothes(Sighting("a", 1, 1, 0, 1, upper="red", lower="dark blue"))
    'red top, dark blue bottom'
    """
    parts = ((sighting.upper, "top"), (sighting.lower, "bottom"))
    return ", ".join(f"{colour} {where}" for colour, where in parts if colour)
