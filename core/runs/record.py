"""The record of a run in its folder: what is written, and reading it back.

    DIR/tracks/<camera>.txt   MOT text, frames from 1, pixels of the clip, without things; empty if nobody was detected
    DIR/tracks.parquet        all tracks of all cameras, DIR/frames.parquet the analysed frames: `core.runs.tables`
    DIR/run.json              settings, models, digests, versions, seconds and frames per stage, what failed and why

Every file is replaced as a whole. The tracks of a camera are on disk as soon as it is done.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core import __version__
from core.base.errors import ClipError, StoreError
from core.base.settings import Number
from core.base.types import Clip
from core.machine.paths import current_path, write_atomically
from core.machine.records import RecordFormat
from core.runs.cameras import CameraResult
from core.runs.gallery import require_camera
from core.runs.network_stages import Networks, layout_of
from core.runs.stage_keys import VERSIONS, Recipe
from core.runs.tables import write_frames, write_parquet
from core.vision.models import EmbedderPrior, Model
from core.vision.mot import write_tracks
from core.vision.regions import Regions, to_json
from core.vision.video import digest, read_list

RECORD_FILE = "run.json"
FACE_KINDS = "face detector", "face recogniser"
"""What the models by which faces are compared are called in records."""
PICTURES_FILE = "pictures.csv"
"""The list of the files that a run was made of, where these are crops."""
PACKAGES = ("numpy", "openvino", "opencv-python", "av", "torch", "ultralytics")
_RUN_AGAIN = "Start the run again."

# Fields that differ between repetitions of a run: times and progress, and places on disk.
_OF_THE_DAY = {"state", "began", "seconds", "frames", "kept", "opening"}
_OF_THE_PLACE = {"clip", "artifact"}

# What is recorded of a camera that failed, of one whose clip was analysed, and of a folder of crops.
_OF_A_FAILURE = ("clip", "file", "failed", "range", "digest")
_OF_A_CLIP = (
    *("clip", "file", "digest", "width", "height", "fps", "frames", "analysed", "unreadable", "range", "parts"),
    *("recordings", "notes", "tracks", "boxes", "stages", "faceless", "objects"),
)
_OF_CROPS = ("clip", "crops", "unreadable", "people_told_apart", "loose_pictures", "sha256_of_crops")


@dataclass(frozen=True)
class StageRecord:
    """What a stage of a camera cost: `kept` are the frames that were stored already, `opening` the seconds for opening
    the network, `by` what it ran on, `artifact` the name of its result in the store; embedding looked at `crops`
    `of_boxes`. None where the stage has no such thing."""

    seconds: Number = 0.0
    frames: int = 0
    kept: int = 0
    opening: Number | None = None
    by: str | None = None
    artifact: str | None = None
    crops: int | None = None
    of_boxes: int | None = None


@dataclass(frozen=True)
class RecordingRecord:
    """One of the files of a camera, as its list has it: `starts` is None where it follows the one before it at once."""

    file: str
    digest: str
    starts: Number | None = None


@dataclass(frozen=True)
class CameraRecord:
    """What a run found out about one camera. `failed` says why there is nothing, `range` is its own range of seconds,
    `parts` what `layout_of` says of the clip, `recordings` are its files where it has several.

    `objects` are the tracks that are probably things; runs of before dropped these tracks.

    `crops`, `people_told_apart`, `loose_pictures` and `sha256_of_crops` are those of a folder of crops, which has no
    clip. Records of a failure have no digest where the clip could not be read.
    """

    clip: str = ""
    file: str = ""
    digest: str = ""
    width: int = 0
    height: int = 0
    fps: Number = 0.0
    frames: int = 0
    analysed: int = 0
    unreadable: int = 0
    range: tuple[Number, Number | None] | None = None
    parts: tuple[tuple[int, int], ...] = ()
    recordings: tuple[RecordingRecord, ...] = ()
    notes: tuple[str, ...] = ()
    tracks: int = 0
    boxes: int = 0
    stages: dict[str, StageRecord] = field(default_factory=dict)
    failed: str = ""
    crops: int = 0
    people_told_apart: int = 0
    loose_pictures: int = 0
    sha256_of_crops: str = ""
    faceless: int | None = None
    objects: tuple[int, ...] = ()

    @property
    def first_digest(self) -> str:
        """That of the first file: the clip begins with the same frames as long as this stays."""
        return self.recordings[0].digest if self.recordings else self.digest

    def to_dict(self) -> dict[str, Any]:
        """As run.json has it: the fields that there are for such a camera."""
        is_of_crops = self.crops or self.sha256_of_crops
        names = _OF_A_FAILURE if self.failed else _OF_CROPS if is_of_crops else _OF_A_CLIP
        absent = {
            "file": "",
            "digest": "",
            "range": None,
            "parts": (),
            "recordings": (),
            "faceless": None,
            "objects": (),
        }
        content = {name: getattr(self, name) for name in names}
        content = {name: value for name, value in content.items() if name not in absent or value != absent[name]}
        if "stages" in content:
            content["stages"] = {stage: _present(cost) for stage, cost in self.stages.items()}
        if "recordings" in content:
            content["recordings"] = [asdict(recording) for recording in self.recordings]
        return content


@dataclass(frozen=True)
class PriorRecord:
    """An embedder's prior, as `EmbedderPrior.to_dict` says it."""

    strange: Number
    spread: Number
    threshold: Number
    few: PriorRecord | None = None

    @property
    def prior(self) -> EmbedderPrior:
        return EmbedderPrior(self.strange, self.spread, self.threshold, self.few.prior if self.few else None)


