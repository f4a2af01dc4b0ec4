"""What the user can set, stage by stage. Frozen: together with the clip's digest they are the cache key.

Each class belongs to one stage; a stage's artifact depends on its own class and on those before it, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from core.base.errors import SettingsError


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(
            f"{name} is {value:g}, outside {low:g} to {high:g}", f"Give a value from {low:g} to {high:g}."
        )


@dataclass(frozen=True)
class VideoSettings:
    """Which frames are analysed. `fps` 0 means every frame; never more than the source has."""

    fps: float = 10.0
    start_seconds: float = 0.0
    end_seconds: float | None = None

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
    """How people are found. Boxes are kept from `floor` up; the user's `conf` filters them later."""

    size: int = 640
    floor: float = 0.05
    nms_iou: float = 0.7
    most: int = 300

    def __post_init__(self) -> None:
        _within("size", self.size, 64, 4096)
        if self.size % 32:
            raise SettingsError(f"size is {self.size}, no multiple of 32", "Try 320, 480, 640 or 960.")


@dataclass(frozen=True)
class EmbedSettings:
    """Which boxes get an appearance vector: of those from `floor` up `every` one, or where looks decide something."""

    floor: float = 0.25
    flip: bool = False
    every: bool = False


@dataclass(frozen=True)
class TrackSettings:
    """How boxes become tracks. `iou` and `track_cos` are similarities: a pair needs at least that much.

    conf          boxes below it are not used at all
    iou           overlap that a motion match needs
    track_cos     cosine similarity that an appearance match needs
    n_init        hits before a track counts; shorter ones are dropped
    max_age       seconds that a track outlives its last box
    """

    conf: float = 0.25
    iou: float = 0.2
    track_cos: float = 0.65
    n_init: int = 3
    max_age: float = 1.5

    def __post_init__(self) -> None:
        _within("conf", self.conf, 0, 1)
        _within("iou", self.iou, 0, 1)
        _within("track_cos", self.track_cos, -1, 1)
        _within("n_init", self.n_init, 1, 100)
        _within("max_age", self.max_age, 0, 3600)
