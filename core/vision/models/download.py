"""Downloading published models when a user asks for them, and at no other time.

A model appears under its name only when it is complete and has the manifest's SHA-256. The files of a model of several
are gathered in a folder beside its place, and get there together. Where the publisher states no digest, the first file
is pinned (`core.vision.models.digests`) and the user is told so. What is present is never overwritten.

SIGHTLINE_MODELS_URL names a mirror inside a company, which is then asked in place of all publishers. As digests make
its files safe, it may speak http where the manifest has the whole digest of the file."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

from core.base.errors import StoreError, WeightsError
from core.base.progress import Progress
from core.machine.locks import lock
from core.machine.paths import data_dir
from core.vision.models.digests import PINS_FILE, add_pin, model_digest, model_file, pins
from core.vision.models.manifest import (
    ManifestEntry,
    RemoteFile,
    download_folder,
    entries,
    status,
    statuses,
    verified_model,
)
from core.vision.models.model import Model, ModelStatus
from core.vision.models.transfer import Source, fetch, remove_part

MIRROR = "SIGHTLINE_MODELS_URL"
_FULL_DIGEST = 64


@dataclass(frozen=True)
class Download:
    """A model that is present now; `state` says how its file was verified."""

    model: Model
    state: Literal["here already", "digest matches", "pin matches", "pinned now"]


def downloadable() -> list[ModelStatus]:
    """The models that can be downloaded, and whether they are present."""
    return [status for status in statuses() if status.model.url]


def download_model(name: str, progress: Progress) -> Download:
    """Download the model of that name into the user's folder, unless it is present."""
    entry = entries().get(name)
    if entry is None or not entry.model.url:
        reason = f"no model is called '{name}'" if entry is None else f"{name} is not offered for download"
        raise WeightsError(reason, f"These can be downloaded: {', '.join(s.model.name for s in downloadable())}.")
    return download_entry(entry, progress)


def download_entry(entry: ManifestEntry, progress: Progress, plain_host: str = "") -> Download:
    """`download_model` for an entry of any manifest; progress counts the bytes of each file.

    `plain_host` may be asked without https: a server on this machine, in tests.
    """
    if status(entry).state != "missing":
        return Download(verified_model(entry), "here already")
    name = entry.model.name
    with lock(data_dir() / "weights", name, f"{name} is being downloaded already", seconds=0):
        # Whoever held the lock before may just have put it there.
        if status(entry).state != "missing":
            return Download(verified_model(entry), "here already")
        gathered = _gathering_place(entry)
        for number, file in enumerate(entry.remote_files, 1):
            progress.camera(file.name if entry.parts else name, number, len(entry.remote_files))
            if not (gathered / file.name).exists():
                _fetch_file(entry, file, gathered, progress, plain_host)
        return _verify_and_publish(entry, gathered)


def has_begun(entry: ManifestEntry) -> bool:
    """Whether an interrupted download has left something to continue with."""
    place = _gathering_place(entry)
    return place.exists() if entry.parts else any(_part(place, file).exists() for file in entry.remote_files)


def _gathering_place(entry: ManifestEntry) -> Path:
    """The folder where the files of an entry are gathered: for a single file, that where it belongs."""
    target = download_folder() / entry.file
    return target.with_name(f"{target.name}.part") if entry.parts else target.parent


def _part(folder: Path, file: RemoteFile) -> Path:
    return folder / f"{file.name}.part"


def _fetch_file(entry: ManifestEntry, file: RemoteFile, folder: Path, progress: Progress, plain_host: str) -> None:
    """Fetch a file into `folder`, and check its own digest; one of several gets its name there."""
    part, source = _part(folder, file), _source(file, plain_host)
    try:
        fetch(source, part, progress)
    except WeightsError as fault:
        place = download_folder() / entry.file
        start = f"{fault.remedy} Or download" if fault.remedy else "Download"
        target = place / file.name if entry.parts else place
        remedy = f"{start} {file.url} by hand, on any machine, and put the file at {target}."
        raise WeightsError(fault.message, remedy) from fault
    found = model_digest(part)
    if file.sha256 and not found.startswith(file.sha256):
        remove_part(part)
        raise _mismatch(source.url, found, file.sha256, _NOT_KEPT)
    if entry.parts:
        _move(part, folder / file.name)
        remove_part(part)


def _source(file: RemoteFile, plain_host: str) -> Source:
    """Where to get the file: from the mirror, if there is one."""
    mirror = os.environ.get(MIRROR, "").strip()
    if not mirror:
        return Source(file.url, file.bytes, plain_host)
    try:
        host = urlsplit(mirror).hostname or ""
    except ValueError as fault:
        raise WeightsError(f"{MIRROR} is no address ({fault})", "Write for example https://models.example.") from fault
    if len(file.sha256) == _FULL_DIGEST:
        plain_host = host
    return Source(f"{mirror.rstrip('/')}/{quote(file.name)}", file.bytes, plain_host)


_NOT_KEPT = "It was not kept. Try again; if the mismatch persists, do not use that file."


def _mismatch(what: str, found: str, expected: str, remedy: str) -> WeightsError:
    return WeightsError(f"the SHA-256 of the file from {what} begins with {found[:12]}, not {expected[:12]}", remedy)


def _verify_and_publish(entry: ManifestEntry, gathered: Path) -> Download:
    """Give the complete model its name if its digest is the expected one; otherwise remove it."""
    folder = download_folder()
    made = gathered if entry.parts else _part(gathered, entry.remote_files[0])
    found, pin = model_digest(model_file(made) if entry.parts else made), pins(folder).get(entry.file)
    expected = entry.sha256 or (pin.sha256 if pin else "")
    if expected and not found.startswith(expected):
        _remove(made)
        remedy = _NOT_KEPT
        if not entry.sha256 and pin:
            remedy = (
                f"It was not kept: it is not the file that was downloaded on {pin.since}. If you trust the new file, "
                f"remove {entry.file} from {folder / PINS_FILE} and download it again."
            )
        raise _mismatch(entry.model.url, found, expected, remedy)
    # The pin comes first: a stop between the two leaves a pin without a file, never a file without its pin.
    if not expected:
        add_pin(folder, entry.file, found, entry.model.url)
    _move(made, folder / entry.file)
    if not entry.parts:
        remove_part(made)
    return Download(verified_model(entry), "digest matches" if entry.sha256 else "pin matches" if pin else "pinned now")


def _move(source: Path, target: Path) -> None:
    try:
        source.replace(target)
    except OSError as fault:
        raise StoreError(f"{target} cannot be written ({fault.strerror})", "Choose another folder.") from fault


def _remove(made: Path) -> None:
    """Remove what was gathered."""
    if made.is_dir():
        shutil.rmtree(made, ignore_errors=True)
    else:
        remove_part(made)
