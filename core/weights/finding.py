"""Finds a model by the manifest's name or by a path that the user gives, and says what is here and what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.errors import WeightsError
from core.weights.digests import digest, format_of, model_file
from core.weights.guessing import recognise
from core.weights.manifest import Entry, entries, folders
from core.weights.model import Kind, Model, Status
from core.weights.pins import FILE, Pin, pins


def find(name_or_path: str, kind: Kind) -> Model:
    """The model of that name in the manifest, its digest checked; or the file, or OpenVINO folder, of that path."""
    entry = entries().get(name_or_path)
    model = checked(entry) if entry else _of_user(name_or_path, kind)
    if model.kind != kind:
        raise WeightsError(f"{name_or_path} is of kind '{model.kind}', not '{kind}'", _others(kind, "Known: "))
    return model


def listing() -> list[Status]:
    """Every model of the manifest, in its order. The path of a missing one is where it is expected."""
    return [_listed(entry) for entry in entries().values()]


def status(entry: Entry) -> Status:
    """Whether the entry's file is here, and the one that the manifest or a pin describes."""
    place = _place(entry)
    if place is None:
        return Status(entry.model, "missing")
    path = model_file(place / entry.file)
    model = entry.at(path, digest(path))
    due, pin = _due(entry, place)
    if due and not model.digest.startswith(due):
        return Status(model, "changed")
    if pin:
        model = _assuming(model, f"unchanged since it was fetched on {pin.since}; its publisher gives no digest")
    elif not due:
        model = _unpinned(model)
    return Status(model, "present")


def checked(entry: Entry) -> Model:
    """The entry's model, if its file is here and as it should be."""
    now = status(entry)
    if now.state == "missing":
        places = " or ".join(str(folder / entry.file) for folder in folders())
        here = [
            other.model.name for other in listing() if other.state == "present" and other.model.kind == entry.model.kind
        ]
        fetched = f"Fetch it with: python -m core models get {entry.model.name}. Or put" if entry.model.url else "Put"
        raise WeightsError(
            f"the file of {entry.model.name} is missing",
            f"{fetched} it at {places} (its source: {entry.model.source}). Here already: {', '.join(here) or 'none'}.",
        )
    if now.state == "changed":
        raise _changed(entry, now.model)
    return now.model


def _listed(entry: Entry) -> Status:
    """One broken folder does not keep the others from being listed."""
    try:
        return status(entry)
    except WeightsError:
        return Status(entry.model, "changed")


def _place(entry: Entry) -> Path | None:
    """The first folder that holds the entry's file; None where none does."""
    return next((folder for folder in folders() if (folder / entry.file).exists()), None)


def _due(entry: Entry, place: Path) -> tuple[str, Pin | None]:
    """How the SHA-256 has to begin (empty: nobody knows), and the pin that says so, if it is one."""
    pin = None if entry.sha256 else pins(place).get(entry.file)
    return entry.sha256 or (pin.sha256 if pin else ""), pin


def _changed(entry: Entry, model: Model) -> WeightsError:
    place = _place(entry) or model.path.parent
    due, pin = _due(entry, place)
    whose = f"was fetched on {pin.since} and pinned then" if pin else "the manifest describes"
    unpin = f", or remove {entry.file} from {place / FILE} if you trust the new one" if pin else ""
    return WeightsError(
        f"{model.path} is not the file that {whose} (its SHA-256 begins with {model.digest[:12]}, not {due[:12]})",
        f"Restore it{' (remove it and fetch it again)' if pin else ''}, or name the file by its path to use it "
        f"as it is{unpin}.",
    )


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
    return _assuming(model, f"taken for {model.name} by its file's name; its contents are vouched for by nobody")


def _assuming(model: Model, sentence: str) -> Model:
    return replace(model, assumed=(*model.assumed, sentence))


def _others(kind: Kind, words: str) -> str:
    return words + ", ".join(name for name, entry in entries().items() if entry.model.kind == kind) + "."
