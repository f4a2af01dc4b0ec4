"""What the report says of each person: where and when, in order over all cameras, and what speaks against it.

And the timeline of everybody, as numbers for the drawing in the template. No picture is read here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from core.base.text import find_zone, format_clock, format_count, format_moment, person_name
from core.export.facts import DecisionFact
from core.runs import Gallery, Lookalike, Sighting
from core.vision.match import NO_PERSON

CLOSE = 0.05
"""A similarity that is no further from the threshold, or from that to another person, is worth a second look."""
MAX_AGAINST = 8
ROWS_PER_TIMELINE = 32
"""People in one drawing: more would not fit on a printed page."""
CAMERA_COLOURS = 8
_WIDTH, _LEFT, _RIGHT, _AXIS, _LANE, _MARGIN, _BOTTOM = 1000.0, 130.0, 40.0, 26.0, 12.0, 8.0, 4.0
_MIN_BAR, _TICKS = 3.0, 7
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)


class CommonTime:
    """One clock for all cameras: the wall clock where it is known, else the seconds since the first clip began."""

    def __init__(self, gallery: Gallery) -> None:
        self._clocks = gallery.clocks
        self._offsets: Mapping[str, float] = gallery.about.get("offset_seconds", {})
        self._first = min(0.0, *self._offsets.values()) if self._offsets else 0.0

    def at(self, camera: str, seconds: float) -> float:
        """The moment `seconds` into a clip, in seconds of this clock."""
        moment = self._clocks.at(camera, seconds)
        if moment is not None:
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        return seconds + self._offsets.get(camera, 0.0) - self._first

    def format(self, moment: float) -> str:
        """
        >>> CommonTime(Gallery()).format(83.9)
        '0:01:23'
        """
        if not self._clocks:
            return format_clock(moment)
        zone = find_zone(self._clocks.zone) if self._clocks.zone else UTC
        return format_moment(datetime.fromtimestamp(moment, zone), self._clocks.day)

    def span(self, sighting: Sighting) -> tuple[float, float]:
        """When a sighting begins and ends."""
        return self.at(sighting.camera, sighting.start_seconds), self.at(sighting.camera, sighting.end_seconds)


def in_order(sightings: Sequence[Sighting], time: CommonTime) -> list[Sighting]:
    """The sightings of a person as they happened, over all cameras; without times, by camera and track."""
    return sorted(sightings, key=lambda s: (*(time.span(s) if s.has_times else (0.0, 0.0)), s.camera, s.track))


@dataclass(frozen=True)
class Stop:
    """A line of an itinerary: the sighting, from when to when, and how it follows the one before it."""

    sighting: Sighting
    begins: str
    ends: str
    seconds: str
    clip_time: str
    after: str


def itinerary(sightings: Sequence[Sighting], time: CommonTime) -> list[Stop]:
    """The sightings of a person, which are in order, as lines of a table; none without times."""
    stops, last = [], math.nan
    for sighting in (each for each in sightings if each.has_times):
        begins, ends = time.span(sighting)
        of_clip = " to ".join(map(format_clock, (sighting.start_seconds, sighting.end_seconds)))
        texts = (time.format(begins), time.format(ends), f"{ends - begins:,.1f} s", of_clip)
        stops.append(Stop(sighting, *texts, _after(begins - last)))
        last = ends if math.isnan(last) else max(last, ends)
    return stops


def _after(gap: float) -> str:
    """
    >>> _after(3.21), _after(-2.0), _after(float("nan")), _after(7230)
    ('3.2 s later', 'overlaps', '', '2 h 0 min later')
    """
    if math.isnan(gap):
        return ""
    if gap < 0:
        return "overlaps"
    hours, minutes = divmod(round(gap / 60), 60)
    return f"{gap:.1f} s later" if gap < 120 else f"{hours} h {minutes} min later" if hours else f"{minutes} min later"


def track_text(camera: str, track: int) -> str:
    """
    >>> track_text("gate", 3)
    'gate, track 3'
    """
    return f"{camera}, track {track}"


def against(sightings: Sequence[Sighting], gallery: Gallery) -> list[str]:
    """What speaks against this being one person and nobody else, in sentences; never empty."""
    threshold = gallery.about.get("matching", {}).get("threshold")
    if all(each.status == NO_PERSON for each in sightings):
        return ["It is probably no person but a thing, and was compared with nobody."]
    if len(sightings) == 1:
        lines = ["Seen once: there is no second sighting that could be wrong or right."]
    else:
        lines = list(_weak_sightings(sightings, threshold))
    tracks = {(each.camera, each.track) for each in sightings}
    rivals = [each for each in gallery.lookalikes if (each.camera, each.track) in tracks]
    close = list(_close_rivals(rivals, threshold))
    if not close and (free := [each for each in rivals if not each.reason]):
        best = max(free, key=lambda each: each.similarity)
        close = [f"Nobody else comes close: {_rival_text(best)} is the most similar, at {best.similarity:.2f}."]
    lines += close
    if not lines:
        lines = ["Nothing: no sighting is near the threshold, and there is nobody else to take for this person."]
    further = len(lines) - MAX_AGAINST
    return [*lines[:MAX_AGAINST], f"{further} more; candidates.csv has all of them."] if further > 0 else lines


def _weak_sightings(sightings: Sequence[Sighting], threshold: float | None) -> Iterator[str]:
    doubtful = [track_text(each.camera, each.track) for each in sightings if each.status == "doubtful"]
    if doubtful:
        which = "all sightings" if len(doubtful) == len(sightings) else "; ".join(doubtful)
        yield f"The program doubts {which}: another person looks almost as much like them, or they are only just alike."
    for each in sightings:
        name, value = track_text(each.camera, each.track), each.similarity
        if threshold is None or math.isnan(value) or value >= threshold + CLOSE:
            continue
        place = "just above" if value >= threshold else "just under" if value >= threshold - CLOSE else "well under"
        yield f"{name}: similarity {value:.2f} to the other sightings, {place} the threshold of {threshold:.2f}."


def _close_rivals(rivals: Sequence[Lookalike], threshold: float | None) -> Iterator[str]:
    """The most similar track of every other person that comes close, best first."""
    if threshold is None:
        return
    people = set()
    for each in sorted(rivals, key=lambda each: -each.similarity):
        is_near = each.similarity >= threshold - CLOSE or each.margin < CLOSE
        if each.other_person in people or not is_near:
            continue
        people.add(each.other_person)
        name, rival = track_text(each.camera, each.track), _rival_text(each)
        start = f"{name}, and {rival} look alike ({each.similarity:.2f})"
        if each.reason:
            yield f"{start}, but are known to be different: {each.reason}."
        elif each.margin < 0:
            yield f"{start}, by {-each.margin:.2f} more than {name} and the rest of this person."
        elif each.margin < CLOSE:
            yield f"{start}, by only {each.margin:.2f} less than {name} and the rest of this person."
        else:
            place = "above" if each.similarity >= threshold else "just under"
            yield f"{start}, {place} the threshold of {threshold:.2f}."


def _rival_text(rival: Lookalike) -> str:
    return f"{person_name(rival.other_person)} ({track_text(rival.other_camera, rival.other_track)})"


def decisions_about(sightings: Sequence[Sighting], decisions: Sequence[DecisionFact]) -> list[DecisionFact]:
    """The decisions that name a track of this person."""
    tracks = {(each.camera, each.track) for each in sightings}
    return [each for each in decisions if tracks.intersection(map(tuple, each.tracks))]


@dataclass(frozen=True)
class Bar:
    """A sighting in the timeline: `x`, `y` and `width`, the number of its camera's colour, and a text."""

    x: float
    y: float
    width: float
    colour: int
    text: str


