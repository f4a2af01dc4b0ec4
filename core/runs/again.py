"""A run that is done, set up again: on clips and models that are recognised by their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core import __version__
from core.device import Backend, backend
from core.errors import ClipError
from core.output import versions
from core.people import ExportOptions, model_of
from core.pipeline import Camera, Networks
from core.runs.setup import Setup
from core.runs.told import KINDS, Manifest, Told, ToldClip, told
from core.video import digest
from core.weights import Kind, Model


@dataclass(frozen=True)
class Again:
    """`export` is how the result was handed out then. `differs` says what is not as it was then: where there is any,
    the result may be another."""

    setup: Setup
    export: ExportOptions
    differs: tuple[str, ...]


def again(
    manifest: Manifest, clips: Sequence[Path], device: str | None = None, files: Mapping[Kind, str] | None = None
) -> Again:
    """The setup that `manifest` tells of; `files` says where a model's file lies that has no name here.

    A clip or model that is missing or another one is refused; another version or device is only said.
    """
    then = told(manifest)
    cameras, lost = _cameras(then.clips, clips)
    detector, embedder = (_model(then, kind, (files or {}).get(kind, "")) for kind in KINDS)
    networks = Networks(detector, replace(embedder, known=then.known), backend(device) if device else _device(then))
    setup = Setup(cameras, networks, then.recipe, then.regions, then.offsets, then.choice)
    return Again(setup, then.export, (*lost, *_differs(then, networks)))


def _cameras(due: Sequence[ToldClip], clips: Sequence[Path]) -> tuple[list[Camera], list[str]]:
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


def _model(then: Told, kind: Kind, file: str) -> Model:
    """The very model of that run, under the name that it had."""
    return replace(model_of({"models": then.models}, kind, file), name=then.models[kind]["name"])


def _device(then: Told) -> Backend:
    """What computes here as it was computed then; where there is no CUDA now, what there is."""
    ran = {model["runtime"] for model in then.models.values()}
    return "auto" if "cuda" in ran else "torch" if ran == {"torch"} else "openvino"


def _differs(then: Told, networks: Networks) -> Iterator[str]:
    program = f"sightline {__version__}"
    now, before = {"program": program, "program of the export": program, **versions()}, dict(then.parts)
    for kind, model in zip(KINDS, (networks.detector_model, networks.embedder_model), strict=True):
        if model:
            now[f"{model.name} runs on"] = _words(networks.key(model))
            before[f"{model.name} runs on"] = _words(then.models[kind])
    for name, value in now.items():
        if value != (was := before.get(name, "unknown")):
            yield f"{name}: {was} then, {value} now"


def _words(runs: Mapping[str, str]) -> str:
    return f"{runs['runtime']}, {runs['precision']}"


def differing(one: Manifest, other: Manifest) -> list[str]:
    """The files of two exports that are not the same, by name."""
    first, second = ({entry["name"]: entry["sha256"] for entry in m["entries"]} for m in (one, other))
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))
