"""Tracking a finished run again with other settings, from its stored boxes and appearance vectors.

A new track takes its appearance from the run's crops whose boxes lie on it. If there are none, the vectors used for
tracking stand in. These are of ordinary boxes instead of the best crops, so the result is close to that of a real run,
but not equal to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.base.errors import StoreError
from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Features, Floats, Ints, Seconds, Timeline, Tracks
from core.machine.artifacts import Artifact, Store
from core.review import match_boxes
from core.runs import (
    TRACKLETS_FILE,
    CameraEvidence,
    CameraRecord,
    Crops,
    Evidence,
    Recipe,
    RunRecord,
    build_tracklets,
    cut_mixed_tracks,
    join_cameras,
    load_all_tracks,
    load_detections,
    load_evidence,
    load_features,
    load_timelines,
    load_tracks,
    mean_appearance,
    read_record,
    run_prior,
    split_tracks,
    walks_of_people,
)
from core.vision.appearance import COLOURS
from core.vision.match import find_presence
from core.vision.models import EmbedderPrior
from core.vision.regions import Regions, inside, on_trails
from core.vision.track import AssociationRules, iou, static_objects, track

MAX_BYTES = 256_000_000
"""Size of the vectors that are kept in memory; those beyond it are read from the store each time."""
_SAME_BOX = 0.5
"""A detection that overlaps a box of a track so much (IoU) is of the track: where tracks are smoothed, boxes differ."""

Halves = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class CameraData:
    """What a run stored of one camera.

    `inside` (n,) says which detections lie in the regions. `vectors` are the appearance vectors of some detections, and
    `cached_vectors` the same in memory, as chunks of detection rows and vectors; None if they are too large for that.
    """

    camera: str
    size: tuple[int, int]
    timeline: Timeline
    detections: Detections
    inside: Bools
    vectors: Artifact | None
    cached_vectors: tuple[tuple[Ints, Halves], ...] | None

    def features(self) -> Iterator[Features]:
        """The vectors, chunk by chunk."""
        if self.cached_vectors is not None:
            yield from (Features(rows, vector.astype(np.float32)) for rows, vector in self.cached_vectors)
        elif self.vectors is not None:
            yield from load_features(self.vectors)


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """A finished run: `settings` gave its `tracks`, by camera. `evidence` is None if it tracked by motion alone.
    `objects` are the numbers of the tracks that are probably things."""

    out: Path
    settings: TrackSettings
    cameras: tuple[CameraData, ...]
    tracks: Mapping[str, Tracks]
    evidence: Evidence | None
    prior: EmbedderPrior | None
    objects: Mapping[str, Ints]

    @property
    def frames(self) -> int:
        """The number of frames to track, over all cameras."""
        return sum(len(camera.timeline) for camera in self.cameras)


@dataclass(frozen=True, eq=False)
class RetrackResult:
    """New tracks by camera, numbered as in `evidence`, which is None if the run has none; `objects` are the numbers of
    those that are probably things."""

    tracks: Mapping[str, Tracks]
    evidence: Evidence | None
    objects: Mapping[str, Ints]


def load_run(out: Path, store: Store | None = None, max_bytes: int = MAX_BYTES) -> LoadedRun:
    """Load the run in folder `out`. Raises `StoreError` if its boxes or vectors are no longer in the cache."""
    record, timelines, store = read_record(out), load_timelines(out), store or Store()
    cameras, bytes_left = [], max_bytes
    for name in record.analysed:
        camera = _load_camera(name, record, timelines.get(name, Timeline.empty()), store, bytes_left)
        bytes_left -= sum(vector.nbytes for _, vector in camera.cached_vectors or ())
        cameras.append(camera)
    evidence = load_evidence(out) if (out / TRACKLETS_FILE).is_file() else None
    tracks = load_all_tracks(out, [camera.camera for camera in cameras])
    recipe = record.settings or Recipe()
    objects = {name: np.array(about.objects, np.int64) for name, about in record.analysed.items()}
    prior = run_prior(record) if evidence else None
    return LoadedRun(out, recipe.track, tuple(cameras), tracks, evidence, prior, objects)


def unused_detections(out: Path, camera: str, store: Store | None = None) -> tuple[Seconds, Detections]:
    """The detections of a camera that lie on no box of a track of their frame, and the second of each.

    Their confidence was too low, they were too few for a track, or they lie outside the regions. Raises `StoreError` if
    the detections are no longer in the cache.
    """
    about = read_record(out).cameras[camera]
    artifact = _stored_artifact(camera, about, "detect", store or Store(preserve_times=True))
    if artifact is None:
        raise _missing_artifact(camera)
    timeline, tracks = load_timelines(out).get(camera, Timeline.empty()), load_tracks(out, camera)
    detections, _ = load_detections(artifact, timeline)
    begin = np.searchsorted(tracks.frame, detections.frame, "left")
    count = np.searchsorted(tracks.frame, detections.frame, "right") - begin
    # Each detection beside each box of a track in its frame.
    row = np.repeat(np.arange(len(detections)), count)
    box = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    is_unused = np.ones(len(detections), bool)
    is_unused[row[iou(detections.xyxy[row], tracks.xyxy[box]) >= _SAME_BOX]] = False
    regions, size = (read_record(out).regions or {}).get(camera) or Regions(), (about.width, about.height)
    seconds = timeline.seconds[np.searchsorted(timeline.frame, detections.frame)]
    is_unused &= ~on_trails(regions, seconds, detections.xyxy, *size)
    return seconds[is_unused], detections[is_unused]


def _load_camera(camera: str, record: RunRecord, timeline: Timeline, store: Store, bytes_left: int) -> CameraData:
    about = record.cameras[camera]
    boxes, vectors = (_stored_artifact(camera, about, stage, store) for stage in ("detect", "embed"))
    if boxes is None:
        raise _missing_artifact(camera)
    detections, _ = load_detections(boxes, timeline)
    size = about.width, about.height
    is_inside = np.ones(len(detections), bool)
    if (regions := (record.regions or {}).get(camera)) is not None:
        seconds = timeline.seconds[np.searchsorted(timeline.frame, detections.frame)]
        is_deleted = on_trails(regions, seconds, detections.xyxy, *size)
        is_inside = inside(regions, detections.xyxy, *size) & ~is_deleted
    cached = None if vectors is None else _read_vectors(vectors, bytes_left)
    return CameraData(camera, size, timeline, detections, is_inside, vectors, cached)


def _stored_artifact(camera: str, about: CameraRecord, stage: str, store: Store) -> Artifact | None:
    """The result of the run's `stage`; None if the run had no such stage."""
    cost = about.stages.get(stage)
    if cost is None:
        return None
    artifact = store.find(about.digest, cost.artifact) if cost.artifact else None
    if artifact is None:
        raise _missing_artifact(camera)
    return artifact


