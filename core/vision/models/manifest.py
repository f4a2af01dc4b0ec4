"""The manifest (weights/manifest.toml) of all models that Sightline knows, shipped or not, and finding a model in it.

A model is found by its name in the manifest or by a path. Only digests are read here; no model is opened."""

from __future__ import annotations

import contextlib
import functools
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.base.errors import StoreError, WeightsError
from core.machine.paths import cache_dir, data_dir
from core.vision.models.digests import PINS_FILE, Pin, format_of, model_digest, model_file, model_name, pins
from core.vision.models.model import EmbedderPrior, InputConvention, Model, ModelKind, ModelStatus, ScoreScale, Triple
from core.vision.models.recognise import recognise

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a model where its publisher offers it: its size in bytes, exact or near, and its SHA-256, which may be
    empty, or only the first digits, as in torchvision's file names."""

    name: str
    url: str
    bytes: float
    sha256: str = ""


@dataclass(frozen=True)
class ManifestEntry:
    """One model of the manifest. `sha256` is as in `RemoteFile`, of all files of the model in order. `parts` are these
    files where `file` is a folder that can be downloaded."""

    model: Model
    file: str
    sha256: str
    parts: tuple[RemoteFile, ...] = ()

    @property
    def remote_files(self) -> tuple[RemoteFile, ...]:
        """What there is to download; empty where nobody offers the model."""
        if self.parts or not self.model.url:
            return self.parts
        return (RemoteFile(Path(self.file).name, self.model.url, self.model.megabytes * 1e6, self.sha256),)

    def matches_digest(self, digest: str) -> bool:
        return bool(self.sha256) and digest.startswith(self.sha256)

    def matches_path(self, path: Path) -> bool:
        """Whether `path` ends like the manifest's file, or is called like the model."""
        tail = Path(self.file).parts
        return path.parts[-len(tail) :] == tail or model_name(path) == self.model.name

    def at(self, path: Path, digest: str) -> Model:
        """The entry's model in the file at `path`."""
        return replace(self.model, path=path, digest=digest, format=format_of(path) or self.model.format)


def weight_folders() -> list[Path]:
    """Where files are looked for: weights/ beside the program, SIGHTLINE_WEIGHTS, weights/ in the data folder."""
    folders = [WEIGHTS, *_user_folder()]
    with contextlib.suppress(StoreError):
        folders.append(data_dir() / "weights")
    return folders


def download_folder() -> Path:
    """Where downloads go: the folder that SIGHTLINE_WEIGHTS names, otherwise weights/ in the data folder."""
    chosen = _user_folder()
    return chosen[0] if chosen else data_dir() / "weights"


def _user_folder() -> list[Path]:
    folder = os.environ.get("SIGHTLINE_WEIGHTS")
    return [Path(folder).expanduser()] if folder else []


def entries(manifest: Path | None = None) -> dict[str, ManifestEntry]:
    """All entries by name, in the manifest's order."""
    path = manifest or WEIGHTS / "manifest.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise WeightsError(f"{path} cannot be read as a manifest ({fault})", "Restore it from the release.") from fault


@functools.lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> dict[str, ManifestEntry]:
    with path.open("rb") as stream:
        rows = tomllib.load(stream)["model"]
    parsed = [_entry(row, path.parent) for row in rows]
    return {entry.model.name: entry for entry in parsed}


def _entry(row: dict[str, Any], weights: Path) -> ManifestEntry:
    parts = tuple(RemoteFile(**part) for part in row.get("files", ()))
    model = Model(
        name=row["name"],
        kind=row["kind"],
        path=weights / row["file"],
        format=format_of(Path(row["file"])) or "openvino",
        digest=row.get("sha256", ""),
        architecture=row["architecture"],
        input=_convention(row["input"]),
        dimension=row.get("dimension", 0),
        licence=row["licence"],
        trained_on=row["trained_on"],
        source=row["source"],
        figures=tuple(row.get("figures", ())),
        good_for=row.get("good_for", ""),
        assumed=tuple(row.get("assumed", ())),
        url=parts[0].url if parts else row.get("url", ""),
        megabytes=sum(part.bytes for part in parts) / 1e6 or float(row.get("megabytes", 0)),
        prior=EmbedderPrior.from_dict(row["known"]) if "known" in row else None,
        scale=ScoreScale(**row["scores"]) if "scores" in row else None,
        brief=row.get("brief", ""),
        recommended=tuple(row.get("recommended", ())),
    )
    return ManifestEntry(model, row["file"], row.get("sha256", ""), parts)


def _convention(row: dict[str, Any]) -> InputConvention:
    triples: dict[str, Triple] = {key: (*map(float, row[key]),) for key in ("mean", "std") if key in row}  # type: ignore[misc]
    return InputConvention(**{**row, **triples})


def find(name_or_path: str, kind: ModelKind) -> Model:
    """The model of that name in the manifest, its digest verified; or the file or OpenVINO folder at that path."""
    entry = entries().get(name_or_path)
    model = verified_model(entry) if entry else _user_model(name_or_path, kind)
    if model.kind != kind:
        raise WeightsError(f"{name_or_path} is of kind '{model.kind}', not '{kind}'", _names_of_kind(kind, "Known: "))
    return model


