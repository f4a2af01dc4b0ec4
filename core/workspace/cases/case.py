"""A case, its clips, and the plan of its next run. All frozen; their fields are those of case.json."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from core.base.errors import SettingsError
from core.base.settings import DetectSettings, ModelSettings, Number, TrackSettings, VideoSettings, setting
from core.base.text import Clocks, clock_rate, has_passed, read_moment, require_drift, safe_name
from core.machine.paths import current_path
from core.machine.records import RecordFormat
from core.machine.settings_file import UserSettings
from core.runs import MatchRules, TravelTime
from core.vision.models import DETECTOR, EMBEDDER, recommended
from core.vision.regions import Regions

_MAX_CLOCK_ERROR = 366 * 86_400.0


@dataclass(frozen=True)
class CaseRecording:
    """One of the files of a camera: its `name` when it was added, and when it `began` by that name or by its container
    (local ISO text, empty if nothing says). `starts` are seconds after the camera's first file, None where it follows
    the one before it at once."""

    path: str
    digest: str
    name: str = ""
    began: str = ""
    starts: Number | None = None


@dataclass(frozen=True)
class CaseClip:
    """One clip of a case, and which part of it to analyse: `start_seconds` to `end_seconds` of the clip.

    `offset_seconds` says how much later than the other clips it starts. If every clip of the case has `began`, the
    wall-clock time of its first frame as ISO text in the time zone of the case, those times are used instead. It has an
    offset from UTC only where clocks of the zone show it twice. `clock_ahead_seconds` says by how much the clock that
    showed it was ahead of the right time, and `clock_drift_seconds_per_day` how much it gained in a day from then on.
    Where the camera has several files, `recordings` are these, in order, and `path` is that of their list.
    """

    camera: str
    path: str
    digest: str
    offset_seconds: Number = 0.0
    began: str = ""
    start_seconds: Number = 0.0
    end_seconds: Number | None = None
    regions: Regions = field(default_factory=Regions)
    clock_ahead_seconds: Number = 0.0
    clock_drift_seconds_per_day: Number = 0.0
    recordings: tuple[CaseRecording, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "recordings", tuple(self.recordings))
        if safe_name(self.camera) != self.camera:
            raise SettingsError(
                f"'{self.camera}' cannot name a camera", f"Use letters, digits, - and _: {safe_name(self.camera)}."
            )
        # VideoSettings checks the range.
        VideoSettings(start_seconds=self.start_seconds, end_seconds=self.end_seconds)
        if not math.isfinite(self.offset_seconds):
            raise SettingsError(f"the start offset of {self.camera} is not a number", "Enter seconds, such as -4.5.")
        if not abs(self.clock_ahead_seconds) <= _MAX_CLOCK_ERROR:
            raise SettingsError(f"the clock of {self.camera} cannot be wrong by that much", "Enter at most a year.")
        require_drift(self.clock_drift_seconds_per_day, self.camera)

    @property
    def files(self) -> tuple[CaseRecording, ...]:
        """The recordings that the clip is made of: mostly one, itself."""
        return self.recordings or (CaseRecording(self.path, self.digest, Path(self.path).name),)

    @property
    def digests(self) -> frozenset[str]:
        """Of the clip and of its files."""
        return frozenset((self.digest, *(file.digest for file in self.recordings)))


@dataclass(frozen=True)
class Plan:
    """How the case is analysed next: models by name, and settings. `faces` needs a purpose."""

    detector: str = DETECTOR
    embedder: str = EMBEDDER
    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    faces: bool = False


def default_plan(files: UserSettings) -> Plan:
    """The plan of a new case: the recommended models that are here, or else those that come with Sightline, and the
    program's defaults, but for what the user's files of settings say."""
    best: dict[str, str] = {
        status.model.kind: status.model.name for status in recommended() if status.state == "present"
    }
    models = ModelSettings(**{**best, **files.values("models")})
    return Plan(
        models.detector,
        models.embedder,
        VideoSettings(**files.values("video")),
        DetectSettings(**files.values("detect")),
        TrackSettings(**files.values("track")),
    )


@dataclass(frozen=True)
class EarlierSettings:
    """The tracking settings before those that were tried in the Gallery and then used in `run`."""

    run: str
    track: TrackSettings


@dataclass(frozen=True)
class Case:
    """The clips of one investigation, with their settings and runs.

    `run` is the key of the run whose people are shown, `wanted` that of a run that was started and replaces it once it
    is done. Without a `threshold`, the suggested one holds. `expires` is the day (ISO text) after which the case
    should be deleted, or empty. `removed` are the digests of clips that were taken out of it: what was made of them is
    deleted with the case. `earlier` is the way back from tracking settings that were tried. `time_zone` is the IANA
    name of the zone of all wall-clock times; empty where nobody has said it, as in cases of version 0.1.0. `travel` and
    `ignore_positions` are rules of matching, as in `core.runs.Choice`; a change needs no new run.
    """

    key: str
    name: str
    made: float
    purpose: str = ""
    clips: tuple[CaseClip, ...] = ()
    plan: Plan = field(default_factory=Plan)
    run: str = ""
    wanted: str = ""
    threshold: Number | None = None
    expires: str = ""
    removed: tuple[str, ...] = ()
    earlier: EarlierSettings | None = None
    time_zone: str = ""
    travel: tuple[TravelTime, ...] = ()
    ignore_positions: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "clips", tuple(self.clips))
        object.__setattr__(self, "removed", tuple(self.removed))
        setting("cos").require(self.threshold)
        if self.expires:
            _require_day(self.expires)
        names = [clip.camera.lower() for clip in self.clips]
        if duplicates := {clip.camera for clip in self.clips if names.count(clip.camera.lower()) > 1}:
            raise SettingsError(f"two cameras are called '{min(duplicates)}'", "Give each camera its own name.")
        for clip in self.clips:
            if clip.began:
                read_moment(clip.began, self.time_zone)
        for time in self.travel:
            _require_travel_time(time)

    @property
    def rules(self) -> MatchRules:
        return MatchRules(self.travel, self.ignore_positions)

    @property
    def keep_until(self) -> str:
        """The last day (ISO text) on which the case should be kept; empty if nobody has said it."""
        return self.expires

    @property
    def is_expired(self) -> bool:
        return has_passed(self.keep_until)

    @property
    def clocks(self) -> Clocks:
        """The wall clocks of the clips, put right; empty until every clip has one."""
        return self.known_clocks if all(clip.began for clip in self.clips) else Clocks()

    @property
    def known_clocks(self) -> Clocks:
        """The wall clocks of those clips that have one, put right."""
        drift = {clip.camera: clip.clock_drift_seconds_per_day for clip in self.clips}
        clocks = Clocks.read({clip.camera: clip.began for clip in self.clips if clip.began}, self.time_zone, drift)
        return clocks.corrected({clip.camera: clip.clock_ahead_seconds for clip in self.clips})

    @property
    def offsets(self) -> Mapping[str, float]:
        """Seconds by which each camera's clip starts after the common clock, at its first frame."""
        if clocks := self.clocks:
            return clocks.offsets
        return {clip.camera: clip.offset_seconds for clip in self.clips}

    def clip(self, camera: str) -> CaseClip:
        for clip in self.clips:
            if clip.camera == camera:
                return clip
        raise SettingsError(f"the case has no camera {camera}", "Choose one of its cameras.")

    def free_name(self, name: str) -> str:
        """`name` made fit for a camera, with a number added if it is taken: gate, gate-2."""
        name, taken = safe_name(name), {clip.camera.lower() for clip in self.clips}
        numbers = (f"{name}-{number}" for number in range(2, len(taken) + 3))
        return name if name.lower() not in taken else next(n for n in numbers if n.lower() not in taken)

    def with_clips(self, clips: Iterable[CaseClip]) -> Case:
        """The case with these clips; it remembers the digests of those that it had before.

        Travel times follow cameras that were renamed, and go with those that were removed.
        """
        clips = tuple(clips)
        present = frozenset[str]().union(*(clip.digests for clip in clips))
        former = dict.fromkeys((*self.removed, *(digest for clip in self.clips for digest in sorted(clip.digests))))
        removed = tuple(digest for digest in former if digest not in present)
        return replace(self, clips=clips, removed=removed, travel=self._travel_between(clips))

    def _travel_between(self, clips: Sequence[CaseClip]) -> tuple[TravelTime, ...]:
        """The travel times by the names that the same clips have among these."""
        before, name_of_clip = {clip.digest for clip in self.clips}, {clip.digest: clip.camera for clip in clips}
        # A camera keeps its times where its file was replaced.
        names = {clip.camera: clip.camera for clip in clips if clip.digest not in before}
        old_clips = (clip for clip in self.clips if clip.camera not in names)
        names |= {clip.camera: name_of_clip.get(clip.digest, "") for clip in old_clips}
        times = (TravelTime(names.get(a, ""), names.get(b, ""), seconds) for a, b, seconds in self.travel)
        return _sorted_travel(time for time in times if time.camera and time.other_camera)

    def travel_time(self, camera: str, other_camera: str) -> float | None:
        """The least seconds between two cameras, in either direction; None if nobody has said them."""
        pair = {camera, other_camera}
        return next((seconds for a, b, seconds in self.travel if {a, b} == pair), None)

    def with_travel_time(self, camera: str, other_camera: str, seconds: float | None) -> Case:
        """The case with the least seconds between two cameras; None where these are unknown."""
        new = [] if seconds is None else [TravelTime(camera, other_camera, float(seconds))]
        others = [time for time in self.travel if {time.camera, time.other_camera} != {camera, other_camera}]
        return replace(self, travel=_sorted_travel((*others, *new)))

    def with_clip(self, camera: str, new: CaseClip) -> Case:
        """The case with `new` instead of the clip of `camera`."""
        return self.with_clips(new if clip.camera == camera else clip for clip in self.clips)

    def with_same_moment(self, camera: str, seconds: float, reference: str, reference_seconds: float) -> Case:
        """The case with the clock of `camera` set so that its picture at `seconds` shows the moment that the picture of
        `reference` shows at `reference_seconds`.

        That changes by how much its clock is ahead, or its start time if it has none; and its start offset where the
        reference has no time of day.
        """
        clip, clocks = self.clip(camera), self.known_clocks
        moment = clocks.at(reference, reference_seconds)
        if moment is None:
            start = self.clip(reference).offset_seconds + reference_seconds - seconds
            return self.with_clip(camera, replace(clip, offset_seconds=round(start, 3)))
        elapsed = seconds * clock_rate(clip.clock_drift_seconds_per_day)
        began = Clocks({"right": moment}, self.time_zone).corrected({"right": elapsed})
        if not clip.began:
            return self.with_clip(camera, replace(clip, began=began.to_dict()["began"]["right"]))
        as_shown = read_moment(clip.began, self.time_zone)
        offsets = Clocks({"shown": as_shown, **began.began}, self.time_zone).offsets
        return self.with_clip(camera, replace(clip, clock_ahead_seconds=round(offsets["shown"] - offsets["right"], 3)))

    def with_later_start(self, camera: str, seconds: float) -> Case:
        """The case in which the clip of `camera` starts so many seconds later than it says (earlier, if negative)."""
        clip = self.clip(camera)
        if self.clocks:
            ahead_seconds = round(clip.clock_ahead_seconds - seconds, 3)
            return self.with_clip(camera, replace(clip, clock_ahead_seconds=ahead_seconds))
        return self.with_clip(camera, replace(clip, offset_seconds=round(clip.offset_seconds + seconds, 3)))


