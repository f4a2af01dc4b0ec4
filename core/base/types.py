"""The nouns that flow between the rooms: frozen, aligned arrays, checked once on construction.

    Timeline + Detections -> Features -> Tracks -> Tracklets

Boxes are `xyxy` in pixels of the source picture (rotation applied), frame numbers are the source's
own and start at 0, time is float seconds from the container's timestamps. Empty means length 0.
This module knows NumPy and nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Seconds = NDArray[np.float64]
Bools = NDArray[np.bool_]
Image = NDArray[np.uint8]


PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""What the name of a picture's file ends in, in small letters: the kinds that are read wherever pictures come as files,
be they a clip's, crops, or a training set."""
ANY = (-1,)
"""The tail of a column of vectors, whose length the first array that comes decides."""


def _column(name: str, value: Any, dtype: type, tail: tuple[int, ...] = ()) -> NDArray[Any]:
    """`value` as a contiguous array of `dtype` and shape (n, *tail), or a `ValueError` that names the field."""
    array: NDArray[Any] = np.ascontiguousarray(value, dtype=dtype)
    if tail == ANY:
        tail = array.shape[1:] if array.ndim == 2 else (0,)
    if array.size == 0:
        array = array.reshape((0, *tail))
    if array.shape[1:] != tail or array.ndim != 1 + len(tail):
        raise ValueError(f"{name}: expected shape (n{''.join(f', {t}' for t in tail)}), got {array.shape}")
    return array


class Table:
    """Shared behaviour of the types below: one length, and indexing that returns the same type."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))  # type: ignore[arg-type]

    def __getitem__(self, rows: Any) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})  # type: ignore[arg-type]

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts (at least one), one part after the other."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)})  # type: ignore[arg-type]

    def _validate_columns(self, **columns: tuple[type, tuple[int, ...]]) -> None:
        lengths = {}
        for name, (dtype, tail) in columns.items():
            array = _column(name, getattr(self, name), dtype, tail)
            object.__setattr__(self, name, array)
            lengths[name] = len(array)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{type(self).__name__}: columns differ in length: {lengths}")


@dataclass(frozen=True, eq=False)
class Timeline(Table):
    """The frames that are analysed, in order: source frame number and container time of each."""

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
    """Unit-norm appearance vectors for some of the detections: `detection` is the row each belongs to, rising."""

    detection: Ints
    vector: Floats

    def __post_init__(self) -> None:
        self._validate_columns(detection=(np.int64, ()), vector=(np.float32, ANY))
        if len(self) > 1 and (np.diff(self.detection) <= 0).any():
            raise ValueError("Features.detection must rise strictly")


@dataclass(frozen=True, eq=False)
class Tracks(Table):
    """One row per box of a track, ordered by (frame, track). `seen` is False where a gap was filled in."""

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

    @classmethod
    def empty(cls) -> Tracks:
        none = np.empty(0)
        return cls(none, none, none, np.empty((0, 4)), none, none)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class Tracklets(Table):
    """One row per track of every camera, in any order; a row is named by (`camera`, `track`), which no two share.

    `camera` counts the run's cameras from 0; `start` and `end` are seconds on the clock that all cameras share.
    `vector` has unit norm and is the track's look.
    """

    camera: Ints
    track: Ints
    start: Seconds
    end: Seconds
    vector: Floats

    def __post_init__(self) -> None:
        self._validate_columns(
            camera=(np.int64, ()),
            track=(np.int64, ()),
            start=(np.float64, ()),
            end=(np.float64, ()),
            vector=(np.float32, ANY),
        )
        if (self.end < self.start).any():
            raise ValueError("Tracklets.end lies before start")
        if len(np.unique(np.stack([self.camera, self.track]), axis=1).T) < len(self):
            raise ValueError("Tracklets: two rows have one camera and track")


@dataclass(frozen=True, eq=False)
class Clip:
    """One recording, probed: what it is and when each of its frames is shown.

    `times` holds the container time of every frame in seconds since the first one, rising; frame number is
    the row. `width` and `height` are those of the picture as shown (rotation applied). `start_seconds` is the
    container time of the first frame. `warnings` are sentences for the user (variable rate, damaged, ...).
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

    @property
    def frames(self) -> int:
        return len(self.times)

    @property
    def duration_seconds(self) -> float:
        """Time from the first frame to the end of the last one."""
        return float(self.times[-1]) + (1 / self.fps if self.fps else 0.0) if len(self.times) else 0.0