@dataclass(frozen=True)
class Timeline:
    """A drawing of when people were seen: a row each, with bars; `ticks` are x and text of the axis."""

    width: float
    height: float
    rows: Sequence[tuple[float, str]]
    bars: Sequence[Bar]
    ticks: Sequence[tuple[float, str]]


def timelines(gallery: Gallery, time: CommonTime) -> list[Timeline]:
    """The drawings of all people, some rows each; none where times are unknown."""
    timed = [(number, [s for s in found if s.has_times]) for number, found in gallery.by_person()]
    people = [(number, found) for number, found in timed if found]
    if not people:
        return []
    spans = [time.span(sighting) for _, found in people for sighting in found]
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(last - first, 1.0)
    ticks = [(_LEFT + (tick - first) * scale, time.format(tick)) for tick in _ticks(first, max(last, first + 1.0))]
    colour_of = camera_colours(gallery)
    drawings = []
    for begin in range(0, len(people), ROWS_PER_TIMELINE):
        rows, bars, y = [], [], _AXIS
        for number, found in people[begin : begin + ROWS_PER_TIMELINE]:
            rows.append((y, person_name(number)))
            lanes = _lanes(in_order(found, time), time)
            for lane, sighting in lanes:
                start, end = time.span(sighting)
                text = f"{person_name(number)} in {sighting.camera}, {time.format(start)} to {time.format(end)}"
                x, width = _LEFT + (start - first) * scale, max(_MIN_BAR, (end - start) * scale)
                place = y + _MARGIN / 2 + lane * _LANE
                bars.append(Bar(round(x, 1), place, round(width, 1), colour_of[sighting.camera], text))
            y += _MARGIN + _LANE * (1 + max(lane for lane, _ in lanes))
        drawings.append(Timeline(_WIDTH, y + _BOTTOM, rows, bars, ticks))
    return drawings


