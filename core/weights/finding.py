"""Finds a model by the manifest's name or by a path that the user gives, and says what is here and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.errors import WeightsError
from core.weights.digests import digest, format_of, model_file
from core.weights.guessing import recognise
from core.weights.manifest import Entry, entries, folders
from core.weights.model import Kind, Model, Status


def find(name_or_path: str, kind: Kind) -> Model:
    """The model of that name in the manifest, its digest checked; or the file, or OpenVINO folder, of that path."""
    entry = entries().get(name_or_path)
    model = _of_manifest(entry) if entry else _of_user(name_or_path, kind)
    if model.kind != kind:
        raise WeightsError(f"{name_or_path} is of kind '{model.kind}', not '{kind}'", _others(kind, "Known: "))
    return model


def listing() -> list[Status]:
    """Every model of the manifest, in its order. The path of a missing one is where it is expected."""
    return [_listed(entry) for entry in entries().values()]


def _listed(entry: Entry) -> Status:
    """One broken folder does not keep the others from being listed."""
    try:
        return _status(entry)
    except WeightsError:
        return Status(entry.model, "changed")


def _status(entry: Entry) -> Status:
    path = _file(entry)
    if path is None:
        return Status(entry.model, "missing")
    model = entry.at(path, digest(path))
    good = not entry.sha256 or entry.matches(model.digest)
    return Status(_unpinned(model) if good and not entry.sha256 else model, "present" if good else "changed")


def _of_manifest(entry: Entry) -> Model:
    status = _status(entry)
    if status.state == "missing":
        places = " or ".join(str(folder / entry.file) for folder in folders())
        here = [
            other.model.name for other in listing() if other.state == "present" and other.model.kind == entry.model.kind
        ]
        raise WeightsError(
            f"the file of {entry.model.name} is missing",
            f"Put it at {places} (its source: {entry.model.source}). Here already: {', '.join(here) or 'none'}.",
        )
    if status.state == "changed":
        raise WeightsError(
            f"{status.model.path} is not the file that the manifest describes (its SHA-256 begins with "
            f"{status.model.digest[:12]}, not {entry.sha256[:12]})",
            "Restore it, or name the file by its path to use it as it is.",
        )
    return status.model


def _file(entry: Entry) -> Path | None:
    found = [folder / entry.file for folder in folders() if (folder / entry.file).exists()]
    return model_file(found[0]) if found else None


def _of_user(name_or_path: str, kind: Kind) -> Model:
    path = Path(name_or_path).expanduser()
    if not path.exists():
        if format_of(path) or path.name != name_or_path:
            raise WeightsError(f"there is no model file {path}", _others(kind, "Check the path, or give a name: "))
        raise WeightsError(f"no {kind} is called '{name_or_path}'", _others(kind, "Known: "))
    path = model_file(path.resolve())
    found = digest(path)
    known = [entry for entry in entries().values() if entry.model.kind == kind]
    for entry in entries().values():
        if entry.matches(found):
            return entry.at(path, found)
    for entry in known:
        if entry.named(path) and entry.model.format == format_of(path):
            return _unpinned(entry.at(path, found))
    return recognise(path, found, kind, [entry.model for entry in known])


def _unpinned(model: Model) -> Model:
    sentence = f"taken for {model.name} by its file's name; its contents are vouched for by nobody"
    return replace(model, assumed=(*model.assumed, sentence))


def _others(kind: Kind, words: str) -> str:
    return words + ", ".join(name for name, entry in entries().items() if entry.model.kind == kind) + "."
