"""A run repeated from its export: the recipe that the manifest holds, set up here, and the new export compared.

Clips and models are recognised by their content, whatever their files are called now. A clip or a model that is missing
or has changed is an error; another version of the program or of a library, or another device, is reported, because
it may change the result.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from core import __version__
from core.base.errors import ClipError, SightlineError, StoreError, WeightsError
from core.base.settings import DetectSettings, EmbedSettings, Number, TrackSettings, VideoSettings
from core.base.text import Clocks, read_day
from core.export.facts import CaseFacts, Original
from core.export.people_files import ExportOptions
from core.export.verify import RECORD, Manifest, verify_zip
from core.machine.chain import CHAIN, TEXTS
from core.machine.device import Backend, parse_backend
from core.machine.records import RecordFormat
from core.runs import (
    FACE_KINDS,
    Camera,
    Choice,
    Link,
    ModelRecord,
    Name,
    Networks,
    OverlapRecord,
    PersonNumber,
    PriorRecord,
    Recipe,
    RecordingRecord,
    Setup,
    Span,
    TravelTime,
    find_run_model,
    versions,
)
from core.vision.face import FaceModels, find_face_models
from core.vision.models import EmbedderPrior, Model, ModelKind
from core.vision.regions import Regions
from core.vision.video import ListedRecording, digest, keep_list

LOG_FILES = {CHAIN, TEXTS, "log.csv"}
KINDS: tuple[ModelKind, ModelKind] = ("detector", "embedder")
PRESENTATION = ("README.txt", "report.html", "contact_sheet*.jpg")
"""Files of an export that show its data to a reader: another version of the program may word or draw them otherwise."""
CROPS = ("people/*.jpg",)


@dataclass(frozen=True)
class ClipRecord:
    """A clip as the manifest names it.

    `digest` is empty where the clip could not be read during the run; `span` is None where the camera had no time range
    of its own. `recordings` are the files of a camera that has several.
    """

    camera: str
    file: str
    digest: str
    span: Span | None = None
    recordings: tuple[RecordingRecord, ...] = ()

    @property
    def description(self) -> str:
        """
        >>> ClipRecord("gate", "a.mp4", "0123456789abcdef").description
        'a.mp4 (camera gate, digest 0123456789ab)'
        """
        return f"{self.file} (camera {self.camera}, digest {self.digest[:12] or 'unknown'})"

    @property
    def files(self) -> tuple[ClipRecord, ...]:
        """The files that the clip is made of: mostly one, itself."""
        return tuple(ClipRecord(self.camera, file.file, file.digest) for file in self.recordings) or (self,)


@dataclass(frozen=True)
class ReplayRecipe:
    """Everything that decided a run and its export, as the manifest tells it.

    `models` holds the name, sha256, runtime and precision of each model, `prior` what was known of the embedder, and
    `versions` the version of the program, of each library and of each stage. `find_overlaps` is whether the run learned
    which cameras see the same ground; people may have been matched without it all the same.
    """

    clips: tuple[ClipRecord, ...]
    models: Mapping[str, ModelRecord]
    prior: EmbedderPrior | None
    recipe: Recipe
    regions: Mapping[str, Regions]
    offsets: Mapping[str, float]
    choice: Choice
    export: ExportOptions
    versions: Mapping[str, str]
    find_overlaps: bool = True


@dataclass(frozen=True)
class Replay:
    """A run that is ready to be repeated.

    `export` says how the result was exported. Each line of `differences` names something that is not as it was then;
    with any of them the result may be another.
    """

    setup: Setup
    export: ExportOptions
    differences: tuple[str, ...]


@dataclass(frozen=True)
class ExportDifferences:
    """The files that are not the same in two exports, by name; a file that only one of them holds counts as well.

    `presentation` holds those of `PRESENTATION`, `data` all others. `same_program` is whether the same version of the
    program wrote both exports.
    """

    data: tuple[str, ...]
    presentation: tuple[str, ...]
    same_program: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All files that differ, in order."""
        return tuple(sorted((*self.data, *self.presentation)))

    @property
    def is_reproduced(self) -> bool:
        """Whether all data is the same. One version of the program must also present it in the same way."""
        return not self.data and not (self.presentation and self.same_program)


def load_manifest(path: Path) -> Manifest:
    """The manifest of the zip at `path`, which must be unchanged, or of a manifest.json that was taken out of a zip."""
    if zipfile.is_zipfile(path):
        return verify_zip(path)
    try:
        return RECORD.read(path)
    except FileNotFoundError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault


@dataclass(frozen=True)
class _RecordedCamera:
    """A camera of the run, as `reproducible_facts` lists it."""

    camera: str
    file: str
    digest: str = ""
    range: tuple[float, float | None] | None = None
    recordings: tuple[RecordingRecord, ...] = ()


