"""The record of a run in its folder: what is written, and reading it back.

    DIR/tracks/<camera>.txt   MOT text, frames from 1, pixels of the clip; empty if nobody was detected
    DIR/tracks.parquet        the same of all cameras, with seconds and whether a box was detected or filled in
    DIR/frames.parquet        the analysed frames and their times
    DIR/run.json              settings, models, digests, versions, seconds and frames per stage, what failed and why

Every file is replaced as a whole. The tracks of a camera are on disk as soon as it is done.
"""

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
from core.base.types import Clip, Ints, Seconds, Table, Timeline, Tracks
from core.machine.paths import current_path, write_atomically
from core.runs.cameras import CameraResult
from core.runs.network_stages import Networks, layout_of
from core.runs.stage_keys import VERSIONS, Recipe
from core.vision.models import Model
from core.vision.mot import write_tracks
from core.vision.regions import Regions, to_json
from core.vision.video import digest

PICTURES_FILE = "pictures.csv"
"""The list of the files that a run was made of, where these are crops."""
BLOCK = 20_000
"""Rows that are turned into Parquet at once, so that memory does not grow with the length of the clips."""
SCHEMA = pa.schema(
    [("camera", pa.string()), ("frame", pa.int64()), ("seconds", pa.float64()), ("track", pa.int64())]
    + [(side, pa.float32()) for side in ("x1", "y1", "x2", "y2")]
    + [("score", pa.float32()), ("seen", pa.bool_())]
)
PACKAGES = ("numpy", "openvino", "opencv-python", "av", "torch", "ultralytics")


class RunRecord:
    """Writes the results of one run as they arrive."""

    def __init__(self, out: Path, recipe: Recipe, networks: Networks, regions: Mapping[str, Regions]) -> None:
        self._out, self._recipe, self._networks, self._regions = out, recipe, networks, regions
        self._results: list[CameraResult] = []
        self._began, self._start = time.time(), time.monotonic()
        try:
            (out / "tracks").mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise StoreError(f"{out} cannot be used ({fault.strerror})", "Choose another --out folder.") from fault
        self._save("running")

    def add(self, result: CameraResult) -> None:
        self._results.append(result)
        path = self._out / "tracks" / f"{result.camera.name}.txt"
        if result.fault:
            # The tracks of an earlier run must not remain.
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
            "seconds": round(time.monotonic() - self._start, 3),
            "settings": asdict(self._recipe),
            "regions": {name: json.loads(to_json(regions)) for name, regions in self._regions.items()},
            "models": {kind: _model(model, self._networks) for kind, model in models.items()},
            "versions": versions(),
            "cameras": {result.camera.name: _camera(result) for result in self._results},
        }


def write_parquet(out: Path, tracks: Mapping[str, Tracks]) -> None:
    """Write `tracks.parquet` below `out` with the tracks of each camera."""
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, SCHEMA, compression="zstd", use_dictionary=["camera"]) as writer:
        for name, found in tracks.items():
            for at in range(0, len(found), BLOCK):
                writer.write_table(_table(name, found[at : at + BLOCK]))
    write_atomically(out / "tracks.parquet", sink.getvalue().to_pybytes())


def versions() -> dict[str, str]:
    """The versions of Python, of the packages that the results depend on, and of the stages."""
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
    """The entry of a model in a record; `ran` says what it ran on."""
    facts = {"name": model.name, "sha256": model.digest, "licence": model.licence, "trained_on": model.trained_on}
    # People may be matched again when the manifest has another file of this name.
    prior = {} if model.prior is None else {"known": model.prior.to_dict()}
    return {**facts, "assumed": list(model.assumed), **ran, **prior}


def _camera(result: CameraResult) -> dict[str, Any]:
    clip, camera = result.clip, result.camera
    if clip is None:
        failed: dict[str, Any] = {"clip": str(camera.clip), "file": camera.file_name, "failed": result.fault}
        if camera.span is not None:
            failed["range"] = list(camera.span)
        with suppress(ClipError):
            failed["digest"] = digest(camera.clip)
        return failed
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
        **({"parts": layout_of(clip)} if clip.parts else {}),
        "notes": [*clip.warnings, *_unreadable(result)],
        "tracks": len(np.unique(result.tracks.track)),
        "boxes": len(result.tracks),
        "stages": result.stages,
    }


def _unreadable(result: CameraResult) -> tuple[str, ...]:
    if not result.missing:
        return ()
    return (f"{result.missing} of {result.analysed} frames cannot be decoded: nobody was looked for in them.",)


