"""What the manifest of an export tells of the run behind it; clips and models are not looked at yet."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.gallery import read_manifest
from core.people import Choice, ExportOptions, Name, Way
from core.pipeline import Recipe, Span
from core.regions import Regions, from_json
from core.settings import DetectSettings, EmbedSettings, TrackSettings, VideoSettings
from core.weights import Kind, Known

Manifest = Mapping[str, Any]
KINDS: tuple[Kind, Kind] = ("detector", "embedder")
_WHICH = "Give a gallery.zip of this program, or the manifest.json in it."


@dataclass(frozen=True)
class ToldClip:
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
class Told:
    """Everything that decided the run: of each model its name, sha256, runtime and precision; `parts` are versions."""

    clips: tuple[ToldClip, ...]
    models: Mapping[Kind, Mapping[str, str]]
    known: Known | None
    recipe: Recipe
    regions: Mapping[str, Regions]
    offsets: Mapping[str, float]
    choice: Choice
    export: ExportOptions
    parts: Mapping[str, str]


def read(path: Path) -> Manifest:
    """The manifest in a zip that is as it was written, or the file manifest.json by itself."""
    if zipfile.is_zipfile(path):
        return read_manifest(path)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
    except ValueError as fault:
        raise StoreError(f"{path} is no manifest", _WHICH) from fault
    if not isinstance(manifest, dict) or "about" not in manifest:
        raise StoreError(f"{path} is no manifest", _WHICH)
    return manifest


def told(manifest: Manifest) -> Told:
    """`StoreError` where the manifest does not hold all that it takes."""
    try:
        about = manifest["about"]
        run, known = about["run"], about["known_of_the_embedder"]
        return Told(
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


def _clip(camera: Mapping[str, Any]) -> ToldClip:
    start, end = camera.get("range", (None, None))
    span = None if start is None else (float(start), None if end is None else float(end))
    return ToldClip(camera["camera"], camera["file"], camera.get("digest", ""), span)


def _model(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: facts[name] for name in ("name", "sha256", "runtime", "precision")}


def _choice(about: Mapping[str, Any]) -> Choice:
    said = about["choice"]
    travel = tuple(Way(one, other, float(seconds)) for one, other, seconds in said["travel"])
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
