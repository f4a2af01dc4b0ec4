"""The stages of one clip: the key of each stage's artifact, what the store has already, and what each stage cost.

A key holds everything that decides the result of a stage. Artifacts are found by it, so it must not change unless the
result does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from core.base.progress import Progress
from core.base.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.base.types import Bools, Clip, Detections, Ints, Recording, Timeline, Tracks
from core.machine.artifacts import Artifact, Store
from core.runs.crop_stage import candidate_rows, describe_faces, extract_crops
from core.runs.network_stages import (
    CHUNK,
    Networks,
    count_boxes,
    detect,
    embed,
    embed_boxes,
    embeddable_boxes,
    layout_of,
    load_detections,
    load_features,
    write_boxes,
    write_vectors,
)
from core.vision import regions as areas
from core.vision.face import FaceCue
from core.vision.track import AssociationRules, select_boxes_to_embed, static_objects, track
from core.vision.video import plan_recordings

T = TypeVar("T")
# Increase a number when the arithmetic of its stage changes, so that artifacts of older versions are not used.
VERSIONS = {"detect": 1, "embed": 3, "track": 8, "crops": 1}
_FACES_VERSION = 1
STORED = ("detect", "embed", "crops")
"""Stages whose results are stored, in order. Tracks are computed each time, which takes less time than to read them."""
_OF_RECORDINGS = ("detect", "embed")
"""Stages whose results are stored for each recording of a clip, and joined."""


@dataclass(frozen=True)
class Recipe:
    """All settings of a run apart from clips, regions and models."""

    video: VideoSettings = field(default_factory=VideoSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    embed: EmbedSettings = field(default_factory=EmbedSettings)
    track: TrackSettings = field(default_factory=TrackSettings)


class ClipPipeline:
    """Runs the stages of one clip, or reads their results from the store. `stages` is the cost of each stage."""

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
        self.stages: dict[str, dict[str, Any]] = {}

    def key_of(self, stage: str) -> dict[str, Any]:
        """Everything that decides the result of `stage`: how the clip is read, and the parts of this stage and of the
        stages before it. A stage without a network (no embedder was chosen) has no part."""
        before = STORED[: STORED.index(stage) + 1]
        parts = {name: self._part_of(name) for name in before}
        layout = layout_of(self._clip)
        reading = {"video": self._recipe.video, **({"parts": layout} if layout else {})}
        return {**reading, **{name: part for name, part in parts.items() if part}}

    def _part_of(self, stage: str) -> dict[str, Any]:
        """What `stage` adds to the key: its settings, its version and its network, if it has one."""
        recipe, networks, version = self._recipe, self._networks, VERSIONS[stage]
        regions = None if self._regions is None else areas.to_json(self._regions)
        if stage == "detect":
            return {"settings": recipe.detect, **networks.key(networks.detector_model), "version": version}
        if stage == "crops":
            track = VERSIONS["track"]
            return {"settings": recipe.track, "regions": regions, "track": track, "version": version}
        model = networks.embedder_model
        if model is None:
            return {}
        return {"settings": recipe.embed, "regions": regions, **networks.key(model), "version": version}

    def artifact_of(self, stage: str) -> Artifact:
        """The artifact of `stage` in the store, emptied if the run is to start afresh."""
        artifact = self._store.open(self._clip.digest, stage, self.key_of(stage), {"name": self._clip.path})
        if self._fresh:
            self._store.remove(artifact)
        return artifact

    @contextmanager
    def _stage(self, name: str, total: int, done: int, boxes: int = 0) -> Iterator[None]:
        self._progress.begin(name, total, done, boxes)
        began = time.perf_counter()
        yield
        spent = round(time.perf_counter() - began, 3)
        self.stages[name] = {"seconds": spent, "frames": total - done, "kept": done, **self.stages.get(name, {})}

    def _open_network(self, stage: str, open_network: Callable[[], T]) -> T:
        """Open a network and note how long it took: once a run, however many clips there are."""
        began = time.perf_counter()
        network = open_network()
        self.stages[stage] = {"opening": round(time.perf_counter() - began, 3)}
        return network

    def detections(self) -> tuple[Detections, int]:
        """All boxes, and the number of frames that could be read."""
        recipe, networks = self._recipe, self._networks
        artifact = self.artifact_of("detect")
        done, conf = self.done(artifact, "detect"), recipe.track.conf
        with self._stage("detect", len(self._timeline), done, count_boxes(artifact, done, conf)):
            if artifact.summary is None and self._clip.recordings:
                self._join_boxes(artifact)
            elif artifact.summary is None:
                detector = self._open_network("detect", lambda: networks.detector(recipe.detect))
                detect(self._clip, self._timeline, artifact, detector, self._progress, conf, self._networks.buffer)
        self.stages["detect"].update(by=self._made_by(artifact), artifact=artifact.folder.name)
        return load_detections(artifact, self._timeline)

    def inside(self, detections: Detections) -> Bools:
        """Which boxes count by the regions of the camera."""
        if self._regions is None:
            return np.ones(len(detections), bool)
        size = self._clip.width, self._clip.height
        seconds = self._timeline.seconds[np.searchsorted(self._timeline.frame, detections.frame)]
        is_deleted = areas.on_trails(self._regions, seconds, detections.xyxy, *size)
        return areas.inside(self._regions, detections.xyxy, *size) & ~is_deleted

    def vectors(self, detections: Detections, inside: Bools) -> Artifact | None:
        """The artifact with the vectors that the tracker needs; None without an embedder."""
        recipe, networks = self._recipe, self._networks
        if networks.embedder_model is None:
            return None
        artifact = self.artifact_of("embed")
        done = self.done(artifact, "embed")
        embeddable = embeddable_boxes(detections, inside, recipe.embed)
        with self._stage("embed", len(self._timeline), done):
            if artifact.summary is None:
                selected = (
                    embeddable if recipe.embed.every else select_boxes_to_embed(self._timeline, detections, embeddable)
                )
                if self._clip.recordings:
                    self._join_vectors(artifact, detections, selected)
                else:
                    self._embed(artifact, detections, selected)
        crops = (artifact.summary or {}).get("crops", 0)
        about = {"by": self._made_by(artifact), "artifact": artifact.folder.name}
        self.stages["embed"].update(**about, crops=crops, of_boxes=int(embeddable.sum()))
        return artifact

    def _embed(self, artifact: Artifact, detections: Detections, selected: Bools) -> None:
        networks, settings = self._networks, self._recipe.embed
        embedder = self._open_network("embed", lambda: networks.embedder(settings))
        embed(self._clip, self._timeline, detections, selected, artifact, embedder, self._progress, networks.buffer)

    def tracks(self, detections: Detections, inside: Bools, vectors: Artifact | None) -> Tracks:
        """The tracks of the clip."""
        features = () if vectors is None else load_features(vectors)
        with self._stage("track", len(self._timeline), 0):
            size = (self._clip.width, self._clip.height)
            return track(self._timeline, detections, self._recipe.track, features, inside, self._progress.at, size)

    def objects(self, tracks: Tracks) -> Ints:
        """The numbers of the tracks that are probably things."""
        return static_objects(tracks, AssociationRules.from_settings(self._recipe.track).high_confidence)

    def crops(self, tracks: Tracks) -> Artifact:
        """The artifact with the best crops of each track."""
        recipe, networks = self._recipe, self._networks
        artifact = self.artifact_of("crops")
        objects = self.objects(tracks)
        rows = candidate_rows(tracks, self._clip, objects)
        frames = len(np.unique(tracks.frame[rows]))
        with self._stage("crops", frames, 0 if artifact.summary is None else frames):
            if artifact.summary is None:
                embedder = self._open_network("crops", lambda: networks.embedder(replace(recipe.embed, flip=True)))
                reports, buffer = self._progress.at, self._networks.buffer
                extract_crops(self._clip, tracks, rows, artifact, embedder, reports, buffer, objects)
        self.stages["crops"]["by"] = self._made_by(artifact)
        return artifact

    def faces(self, crops: Artifact) -> Artifact | None:
        """The artifact with the faces in the crops; None where faces are not compared."""
        models = self._networks.faces
        if models is None:
            return None
        key = {**self.key_of("crops"), "faces": {"models": models.digests, "version": _FACES_VERSION}}
        artifact = self._store.open(self._clip.digest, "faces", key, {"name": self._clip.path})
        if self._fresh:
            self._store.remove(artifact)
        if artifact.summary is None:
            describe_faces(crops, artifact, FaceCue(models))
        return artifact

    def done(self, artifact: Artifact, stage: str = "") -> int:
        """The number of frames that the artifact has already; of a clip of several recordings, that theirs have of the
        `stage`, which is joined from them."""
        if artifact.summary is not None:
            return len(self._timeline)
        if self._clip.recordings and stage in _OF_RECORDINGS:
            return sum(part.done(part.artifact_of(stage)) for part in self._parts())
        return min(artifact.intact_chunks() * CHUNK, len(self._timeline))

    def _parts(self, renewed: str = "") -> list[ClipPipeline]:
        """A pipeline for each recording of the clip: what networks say of a recording is stored once, whatever clips it
        is a part of. If the run is to start afresh, their artifacts of the stage `renewed` are emptied."""
        parts = [
            ClipPipeline(
                planned.of.clip,
                planned.timeline,
                replace(self._recipe, video=planned.settings),
                self._networks,
                self._store,
                self._progress,
                self._regions_of(planned.of),
                fresh=False,
            )
            for planned in plan_recordings(self._clip, self._recipe.video)
        ]
        for part in parts if self._fresh and renewed else ():
            self._store.remove(part.artifact_of(renewed))
        return parts

    def _regions_of(self, recording: Recording) -> areas.Regions | None:
        """The regions by the recording's own clock."""
        if self._regions is None or not self._regions.left_out:
            return self._regions
        begins = float(self._clip.times[recording.frame]) - float(recording.clip.times[recording.skipped])
        return self._regions.shifted(begins)

    def _join_boxes(self, artifact: Artifact) -> None:
        """Boxes of all recordings, in pixels of the clip."""
        stored, row, description = [], 0, ""
        for part in self._parts("detect"):
            with self._progress.part(row):
                part.detections()
            boxes = part.artifact_of("detect")
            width, height = self._clip.width / part._clip.width, self._clip.height / part._clip.height
            scale = np.array((width, height, width, height), np.float32)
            stored += [{**chunk, "row": chunk["row"] + row, "xyxy": chunk["xyxy"] * scale} for chunk in boxes.read()]
            row, description = row + len(part._timeline), self._made_by(boxes)
            self._add_opening("detect", part)
        write_boxes(artifact, self._timeline, stored, description)

    def _join_vectors(self, artifact: Artifact, detections: Detections, selected: Bools) -> None:
        """Vectors of the selected boxes: those that the recordings have, and the others, near where recordings join."""
        recipe, networks = self._recipe, self._networks
        stored, row, box, description = [], 0, 0, ""
        for part in self._parts("embed"):
            with self._progress.part(row):
                boxes, _ = part.detections()
                vectors = part.vectors(boxes, part.inside(boxes))
            if vectors is not None:
                stored += [{**chunk, "detection": chunk["detection"] + box} for chunk in vectors.read()]
                description = self._made_by(vectors)
            row, box = row + len(part._timeline), box + len(boxes)
            self._add_opening("embed", part)
        at = np.concatenate([np.empty(0, np.int64), *(chunk["detection"] for chunk in stored)])
        missing = np.setdiff1d(np.flatnonzero(selected), at)
        if len(missing):
            embedder = networks.embedder(recipe.embed)
            found = embed_boxes(self._clip, self._timeline, detections, missing, embedder, networks.buffer)
            stored.append({"detection": missing, "vector": found})
        at = np.concatenate([np.empty(0, np.int64), *(chunk["detection"] for chunk in stored)])
        filled = [chunk["vector"] for chunk in stored if len(chunk["vector"])]
        vector = np.concatenate(filled or [np.empty((0, 0), np.float16)])
        order = np.argsort(at)
        order = order[selected[at[order]]]
        write_vectors(artifact, self._timeline, detections, at[order], vector[order], description)

    def _add_opening(self, stage: str, part: ClipPipeline) -> None:
        """Note how long the network took to open, for the first of the recordings that needed it."""
        if "opening" in part.stages.get(stage, {}):
            self.stages.setdefault(stage, {"opening": part.stages[stage]["opening"]})

    @staticmethod
    def _made_by(artifact: Artifact) -> str:
        return str((artifact.summary or {}).get("words", ""))