@dataclass(frozen=True)
class _RecordedModel:
    name: str
    sha256: str
    runtime: str
    precision: str


@dataclass(frozen=True)
class _RecordedRun:
    """The part of a run's record that a repetition needs. Settings are those of any version of the program."""

    program: str
    cameras: tuple[_RecordedCamera, ...]
    models: dict[str, _RecordedModel]
    settings: dict[str, dict[str, bool | Number | None]]
    regions: dict[str, Regions]
    versions: dict[str, str]
    same_ground: tuple[OverlapRecord, ...] | None = None


@dataclass(frozen=True)
class _RecordedClocks:
    began: dict[str, str] = field(default_factory=dict)
    zone: str = ""
    drift: dict[str, Number] = field(default_factory=dict)


@dataclass(frozen=True)
class _RecordedChoice:
    """The decisions, as `about_people` writes them. Earlier versions recorded no names, numbers or wall clocks."""

    threshold: Number | None
    links: tuple[dict[str, str], ...]
    travel: tuple[TravelTime, ...]
    looks_only: bool
    names: tuple[Name, ...] = ()
    numbers: tuple[PersonNumber, ...] = ()
    clocks: _RecordedClocks = _RecordedClocks()


@dataclass(frozen=True)
class _RecordedPeople:
    """The part of a manifest's `about` that a repetition needs; the program that wrote the export, and its options."""

    program: str
    blurred: bool
    run: _RecordedRun
    known_of_the_embedder: PriorRecord | None
    offset_seconds: dict[str, Number]
    choice: _RecordedChoice
    purpose: str = ""
    keep_until: str = ""
    heads_shown_because: str = ""
    case: CaseFacts | None = None
    originals: tuple[Original, ...] = ()

    @property
    def export(self) -> ExportOptions:
        absent = {original.camera: original.missing for original in self.originals if original.missing}
        return ExportOptions(self.blurred, self.heads_shown_because, case=self.case, absent=absent)


_PEOPLE = RecordFormat(_RecordedPeople, "recipe")


def parse_manifest(manifest: Manifest) -> ReplayRecipe:
    """The recipe in `manifest`; `StoreError` where the manifest does not hold all of it."""
    about = {**manifest.about, "format": 1, "program": manifest.program, "blurred": manifest.blurred}
    try:
        recorded = _PEOPLE.from_content(about)
        run, prior = recorded.run, recorded.known_of_the_embedder
        return ReplayRecipe(
            clips=tuple(
                ClipRecord(each.camera, each.file, each.digest, each.range, each.recordings) for each in run.cameras
            ),
            models={kind: ModelRecord(**vars(model)) for kind, model in run.models.items()},
            prior=prior.prior if prior else None,
            recipe=_recipe(run.settings),
            regions=run.regions,
            offsets=recorded.offset_seconds,
            choice=_choice(recorded.choice, recorded.purpose, recorded.keep_until),
            export=recorded.export,
            versions={"program": run.program, "program of the export": recorded.program, **run.versions},
            find_overlaps=run.same_ground is not None,
        )
    except (KeyError, SightlineError, TypeError, ValueError) as fault:
        why = fault.message if isinstance(fault, SightlineError) else fault
        raise StoreError(
            f"the manifest does not tell how to repeat the run ({why})",
            "It may come from crops without clips, or from another version of the program: use the settings it shows.",
        ) from fault


def _choice(recorded: _RecordedChoice, purpose: str, keep_until: str) -> Choice:
    return Choice(
        recorded.threshold,
        tuple(map(Link.from_dict, recorded.links)),
        recorded.travel,
        recorded.looks_only,
        recorded.names,
        purpose,
        recorded.numbers,
        Clocks.read(**vars(recorded.clocks)),
        read_day(keep_until),
    )


