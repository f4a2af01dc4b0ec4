"""Reads weights/manifest.toml: every model that is known, shipped or not. Opens no model.

Finds a model by the manifest's name or by a path that the user gives, and says what is here and what is missing."""

from __future__ import annotations

import contextlib
import functools
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.base.errors import StoreError, WeightsError
from core.machine.paths import cache_dir
from core.vision.models.digests import PINS_FILE, Pin, digest, format_of, model_file, model_name, pins
from core.vision.models.model import EmbedderPrior, InputConvention, Kind, Model, Status, Triple
from core.vision.models.recognise import recognise

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"


@dataclass(frozen=True)
class Entry:
    """One model of the manifest. `sha256` may be only its beginning (torchvision names its files so), or empty."""

    model: Model
    file: str
    sha256: str

    def matches_digest(self, digest: str) -> bool:
        return bool(self.sha256) and digest.startswith(self.sha256)

    def matches_path(self, path: Path) -> bool:
        """Whether `path` ends as the manifest's file does, or has the model's name."""
        tail = Path(self.file).parts
        return path.parts[-len(tail) :] == tail or model_name(path) == self.model.name

    def at(self, path: Path, digest: str) -> Model:
        return replace(self.model, path=path, digest=digest, format=format_of(path) or self.model.format)


def folders() -> list[Path]:
    """Where the manifest's files are looked for: our own folder, `SIGHTLINE_WEIGHTS`, `weights` in the user's cache."""
    found = [WEIGHTS, *_user_folder()]
    with contextlib.suppress(StoreError):
        found.append(cache_dir() / "weights")
    return found


def download_folder() -> Path:
    """Where a file that is fetched goes: the folder that SIGHTLINE_WEIGHTS names, or else one in the user's cache."""
    named = _user_folder()
    return named[0] if named else cache_dir() / "weights"


def _user_folder() -> list[Path]:
    extra = os.environ.get("SIGHTLINE_WEIGHTS")
    return [Path(extra).expanduser()] if extra else []


def entries(manifest: Path | None = None) -> dict[str, Entry]:
    """All entries by name, in the manifest's order."""
    path = manifest or WEIGHTS / "manifest.toml"
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as fault:
        raise WeightsError(f"{path} cannot be read as a manifest ({fault})", "Restore it from the release.") from fault


@functools.lru_cache(maxsize=4)
def _read(path: Path, _changed: int) -> dict[str, Entry]:
    with path.open("rb") as stream:
        rows = tomllib.load(stream)["model"]
    read = [_entry(row, path.parent) for row in rows]
    return {entry.model.name: entry for entry in read}


def _entry(row: dict[str, Any], home: Path) -> Entry:
    model = Model(
        name=row["name"],
        kind=row["kind"],
        path=home / row["file"],
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
        url=row.get("url", ""),
        megabytes=float(row.get("megabytes", 0)),
        prior=EmbedderPrior.from_dict(row["known"]) if "known" in row else None,
    )
    return Entry(model, row["file"], row.get("sha256", ""))


def _convention(row: dict[str, Any]) -> InputConvention:
    triples: dict[str, Triple] = {key: (*map(float, row[key]),) for key in ("mean", "std") if key in row}  # type: ignore[misc]
    return InputConvention(**{**row, **triples})


def find(name_or_path: str, kind: Kind) -> Model:
    """The model of that name in the manifest, its digest checked; or the file, or OpenVINO folder, of that path."""
    entry = entries().get(name_or_path)
    model = verified_model(entry) if entry else _user_model(name_or_path, kind)
    if model.kind != kind:
        raise WeightsError(f"{name_or_path} is of kind '{model.kind}', not '{kind}'", _names_of_kind(kind, "Known: "))
    return model


def statuses() -> list[Status]:
    """Every model of the manifest, in its order. The path of a missing one is where it is expected."""
    return [_status_or_changed(entry) for entry in entries().values()]


