"""The types that stages pass on: frozen tables of aligned arrays, validated once on construction.

    Timeline + Detections -> Features -> Tracks -> Tracklets

Boxes are `xyxy` in pixels of the upright source picture (rotation applied). Frame numbers are the source's own and
start at 0. Time is float seconds from the container's timestamps. Empty means length 0, never `None`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Seconds = NDArray[np.float64]
Bools = NDArray[np.bool_]
Image = NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, of the pictures that are read: as a clip, as crops, or as a training set."""
ANY_LENGTH = (-1,)
"""Shape of the rows of a column of vectors, whose length is that of the array given."""


def _as_column(name: str, value: Any, dtype: type, tail: tuple[int, ...] = ()) -> NDArray[Any]:
    """`value` as a contiguous array of `dtype` and shape (n, *tail); `ValueError` names the field that has another."""
    array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
    if tail == ANY_LENGTH:
        tail = array.shape[1:] if array.ndim == 2 else (0,)
    if array.size == 0:
        array = array.reshape((0, *tail))
    if array.shape[1:] != tail or array.ndim != 1 + len(tail):
        raise ValueError(f"{name}: expected shape (n{''.join(f', {t}' for t in tail)}), got {array.shape}")
    return array


class Table:
    """A table of equally long columns, which are its dataclass fields; indexing returns a table of the same type."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    def __getitem__(self, rows: Any) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})  # type: ignore[arg-type]

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The rows of all `parts` (at least one), in order."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})  # type: ignore[arg-type]

    def _validate_columns(self, **columns: tuple[type, tuple[int, ...]]) -> None:
        """Convert each column to its (dtype, row shape); `ValueError` where a shape or the lengths do not fit."""
        lengths = {}
        for name, (dtype, tail) in columns.items():
            array = _as_column(name, getattr(self, name), dtype, tail)
            object.__setattr__(self, name, array)
            lengths[name] = len(array)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{type(self).__name__}: columns differ in length: {lengths}")


@dataclass(frozen=True, eq=False)
class Timeline(Table):
    """The frames that are analysed, in order: the source's frame number and the container time of each."""

    frame: Ints
    seconds: Seconds

    def __post_init__(self) -> None:
        self._validate_columns(frame=(np.int64, ()), seconds=(np.float64, ()))
        if len(self) > 1 and (np.diff(self.frame) <= 0).any():
            raise ValueError("Timeline.frame must rise strictly")

    @classmethod
    def empty(cls) -> Timeline:
        return cls(np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, eq=False)
class Detections(Table):
    """Boxes of people, ordered by frame. Scores are the detector's confidence, 0 to 1."""

    frame: Ints
    xyxy: Floats
    score: Floats

    def __post_init__(self) -> None:
        self._validate_columns(frame=(np.int64, ()), xyxy=(np.float32, (4,)), score=(np.float32, ()))
        if len(self) > 1 and (np.diff(self.frame) < 0).any():
            raise ValueError("Detections must be ordered by frame")


@dataclass(frozen=True, eq=False)
class Features(Table):
    """Unit-norm appearance vectors (n, d) of some detections; `detection` holds their rows there, rising."""

    detection: Ints
    vector: Floats

    def __post_init__(self) -> None:
        self._validate_columns(detection=(np.int64, ()), vector=(np.float32, ANY_LENGTH))
        if len(self) > 1 and (np.diff(self.detection) <= 0).any():
            raise ValueError("Features.detection must rise strictly")


@dataclass(frozen=True, eq=False)
class Tracks(Table):
    """One row per box of a track, ordered by (frame, track). `detected` is False for boxes interpolated over a gap."""

    frame: Ints
    seconds: Seconds
    track: Ints
    xyxy: Floats
    score: Floats
    detected: Bools

    def __post_init__(self) -> None:
        self._validate_columns(
            frame=(np.int64, ()),
            seconds=(np.float64, ()),
            track=(np.int64, ()),
            xyxy=(np.float32, (4,)),
            score=(np.float32, ()),
            detected=(np.bool_, ()),
        )

    def without(self, numbers: Ints | Sequence[int]) -> Tracks:
        """The boxes of all tracks but those with these numbers."""
        return self[~np.isin(self.track, numbers)]

    @classmethod
    def empty(cls) -> Tracks:
        none = np.empty(0)
        return cls(none, none, none, np.empty((0, 4)), none, none)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Tracklets(Table):
    """One row per track of every camera, in any order; (`camera`, `track`) is unique and names the row.

    `camera` counts the run's cameras from 0; `start` and `end` are seconds on the clock that all cameras share.
    `vector` (n, d) is the mean appearance, of unit norm. `is_object` says which ones probably show no person, but a
    thing: none where it is not given.
    """

    camera: Ints
    track: Ints
    start: Seconds
    end: Seconds
    vector: Floats
    is_object: Bools = field(default_factory=lambda: np.zeros(0, bool))

    def __post_init__(self) -> None:
        if not len(self.is_object):
            object.__setattr__(self, "is_object", np.zeros(len(self.track), bool))
        self._validate_columns(
            camera=(np.int64, ()),
            track=(np.int64, ()),
            start=(np.float64, ()),
            end=(np.float64, ()),
            vector=(np.float32, ANY_LENGTH),
            is_object=(np.bool_, ()),
        )
        if (self.end < self.start).any():
            raise ValueError("Tracklets.end lies before start")
        if len(np.unique(np.stack([self.camera, self.track]), axis=1).T) < len(self):
            raise ValueError("Tracklets: two rows have one camera and track")


class ClipPart(NamedTuple):
    """A part of a video file with a clock of its own: where two recordings were joined, or a clock was set back.

    `frame` is its first frame, `packet` its first packet among those of the video, `position` the byte where that lies
    (-1 if unknown), and `shift` the ticks to add to its timestamps, so that it follows the part before it.
    """

    frame: int
    packet: int
    position: int
    shift: int


@dataclass(frozen=True, eq=False)
class Clip:
    """What probing a recording found out.

    `times` (frames,) holds each frame's container time in seconds since the first frame, rising; the frame number is
    the index. `width` and `height` are those of the upright picture; `rotation` is how many degrees (0, 90, 180, 270)
    stored pictures are turned counter-clockwise for that. `start_seconds` is the container time of the first frame.
    `fps` is 0 for a clip of one frame. `warnings` are sentences for the user (variable frame rate, damage, ...).
    `parts` is empty where one clock runs through the whole file; otherwise `times` has the parts one after another.
    `recordings` are the files of a clip that is made of several, one after the other; it is empty for one file.
    """

    path: str
    digest: str
    width: int
    height: int
    times: Seconds
    fps: float
    codec: str
    container: str
    rotation: int = 0
    start_seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    parts: tuple[ClipPart, ...] = ()
    recordings: tuple[Recording, ...] = ()

    @property
    def frames(self) -> int:
        return len(self.times)

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of the pictures as they are stored, before they are turned upright."""
        return (self.height, self.width) if self.rotation % 180 else (self.width, self.height)

    @property
    def duration_seconds(self) -> float:
        """Time from the first frame to the end of the last one."""
        return float(self.times[-1]) + (1 / self.fps if self.fps else 0.0) if len(self.times) else 0.0


class Recording(NamedTuple):
    """One of the files of a clip: the file as a clip of its own, the number in the whole of the first frame that is
    used of it, and how many of its frames before that are left out."""

    clip: Clip
    frame: int
    skipped: int = 0

    @property
    def used(self) -> int:
        """The number of its frames that are used."""
        return self.clip.frames - self.skipped
