"""What the user can set, one class per stage.

A stage's result is stored under a key made of the clip's digest, the settings of that stage and those of the stages
before it. Field names are part of that key: renaming a field would orphan every stored result."""

from __future__ import annotations

from dataclasses import dataclass

from core.base.errors import SettingsError

Number = int | float
"""A number whose digits are part of keys: one that was stored as 5 is read as 5, and not as 5.0."""


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(
            f"{name} is {value:g}, outside {low:g} to {high:g}", f"Give a value from {low:g} to {high:g}."
        )


@dataclass(frozen=True)
class VideoSettings:
    """Which frames are analysed: those from `start_seconds` to `end_seconds`, `fps` a second or every one for 0."""

    fps: Number = 10.0
    start_seconds: Number = 0.0
    end_seconds: Number | None = None

    def __post_init__(self) -> None:
        _within("fps", self.fps, 0, 1000)
        if self.start_seconds < 0:
            raise SettingsError(f"from is {self.start_seconds:g} s, before the clip begins", "Give 0 or more.")
        if self.end_seconds is not None and self.end_seconds <= self.start_seconds:
            raise SettingsError(
                f"to ({self.end_seconds:g} s) is not after from ({self.start_seconds:g} s)", "Swap or widen them."
            )


@dataclass(frozen=True)
class DetectSettings:
    """How people are detected.

    size          long side in pixels of the frame as the detector sees it, a multiple of 32
    floor         confidence from which boxes are stored; `TrackSettings.conf` filters them later
    nms_iou       non-maximum suppression drops a box that overlaps a better one by more
    most          boxes per frame at most
    """

    size: int = 640
    floor: Number = 0.05
    nms_iou: Number = 0.7
    most: int = 300

    def __post_init__(self) -> None:
        _within("size", self.size, 64, 4096)
        if self.size % 32:
            raise SettingsError(f"size is {self.size}, no multiple of 32", "Try 320, 480, 640 or 960.")


@dataclass(frozen=True)
class EmbedSettings:
    """Which boxes get an appearance vector.

    floor         confidence from which a box may get one
    flip          average each crop's vector with that of its mirror image
    every         embed all of these boxes, not only those whose appearance can decide something
    """

    floor: Number = 0.25
    flip: bool = False
    every: bool = False


@dataclass(frozen=True)
class TrackSettings:
    """How boxes become tracks.

    conf          boxes below this confidence are ignored
    iou           least overlap of a box with the predicted position of a track
    track_cos     least cosine similarity for a match by appearance
    n_init        detections that make a track; shorter tracks are dropped
    max_age       seconds that a track goes on without a box
    """

    conf: Number = 0.25
    iou: Number = 0.2
    track_cos: Number = 0.65
    n_init: int = 3
    max_age: Number = 1.5

    def __post_init__(self) -> None:
        _within("conf", self.conf, 0, 1)
        _within("iou", self.iou, 0, 1)
        _within("track_cos", self.track_cos, -1, 1)
        _within("n_init", self.n_init, 1, 100)
        _within("max_age", self.max_age, 0, 3600)