def status(entry: Entry) -> Status:
    """Whether the entry's file is here, and the one that the manifest or a pin describes."""
    place = _folder_with_file(entry)
    if place is None:
        return Status(entry.model, "missing")
    path = model_file(place / entry.file)
    model = entry.at(path, digest(path))
    due, pin = _expected_digest(entry, place)
    if due and not model.digest.startswith(due):
        return Status(model, "changed")
    if pin:
        model = _with_assumption(model, f"unchanged since it was fetched on {pin.since}; its publisher gives no digest")
    elif not due:
        model = _unpinned(model)
    return Status(model, "present")


def verified_model(entry: Entry) -> Model:
    """The entry's model, if its file is here and as it should be."""
    now = status(entry)
    if now.state == "missing":
        places = " or ".join(str(folder / entry.file) for folder in folders())
        here = [
            other.model.name for other in statuses() if other.state == "present" and other.model.kind == entry.model.kind
        ]
        fetched = f"Fetch it with: python -m core models get {entry.model.name}. Or put" if entry.model.url else "Put"
        raise WeightsError(
            f"the file of {entry.model.name} is missing",
            f"{fetched} it at {places} (its source: {entry.model.source}). Here already: {', '.join(here) or 'none'}.",
        )
    if now.state == "changed":
        raise _changed(entry, now.model)
    return now.model


def _status_or_changed(entry: Entry) -> Status:
    """One broken folder does not keep the others from being listed."""
    try:
        return status(entry)
    except WeightsError:
        return Status(entry.model, "changed")


def _folder_with_file(entry: Entry) -> Path | None:
    """The first folder that holds the entry's file; None where none does."""
    return next((folder for folder in folders() if (folder / entry.file).exists()), None)


def _expected_digest(entry: Entry, place: Path) -> tuple[str, Pin | None]:
    """How the SHA-256 has to begin (empty: nobody knows), and the pin that says so, if it is one."""
    pin = None if entry.sha256 else pins(place).get(entry.file)
    return entry.sha256 or (pin.sha256 if pin else ""), pin


def _changed(entry: Entry, model: Model) -> WeightsError:
    place = _folder_with_file(entry) or model.path.parent
    due, pin = _expected_digest(entry, place)
    whose = f"was fetched on {pin.since} and pinned then" if pin else "the manifest describes"
    unpin = f", or remove {entry.file} from {place / PINS_FILE} if you trust the new one" if pin else ""
    return WeightsError(
        f"{model.path} is not the file that {whose} (its SHA-256 begins with {model.digest[:12]}, not {due[:12]})",
        f"Restore it{' (remove it and fetch it again)' if pin else ''}, or name the file by its path to use it "
        f"as it is{unpin}.",
    )


def _user_model(name_or_path: str, kind: Kind) -> Model:
    path = Path(name_or_path).expanduser()
    if not path.exists():
        if format_of(path) or path.name != name_or_path:
            raise WeightsError(f"there is no model file {path}", _names_of_kind(kind, "Check the path, or give a name: "))
        raise WeightsError(f"no {kind} is called '{name_or_path}'", _names_of_kind(kind, "Known: "))
    path = model_file(path.resolve())
    found = digest(path)
    known = [entry for entry in entries().values() if entry.model.kind == kind]
    for entry in entries().values():
        if entry.matches_digest(found):
            return entry.at(path, found)
    for entry in known:
        if entry.matches_path(path) and entry.model.format == format_of(path):
            return _unpinned(entry.at(path, found))
    return recognise(path, found, kind, [entry.model for entry in known])


def _unpinned(model: Model) -> Model:
    return _with_assumption(model, f"taken for {model.name} by its file's name; its contents are vouched for by nobody")


def _with_assumption(model: Model, sentence: str) -> Model:
    return replace(model, assumed=(*model.assumed, sentence))


def _names_of_kind(kind: Kind, words: str) -> str:
    return words + ", ".join(name for name, entry in entries().items() if entry.model.kind == kind) + "."