def check_layout(clip: Clip, camera: Mapping[str, Any]) -> None:
    """`ClipError` unless the frames of the clip have the numbers that they had in the run of this camera's record."""
    if camera.get("parts", []) != layout_of(clip):
        raise ClipError(f"the run took the recordings in {Path(clip.path).name} for one", "Run it again.")


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
# Fields that differ between repetitions of a run: times and progress, and places on disk.
_OF_THE_DAY = {"state", "began", "seconds", "frames", "kept", "opening"}
_OF_THE_PLACE = {"clip", "artifact"}


@dataclass(frozen=True, eq=False)
class Spans(Table):
    """One row per track, by first appearance: first and last second, number of boxes, and how many were filled in."""

    track: Ints
    first_seconds: Seconds
    last_seconds: Seconds
    boxes: Ints
    filled: Ints

    def __post_init__(self) -> None:
        integers, seconds = (np.int64, ()), (np.float64, ())
        self._validate_columns(
            track=integers, first_seconds=seconds, last_seconds=seconds, boxes=integers, filled=integers
        )


def read_record(out: Path) -> dict[str, Any]:
    """The content of `run.json`: settings, models, and the result of each camera."""
    try:
        record: dict[str, Any] = json.loads((out / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise StoreError(f"{out / 'run.json'} cannot be read", _RUN_AGAIN) from fault
    for about in record.get("cameras", {}).values():
        if "clip" in about:
            about["clip"] = current_path(about["clip"])
    return record


def reproducible_facts(record: dict[str, Any]) -> dict[str, Any]:
    """The part of a record that is the same for the same run on any day and in any folder.

    Cameras are a list in the order of the run; times of day, seconds spent and places of clips are left out.
    """
    cameras = [{"camera": name, **_facts(camera)} for name, camera in record.get("cameras", {}).items()]
    return {name: value for name, value in record.items() if name not in _OF_THE_DAY} | {"cameras": cameras}


def _facts(camera: dict[str, Any]) -> dict[str, Any]:
    facts = {name: value for name, value in camera.items() if name not in _OF_THE_PLACE}
    if "stages" in facts:
        varying = _OF_THE_DAY | _OF_THE_PLACE
        facts["stages"] = {
            stage: {name: value for name, value in about.items() if name not in varying}
            for stage, about in facts["stages"].items()
        }
    return facts


def load_tracks(out: Path, camera: str) -> Tracks:
    """The tracks of one camera, from `tracks.parquet`; empty if nobody was detected."""
    path = out / "tracks.parquet"
    try:
        table = pq.read_table(path, filters=[("camera", "=", camera)])
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _RUN_AGAIN) from fault
    columns = {name: table.column(name).to_numpy() for name in table.column_names if name != "camera"}
    xyxy = np.stack([columns[side] for side in ("x1", "y1", "x2", "y2")], axis=1)
    return Tracks(columns["frame"], columns["seconds"], columns["track"], xyxy, columns["score"], columns["seen"])


def analysed_frames(out: Path) -> dict[str, Ints]:
    """The analysed frames of each camera."""
    return {camera: timeline.frame for camera, timeline in load_timelines(out).items()}


def load_timelines(out: Path) -> dict[str, Timeline]:
    """The analysed frames of each camera and their times, from `frames.parquet`."""
    path = out / "frames.parquet"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read", _RUN_AGAIN) from fault
    camera, frame, seconds = (table.column(name).to_numpy() for name in ("camera", "frame", "seconds"))
    rows = {str(name): camera == name for name in dict.fromkeys(camera.tolist())}
    return {name: Timeline(frame[selected], seconds[selected]) for name, selected in rows.items()}


def spans(tracks: Tracks) -> Spans:
    """First and last second of each track, with the number of its boxes."""
    ids, group = np.unique(tracks.track, return_inverse=True)
    first, last = np.full(len(ids), np.inf), np.full(len(ids), -np.inf)
    np.minimum.at(first, group, tracks.seconds)
    np.maximum.at(last, group, tracks.seconds)
    boxes = np.bincount(group, minlength=len(ids))
    filled = np.bincount(group[~tracks.detected], minlength=len(ids))
    return Spans(ids, first, last, boxes, filled)[np.lexsort((ids, first))]


def overlay(tracks: Tracks, width: int, height: int) -> bytes:
    """The boxes as JSON for a player: columns in the order of `tracks`, coordinates in whole pixels of the clip.

    `step` is the usual time between two analysed frames, for which a box is shown.
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
