"""The order of a run: what to analyse and how, the key of the job, and the command line that does it.

`order_of` makes the order of a case, `describe_changes` says in sentences how two orders differ: why the run that is
shown is not what a new run would show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError
from core.base.settings import (
    DetectSettings,
    MachineSettings,
    Number,
    Setting,
    TrackSettings,
    VideoSettings,
    settings_of,
)
from core.machine.artifacts import digest_of
from core.machine.paths import current_path, write_atomically
from core.machine.settings_file import NO_FILE
from core.runs import NO_EMBEDDER, VERSIONS, Span, require_camera
from core.vision.face import find_face_models
from core.vision.models import find
from core.vision.regions import to_json
from core.vision.video import LIST_SUFFIX
from core.workspace.cases import Case


@dataclass(frozen=True)
class Source:
    """One clip of an order: camera name, content, start offset, range of seconds, regions as JSON text, empty if
    there are none, and the seconds a day that its clock gains. All but `path` decides the result.
    """

    camera: str
    path: str
    digest: str
    offset_seconds: Number = 0.0
    start_seconds: Number = 0.0
    end_seconds: Number | None = None
    regions: str = ""
    drift_seconds_per_day: Number = 0.0

    def __post_init__(self) -> None:
        # Files are named after it.
        require_camera(self.camera, "camera")

    @property
    def span(self) -> Span | None:
        """The range of seconds to analyse; None for the whole clip."""
        entire = not self.start_seconds and self.end_seconds is None
        return None if entire else (self.start_seconds, self.end_seconds)


@dataclass(frozen=True)
class Order:
    """What to analyse and how. `models` are the digests of the model files, so that a changed file makes a new order.

    job.json has these fields, and the key is a digest of them: their names must not change.
    """

    sources: tuple[Source, ...]
    detector: str
    embedder: str = NO_EMBEDDER
    models: tuple[str, ...] = ()
    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    track: TrackSettings = field(default_factory=TrackSettings)
    faces: bool = False

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("an order needs at least one source")

    @property
    def key(self) -> str:
        """The digest of all that decides the result, the versions of the stages included."""
        content = {**asdict(self), "stages": VERSIONS}
        if not self.faces:
            # As in orders from before faces could be compared.
            del content["faces"]
        for source in content["sources"]:
            del source["path"]
            # Earlier orders had no drift; theirs keep their key.
            if not source["drift_seconds_per_day"]:
                del source["drift_seconds_per_day"]
        return digest_of(content)

    @property
    def matches_people(self) -> bool:
        """Whether people are matched across cameras, and not only tracked."""
        return self.embedder != NO_EMBEDDER

    def with_paths(self, paths: Mapping[str, str]) -> Order:
        """The same order, with the key unchanged, for clips that were moved; `paths` by digest."""
        return replace(self, sources=tuple(replace(s, path=paths.get(s.digest, s.path)) for s in self.sources))

    def with_current_paths(self) -> Order:
        """The same order, for clips that lie where data has been moved since."""
        return replace(self, sources=tuple(replace(s, path=current_path(s.path)) for s in self.sources))

    def write_regions(self, folder: Path) -> None:
        """Write the files of regions that the command line names."""
        for source in self.sources:
            if source.regions:
                write_atomically(_regions_file(folder, source), source.regions.encode())

    def value(self, setting: Setting) -> Any:
        """The value of a setting in this order."""
        return getattr(self if setting.part == "models" else getattr(self, setting.part), setting.name)

    def arguments(self, folder: Path, machine: MachineSettings) -> list[str]:
        """The arguments of `python -m core` for this order; results go into `out` in the job's folder."""
        clips = [text for source in self.sources for text in _clip_arguments(source, folder, self.matches_people)]
        flags = {
            **{each.flag: self.value(each) for each in settings_of("models", "video", "detect", "track")},
            **{each.flag: getattr(machine, each.name) for each in settings_of("machine")},
            # The order says all that decides the result.
            "--settings": NO_FILE,
            "--out": folder / "out",
            "--watch": folder,
            "--progress": "json",
        }
        del flags["--faces"]
        # With `=`, so that a negative number is not taken for a flag.
        settings = [f"{flag}={value}" for flag, value in flags.items() if value is not None]
        settings += ["--faces"] if self.faces else []
        return ["run", *clips, *settings, "--no-zip"] if self.matches_people else ["track", *clips, *settings]


