"""What the manifest of an export tells of the run behind it; clips and models are not looked at yet.

A run that is done, set up again: on clips and models that are recognised by their content."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core import __version__
from core.base.errors import ClipError, StoreError
from core.base.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.export.people_files import ExportOptions
from core.export.verify import verify_zip
from core.machine.device import Backend, backend
from core.runs import Camera, Choice, Name, Networks, Recipe, Setup, Span, TravelTime, find_run_model, versions
from core.vision.models import Kind, Known, Model
from core.vision.regions import Regions, from_json
from core.vision.video import digest

Manifest = Mapping[str, Any]
KINDS: tuple[Kind, Kind] = ("detector", "embedder")
_MANIFEST_REMEDY = "Give a gallery.zip of this program, or the manifest.json in it."


@dataclass(frozen=True)
class ClipRecord:
    """`digest` is empty where the clip could not be read at all; `span` where the camera had no range of its own."""

    camera: str
    file: str
    digest: str
    span: Span | None = None

    @property
    def words(self) -> str:
        """
        >>> ToldClip("gate", "a.mp4", "0123456789abcdef").words
        'a.mp4 (camera gate, digest 0123456789ab)'
        """
        return f"{self.file} (camera {self.camera}, digest {self.digest[:12] or 'unknown'})"


@dataclass(frozen=True)
class ReplayRecipe:
    """Everything that decided the run: of each model its name, sha256, runtime and precision; `parts` are versions."""

    clips: tuple[ClipRecord, ...]
    models: Mapping[Kind, Mapping[str, str]]
    known: Known | None
    recipe: Recipe
    regions: Mapping[str, Regions]
    offsets: Mapping[str, float]
    choice: Choice
    export: ExportOptions
    parts: Mapping[str, str]


def load_manifest(path: Path) -> Manifest:
    """The manifest in a zip that is as it was written, or the file manifest.json by itself."""
    if zipfile.is_zipfile(path):
        return verify_zip(path)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
    except ValueError as fault:
        raise StoreError(f"{path} is no manifest", _MANIFEST_REMEDY) from fault
    if not isinstance(manifest, dict) or "about" not in manifest:
        raise StoreError(f"{path} is no manifest", _MANIFEST_REMEDY)
    return manifest


def parse_manifest(manifest: Manifest) -> ReplayRecipe:
    """`StoreError` where the manifest does not hold all that it takes."""
    try:
        about = manifest["about"]
        run, known = about["run"], about["known_of_the_embedder"]
        return ReplayRecipe(
            clips=tuple(_clip(camera) for camera in run["cameras"]),
            models={kind: _model(run["models"][kind]) for kind in KINDS},
            known=known and Known.of(known),
            recipe=_recipe(run["settings"]),
            regions={name: from_json(json.dumps(shapes)) for name, shapes in run["regions"].items()},
            offsets=dict(about["offset_seconds"]),
            choice=_choice(about),
            export=ExportOptions(bool(manifest["blurred"]), about.get("heads_shown_because", "")),
            parts={"program": run["program"], "program of the export": manifest["program"], **run["versions"]},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise StoreError(
            f"the manifest does not tell how to do the run again ({fault})",
            "It may be of pictures without clips, or of another version of the program: take the settings it shows.",
        ) from fault


def _clip(camera: Mapping[str, Any]) -> ClipRecord:
    start, end = camera.get("range", (None, None))
    span = None if start is None else (float(start), None if end is None else float(end))
    return ClipRecord(camera["camera"], camera["file"], camera.get("digest", ""), span)


def _model(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in ("name", "sha256", "runtime", "precision")}


def _choice(about: Mapping[str, Any]) -> Choice:
    said = about["choice"]
    travel = tuple(TravelTime(one, other, float(seconds)) for one, other, seconds in said["travel"])
    # An older program knew of no names, and asked for no purpose or reason.
    names = tuple(Name(camera, int(track), name, note) for camera, track, name, note in said.get("names", ()))
    purpose = about.get("purpose", "")
    return Choice(said["threshold"], tuple(said["links"]), travel, said["looks_only"], names, purpose)


def _recipe(settings: Mapping[str, Any]) -> Recipe:
    return Recipe(
        VideoSettings(**settings["video"]),
        DetectSettings(**settings["detect"]),
        EmbedSettings(**settings["embed"]),
        TrackSettings(**settings["track"]),
    )


@dataclass(frozen=True)
class Replay:
    """`export` is how the result was handed out then. `differs` says what is not as it was then: where there is any,
    the result may be another."""

    setup: Setup
    export: ExportOptions
    differences: tuple[str, ...]


def prepare_replay(
    manifest: Manifest, clips: Sequence[Path], device: str | None = None, files: Mapping[Kind, str] | None = None
) -> Replay:
    """The setup that `manifest` tells of; `files` says where a model's file lies that has no name here.

    A clip or model that is missing or another one is refused; another version or device is only said.
    """
    then = parse_manifest(manifest)
    cameras, lost = _cameras(then.clips, clips)
    detector, embedder = (_find_model(then, kind, (files or {}).get(kind, "")) for kind in KINDS)
    networks = Networks(detector, replace(embedder, known=then.known), backend(device) if device else _device(then))
    setup = Setup(cameras, networks, then.recipe, then.regions, then.offsets, then.choice)
    return Replay(setup, then.export, (*lost, *_environment_differences(then, networks)))


def _cameras(due: Sequence[ClipRecord], clips: Sequence[Path]) -> tuple[list[Camera], list[str]]:
    """The cameras in their order, each with the clip of its content; and, in words, those that had no content."""
    here = [digest(clip) for clip in clips]
    place = dict(zip(here, clips, strict=True))
    there = {clip.digest for clip in due}
    missing = [clip.words for clip in due if clip.digest and clip.digest not in place]
    strange = [clip.name for clip, content in zip(clips, here, strict=True) if content not in there]
    if missing or strange:
        words = [f"these clips are missing: {', '.join(missing)}"] * bool(missing)
        words += [f"these are no clips of that run: {', '.join(strange)}"] * bool(strange)
        raise ClipError(
            "; ".join(words),
            "Give all clips of that run and no others. Names and order do not matter, but a copy must be exact.",
        )
    cameras = [Camera(clip.camera, place[clip.digest], clip.file, clip.span) for clip in due if clip.digest]
    return cameras, [f"{clip.words} could not be read then and is left out" for clip in due if not clip.digest]


def _find_model(then: ReplayRecipe, kind: Kind, file: str) -> Model:
    """The very model of that run, under the name that it had."""
    return replace(find_run_model({"models": then.models}, kind, file), name=then.models[kind]["name"])


def _device(then: ReplayRecipe) -> Backend:
    """What computes here as it was computed then; where there is no CUDA now, what there is."""
    ran = {model["runtime"] for model in then.models.values()}
    return "auto" if "cuda" in ran else "torch" if ran == {"torch"} else "openvino"


def _environment_differences(then: ReplayRecipe, networks: Networks) -> Iterator[str]:
    program = f"sightline {__version__}"
    now, before = {"program": program, "program of the export": program, **versions()}, dict(then.parts)
    for kind, model in zip(KINDS, (networks.detector_model, networks.embedder_model), strict=True):
        if model:
            now[f"{model.name} runs on"] = _runtime_text(networks.key(model))
            before[f"{model.name} runs on"] = _runtime_text(then.models[kind])
    for name, value in now.items():
        if value != (was := before.get(name, "unknown")):
            yield f"{name}: {was} then, {value} now"


def _runtime_text(runs: Mapping[str, str]) -> str:
    return f"{runs['runtime']}, {runs['precision']}"


def differing(one: Manifest, other: Manifest) -> list[str]:
    """The files of two exports that are not the same, by name."""
    first, second = ({entry["name"]: entry["sha256"] for entry in m["entries"]} for m in (one, other))
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
