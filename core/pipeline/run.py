"""One camera from clip to tracks, and many cameras one after the other; a clip that fails stops nothing but itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core import regions as areas
from core.errors import SightlineError
from core.pipeline.cameras import Camera
from core.pipeline.networks import Networks
from core.pipeline.work import STORED, Recipe, Work
from core.progress import Progress
from core.store import Artifact, Store
from core.types import Clip, Timeline, Tracks
from core.video import plan, probe


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
