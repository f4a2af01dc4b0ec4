"""What a run found and left, read once: boxes and vectors of each camera, its tracks, and what is known of them.

The tracks of a run again, with other settings, and what is known of their looks: no picture is read for that.

A new track looks like the crops of the run whose boxes lie on it. Where none does, the vectors by which it was tracked
stand in: they are of whole boxes, not of the best ones, so what comes of it is near to what a run would say, not equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import StoreError
from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Features, Floats, Ints, Timeline, Tracks
from core.machine.artifacts import Artifact, Store
from core.review import same_boxes
from core.runs import (
    TRACKLETS_FILE,
    CameraEvidence,
    Crops,
    Evidence,
    join_cameras,
    run_prior,
    load_detections,
    load_evidence,
    mean_appearance,
    split_tracks,
    read_record,
    load_features,
    load_timelines,
    build_tracklets,
    load_tracks,
    cut_mixed_tracks,
)
from core.vision.appearance import COLOURS
from core.vision.camera_overlap import walks_of
from core.vision.models import Known
from core.vision.regions import from_json, inside
from core.vision.track import track

MOST_BYTES = 256_000_000
"""Vectors that are kept in memory; those of longer footage are read from the store each time."""

Halves = NDArray[np.float16]


@dataclass(frozen=True, eq=False)
class Seen:
    """One camera: all boxes of its clip, which of them count (regions), and the vectors of some."""

    camera: str
    size: tuple[int, int]
    timeline: Timeline
    detections: Detections
    inside: Bools
    vectors: Artifact | None
    kept: tuple[tuple[Ints, Halves], ...] | None

    def features(self) -> Iterator[Features]:
        """The vectors, chunk by chunk."""
        if self.kept is not None:
            yield from (Features(rows, vector.astype(np.float32)) for rows, vector in self.kept)
        elif self.vectors is not None:
            yield from load_features(self.vectors)


@dataclass(frozen=True, eq=False)
class Held:
    """`settings` made the `tracks` that the run left, by camera. No `evidence`: the run matched on motion alone."""

    out: Path
    settings: TrackSettings
    cameras: tuple[Seen, ...]
    tracks: Mapping[str, Tracks]
    evidence: Evidence | None
    known: Known | None

    @property
    def frames(self) -> int:
        """How many frames are to be tracked."""
        return sum(len(seen.timeline) for seen in self.cameras)


def hold(out: Path, store: Store | None = None, most_bytes: int = MOST_BYTES) -> Held:
    """The run in folder `out`; `StoreError` where what it found is not stored any more."""
    record, timelines, kept = read_record(out), load_timelines(out), store or Store()
    cameras, left = [], most_bytes
    for camera, about in record["cameras"].items():
        if "failed" in about:
            continue
        seen = _seen(camera, about, record, timelines.get(camera, Timeline.empty()), kept, left)
        left -= sum(vector.nbytes for _, vector in seen.kept or ())
        cameras.append(seen)
    evidence = load_evidence(out) if (out / TRACKLETS_FILE).is_file() else None
    tracks = {seen.camera: load_tracks(out, seen.camera) for seen in cameras}
    settings = TrackSettings(**record["settings"]["track"])
    return Held(out, settings, tuple(cameras), tracks, evidence, run_prior(record) if evidence else None)


def _seen(
    camera: str, about: dict[str, Any], record: dict[str, Any], timeline: Timeline, store: Store, left: int
) -> Seen:
    found, vectors = (_stored(camera, about, stage, store) for stage in ("detect", "embed"))
    if found is None:
        raise _gone(camera)
    detections, _ = load_detections(found, timeline)
    size = int(about["width"]), int(about["height"])
    counts = np.ones(len(detections), bool)
    if (where := record["regions"].get(camera)) is not None:
        counts = inside(from_json(json.dumps(where)), detections.xyxy, *size)
    kept = None if vectors is None else _in_memory(vectors, left)
    return Seen(camera, size, timeline, detections, counts, vectors, kept)


def _stored(camera: str, about: dict[str, Any], stage: str, store: Store) -> Artifact | None:
    """What the run's `stage` left in the store; none where the run had no such stage."""
    made = about["stages"].get(stage)
    if made is None:
        return None
    artifact = store.named(about["digest"], made["artifact"]) if "artifact" in made else None
    if artifact is None:
        raise _gone(camera)
    return artifact


def _gone(camera: str) -> StoreError:
    return StoreError(
        f"what was found in camera {camera} is not in the cache any more",
        "Do the run again: it finds people once more, and keeps what it finds.",
    )


def _in_memory(vectors: Artifact, left: int) -> tuple[tuple[Ints, Halves], ...] | None:
    """The chunks in half precision, as they are stored; none where they are more than `left` bytes."""
    parts: list[tuple[Ints, Halves]] = []
    for part in vectors.read():
        left -= part["vector"].nbytes
        if left < 0:
            return None
        parts.append((part["detection"], part["vector"]))
    return tuple(parts)


