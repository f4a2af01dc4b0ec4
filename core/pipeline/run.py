"""One camera from clip to tracks, and many cameras one after the other; a clip that fails stops nothing but itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from core import regions as areas
from core.errors import SightlineError
from core.pipeline import crops, stages
from core.pipeline.cameras import Camera
from core.pipeline.networks import Networks
from core.progress import Progress
from core.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.store import Artifact, Store
from core.track import decisive, track
from core.types import Bools, Clip, Detections, Timeline, Tracks
from core.video import plan, probe

# Raised by hand when a stage's arithmetic changes, so that artifacts of older programs are not mistaken for its own.
VERSIONS = {"detect": 1, "embed": 3, "track": 3, "crops": 1}


@dataclass(frozen=True)
class Recipe:
    """Everything the user can set for a run, apart from clips, regions and models."""

    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    embed: EmbedSettings = field(default_factory=EmbedSettings)
    track: TrackSettings = field(default_factory=TrackSettings)


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
    timeline = plan(clip, recipe.video)
    if recipe.video.fps and clip.fps and recipe.video.fps > clip.fps:
        recipe = replace(recipe, video=replace(recipe.video, fps=0.0))
    work = _Work(clip, timeline, recipe, networks, store, progress, regions, fresh)
    detections, frames = work.detections()
    inside = work.inside(detections)
    vectors = work.vectors(detections, inside)
    tracks = work.tracks(detections, inside, vectors)
    kept = work.crops(tracks) if cropped else None
    return CameraResult(camera, clip, tracks, work.seconds, timeline, len(timeline) - frames, kept)


class _Work:
    """One clip on its way through the stages; remembers what each stage cost."""

    def __init__(
        self,
        clip: Clip,
        timeline: Timeline,
        recipe: Recipe,
        networks: Networks,
        store: Store,
        progress: Progress,
        regions: areas.Regions | None,
        fresh: bool,
    ) -> None:
        self._clip, self._timeline, self._recipe = clip, timeline, recipe
        self._networks, self._store, self._progress = networks, store, progress
        self._regions, self._fresh = regions, fresh
        self.seconds: dict[str, dict[str, Any]] = {}
        self._key: dict[str, Any] = {"video": recipe.video}

    def _artifact(self, stage: str, **key: Any) -> Artifact:
        """The artifact of `stage`; its key holds those of the stages before it."""
        self._key = {**self._key, stage: {**key, "version": VERSIONS[stage]}}
        about = {"name": self._clip.path}
        artifact = self._store.open(self._clip.digest, stage, self._key, about)
        if self._fresh:
            self._store.forget(artifact)
        return artifact

    @contextmanager
    def _stage(self, name: str, total: int, done: int) -> Iterator[None]:
        self._progress.begin(name, total, done)
        began = time.perf_counter()
        yield
        self.seconds[name] = {"seconds": round(time.perf_counter() - began, 3), "frames": total - done, "kept": done}

    def detections(self) -> tuple[Detections, int]:
        recipe, networks = self._recipe, self._networks
        artifact = self._artifact("detect", settings=recipe.detect, **networks.key(networks.detector_model))
        done = self._done(artifact)
        with self._stage("detect", len(self._timeline), done):
            if artifact.summary is None:
                detector = networks.detector(recipe.detect)
                stages.detect(self._clip, self._timeline, artifact, detector, self._progress.at)
        self.seconds["detect"]["by"] = self._made_by(artifact)
        return stages.load_detections(artifact, self._timeline)

    def inside(self, detections: Detections) -> Bools:
        if self._regions is None:
            return np.ones(len(detections), bool)
        return areas.inside(self._regions, detections.xyxy, self._clip.width, self._clip.height)

    def vectors(self, detections: Detections, inside: Bools) -> Artifact | None:
        recipe, networks = self._recipe, self._networks
        if networks.embedder_model is None:
            return None
        where = None if self._regions is None else areas.to_json(self._regions)
        artifact = self._artifact(
            "embed", settings=recipe.embed, regions=where, **networks.key(networks.embedder_model)
        )
        done = self._done(artifact)
        shown = stages.shown(detections, inside, recipe.embed)
        with self._stage("embed", len(self._timeline), done):
            if artifact.summary is None:
                embedder = networks.embedder(recipe.embed)
                want = shown if recipe.embed.every else decisive(self._timeline, detections, shown)
                stages.embed(self._clip, self._timeline, detections, want, artifact, embedder, self._progress.at)
        made = (artifact.summary or {}).get("crops", 0)
        self.seconds["embed"].update(by=self._made_by(artifact), crops=made, of_boxes=int(shown.sum()))
        return artifact

    def tracks(self, detections: Detections, inside: Bools, vectors: Artifact | None) -> Tracks:
        features = () if vectors is None else stages.stored_features(vectors)
        with self._stage("track", len(self._timeline), 0):
            size = (self._clip.width, self._clip.height)
            return track(self._timeline, detections, self._recipe.track, features, inside, self._progress.at, size)

    def crops(self, tracks: Tracks) -> Artifact:
        recipe, networks = self._recipe, self._networks
        where = None if self._regions is None else areas.to_json(self._regions)
        artifact = self._artifact("crops", settings=recipe.track, regions=where, track=VERSIONS["track"])
        rows = crops.candidates_of(tracks, self._clip)
        frames = len(np.unique(tracks.frame[rows]))
        with self._stage("crops", frames, 0 if artifact.summary is None else frames):
            if artifact.summary is None:
                embedder = networks.embedder(replace(recipe.embed, flip=True))
                crops.look(self._clip, tracks, rows, artifact, embedder, self._progress.at)
        self.seconds["crops"]["by"] = self._made_by(artifact)
        return artifact

    def _done(self, artifact: Artifact) -> int:
        whole = artifact.summary is not None
        return len(self._timeline) if whole else min(artifact.sound() * stages.CHUNK, len(self._timeline))

    @staticmethod
    def _made_by(artifact: Artifact) -> str:
        return str((artifact.summary or {}).get("words", ""))
