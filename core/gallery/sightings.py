"""The nouns of the gallery: a crop, a sighting, and all sightings of all people. Frozen, checked on construction."""

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

    `jpeg` is the picture itself, or a path (or other `Picture`) that is read when it is needed.
    """

    seconds: float
    frame: int
    jpeg: bytes | Picture
    head: tuple[float, float, float, float] | None = None

    def __post_init__(self) -> None:
        _require(_moment(self.seconds), "Crop.seconds", "seconds from 0", self.seconds)
        object.__setattr__(self, "frame", operator.index(self.frame))
        _require(self.frame >= 0, "Crop.frame", "a frame number from 0", self.frame)
        if self.head is not None:
            x1, y1, x2, y2 = self.head
            whole = all(map(math.isfinite, self.head))
            _require(whole and x1 < x2 and y1 < y2, "Crop.head", "finite x1 < x2 and y1 < y2", self.head)


@dataclass(frozen=True)
class Sighting:
    """One track of one camera as a sighting of `person` (numbers from 1); times are the clip's, crops best first.

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
        _require(all(map(_moment, span)) and span[0] <= span[1], "Sighting", "0 <= start_seconds <= end_seconds", span)
        sound = math.isnan(self.similarity) or abs(self.similarity) <= 1.0001  # rounding of unit vectors
        _require(sound, "Sighting.similarity", "-1 to 1, or nan", self.similarity)
        _require(self.status in STATUSES, "Sighting.status", f"one of {', '.join(STATUSES)}", self.status)
        for name in ("upper", "lower"):
            word = getattr(self, name)
            _require(bool(_COLOUR.fullmatch(word)), f"Sighting.{name}", "a colour in words", word)
        object.__setattr__(self, "crops", tuple(self.crops))

    @property
    def place(self) -> tuple[int, float, str, int]:
        """Sightings are ordered by this: person, start, camera, track."""
        return (self.person, self.start_seconds, self.camera, self.track)


@dataclass(frozen=True)
class Gallery:
    """All sightings, ordered by (person, start, camera, track), whatever order they came in.

    `people` are names that the user typed: any text at all. `notes` are sentences for the reader. `about` says how all
    of it was made (clips and their digests, settings, models, decisions, versions): anything that JSON can hold.
    """

    sightings: tuple[Sighting, ...] = ()
    people: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sightings", tuple(sorted(self.sightings, key=lambda s: s.place)))
        object.__setattr__(self, "notes", tuple(self.notes))
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


def require_camera(name: str, field_name: str) -> None:
    """`ValueError` unless `name` can be a file's name anywhere: letters, digits, `-`, `_` and `.`."""
    _require(bool(_CAMERA.fullmatch(name)), field_name, "letters, digits, -, _ and . (not first)", repr(name))


def _moment(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds >= 0


def _require(true: bool, name: str, expected: str, came: object) -> None:
    if not true:
        raise ValueError(f"{name}: expected {expected}, got {came}")
