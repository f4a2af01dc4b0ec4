"""What a run leaves in its folder: tracks as MOT text and Parquet, and a record of how they were made.

    DIR/tracks/<camera>.txt   MOT text, frames from 1, pixels of the source; empty where nobody was seen
    DIR/tracks.parquet        the same of all cameras, with seconds and whether a box was seen or filled in
    DIR/frames.parquet        which frames were looked at, and when they are shown
    DIR/run.json              settings, models, digests, versions, seconds and frames per stage, what failed and why

Every file is replaced whole; a camera's tracks are on disk as soon as it is done.

What a run left in its folder, read back: its record, the tracks of a camera, and when each track is seen.

The counterpart of `core.output`, which writes it. Refuses to change anything there."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core import __version__
from core.base.errors import ClipError, StoreError
from core.base.types import Ints, Seconds, Table, Timeline, Tracks
from core.machine.paths import write_atomically
from core.runs.cameras import CameraResult
from core.runs.network_stages import Networks
from core.runs.stage_keys import VERSIONS, Recipe
from core.vision.models import Model
from core.vision.mot import write_tracks
from core.vision.regions import Regions, to_json
from core.vision.video import digest

BLOCK = 20_000
"""Rows that become Parquet at a time: an hour of boxes takes no more memory than a minute's."""
SCHEMA = pa.schema(
    [("camera", pa.string()), ("frame", pa.int64()), ("seconds", pa.float64()), ("track", pa.int64())]
    + [(side, pa.float32()) for side in ("x1", "y1", "x2", "y2")]
    + [("score", pa.float32()), ("seen", pa.bool_())]
)
PACKAGES = ("numpy", "openvino", "opencv-python", "av", "torch", "ultralytics")


class RunRecord:
    """Writes the results of one run as they come."""

    def __init__(self, out: Path, recipe: Recipe, networks: Networks, regions: Mapping[str, Regions]) -> None:
        self._out, self._recipe, self._networks, self._regions = out, recipe, networks, regions
        self._results: list[CameraResult] = []
        self._began = time.time()
        try:
            (out / "tracks").mkdir(parents=True, exist_ok=True)
            for old in ("tracks.parquet", "frames.parquet"):
                # Written when all is done: until then, an older run's would speak for this one.
                (out / old).unlink(missing_ok=True)
        except OSError as fault:
            raise StoreError(f"{out} cannot be used ({fault.strerror})", "Choose another --out folder.") from fault
        self._save("running")

    def add(self, result: CameraResult) -> None:
        self._results.append(result)
        path = self._out / "tracks" / f"{result.camera.name}.txt"
        if result.fault:
            # An older run's tracks must not pass for this one's.
            path.unlink(missing_ok=True)
        else:
            write_tracks(path, result.tracks)
        self._save("running")

    def close(self) -> None:
        write_parquet(self._out, {result.camera.name: result.tracks for result in self._results})
        looked = pa.concat_tables([_frames(result) for result in self._results])
        sink = pa.BufferOutputStream()
        pq.write_table(looked, sink, compression="zstd", use_dictionary=["camera"])
        write_atomically(self._out / "frames.parquet", sink.getvalue().to_pybytes())
        self._save("done")

    def _save(self, state: str) -> None:
        content = json.dumps(self._content(state), indent=1, ensure_ascii=False)
        write_atomically(self._out / "run.json", content.encode())

    def _content(self, state: str) -> dict[str, Any]:
        models = {"detector": self._networks.detector_model, "embedder": self._networks.embedder_model}
        return {
            "program": f"sightline {__version__}",
            "state": state,
            "began": time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._began)),
            "seconds": round(time.time() - self._began, 3),
            "settings": asdict(self._recipe),
            "regions": {name: json.loads(to_json(regions)) for name, regions in self._regions.items()},
            "models": {kind: _model(model, self._networks) for kind, model in models.items()},
            "versions": versions(),
            "cameras": {result.camera.name: _camera(result) for result in self._results},
        }


