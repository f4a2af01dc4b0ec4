"""What a run left in its folder, read back: its record, the tracks of a camera, and when each track is seen.

The counterpart of `core.output`, which writes it. Refuses to change anything there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import StoreError
from core.types import Ints, Seconds, Table, Timeline, Tracks

_AGAIN = "Start the run again."
_DEFAULT_STEP = 0.1
_OF_THE_DAY = {"state", "began", "seconds", "frames", "kept", "opening"}  # a stage's frames: how many were left to do
_OF_THE_PLACE = {"clip", "artifact"}  # of a stage: what it is called in the store


@dataclass(frozen=True, eq=False)
class Spans(Table):
    """One row per track, by first appearance: when it is seen, in how many boxes, and how many were filled in."""

    track: Ints
    first_seconds: Seconds
    last_seconds: Seconds
    boxes: Ints
    filled: Ints

    def __post_init__(self) -> None:
        whole, seconds = (np.int64, ()), (np.float64, ())
        self._settle(track=whole, first_seconds=seconds, last_seconds=seconds, boxes=whole, filled=whole)


def record_of(out: Path) -> dict[str, Any]:
    """`run.json`: settings, models, and what became of each camera."""
    try:
        record: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{out / 'run.json'} cannot be read", _AGAIN) from fault
    return record


def facts_of(record: dict[str, Any]) -> dict[str, Any]:
    """What of a record decides the result or tells of it, alike for the same run on any day and in any folder.

    Cameras are a list in the order of the run; times of day, seconds spent and places of clips are left out.
    """
    cameras = [{"camera": name, **_facts(camera)} for name, camera in record.get("cameras", {}).items()]
    return {name: value for name, value in record.items() if name not in _OF_THE_DAY} | {"cameras": cameras}


def _facts(camera: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in camera.items() if name not in _OF_THE_PLACE}
    if "stages" in kept:
        stages, left = kept["stages"].items(), _OF_THE_DAY | _OF_THE_PLACE
        kept["stages"] = {s: {k: v for k, v in about.items() if k not in left} for s, about in stages}
    return kept


def tracks_of(out: Path, camera: str) -> Tracks:
    """The tracks of one camera, from `tracks.parquet`; empty where nobody was seen."""
    path = out / "tracks.parquet"
    try:
        table = pq.read_table(path, filters=[("camera", "=", camera)])
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _AGAIN) from fault
    columns = {name: table.column(name).to_numpy() for name in table.column_names if name != "camera"}
    xyxy = np.stack([columns[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
    rest = {name: columns[name] for name in ("frame", "seconds", "track", "score", "seen")}
    return Tracks(xyxy=xyxy, **rest)


def looked_at(out: Path) -> dict[str, Ints]:
    """The frames of each camera that a run looked at."""
    return {camera: timeline.frame for camera, timeline in timelines_of(out).items()}


def timelines_of(out: Path) -> dict[str, Timeline]:
    """The frames of each camera that a run looked at, and when they are shown, from `frames.parquet`."""
    path = out / "frames.parquet"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _AGAIN) from fault
    camera, frame, seconds = (table.column(name).to_numpy() for name in ("camera", "frame", "seconds"))
    rows = {str(name): camera == name for name in dict.fromkeys(camera.tolist())}
    return {name: Timeline(frame[mine], seconds[mine]) for name, mine in rows.items()}


def spans(tracks: Tracks) -> Spans:
    """When each track is seen."""
    ids, of = np.unique(tracks.track, return_inverse=True)
    first, last = np.full(len(ids), np.inf), np.full(len(ids), -np.inf)
    np.minimum.at(first, of, tracks.seconds)
    np.maximum.at(last, of, tracks.seconds)
    boxes = np.bincount(of, minlength=len(ids))
    filled = np.bincount(of[~tracks.seen], minlength=len(ids))
    return Spans(ids, first, last, boxes, filled)[np.lexsort((ids, first))]


def overlay(tracks: Tracks, width: int, height: int) -> bytes:
    """The boxes as JSON for a player: columns in the order of `tracks`, coordinates in whole pixels of the source.

    `step` is the usual time between two analysed frames: how long a box holds until the next one is due.
    """
    times = np.unique(tracks.seconds)
    step = float(np.median(np.diff(times))) if len(times) > 1 else _DEFAULT_STEP
    columns = {
        "seconds": np.round(tracks.seconds, 4).tolist(),
        "track": tracks.track.tolist(),
        "box": np.rint(tracks.xyxy).astype(int).tolist(),
        "seen": tracks.seen.astype(int).tolist(),
    }
    content = {"width": width, "height": height, "step": round(step, 4), **columns}
    return json.dumps(content, separators=(",", ":")).encode()