def _missing_artifact(camera: str) -> StoreError:
    return StoreError(
        f"the detections of camera {camera} are no longer in the cache",
        "Run it again: this detects people anew and stores the results.",
    )


def _read_vectors(vectors: Artifact, max_bytes: int) -> tuple[tuple[Ints, Halves], ...] | None:
    """The chunks in half precision, as they are stored; None if they are larger than `max_bytes`."""
    chunks: list[tuple[Ints, Halves]] = []
    for chunk in vectors.read():
        max_bytes -= chunk["vector"].nbytes
        if max_bytes < 0:
            return None
        chunks.append((chunk["detection"], chunk["vector"]))
    return tuple(chunks)


def retrack_run(
    run: LoadedRun, settings: TrackSettings, on_progress: Callable[[int], None] = lambda frames: None
) -> RetrackResult:
    """The run with other `settings`. `on_progress` gets the number of frames done, over all cameras."""
    tracks: dict[str, Tracks] = {}
    frames_before = 0
    for camera in run.cameras:

        def report(frames: int, frames_before: int = frames_before) -> None:
            on_progress(frames_before + frames)

        tracks[camera.camera] = track(
            camera.timeline, camera.detections, settings, camera.features(), camera.inside, report, camera.size
        )
        frames_before += len(camera.timeline)
    high_confidence = AssociationRules.from_settings(settings).high_confidence
    objects = {name: static_objects(found, high_confidence) for name, found in tracks.items()}
    if run.evidence is None:
        return RetrackResult(tracks, None, objects)
    evidence = cut_mixed_tracks(_new_evidence(run, run.evidence, tracks, objects), tracks)
    cuts = {name: [each for each in evidence.cuts if each.camera == name] for name in tracks}
    parts = {name: split_tracks(camera_tracks, cuts[name]) for name, camera_tracks in tracks.items()}
    return RetrackResult(parts, replace(evidence, cuts=()), objects)


