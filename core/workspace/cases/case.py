"""The nouns: a case, its clips, and how it is to be run. Frozen: a change is a new one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from core.base.errors import SettingsError
from core.base.settings import DetectSettings, TrackSettings, VideoSettings
from core.base.text import safe_name
from core.vision.models import DETECTOR, EMBEDDER
from core.vision.regions import Regions


@dataclass(frozen=True)
class CaseClip:
    """One clip of a case. Either `offset_seconds` says how much later than the others it begins, or, where all clips
    have one, `began` does: the wall-clock time of its first picture, as ISO text, empty where nobody knows.

    Only `start_seconds` to `end_seconds` of it are looked at, seconds of the clip.
    """

    camera: str
    path: str
    digest: str
    offset_seconds: float = 0.0
    began: str = ""
    start_seconds: float = 0.0
    end_seconds: float | None = None
    regions: Regions = field(default_factory=Regions)

    def __post_init__(self) -> None:
        if safe_name(self.camera) != self.camera:
            raise SettingsError(
                f"'{self.camera}' cannot name a camera", f"Use letters, digits, - and _: {safe_name(self.camera)}."
            )
        # The range is checked where ranges are checked.
        VideoSettings(start_seconds=self.start_seconds, end_seconds=self.end_seconds)
        if not math.isfinite(self.offset_seconds):
            raise SettingsError(f"the clip of {self.camera} begins at no time", "Give seconds, such as -4.5.")
        if self.began:
            _require_moment(self.began)


@dataclass(frozen=True)
class Plan:
    """How the case is to be run: models by name, and settings."""

    detector: str = DETECTOR
    embedder: str = EMBEDDER
    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)


@dataclass(frozen=True)
class Case:
    """`run` is the key of the run that is shown, `wanted` that of one that was started and is not shown yet; without a
    `threshold` the suggested one holds. `expires` is the day (ISO) after which the case should be deleted, or empty.
    """

    key: str
    name: str
    made: float
    purpose: str = ""
    clips: tuple[CaseClip, ...] = ()
    plan: Plan = field(default_factory=Plan)
    run: str = ""
    wanted: str = ""
    threshold: float | None = None
    expires: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clips", tuple(self.clips))
        if self.threshold is not None and not -1 <= self.threshold <= 1:
            raise SettingsError(f"the least similarity is {self.threshold:g}", "It lies between -1 and 1: try 0.6.")
        if self.expires:
            _require_day(self.expires)
        names = [clip.camera.lower() for clip in self.clips]
        if twice := {clip.camera for clip in self.clips if names.count(clip.camera.lower()) > 1}:
            raise SettingsError(f"two cameras are called '{min(twice)}'", "Give each its own name.")

    @property
    def offsets(self) -> Mapping[str, float]:
        """Seconds that each camera's clip began after the common clock: wall clocks where every clip has one."""
        if self.clips and all(clip.began for clip in self.clips):
            began = {clip.camera: datetime.fromisoformat(clip.began) for clip in self.clips}
            first = min(began.values())
            return {camera: (moment - first).total_seconds() for camera, moment in began.items()}
        return {clip.camera: clip.offset_seconds for clip in self.clips}

    def clip(self, camera: str) -> CaseClip:
        for clip in self.clips:
            if clip.camera == camera:
                return clip
        raise SettingsError(f"the case has no camera {camera}", "Choose one of its cameras.")

    def free_name(self, wanted: str) -> str:
        """`wanted` made fit for a camera, with a number where it is taken: gate, gate-2."""
        name, taken = safe_name(wanted), {clip.camera.lower() for clip in self.clips}
        numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
        return name if name.lower() not in taken else next(n for n in numbers if n.lower() not in taken)

    def with_clips(self, clips: Iterable[CaseClip]) -> Case:
        return replace(self, clips=tuple(clips))

    def with_clip(self, camera: str, new: CaseClip) -> Case:
        """`new` in the place of the clip of `camera`."""
        return self.with_clips(new if clip.camera == camera else clip for clip in self.clips)


def _require_moment(text: str) -> None:
    """Clocks are those of one place: with a time zone in one of them, they could not be compared."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as fault:
        raise SettingsError(f"'{text}' is no time", "Write 2026-05-31 14:05:00.") from fault
    if moment.tzinfo is not None:
        raise SettingsError(f"'{text}' names a time zone", "Write all times of one place: 2026-05-31 14:05:00.")


def _require_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as fault:
        raise SettingsError(f"'{text}' is no day", "Write 2027-05-31.") from fault