@dataclass(frozen=True)
class ModelRecord:
    """A model of a run, and what it ran on: runtime and precision, or `by` for a run over crops."""

    name: str = ""
    sha256: str = ""
    licence: str = ""
    trained_on: str = ""
    assumed: tuple[str, ...] = ()
    runtime: str | None = None
    precision: str | None = None
    by: str | None = None
    known: PriorRecord | None = None

    @property
    def prior(self) -> EmbedderPrior | None:
        return self.known.prior if self.known else None

    def to_dict(self) -> dict[str, Any]:
        """As run.json has it."""
        return _present(self) | ({"known": asdict(self.known)} if self.known else {})


@dataclass(frozen=True)
class OverlapRecord:
    """Two cameras that see the same ground."""

    cameras: tuple[str, str]
    clock_of_the_second_forward_seconds: Number
    people_who_agree: Number
    at_wrong_times: Number
    feet_apart_in_body_heights: Number


@dataclass(frozen=True)
class CutRecord:
    """A track that was cut because another camera shows two people; the part after the cut has the number `rest`."""

    camera: str
    track: int
    seconds: Number
    rest: int


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json. A model that a run did not have is a sentence. Runs over crops have a `source`, but
    neither settings nor regions; `same_ground` and `cut_where_views_disagree` are there once people were matched.
    """

    program: str = ""
    source: str | None = None
    state: Literal["running", "done"] = "running"
    began: str = ""
    seconds: Number = 0.0
    settings: Recipe | None = None
    regions: dict[str, Regions] | None = None
    models: dict[str, ModelRecord | str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    cameras: dict[str, CameraRecord] = field(default_factory=dict)
    same_ground: tuple[OverlapRecord, ...] | None = None
    cut_where_views_disagree: tuple[CutRecord, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.cameras:
            require_camera(name, "cameras")

    @property
    def analysed(self) -> dict[str, CameraRecord]:
        """The cameras that did not fail."""
        return {name: camera for name, camera in self.cameras.items() if not camera.failed}

    def to_dict(self) -> dict[str, Any]:
        """As run.json has it."""
        content = _present(self)
        if self.settings is not None:
            content["settings"] = asdict(self.settings)
        if self.regions is not None:
            content["regions"] = {name: json.loads(to_json(regions)) for name, regions in self.regions.items()}
        content["models"] = {
            kind: model if isinstance(model, str) else model.to_dict() for kind, model in self.models.items()
        }
        content["cameras"] = {name: camera.to_dict() for name, camera in self.cameras.items()}
        for name in ("same_ground", "cut_where_views_disagree"):
            if name in content:
                content[name] = [asdict(each) for each in content[name]]
        return content


def _present(record: Any) -> dict[str, Any]:
    """The fields of a record that are not None."""
    values = ((f.name, getattr(record, f.name)) for f in fields(record))
    return {name: value for name, value in values if value is not None}


RECORD = RecordFormat(
    RunRecord, "record of a run", remedy=_RUN_AGAIN, unversioned=1, to_content=lambda record: record.to_dict()
)


class RecordWriter:
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
            write_tracks(path, result.tracks_of_people)
        self._save("running")

    def close(self) -> None:
        write_parquet(self._out, {result.camera.name: result.tracks for result in self._results})
        write_frames(self._out, {result.camera.name: result.timeline for result in self._results})
        self._save("done")

    def _save(self, state: Literal["running", "done"]) -> None:
        models = {"detector": self._networks.detector_model, "embedder": self._networks.embedder_model}
        entries = {kind: _model(model, self._networks) for kind, model in models.items()}
        record = RunRecord(
            program=f"sightline {__version__}",
            state=state,
            began=time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._began)),
            seconds=round(time.monotonic() - self._start, 3),
            settings=self._recipe,
            regions=dict(self._regions),
            models={**entries, **_face_models(self._networks)},
            versions=versions(),
            cameras={result.camera.name: _camera(result) for result in self._results},
        )
        save_record(self._out, record)


def save_record(out: Path, record: RunRecord) -> None:
    """Write run.json into the folder of a run."""
    write_atomically(out / RECORD_FILE, RECORD.to_json(record))


def versions() -> dict[str, str]:
    """The versions of Python, of the packages that the results depend on, and of the stages."""
    packages = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **packages, **{f"stage {s}": str(n) for s, n in VERSIONS.items()}}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _model(model: Model | None, networks: Networks) -> ModelRecord | str:
    if model is None:
        return "none: matched on motion alone"
    runs = networks.key(model)
    return replace(model_record(model), runtime=runs["runtime"], precision=runs["precision"])


def _face_models(networks: Networks) -> dict[str, ModelRecord]:
    """The two models by which faces are compared, if they are."""
    if (faces := networks.faces) is None:
        return {}
    files = zip(FACE_KINDS, (faces.detector, faces.recogniser), faces.digests, strict=True)
    return {
        kind: ModelRecord(path.stem, digest, "not stated", "not stated", runtime="opencv", precision="single")
        for kind, path, digest in files
    }


def describe_faces(record: RunRecord) -> str:
    """What came of comparing faces, as a sentence; empty where they were not compared.

    >>> describe_faces(RunRecord(cameras={"gate": CameraRecord(tracks=9, faceless=7)}))
    'Faces are too small to mean anything in 7 of 9 tracks: these were compared by appearance alone.'
    """
    cameras = [camera for camera in record.analysed.values() if camera.faceless is not None]
    if not cameras:
        return ""
    faceless, tracks = sum(camera.faceless or 0 for camera in cameras), sum(camera.tracks for camera in cameras)
    message = f"Faces are too small to mean anything in {faceless} of {tracks} tracks"
    return f"{message}: these were compared by appearance alone."


def model_record(model: Model, by: str | None = None) -> ModelRecord:
    """The entry of a model in a record; `by` says what it ran on."""
    # People may be matched again when the manifest has another file of this name.
    prior = _prior_record(model.prior) if model.prior else None
    facts = (model.name, model.digest, model.licence, model.trained_on, tuple(model.assumed))
    return ModelRecord(*facts, by=by, known=prior)


def _prior_record(prior: EmbedderPrior) -> PriorRecord:
    nested = _prior_record(prior.few_impostors) if prior.few_impostors else None
    return PriorRecord(prior.impostor_mean, prior.impostor_spread, prior.threshold, nested)


def _camera(result: CameraResult) -> CameraRecord:
    clip, camera = result.clip, result.camera
    about = CameraRecord(str(camera.clip), camera.file_name, range=camera.span)
    if clip is None:
        with suppress(ClipError):
            about = replace(about, digest=digest(camera.clip))
        return replace(about, failed=result.fault)
    return replace(
        about,
        digest=clip.digest,
        width=clip.width,
        height=clip.height,
        fps=round(clip.fps, 3),
        frames=clip.frames,
        analysed=result.analysed,
        unreadable=result.missing,
        parts=tuple((part, shift) for part, shift in layout_of(clip)),
        recordings=_recordings(clip),
        notes=(*clip.warnings, *_unreadable(result)),
        tracks=len(np.unique(result.tracks.track)),
        boxes=len(result.tracks),
        stages={stage: StageRecord(**cost) for stage, cost in result.stages.items()},
        faceless=result.faceless,
        objects=tuple(result.objects.tolist()),
    )


def _recordings(clip: Clip) -> tuple[RecordingRecord, ...]:
    entries = read_list(Path(clip.path)) if clip.recordings else []
    return tuple(RecordingRecord(entry.title, entry.digest or digest(entry.file), entry.starts) for entry in entries)


def _unreadable(result: CameraResult) -> tuple[str, ...]:
    if not result.missing:
        return ()
    return (f"{result.missing} of {result.analysed} frames cannot be decoded: nobody was looked for in them.",)


def check_layout(clip: Clip, camera: CameraRecord) -> None:
    """`ClipError` unless the frames of the clip have the numbers that they had in the run of this camera's record."""
    if [list(part) for part in camera.parts] != layout_of(clip):
        raise ClipError(f"the run took the recordings in {Path(clip.path).name} for one", "Run it again.")


def read_record(out: Path) -> RunRecord:
    """The record of the run in folder `out`; its clips have the paths that they have now."""
    try:
        record = RECORD.read(out / RECORD_FILE)
    except FileNotFoundError as fault:
        raise StoreError(f"{out / RECORD_FILE} is missing", _RUN_AGAIN) from fault
    cameras = {name: replace(camera, clip=current_path(camera.clip)) for name, camera in record.cameras.items()}
    return replace(record, cameras=cameras)


def reproducible_facts(record: RunRecord) -> dict[str, Any]:
    """The part of a record that is the same for the same run on any day and in any folder.

    Cameras are a list in the order of the run; times of day, seconds spent and places of clips are left out.
    """
    content = record.to_dict()
    cameras = [{"camera": name, **_facts(camera)} for name, camera in content["cameras"].items()]
    return _without(content, _OF_THE_DAY) | {"cameras": cameras}


def _facts(camera: dict[str, Any]) -> dict[str, Any]:
    facts = _without(camera, _OF_THE_PLACE)
    if "stages" in facts:
        varying = _OF_THE_DAY | _OF_THE_PLACE
        facts["stages"] = {stage: _without(cost, varying) for stage, cost in facts["stages"].items()}
    return facts


def _without(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}