def statuses() -> list[ModelStatus]:
    """Every model of the manifest, in its order. The path of a missing model is where it is expected."""
    return [safe_status(entry) for entry in entries().values()]


def status(entry: ManifestEntry) -> ModelStatus:
    """Whether the entry's file is here and has the digest that the manifest or a pin states."""
    folder = _folder_with_file(entry)
    if folder is None:
        return ModelStatus(entry.model, "missing")
    path = model_file(folder / entry.file)
    model = entry.at(path, model_digest(path))
    expected, pin = _expected_digest(entry, folder)
    if expected and not model.digest.startswith(expected):
        # Before its digest was known, the first file that came was pinned; cases that used it go on with it.
        pin = pins(folder).get(entry.file)
        if pin is None or pin.sha256 != model.digest:
            return ModelStatus(model, "changed")
        since = f"it is the file of {pin.since}, not the one that the manifest describes now"
        model = _with_assumption(model, since)
    elif pin:
        model = _with_assumption(model, f"unchanged since its download on {pin.since}; its publisher states no digest")
    elif not expected:
        model = _unpinned(model)
    return ModelStatus(model, "present")


def verified_model(entry: ManifestEntry) -> Model:
    """The entry's model; `WeightsError` where its file is missing or changed."""
    found = status(entry)
    if found.state == "missing":
        places = " or ".join(str(folder / entry.file) for folder in weight_folders())
        present = [
            candidate.model.name
            for candidate in statuses()
            if candidate.state == "present" and candidate.model.kind == entry.model.kind
        ]
        command = (
            f"Download it with: python -m core models get {entry.model.name}. Or put" if entry.model.url else "Put"
        )
        raise WeightsError(
            f"the file of {entry.model.name} is missing",
            f"{command} it at {places} (source: {entry.model.source}). Present: {', '.join(present) or 'none'}.",
        )
    if found.state == "changed":
        raise _changed(entry, found.model)
    return found.model


def safe_status(entry: ManifestEntry) -> ModelStatus:
    """A broken folder counts as changed, so that the rest of the list still appears."""
    try:
        return status(entry)
    except WeightsError:
        return ModelStatus(entry.model, "changed")


def _folder_with_file(entry: ManifestEntry) -> Path | None:
    """The first folder that holds the entry's file."""
    return next((folder for folder in weight_folders() if (folder / entry.file).exists()), None)


def _expected_digest(entry: ManifestEntry, folder: Path) -> tuple[str, Pin | None]:
    """The digits with which the SHA-256 has to begin (none: unknown), and the pin if they come from one."""
    pin = None if entry.sha256 else pins(folder).get(entry.file)
    return entry.sha256 or (pin.sha256 if pin else ""), pin


def _changed(entry: ManifestEntry, model: Model) -> WeightsError:
    folder = _folder_with_file(entry) or model.path.parent
    expected, pin = _expected_digest(entry, folder)
    described = f"downloaded and pinned on {pin.since}" if pin else "that the manifest describes"
    mismatch = f"its SHA-256 begins with {model.digest[:12]}, not {expected[:12]}"
    remedy = "Restore it, or name the file by its path to use it as it is."
    if pin:
        remedy = (
            "Remove it and download it again, name the file by its path to use it as it is, or, "
            f"if you trust the new file, remove {entry.file} from {folder / PINS_FILE}."
        )
    return WeightsError(f"{model.path} is not the file {described} ({mismatch})", remedy)


def _user_model(name_or_path: str, kind: ModelKind) -> Model:
    path = Path(name_or_path).expanduser()
    if not path.exists() and path.parent == cache_dir() / "weights":
        # Downloads were there in version 0.1.0, and cases may name them by their path.
        path = data_dir() / "weights" / path.name
    if not path.exists():
        if format_of(path) or path.name != name_or_path:
            raise WeightsError(
                f"there is no model file {path}", _names_of_kind(kind, "Check the path, or give a name: ")
            )
        raise WeightsError(f"no {kind} is called '{name_or_path}'", _names_of_kind(kind, "Known: "))
    path = model_file(path.resolve())
    found = model_digest(path)
    same_kind = [entry for entry in entries().values() if entry.model.kind == kind]
    for entry in entries().values():
        if entry.matches_digest(found):
            return entry.at(path, found)
    for entry in same_kind:
        if entry.matches_path(path) and entry.model.format == format_of(path):
            return _unpinned(entry.at(path, found))
    return recognise(path, found, kind, [entry.model for entry in same_kind])


def _unpinned(model: Model) -> Model:
    return _with_assumption(model, f"assumed to be {model.name} because of its file name; its content was not verified")


def _with_assumption(model: Model, sentence: str) -> Model:
    return replace(model, assumed=(*model.assumed, sentence))


def _names_of_kind(kind: ModelKind, start: str) -> str:
    return start + ", ".join(name for name, entry in entries().items() if entry.model.kind == kind) + "."