def _new_evidence(
    run: LoadedRun, old: Evidence, new_tracks: Mapping[str, Tracks], objects: Mapping[str, Ints]
) -> Evidence:
    """The run's evidence for the new tracks, of which `objects` are things. Tracks without any vector are left out."""
    camera_data = {camera.camera: camera for camera in run.cameras}
    parts = []
    for number, name in enumerate(old.cameras):
        tracks, offset = new_tracks[name], float(old.offsets[number])
        crops, track_of_crop = _crops_on_tracks(old, number, run.tracks[name], tracks)
        without_crops = np.setdiff1d(tracks.track, track_of_crop)
        box_crops, track_of_box = _crops_from_boxes(
            camera_data[name], tracks[np.isin(tracks.track, without_crops)], crops
        )
        crops, track_of_crop = Crops.concatenate([crops, box_crops]), np.append(track_of_crop, track_of_box)
        appearance = mean_appearance(track_of_crop, crops.quality, crops.vector, crops.colours)
        tracks = tracks[np.isin(tracks.track, appearance.track)]
        crops = replace(crops, row=np.searchsorted(appearance.track, track_of_crop))
        tracklets = build_tracklets(tracks, appearance, offset, objects[name])
        walks = walks_of_people(tracks, tracklets, camera_data[name].size, offset)
        presence = find_presence(tracks, appearance.track)
        parts.append(CameraEvidence(tracklets, appearance.colours, crops, walks, presence))
    return join_cameras(old.cameras, old.offsets, parts, old.overlaps)


def _crops_on_tracks(old: Evidence, camera: int, old_tracks: Tracks, new_tracks: Tracks) -> tuple[Crops, Ints]:
    """The crops of a camera whose boxes lie on a new track, and the number of that track."""
    crops = old.crops[old.tracklets.camera[old.crops.row] == camera]
    rows, new_rows = match_boxes(old_tracks, new_tracks)
    new_row_of = np.full(len(old_tracks) + 1, -1)  # the last one for crops without a box (row -1)
    new_row_of[rows] = new_rows
    row = new_row_of[_rows_of_boxes(old_tracks, old.tracklets.track[crops.row], crops.frame)]
    return crops[row >= 0], new_tracks.track[row[row >= 0]]


def _rows_of_boxes(tracks: Tracks, track: Ints, frame: Ints) -> Ints:
    """The row of the box of each `track` in each `frame`, or -1. `tracks` are in order of frame and track."""
    if not len(tracks):
        return np.full(len(track), -1)
    stride = int(max(tracks.track.max(), track.max(initial=0))) + 1
    key, wanted = tracks.frame * stride + tracks.track, frame * stride + track
    row = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[row] == wanted, row, -1)


def _crops_from_boxes(camera: CameraData, tracks: Tracks, like: Crops) -> tuple[Crops, Ints]:
    """A crop without a file for each box of `tracks` that has a stored vector, and the number of its track.

    `like` gives the width of vectors and the type of names.
    """
    if not len(tracks):
        return like[:0], np.empty(0, np.int64)
    detections = camera.detections
    _, rows, detection = np.intersect1d(
        _box_keys(tracks.frame, tracks.xyxy), _box_keys(detections.frame, detections.xyxy), return_indices=True
    )
    order = np.argsort(detection)
    rows, detection = rows[order], detection[order]
    row_parts, vectors = [np.empty(0, np.int64)], [np.empty((0, like.vector.shape[1]), np.float32)]
    for chunk in camera.features():
        _, place, in_chunk = np.intersect1d(detection, chunk.detection, assume_unique=True, return_indices=True)
        row_parts.append(rows[place])
        vectors.append(chunk.vector[in_chunk])
    row = np.concatenate(row_parts)
    boxes, no_colours = tracks[row], np.full((len(row), 2, len(COLOURS)), 1 / len(COLOURS), np.float16)
    names, vector = np.full(len(row), "", like.name.dtype), np.concatenate(vectors).astype(np.float16)
    return Crops(row, boxes.frame, boxes.seconds, boxes.score, names, vector, no_colours), boxes.track


def _box_keys(frame: Ints, xyxy: Floats) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """A value per box, equal for equal boxes of one frame."""
    columns = np.ascontiguousarray(np.column_stack([frame.astype(np.float64), xyxy.astype(np.float64)]))
    return columns.view(np.dtype((np.void, columns.itemsize * columns.shape[1]))).ravel()