def _recipe(settings: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """The settings; `TypeError` for one that this program does not know, since the result may depend on it."""
    return Recipe(
        VideoSettings(**settings["video"]),
        DetectSettings(**settings["detect"]),
        EmbedSettings(**settings["embed"]),
        TrackSettings(**settings["track"]),
    )


def prepare_replay(
    manifest: Manifest, clips: Sequence[Path], device: str | None = None, files: Mapping[ModelKind, str] | None = None
) -> Replay:
    """The run of `manifest`, set up on `clips`; `files` names the file of each model that has no name here.

    `ClipError` or `WeightsError` where a clip or a model is missing or has other content.
    """
    recipe = parse_manifest(manifest)
    cameras, unreadable = _cameras(recipe.clips, clips)
    detector, embedder = (_find_model(recipe, kind, (files or {}).get(kind, "")) for kind in KINDS)
    runtime = parse_backend(device) if device else _recorded_backend(recipe)
    faces = _find_faces(recipe) if set(FACE_KINDS) <= set(recipe.models) else None
    networks = Networks(detector, replace(embedder, prior=recipe.prior), runtime, faces=faces)
    setup = Setup(cameras, networks, recipe.recipe, recipe.regions, recipe.offsets, recipe.choice, recipe.find_overlaps)
    return Replay(setup, recipe.export, (*unreadable, *_environment_differences(recipe, networks)))


def _cameras(records: Sequence[ClipRecord], clips: Sequence[Path]) -> tuple[list[Camera], list[str]]:
    """The cameras in their recorded order, each with the clip that has its content; and a line for each clip that could
    not be read during the run."""
    content = [digest(clip) for clip in clips]
    clip_of = dict(zip(content, clips, strict=True))
    recorded = {record.digest for record in records} | {file.digest for each in records for file in each.recordings}
    for record in records:
        if record.recordings and all(file.digest in clip_of for file in record.recordings):
            listed = [
                ListedRecording(str(clip_of[file.digest].resolve()), file.digest, file.starts, file.file)
                for file in record.recordings
            ]
            clip_of.setdefault(record.digest, keep_list(listed))
    missing = [
        file.description
        for record in records
        if record.digest and record.digest not in clip_of
        for file in record.files
        if file.digest not in clip_of
    ]
    foreign = [clip.name for clip, found in zip(clips, content, strict=True) if found not in recorded]
    if missing or foreign:
        faults = [f"these clips are missing: {', '.join(missing)}"] * bool(missing)
        faults += [f"these are no clips of that run: {', '.join(foreign)}"] * bool(foreign)
        raise ClipError(
            "; ".join(faults),
            "Give all clips of that run and no others. Names and order do not matter, but a copy must be exact.",
        )
    cameras = [Camera(r.camera, clip_of[r.digest], r.file, r.span) for r in records if r.digest]
    return cameras, [f"{r.description} could not be read then and is left out" for r in records if not r.digest]


def _find_model(recipe: ReplayRecipe, kind: ModelKind, file: str) -> Model:
    """The model of that run, by its content, under the name that it had then."""
    return replace(find_run_model(recipe.models, kind, file), name=recipe.models[kind].name)


def _find_faces(recipe: ReplayRecipe) -> FaceModels:
    """The files by which that run compared faces; they must be the same."""
    faces = find_face_models()
    if faces.digests != tuple(recipe.models[kind].sha256 for kind in FACE_KINDS):
        raise WeightsError("YuNet or SFace is another file than in that run", "Put the files of that run in place.")
    return faces


def _recorded_backend(recipe: ReplayRecipe) -> Backend:
    """The backend of that run; "auto" for CUDA, which may not be available here."""
    runtimes = {recipe.models[kind].runtime for kind in KINDS}
    return "auto" if "cuda" in runtimes else "torch" if runtimes == {"torch"} else "openvino"


def _environment_differences(recipe: ReplayRecipe, networks: Networks) -> Iterator[str]:
    """A line for each version, runtime and precision that is not as it was."""
    program = f"sightline {__version__}"
    now, before = {"program": program, "program of the export": program, **versions()}, dict(recipe.versions)
    for kind, model in zip(KINDS, (networks.detector_model, networks.embedder_model), strict=True):
        if model:
            ran = networks.key(model)
            now[f"{model.name} runs on"] = _runtime_text(ran["runtime"], ran["precision"])
            before[f"{model.name} runs on"] = _runtime_text(recipe.models[kind].runtime, recipe.models[kind].precision)
    for name, value in now.items():
        if value != (was := before.get(name, "unknown")):
            yield f"{name}: {was} then, {value} now"


def _runtime_text(runtime: str | None, precision: str | None) -> str:
    return f"{runtime}, {precision}"


def compare_exports(before: Manifest, after: Manifest) -> ExportDifferences:
    """The files that differ, by the digests in the manifests of two exports."""
    first, second = before.digests, after.digests
    # The log is of the case, not of the run; the README names its last entry.
    about_log = LOG_FILES if before.log == after.log else {*LOG_FILES, "README.txt"}
    names = sorted(name for name in {*first, *second} - about_log if first.get(name) != second.get(name))
    blurred = before.blurred and after.blurred
    presentation = tuple(name for name in names if is_presentation(name, blurred))
    data = tuple(name for name in names if not is_presentation(name, blurred))
    return ExportDifferences(data, presentation, before.program == after.program)


def is_presentation(name: str, blurred: bool) -> bool:
    """Whether this file of an export only presents data that its other files hold: crops too, where they are `blurred`,
    for versions differ in how much of a picture they cover.

    >>> is_presentation("contact_sheet_2.jpg", False), is_presentation("sightings.csv", True)
    (True, False)
    >>> is_presentation("people/P001/cam1.jpg", True), is_presentation("people/P001/cam1.jpg", False)
    (True, False)
    """
    return any(fnmatch(name, pattern) for pattern in (*PRESENTATION, *(CROPS if blurred else ())))
