"""Cameras, and the run of each from clip to tracks.

A camera is a clip and a name. Names are made from those of the files and are safe as file names on any system. Cameras
are run one after another; a clip that fails does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import DamagedResultError, SettingsError, SightlineError
from core.base.memo import Memo
from core.base.progress import Progress
from core.base.settings import VideoSettings
from core.base.text import safe_name
from core.base.types import Clip, Ints, Timeline, Tracks
from core.machine.artifacts import Artifact, Store
from core.machine.log import LOG
from core.runs.crop_stage import load_faces
from core.runs.network_stages import Networks
from core.runs.stage_keys import STORED, ClipPipeline, Recipe
from core.vision import regions as areas
from core.vision.video import LIST_SUFFIX, list_files, plan, probe

Span = tuple[float, float | None]


@dataclass(frozen=True)
class Camera:
    """`file_name` is the name of the clip's file in results: its own, or the one in an earlier run that is repeated.

    `span` is the range to analyse, in seconds of the clip (an end of None is the end of the clip). Without a span, the
    range in the recipe applies.
    """

    name: str
    clip: Path
    file_name: str = ""
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "file_name", self.file_name or self.clip.absolute().name)


def name_cameras(clips: Sequence[Path], named: Sequence[str] = ()) -> list[Camera]:
    """One camera per clip, in order. `named` holds `camera=clip` texts: these clips get the given name, and are added
    if they are not among `clips`.

    Names that would collide, ignoring case, get a number: gate, gate-2, gate-3. A name that is given to several clips
    makes them recordings of one camera, one after the other.
    """
    wanted = _wanted_names(named)
    files: dict[str, list[Path]] = {}
    for path, name in wanted.items():
        files.setdefault(name, []).append(path)
    # The first of the recordings of a camera stands for all of them.
    several = {members[0]: members for members in files.values() if len(members) > 1}
    later = {path for members in several.values() for path in members[1:]}
    taken = {name.lower() for name in wanted.values()}
    cameras = []
    for file in (*clips, *(path for path in wanted if path not in clips)):
        if file in later:
            continue
        name = wanted.pop(file, "") or _free_name(safe_name(file.stem or file.name), taken)
        taken.add(name.lower())
        if file in several:
            cameras.append(Camera(name, list_files(several[file], probe), f"{name}{LIST_SUFFIX}"))
        else:
            cameras.append(Camera(name, file))
    return cameras


def _wanted_names(named: Sequence[str]) -> dict[Path, str]:
    """The camera that each `camera=clip` text names."""
    wanted: dict[Path, str] = {}
    for text in named:
        name, equals, clip = text.partition("=")
        if not (name and equals and clip):
            raise SettingsError(f"'{text}' names no camera", "Write --name camera=clip, for example --name gate=a.mp4.")
        if safe_name(name) != name:
            raise SettingsError(f"'{name}' cannot name a camera", f"Use letters, digits, - and _: {safe_name(name)}.")
        if name not in wanted.values() and name.lower() in (n.lower() for n in wanted.values()):
            raise SettingsError(f"two cameras are called '{name}'", "Give each its own name.")
        if Path(clip) in wanted:
            raise SettingsError(f"{clip} is given to two cameras", "Give each camera a clip of its own.")
        wanted[Path(clip)] = name
    return wanted


def _free_name(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate.lower() in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


@dataclass(frozen=True, eq=False)
class CameraResult:
    """The result of one camera: its tracks, or in `fault` the reason why there are none.

    `stages` holds seconds and frames per stage. `timeline` holds the frames to analyse, `missing` is how many of them
    could not be read. `crops` is None unless crops were asked for, and `faces` unless faces are
    compared. `objects` are the numbers of the tracks that are probably things, rising.
    """

    camera: Camera
    clip: Clip | None
    tracks: Tracks
    stages: dict[str, dict[str, Any]]
    timeline: Timeline = field(default_factory=Timeline.empty)
    missing: int = 0
    crops: Artifact | None = None
    fault: str = ""
    faces: Artifact | None = None
    objects: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def tracks_of_people(self) -> Tracks:
        """The tracks without those of things."""
        return self.tracks.without(self.objects)

    @property
    def analysed(self) -> int:
        return len(self.timeline)

    @property
    def faceless(self) -> int | None:
        """How many tracks have no face that is large enough; None where faces are not compared."""
        if self.crops is None or self.faces is None:
            return None
        rows = np.concatenate([np.empty(0, np.int64), *(part["row"] for part in self.crops.read())])
        has_face = load_faces(self.faces).any(axis=1)
        return len(np.setdiff1d(self.tracks.track, self.tracks.track[rows[has_face]]))


def run_cameras(
    cameras: Sequence[Camera],
    recipe: Recipe,
    networks: Networks,
    store: Store,
    progress: Progress,
    regions: Mapping[str, areas.Regions] | None = None,
    fresh: bool = False,
    with_crops: bool = False,
) -> Iterator[CameraResult]:
    """The result of each camera as soon as it is done, with the best crops of each track if `with_crops`."""
    for number, camera in enumerate(cameras, 1):
        progress.camera(camera.name, number, len(cameras))
        try:
            camera_regions = (regions or {}).get(camera.name)
            try:
                result = run_camera(camera, recipe, networks, store, progress, camera_regions, fresh, with_crops)
            except DamagedResultError as fault:
                # What was damaged is removed. Its other stages stay, so little is computed again.
                LOG.warning("%s: %s", camera.name, fault)
                result = run_camera(camera, recipe, networks, store, progress, camera_regions, False, with_crops)
            yield result
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
    with_crops: bool = False,
) -> CameraResult:
    """Run all stages for one camera. `fresh` discards stored results, `with_crops` asks for the crops too."""
    clip = probe(camera.clip)
    timeline, recipe = plan_clip(clip, camera, recipe)
    pipeline = ClipPipeline(clip, timeline, recipe, networks, store, progress, regions, fresh)
    detections, frames = pipeline.detections()
    inside = pipeline.inside(detections)
    vectors = pipeline.vectors(detections, inside)
    tracks = pipeline.tracks(detections, inside, vectors)
    crops = pipeline.crops(tracks) if with_crops else None
    faces = None if crops is None else pipeline.faces(crops)
    missing, objects = len(timeline) - frames, pipeline.objects(tracks)
    return CameraResult(camera, clip, tracks, pipeline.stages, timeline, missing, crops, faces=faces, objects=objects)


def plan_clip(clip: Clip, camera: Camera, recipe: Recipe) -> tuple[Timeline, Recipe]:
    """The frames to analyse, and the recipe for this clip: with the camera's own span, and no rate above the clip's."""
    video = _video_of(camera, recipe)
    # Planning goes through the clip frame by frame, and pages plan every clip of a case each time that they are drawn.
    timeline = _TIMELINES.get((clip.digest, video), lambda: plan(clip, video))
    return timeline, _recipe_for(clip, camera, recipe)


_TIMELINES: Memo[tuple[str, VideoSettings], Timeline] = Memo(8 << 20, len)
"""The timelines planned last, by the clip's digest: as many as have 8 million frames together."""


