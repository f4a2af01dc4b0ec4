"""Cameras: a name and a clip each, the name made from the file's and fit to be a file's name anywhere.

One camera from clip to tracks, and many cameras one after the other; a clip that fails stops nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError, SightlineError
from core.base.progress import Progress
from core.base.text import safe_name
from core.base.types import Clip, Timeline, Tracks
from core.machine.artifacts import Artifact, Store
from core.runs.network_stages import Networks
from core.runs.stage_keys import STORED, Recipe, Work
from core.vision import regions as areas
from core.vision.video import plan, probe

Span = tuple[float, float | None]


@dataclass(frozen=True)
class Camera:
    """`called` is what the clip's file is called in results: its name, or that of an earlier run that is repeated.

    `span` holds the seconds of the clip from and to which it is looked at (None: its end); without one, those that are
    set for all clips hold.
    """

    name: str
    clip: Path
    called: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "called", self.called or self.clip.absolute().name)


def name_cameras(clips: Sequence[Path], named: Sequence[str] = ()) -> list[Camera]:
    """One camera per clip, in order. `named` holds `camera=clip`: those clips get that name (and are added if new).

    Names that would collide (in upper or lower case) get a number: gate, gate-2, gate-3.
    """
    wanted: dict[Path, str] = {}
    for text in named:
        name, equals, clip = text.partition("=")
        if not (name and equals and clip):
            raise SettingsError(f"'{text}' names no camera", "Write --name camera=clip, for example --name gate=a.mp4.")
        if safe_name(name) != name:
            raise SettingsError(f"'{name}' cannot name a camera", f"Use letters, digits, - and _: {safe_name(name)}.")
        if name.lower() in (n.lower() for n in wanted.values()):
            raise SettingsError(f"two cameras are called '{name}'", "Give each its own name.")
        if Path(clip) in wanted:
            raise SettingsError(f"{clip} is given to two cameras", "Give each camera a clip of its own.")
        wanted[Path(clip)] = name
    order = list(clips) + [clip for clip in wanted if clip not in clips]
    taken = {name.lower() for name in wanted.values()}
    cameras = []
    for file in order:
        called = wanted.pop(file, None) or _free(safe_name(file.stem or file.name), taken)
        taken.add(called.lower())
        cameras.append(Camera(called, file))
    return cameras


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


@dataclass(frozen=True, eq=False)
class CameraResult:
    """What came of one camera: tracks, or the reason why not. `stages` holds seconds and frames per stage.

    `timeline` is what was looked at; `missing` of its frames could not be read. `crops` is there if it was asked for.
    """

    camera: Camera
    clip: Clip | None
    tracks: Tracks
    stages: dict[str, dict[str, Any]]
    timeline: Timeline = field(default_factory=Timeline.empty)
    missing: int = 0
    crops: Artifact | None = None
    fault: str = ""

    @property
    def analysed(self) -> int:
        return len(self.timeline)


def run_cameras(
    cameras: Sequence[Camera],
    recipe: Recipe,
    networks: Networks,
    store: Store,
    progress: Progress,
    regions: Mapping[str, areas.Regions] | None = None,
    fresh: bool = False,
    cropped: bool = False,
) -> Iterator[CameraResult]:
    """Results camera by camera, as they are done; with the best crops of each track if they are to be `cropped`."""
    for number, camera in enumerate(cameras, 1):
        progress.camera(camera.name, number, len(cameras))
        try:
            where = (regions or {}).get(camera.name)
            yield run_camera(camera, recipe, networks, store, progress, where, fresh, cropped)
        except SightlineError as fault:
            yield CameraResult(camera, None, Tracks.empty(), {}, fault=str(fault))


def run_camera(
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    store: Store,
    progress: Progress,
    regions: areas.Regions | None = None,
    fresh: bool = False,
    cropped: bool = False,
) -> CameraResult:
    clip = probe(camera.clip)
    timeline, recipe = planned(clip, camera, recipe)
    work = Work(clip, timeline, recipe, networks, store, progress, regions, fresh)
    detections, frames = work.detections()
    inside = work.inside(detections)
    vectors = work.vectors(detections, inside)
    tracks = work.tracks(detections, inside, vectors)
    kept = work.crops(tracks) if cropped else None
    return CameraResult(camera, clip, tracks, work.seconds, timeline, len(timeline) - frames, kept)


def planned(clip: Clip, camera: Camera, recipe: Recipe) -> tuple[Timeline, Recipe]:
    """What is looked at, in the camera's own range of time where it has one; and the recipe as it is for this clip."""
    video = recipe.video
    if camera.span is not None:
        video = replace(video, start_seconds=camera.span[0], end_seconds=camera.span[1])
    timeline = plan(clip, video)
    if video.fps and clip.fps and video.fps > clip.fps:
        video = replace(video, fps=0.0)
    return timeline, replace(recipe, video=video)


def ahead(
    clip: Clip,
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    store: Store,
    regions: areas.Regions | None = None,
) -> tuple[int, dict[str, float]]:
    """How many frames a run would look at, and which share of each stage the store holds already."""
    timeline, recipe = planned(clip, camera, recipe)
    work = Work(clip, timeline, recipe, networks, store, Progress(), regions, fresh=False)
    stages = STORED if networks.embedder_model is not None else STORED[:1]
    shares = {stage: work.done(work.artifact_of(stage)) / len(timeline) for stage in stages}
    return len(timeline), shares