def write_parquet(out: Path, tracks: Mapping[str, Tracks]) -> None:
    """`tracks.parquet` below `out`: the tracks of each camera."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", use_dictionary=["camera"]) as writer:
        for name, found in tracks.items():
            for at in range(0, len(found), BLOCK):
                writer.write_table(_table(name, found[at : at + BLOCK]))
    write_atomically(out / "tracks.parquet", sink.getvalue().to_pybytes())


def versions() -> dict[str, str]:
    """Of Python, the packages whose numbers the results are, and the arithmetic of our own stages."""
    packages = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages, **{f"stage {s}": str(n) for s, n in VERSIONS.items()}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _model(model: Model | None, networks: Networks) -> dict[str, Any] | str:
    if model is None:
        return "none: matched on motion alone"
    runs = networks.key(model)
    return model_facts(model, runtime=runs["runtime"], precision=runs["precision"])


def model_facts(model: Model, **ran: str) -> dict[str, Any]:
    """What a record says of a model; `ran` is what it ran on."""
    facts = {"name": model.name, "sha256": model.digest, "licence": model.licence, "trained_on": model.trained_on}
    # Who is who may be decided again when the manifest knows another file by this name.
    known = {} if model.known is None else {"known": asdict(model.known)}
    return {**facts, "assumed": list(model.assumed), **ran, **known}


def _camera(result: CameraResult) -> dict[str, Any]:
    clip, camera = result.clip, result.camera
    if clip is None:
        known: dict[str, Any] = {"clip": str(camera.clip), "file": camera.file_name, "failed": result.fault}
        if camera.span is not None:
            known["range"] = list(camera.span)
        with suppress(ClipError):
            known["digest"] = digest(camera.clip)
        return known
    return {
        "clip": str(camera.clip),
        "file": camera.file_name,
        "digest": clip.digest,
        "width": clip.width,
        "height": clip.height,
        "fps": round(clip.fps, 3),
        "frames": clip.frames,
        "analysed": result.analysed,
        "unreadable": result.missing,
        **({} if camera.span is None else {"range": list(camera.span)}),
        "notes": list(clip.warnings),
        "tracks": len(np.unique(result.tracks.track)),
        "boxes": len(result.tracks),
        "stages": result.stages,
    }


def _frames(result: CameraResult) -> pa.Table:
    timeline = result.timeline
    columns = {"frame": pa.array(timeline.frame), "seconds": pa.array(timeline.seconds)}
    return pa.table({"camera": pa.repeat(result.camera.name, len(timeline)), **columns})


def _table(camera: str, tracks: Tracks) -> pa.Table:
    sides = tracks.xyxy.T
    columns = [tracks.frame, tracks.seconds, tracks.track, *sides, tracks.score, tracks.detected]
    return pa.Table.from_arrays([pa.repeat(camera, len(tracks)), *map(pa.array, columns)], schema=SCHEMA)


_RUN_AGAIN = "Start the run again."
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
        self._validate_columns(track=whole, first_seconds=seconds, last_seconds=seconds, boxes=whole, filled=whole)


def read_record(out: Path) -> dict[str, Any]:
    """`run.json`: settings, models, and what became of each camera."""
    try:
        record: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{out / 'run.json'} cannot be read", _RUN_AGAIN) from fault
    return record


def reproducible_facts(record: dict[str, Any]) -> dict[str, Any]:
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


def load_tracks(out: Path, camera: str) -> Tracks:
    """The tracks of one camera, from `tracks.parquet`; empty where nobody was seen."""
    path = out / "tracks.parquet"
    try:
        table = pq.read_table(path, filters=[("camera", "=", camera)])
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _RUN_AGAIN) from fault
    columns = {name: table.column(name).to_numpy() for name in table.column_names if name != "camera"}
    xyxy = np.stack([columns[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
    return Tracks(columns["frame"], columns["seconds"], columns["track"], xyxy, columns["score"], columns["seen"])


def analysed_frames(out: Path) -> dict[str, Ints]:
    """The frames of each camera that a run looked at."""
    return {camera: timeline.frame for camera, timeline in load_timelines(out).items()}


def load_timelines(out: Path) -> dict[str, Timeline]:
    """The frames of each camera that a run looked at, and when they are shown, from `frames.parquet`."""
    path = out / "frames.parquet"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _RUN_AGAIN) from fault
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
    filled = np.bincount(of[~tracks.detected], minlength=len(ids))
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
        "seen": tracks.detected.astype(int).tolist(),
    }
    content = {"width": width, "height": height, "step": round(step, 4), **columns}
    return json.dumps(content, separators=(",", ":")).encode()
