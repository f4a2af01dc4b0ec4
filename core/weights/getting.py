"""Fetches published weights when a user asks for them by name, and at no other time.

A file appears under its name only when it is whole and has the manifest's SHA-256. Where the publisher gives none, the
first file is pinned (core/weights/pins.py) and the user is told so. Refuses to overwrite a file that is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import StoreError, WeightsError
from core.progress import Progress
from core.weights.digests import digest
from core.weights.fetching import Source, fetch, forget
from core.weights.finding import checked, listing, status
from core.weights.manifest import Entry, entries, own_folder
from core.weights.model import Model, Status
from core.weights.pins import FILE, add_pin, pins


@dataclass(frozen=True)
class Got:
    """A model that is here now. `state` says how its file was checked."""

    model: Model
    state: Literal["here already", "digest matches", "pin matches", "pinned now"]


def gettable() -> list[Status]:
    """The models that their publishers offer for download, and whether they are here."""
    return [status for status in listing() if status.model.url]


def get(name: str, progress: Progress) -> Got:
    """Fetch the model of that name into the user's folder, or find that it is here."""
    entry = entries().get(name)
    if entry is None or not entry.model.url:
        why = (
            f"no model is called '{name}'" if entry is None else f"{name} has no address that it could be fetched from"
        )
        raise WeightsError(why, f"These can be fetched: {', '.join(s.model.name for s in gettable())}.")
    return bring(entry, progress)


def bring(entry: Entry, progress: Progress, plain_host: str = "") -> Got:
    """`get` for an entry of any manifest. `plain_host` may be asked without https: a server on this machine, in tests.

    Progress is told in bytes.
    """
    if status(entry).state != "missing":
        return Got(checked(entry), "here already")
    folder = own_folder()
    target = folder / entry.file
    part = target.with_name(target.name + ".part")
    progress.camera(entry.model.name, 1, 1)
    source = Source(entry.model.url, entry.model.megabytes * 1e6, plain_host)
    try:
        fetch(source, part, _Told(progress))
    except WeightsError as fault:
        start = f"{fault.remedy} Or fetch" if fault.remedy else "Fetch"
        remedy = f"{start} {entry.model.url} by hand, on any machine, and put the file at {target}."
        raise WeightsError(fault.message, remedy) from fault
    return _accept(entry, folder, part)


class _Told:
    """Progress that begins with what an earlier attempt has left."""

    def __init__(self, progress: Progress) -> None:
        self._progress, self._begun = progress, False

    def __call__(self, done: int, total: int) -> None:
        if self._begun:
            self._progress.at(done)
        else:
            self._progress.begin("download", total, done)
            self._begun = True


def _accept(entry: Entry, folder: Path, part: Path) -> Got:
    """The whole part under its own name, if it is what it should be; otherwise nothing of it is kept."""
    found, pin = digest(part), pins(folder).get(entry.file)
    due = entry.sha256 or (pin.sha256 if pin else "")
    if due and not found.startswith(due):
        forget(part)
        what = f"{entry.model.url} gives a file whose SHA-256 begins with {found[:12]}, and {due[:12]} was expected"
        remedy = "It was not kept. Try again; if it stays so, do not use that file."
        if not entry.sha256 and pin:
            remedy = (
                f"It was not kept: it is not the file that was fetched on {pin.since}. If you trust the new one, "
                f"remove {entry.file} from {folder / FILE} and fetch again."
            )
        raise WeightsError(what, remedy)
    # The pin is first: a stop between the two leaves a pin without a file, never a file without its pin.
    if not due:
        add_pin(folder, entry.file, found, entry.model.url)
    try:
        part.replace(folder / entry.file)
        forget(part)
    except OSError as fault:
        raise StoreError(
            f"{folder / entry.file} cannot be written ({fault.strerror})", "Choose another folder."
        ) from fault
    return Got(checked(entry), "digest matches" if entry.sha256 else "pin matches" if pin else "pinned now")