def _require_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError as fault:
        raise SettingsError(f"'{text}' is not a date", "Write 2027-05-31.") from fault


def _require_travel_time(time: TravelTime) -> None:
    if time.camera == time.other_camera:
        raise SettingsError(f"{time.camera} is one camera", "A travel time lies between two cameras.")
    if not 0 <= time.seconds < math.inf:
        cameras = f"between {time.camera} and {time.other_camera}"
        raise SettingsError(f"the travel time {cameras} is not possible", "Enter seconds, 0 or more.")


def _sorted_travel(times: Iterable[TravelTime]) -> tuple[TravelTime, ...]:
    """The travel times in one order, however they were entered, so that equal ones make equal exports."""
    return tuple(sorted(TravelTime(min(a, b), max(a, b), seconds) for a, b, seconds in times))


def _with_current_paths(case: Case) -> Case:
    """The case with the paths that its clips have since data has a folder of its own."""
    clips = (
        replace(
            clip,
            path=current_path(clip.path),
            recordings=tuple(replace(file, path=current_path(file.path)) for file in clip.recordings),
        )
        for clip in case.clips
    )
    return replace(case, clips=tuple(clips))


def read_case(path: Path, key: str) -> Case:
    """The case in a case.json; the key is the name of its folder."""
    return _with_current_paths(RECORD.read(path, key=key))


def parse_case(text: bytes, key: str) -> Case:
    """The case `key` with this text of a case.json."""
    return _with_current_paths(RECORD.parse(text, key=key))


RECORD = RecordFormat(Case, "case")