def order_of(case: Case) -> Order:
    """The order for the case as it is now; `WeightsError` if a model that it names is not on this machine."""
    if not case.clips:
        raise SettingsError("the case has no clips", "Add some on the Footage page.")
    plan, offsets, drift = case.plan, case.offsets, case.clocks.drift
    models = [find(plan.detector, "detector").digest]
    if plan.embedder != NO_EMBEDDER:
        models.append(find(plan.embedder, "embedder").digest)
    faces = plan.faces and plan.embedder != NO_EMBEDDER
    if faces:
        if not case.purpose:
            raise SettingsError("faces are compared only for a purpose", "Enter the purpose under This case.")
        models += find_face_models().digests
    sources = tuple(
        Source(
            clip.camera,
            clip.path,
            clip.digest,
            offsets[clip.camera],
            clip.start_seconds,
            clip.end_seconds,
            "" if clip.regions.is_empty else to_json(clip.regions),
            drift.get(clip.camera, 0.0),
        )
        for clip in case.clips
    )
    return Order(sources, plan.detector, plan.embedder, tuple(models), plan.video, plan.detect, plan.track, faces)


def _clip_arguments(source: Source, folder: Path, matches_people: bool) -> list[str]:
    arguments = ["--name", f"{source.camera}={source.path}"]
    if source.span:
        start, end = source.span
        arguments.append(f"--range={source.camera}={start:f}-{'' if end is None else f'{end:f}'}")
    if source.regions:
        arguments.append(f"--roi={source.camera}={_regions_file(folder, source)}")
    if source.offset_seconds and matches_people:
        arguments.append(f"--offset={source.camera}={source.offset_seconds!r}")
    if source.drift_seconds_per_day and matches_people:
        arguments.append(f"--drift={source.camera}={source.drift_seconds_per_day!r}")
    return arguments


def _regions_file(folder: Path, source: Source) -> Path:
    return folder / "regions" / f"{source.camera}.json"


def describe_changes(old: Order, new: Order) -> list[str]:
    """A short phrase for each difference; empty if both orders give the same result."""
    return [*_clip_changes(old, new), *_model_changes(old, new), *_setting_changes(old, new)]


def _clip_changes(old: Order, new: Order) -> Iterator[str]:
    before, after = ({source.camera: source for source in order.sources} for order in (old, new))
    names = _find_renames(before, after)
    yield from (f"{camera}: renamed to {name}" for camera, name in names.items())
    before = {names.get(camera, camera): source for camera, source in before.items()}
    yield from (f"{camera}: removed" for camera in before if camera not in after)
    yield from (f"{camera}: new" for camera in after if camera not in before)
    for camera in before.keys() & after.keys():
        yield from (f"{camera}: {change}" for change in _source_changes(before[camera], after[camera]))
    if before.keys() == after.keys() and list(before) != list(after):
        yield "the order of the cameras"


def _find_renames(before: Mapping[str, Source], after: Mapping[str, Source]) -> dict[str, str]:
    """The new name of each camera whose clip now has a camera name that was not there before."""
    names = {source.digest: camera for camera, source in after.items() if camera not in before}
    return {
        camera: names[source.digest]
        for camera, source in before.items()
        if camera not in after and source.digest in names
    }


def _source_changes(old: Source, new: Source) -> Iterator[str]:
    if old.digest != new.digest:
        is_list = LIST_SUFFIX in (Path(old.path).suffix, Path(new.path).suffix)
        yield "other recordings" if is_list else "different clip"
    if old.offset_seconds != new.offset_seconds:
        yield f"start offset {new.offset_seconds:g} s (was {old.offset_seconds:g} s)"
    if old.drift_seconds_per_day != new.drift_seconds_per_day:
        yield f"clock gains {new.drift_seconds_per_day:g} s a day (was {old.drift_seconds_per_day:g} s)"
    if old.span != new.span:
        yield f"analysed {_range_text(new)} (was {_range_text(old)})"
    if old.regions != new.regions:
        yield "regions drawn" if not old.regions else "regions changed" if new.regions else "regions removed"


def _range_text(source: Source) -> str:
    if source.span is None:
        return "as a whole"
    start, end = source.span
    return f"from {start:g} s" + ("" if end is None else f" to {end:g} s")


def _model_changes(old: Order, new: Order) -> Iterator[str]:
    if old.detector != new.detector:
        yield f"detector: {new.detector} (was {old.detector})"
    if old.embedder != new.embedder:
        was, now = ("none" if name == NO_EMBEDDER else name for name in (old.embedder, new.embedder))
        yield f"re-identification model: {now} (was {was})"
    if old.faces != new.faces:
        yield "faces compared, too" if new.faces else "faces no longer compared"
    elif (old.detector, old.embedder) == (new.detector, new.embedder) and old.models != new.models:
        yield "a model file has changed"


def _setting_changes(old: Order, new: Order) -> Iterator[str]:
    for setting in settings_of("video", "detect", "track"):
        was, now = old.value(setting), new.value(setting)
        if was != now:
            yield f"{setting.plain_label}: {setting.format(now)} (was {setting.format(was)})"