@dataclass(frozen=True, eq=False)
class Again:
    """Tracks by camera, numbered like those of `evidence`, which is there where the run has any."""

    tracks: Mapping[str, Tracks]
    evidence: Evidence | None


def again(held: Held, settings: TrackSettings, tell: Callable[[int], None] = lambda done: None) -> Again:
    """The run in `held` with other `settings`; `tell` hears how many of its frames are done."""
    found: dict[str, Tracks] = {}
    before = 0
    for seen in held.cameras:

        def frames(done: int, before: int = before) -> None:
            tell(before + done)

        found[seen.camera] = track(
            seen.timeline, seen.detections, settings, seen.features(), seen.inside, frames, seen.size
        )
        before += len(seen.timeline)
    if held.evidence is None:
        return Again(found, None)
    evidence = cut_mixed_tracks(_evidence(held, held.evidence, found), found)
    cuts = {name: [one for one in evidence.cuts if one.camera == name] for name in found}
    return Again({name: split_tracks(its, cuts[name]) for name, its in found.items()}, replace(evidence, cuts=()))


def _evidence(held: Held, old: Evidence, found: Mapping[str, Tracks]) -> Evidence:
    """What the run knew, about the tracks of now; those of which nobody knows a look are left out."""
    seen = {one.camera: one for one in held.cameras}
    parts = []
    for number, name in enumerate(old.cameras):
        tracks, offset = found[name], float(old.offsets[number])
        mine, track_of = _crops_on(old, number, held.tracks[name], tracks)
        bare = np.setdiff1d(tracks.track, track_of)
        extra, track_of_extra = _boxes_of(seen[name], tracks[np.isin(tracks.track, bare)], mine)
        mine, track_of = Crops.concatenate([mine, extra]), np.append(track_of, track_of_extra)
        looks = mean_appearance(track_of, mine.quality, mine.vector, mine.colours)
        known = tracks[np.isin(tracks.track, looks.track)]
        crops = replace(mine, row=np.searchsorted(looks.track, track_of))
        walks = walks_of(known, seen[name].size, offset)
        parts.append(CameraEvidence(build_tracklets(known, looks, offset), looks.colours, crops, walks))
    return join_cameras(old.cameras, old.offsets, parts, old.overlaps)


def _crops_on(old: Evidence, camera: int, before: Tracks, now: Tracks) -> tuple[Crops, Ints]:
    """The crops of a camera whose boxes lie on a track of now, and its number."""
    crops = old.crops[old.tracklets.camera[old.crops.row] == camera]
    rows, others = same_boxes(before, now)
    now_at = np.full(len(before) + 1, -1)  # the last one for crops of no box
    now_at[rows] = others
    at = now_at[_row_of(before, old.tracklets.track[crops.row], crops.frame)]
    return crops[at >= 0], now.track[at[at >= 0]]


def _row_of(tracks: Tracks, track: Ints, frame: Ints) -> Ints:
    """The row of the box of each `track` in each `frame`; -1 where it has none. Tracks are in order of both."""
    if not len(tracks):
        return np.full(len(track), -1)
    wide = int(max(tracks.track.max(), track.max(initial=0))) + 1
    key, wanted = tracks.frame * wide + tracks.track, frame * wide + track
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[at] == wanted, at, -1)


def _boxes_of(seen: Seen, tracks: Tracks, like: Crops) -> tuple[Crops, Ints]:
    """A crop without a file for each box of `tracks` of which a vector is stored, and the number of its track."""
    if not len(tracks):
        return like[:0], np.empty(0, np.int64)
    _, rows, detection = np.intersect1d(
        _names(tracks.frame, tracks.xyxy), _names(seen.detections.frame, seen.detections.xyxy), return_indices=True
    )
    in_order = np.argsort(detection)
    rows, detection = rows[in_order], detection[in_order]
    at, vectors = [np.empty(0, np.int64)], [np.empty((0, like.vector.shape[1]), np.float32)]
    for chunk in seen.features():
        _, mine, its = np.intersect1d(detection, chunk.detection, assume_unique=True, return_indices=True)
        at.append(rows[mine])
        vectors.append(chunk.vector[its])
    row = np.concatenate(at)
    own, plain = tracks[row], np.full((len(row), 2, len(COLOURS)), 1 / len(COLOURS), np.float16)
    names = np.full(len(row), "", like.name.dtype)
    crops = Crops(row, own.frame, own.seconds, own.score, names, np.concatenate(vectors).astype(np.float16), plain)
    return crops, own.track


def _names(frame: Ints, xyxy: Floats) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """One value per box, equal for equal boxes of one frame."""
    columns = np.ascontiguousarray(np.column_stack([frame.astype(np.float64), xyxy.astype(np.float64)]))
    return columns.view(np.dtype((np.void, columns.itemsize * columns.shape[1]))).ravel()