def _lanes(sightings: Sequence[Sighting], time: CommonTime) -> list[tuple[int, Sighting]]:
    """The sightings of a person with the lane of each: two that overlap lie below each other."""
    ends: list[float] = []
    placed = []
    for sighting in sightings:
        start, end = time.span(sighting)
        lane = next((lane for lane, taken in enumerate(ends) if taken <= start), len(ends))
        ends[lane : lane + 1] = [end]
        placed.append((lane, sighting))
    return placed


def camera_colours(gallery: Gallery) -> dict[str, int]:
    """The number of the colour of each camera."""
    return {camera: number % CAMERA_COLOURS for number, camera in enumerate(gallery.cameras)}


def _ticks(first: float, last: float) -> Iterator[float]:
    """Round moments from `first` to `last`, some seven of them.

    >>> list(_ticks(3.0, 33.0))
    [5.0, 10.0, 15.0, 20.0, 25.0, 30.0]
    """
    length = last - first
    step = next((step for step in _STEPS if length / step <= _TICKS), 86_400 * math.ceil(length / 86_400 / _TICKS))
    moment = math.ceil(first / step) * step
    while moment <= last:
        yield float(moment)
        moment += step


def describe_sightings(sightings: Sequence[Sighting]) -> str:
    """
    >>> describe_sightings([Sighting("a", 1, 1, 0, 1)])
    '1 sighting, 1 camera'
    """
    cameras = len({sighting.camera for sighting in sightings})
    return f"{format_count(len(sightings), 'sighting', 'sightings')}, {format_count(cameras, 'camera', 'cameras')}"


def is_confirmed(sightings: Sequence[Sighting]) -> bool:
    """Whether somebody has confirmed that these are one person."""
    return all(sighting.status == "confirmed" for sighting in sightings)


def person_status(sightings: Sequence[Sighting]) -> str:
    """Whether somebody has confirmed a person, or "thing?" for what is probably none."""
    if all(sighting.status == NO_PERSON for sighting in sightings):
        return "thing?"
    return "confirmed" if is_confirmed(sightings) else "not confirmed"


def moment_text(text: str) -> str:
    """A moment as the facts of a case have it, for a reader.

    >>> moment_text("2026-11-28T14:03:10+01:00")
    '2026-11-28 14:03:10 (UTC+01:00)'
    """
    day, _, time = text.partition("T")
    return f"{day} {time[:8]} (UTC{time[8:]})" if time else day


def with_day(moment: str, day: str) -> str:
    """A moment with its day, which is left out on the first one."""
    return moment if "-" in moment[:8] else f"{day} {moment}"
