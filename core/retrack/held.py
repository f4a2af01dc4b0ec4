"""What a run found and left, read once: boxes and vectors of each camera, its tracks, and what is known of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import StoreError
from core.people import Evidence, known_of, load_evidence
from core.people.evidence import FILE
from core.pipeline import stages
from core.regions import from_json, inside
from core.results import record_of, timelines_of, tracks_of
from core.settings import TrackSettings
from core.store import Artifact, Store
from core.types import Bools, Detections, Features, Ints, Timeline, Tracks
from core.weights import Known

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
            yield from stages.stored_features(self.vectors)


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
    record, timelines, kept = record_of(out), timelines_of(out), store or Store()
    cameras, left = [], most_bytes
    for camera, about in record["cameras"].items():
        if "failed" in about:
            continue
        seen = _seen(camera, about, record, timelines.get(camera, Timeline.empty()), kept, left)
        left -= sum(vector.nbytes for _, vector in seen.kept or ())
        cameras.append(seen)
    evidence = load_evidence(out) if (out / FILE).is_file() else None
    tracks = {seen.camera: tracks_of(out, seen.camera) for seen in cameras}
    settings = TrackSettings(**record["settings"]["track"])
    return Held(out, settings, tuple(cameras), tracks, evidence, known_of(record) if evidence else None)


def _seen(
    camera: str, about: dict[str, Any], record: dict[str, Any], timeline: Timeline, store: Store, left: int
) -> Seen:
    found, vectors = (_stored(camera, about, stage, store) for stage in ("detect", "embed"))
    if found is None:
        raise _gone(camera)
    detections, _ = stages.load_detections(found, timeline)
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
