"""The nouns of the gallery: a crop, a sighting, who else it may be, and all of all people. Frozen, checked on
construction."""

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

STATUSES = ("alone", "candidate", "doubtful", "confirmed")
"""Alone: nobody like them was found. The others: a match that the program proposes, that it doubts, that a person
has confirmed."""
_CAMERA = re.compile(r"[\w-][\w.-]*")
_COLOUR = re.compile(r"([^\W\d_][\w ,/()-]*)?")


class Picture(Protocol):
    """Anything that hands over the bytes of a JPEG when it is asked, such as a `Path`."""

    def read_bytes(self) -> bytes: ...


@dataclass(frozen=True)
class Crop:
    """A person's box cut out of a frame. `head` is xyxy in pixels of the crop, None where nobody knows.

    Of a picture that came without a clip, `seconds` is nan and `frame` its number among its camera's pictures.
    `jpeg` is the picture itself, or a path (or other `Picture`) that is read when it is needed.
    """

    seconds: float
    frame: int
    jpeg: bytes | Picture
    head: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        _require(_moment(self.seconds), "Crop.seconds", "seconds from 0, or nan", self.seconds)
        object.__setattr__(self, "frame", operator.index(self.frame))
        _require(self.frame >= 0, "Crop.frame", "a frame number from 0", self.frame)
        if self.head is not None:
            x1, y1, x2, y2 = self.head
            whole = all(map(math.isfinite, self.head))
            _require(whole and x1 < x2 and y1 < y2, "Crop.head", "finite x1 < x2 and y1 < y2", self.head)


@dataclass(frozen=True)
class Sighting:
    """One track of one camera as a sighting of `person` (numbers from 1); times are the clip's, crops best first.

    Both times are nan where the pictures came without a clip, so that nobody knows when they were taken.
    `similarity` is to the rest of the person, up to 1, and nan for one who is alone. `upper` and `lower` are colour
    words, empty where unknown.
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
        ordered = all(map(math.isnan, span)) or (all(map(_moment, span)) and span[0] <= span[1])
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
    def sort_key(self) -> tuple[int, float, str, int]:
        """Sightings are ordered by this: person, start, camera, track."""
        return (self.person, self.start_seconds if self.has_times else 0.0, self.camera, self.track)

    @property
    def sort_key_in_person(self) -> tuple[str, float, int]:
        """Those of one person are shown in this order: camera, start, track."""
        _, start, camera, track = self.sort_key
        return (camera, start, track)

    @property
    def has_times(self) -> bool:
        """Whether anybody knows when it was."""
        return not math.isnan(self.start_seconds)


@dataclass(frozen=True)
class Lookalike:
    """Another person's track that looks like a track, `place` 1 the most. `reason` says in words why the two cannot be
    one person, empty where nothing forbids it.

    `margin` is how much more alike the track is to the rest of its own person, nan for one who is alone. Of all crops
    of the two tracks `crop` and `other_crop` are the most alike.
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
    """A person of the gallery: how alike they are to somebody over all their sightings, and at best, with the crop of
    that sighting; `above_threshold` says whether the mean reaches the threshold."""

    person: int
    similarity: float
    best: float
    above_threshold: bool
    camera: str
    track: int
    crop: Crop


@dataclass(frozen=True)
class Gallery:
    """All sightings, ordered by (person, start, camera, track), whatever order they came in.

    `people` are names that the user typed, `remarks` what they noted of each: any text at all, by the person's number.
    `notes` are sentences for the reader. `about` says how all of it was made (clips and their digests, settings,
    models, decisions, versions): anything that JSON can hold. `lookalikes` say who else each track may be.
    """

    sightings: tuple[Sighting, ...] = ()
    people: Mapping[int, str] = field(default_factory=dict)
    remarks: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    lookalikes: tuple[Lookalike, ...] = ()

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
        """Every person with their sightings, both in order."""
        return [(person, list(group)) for person, group in groupby(self.sightings, lambda s: s.person)]

    @property
    def cameras(self) -> list[str]:
        return sorted({s.camera for s in self.sightings})

    @property
    def has_times(self) -> bool:
        """Whether it shows any times, or only pictures of which nobody knows when they were taken."""
        return not self.sightings or any(s.has_times for s in self.sightings)


def require_camera(name: str, field_name: str) -> None:
    """`ValueError` unless `name` can be a file's name anywhere: letters, digits, `-`, `_` and `.`."""
    _require(bool(_CAMERA.fullmatch(name)), field_name, "letters, digits, -, _ and . (not first)", repr(name))


def _moment(seconds: float) -> bool:
    return math.isnan(seconds) or (math.isfinite(seconds) and seconds >= 0)


def _require(true: bool, name: str, expected: str, came: object) -> None:
    if not true:
        raise ValueError(f"{name}: expected {expected}, got {came}")
