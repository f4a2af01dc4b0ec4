"""The types of the gallery: crop, sighting, lookalike, candidate, and the gallery of all people.

They are frozen and check their values when they are made.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from core.base.text import Clocks, format_count
from core.vision.match import NO_PERSON

STATUSES = ("alone", "candidate", "doubtful", "confirmed", NO_PERSON)
"""Alone: no match was found. Then: a match that the program proposes, that it doubts, that a user has confirmed; and
what is probably no person."""
_CAMERA = re.compile(r"[\w-][\w.-]*")
_FILE = re.compile(r"(?:[\w-][\w.-]*/)*[\w-][\w.-]*")
_COLOUR = re.compile(r"([^\W\d_][\w ,/()-]*)?")


Area = tuple[float, float, float, float]
"""A box in a picture: left, top, right, bottom."""


class Picture(Protocol):
    """Anything that reads the bytes of a JPEG on demand, such as a `Path`."""

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Crop:
    """A person's box cut out of a frame. `heads` are areas with heads in pixels of the crop; empty if unknown.

    For a picture that came without a clip, `seconds` is nan and `frame` its number among the camera's pictures. `jpeg`
    is the picture itself, or a path (or another `Picture`) that is read when it is needed.
    """

    seconds: float
    frame: int
    jpeg: bytes | Picture
    heads: tuple[Area, ...] = ()

    def __post_init__(self) -> None:
        _require(_is_time(self.seconds), "Crop.seconds", "seconds from 0, or nan", self.seconds)
        object.__setattr__(self, "frame", operator.index(self.frame))
        _require(self.frame >= 0, "Crop.frame", "a frame number from 0", self.frame)
        for area in self.heads:
            x1, y1, x2, y2 = area
            _require(
                all(map(math.isfinite, area)) and x1 < x2 and y1 < y2, "Crop.heads", "finite x1 < x2 and y1 < y2", area
            )


@dataclass(frozen=True)
class Sighting:
    """One track of one camera as a sighting of `person` (numbers from 1); times are the clip's, crops best first.

    Both times are nan where the pictures came without a clip. `similarity` is to the other tracks of the person, up to
    1, and nan if there are none. `upper` and `lower` are the names of the clothes' colours, empty if unknown.
    """

    camera: str
    track: int
    person: int
    start_seconds: float
    end_seconds: float
    similarity: float = math.nan
    status: str = "candidate"
    upper: str = ""
    lower: str = ""
    crops: tuple[Crop, ...] = ()

    def __post_init__(self) -> None:
        require_camera(self.camera, "Sighting.camera")
        for name in ("track", "person"):
            object.__setattr__(self, name, operator.index(getattr(self, name)))
        _require(self.track >= 0, "Sighting.track", "a number from 0", self.track)
        _require(self.person >= 1, "Sighting.person", "a number from 1", self.person)
        span = (self.start_seconds, self.end_seconds)
        ordered = all(map(math.isnan, span)) or (all(map(_is_time, span)) and span[0] <= span[1])
        _require(ordered, "Sighting", "0 <= start_seconds <= end_seconds, or nan for both", span)
        sound = math.isnan(self.similarity) or abs(self.similarity) <= 1.0001  # rounding of unit vectors
        _require(sound, "Sighting.similarity", "-1 to 1, or nan", self.similarity)
        _require(self.status in STATUSES, "Sighting.status", f"one of {', '.join(STATUSES)}", self.status)
        for name in ("upper", "lower"):
            word = getattr(self, name)
            _require(bool(_COLOUR.fullmatch(word)), f"Sighting.{name}", "a colour in words", word)
        object.__setattr__(self, "crops", tuple(self.crops))
        alike = all(math.isnan(crop.seconds) != self.has_times for crop in self.crops)
        _require(alike, "Sighting.crops", "times where the sighting has them", [c.seconds for c in self.crops])

    @property
    def sort_key(self) -> tuple[bool, int, float, str, int]:
        """Order of sightings in a gallery: person, start, camera, track; things come last."""
        start = self.start_seconds if self.has_times else 0.0
        return (self.status == NO_PERSON, self.person, start, self.camera, self.track)

    @property
    def sort_key_in_person(self) -> tuple[str, float, int]:
        """Order of the sightings of one person: camera, start, track."""
        _, _, start, camera, track = self.sort_key
        return (camera, start, track)

    @property
    def has_times(self) -> bool:
        """Whether the times of the sighting are known."""
        return not math.isnan(self.start_seconds)


@dataclass(frozen=True)
class Lookalike:
    """A track of another person that looks like a track: an alternative to compare it with.

    `place` is its rank, 1 the most similar. `reason` says why the two cannot be one person, and is empty if they can.
    `margin` is how much more similar the track is to its own person's other tracks, nan if there are none. `crop` and
    `other_crop` are the most similar crops of the two tracks.
    """

    camera: str
    track: int
    person: int
    place: int
    other_camera: str
    other_track: int
    other_person: int
    similarity: float
    margin: float
    reason: str
    crop: Crop
    other_crop: Crop
    crop_similarity: float

    def __post_init__(self) -> None:
        _require(self.person != self.other_person, "Lookalike", "two people", self.person)
        _require(self.place >= 1, "Lookalike.place", "a number from 1", self.place)
        for name in ("similarity", "crop_similarity"):
            value = getattr(self, name)
            _require(abs(value) <= 1.0001, f"Lookalike.{name}", "-1 to 1", value)


@dataclass(frozen=True)
class Candidate:
    """A person of the gallery as a candidate for a person in a photo.

    `similarity` is the mean over all sightings of the person, `best` that of the most similar sighting, whose camera,
    track and crop are given. `above_threshold` says whether the mean reaches the threshold.
    """

    person: int
    similarity: float
    best: float
    above_threshold: bool
    camera: str
    track: int
    crop: Crop


@dataclass(frozen=True)
class Gallery:
    """All sightings, in order of person, start, camera and track; things come last.

    `people` holds the names that the user typed and `remarks` the notes on people, by the number of the person: any
    text. `notes` are sentences for the reader. `about` says how the gallery was made (clips with digests, settings,
    models, decisions, versions): anything that JSON can hold. `lookalikes` say who else each track may be. `clocks` are
    the wall clocks of the cameras, where they are known.
    """

    sightings: tuple[Sighting, ...] = ()
    people: Mapping[int, str] = field(default_factory=dict)
    remarks: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    lookalikes: tuple[Lookalike, ...] = ()
    clocks: Clocks = field(default_factory=Clocks)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sightings", tuple(sorted(self.sightings, key=lambda s: s.sort_key)))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "lookalikes", tuple(self.lookalikes))
        tracks = Counter((s.camera, s.track) for s in self.sightings)
        twice = [f"{camera} {track}" for (camera, track), times in tracks.items() if times > 1]
        _require(not twice, "Gallery.sightings", "each track once", ", ".join(twice))
        try:
            content = json.loads(json.dumps(dict(self.about), allow_nan=False, sort_keys=True))
        except (TypeError, ValueError) as fault:
            raise ValueError(f"Gallery.about: expected what JSON can hold, but {fault}") from fault
        object.__setattr__(self, "about", content)

    def by_person(self) -> list[tuple[int, list[Sighting]]]:
        """Each person with all sightings of them, in order; things come last."""
        return [(person, list(group)) for person, group in groupby(self.sightings, lambda s: s.person)]

    @property
    def people_count(self) -> int:
        """How many people there are; things do not count."""
        return len({s.person for s in self.sightings if s.status != NO_PERSON})

    def describe_people(self) -> str:
        """How many people there are, and things.

        >>> seen = [Sighting("gate", 1, 1, 0, 5), Sighting("gate", 2, 2, 0, 9, status="thing")]
        >>> Gallery(seen[:1]).describe_people(), Gallery(seen).describe_people()
        ('1 person', '1 person and 1 probable thing')
        """
        people = format_count(self.people_count, "person", "people")
        objects = len({s.person for s in self.sightings if s.status == NO_PERSON})
        if not objects:
            return people
        return f"{people} and {format_count(objects, 'probable thing', 'probable things')}"

    @property
    def cameras(self) -> list[str]:
        return sorted({s.camera for s in self.sightings})

    @property
    def has_times(self) -> bool:
        """Whether any sighting has times; an empty gallery counts as one that has."""
        return not self.sightings or any(s.has_times for s in self.sightings)


def require_camera(name: str, field_name: str) -> None:
    """`ValueError` unless `name` can be a file's name anywhere: letters, digits, `-`, `_` and `.`."""
    _require(bool(_CAMERA.fullmatch(name)), field_name, "letters, digits, -, _ and . (not first)", repr(name))


def require_file(name: str, field_name: str) -> None:
    """`ValueError` unless `name` can be that of a file below a folder, its parts like the names of cameras."""
    _require(bool(_FILE.fullmatch(name)), field_name, "the name of a file, with / between folders", repr(name))


def _is_time(seconds: float) -> bool:
    return math.isnan(seconds) or (math.isfinite(seconds) and seconds >= 0)


def _require(condition: bool, name: str, expected: str, value: object) -> None:
    if not condition:
        raise ValueError(f"{name}: expected {expected}, got {value}")