def _video_of(camera: Camera, recipe: Recipe) -> VideoSettings:
    if camera.span is None:
        return recipe.video
    return replace(recipe.video, start_seconds=camera.span[0], end_seconds=camera.span[1])


def _recipe_for(clip: Clip, camera: Camera, recipe: Recipe) -> Recipe:
    video = _video_of(camera, recipe)
    return replace(recipe, video=replace(video, fps=0.0) if video.fps and 0 < clip.fps < video.fps else video)


def is_processed(
    clip: Clip,
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    store: Store,
    regions: areas.Regions | None = None,
) -> bool:
    """Whether the store holds the results of all stages that a run of this clip would store."""
    recipe = _recipe_for(clip, camera, recipe)
    pipeline = ClipPipeline(clip, Timeline.empty(), recipe, networks, store, Progress(), regions, fresh=False)
    return all(pipeline.artifact_of(stage).summary is not None for stage in _stored_stages(networks))


def _stored_stages(networks: Networks) -> tuple[str, ...]:
    return STORED if networks.embedder_model is not None else STORED[:1]


def stage_progress(
    clip: Clip,
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    store: Store,
    regions: areas.Regions | None = None,
) -> tuple[int, dict[str, float]]:
    """How many frames a run would analyse, and by stage the share (0 to 1) that the store holds already."""
    timeline, recipe = plan_clip(clip, camera, recipe)
    pipeline = ClipPipeline(clip, timeline, recipe, networks, store, Progress(), regions, fresh=False)
    artifacts = {stage: pipeline.artifact_of(stage) for stage in _stored_stages(networks)}
    shares = {stage: pipeline.done(artifact, stage) / len(timeline) for stage, artifact in artifacts.items()}
    return len(timeline), shares
