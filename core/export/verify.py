"""Whether an export is unchanged: each file in the zip is compared with the sha256 that the manifest names, and the
log in it is followed entry by entry.

A change to both a file and the manifest goes unnoticed; for that, the zip must be signed, or its sha256 kept elsewhere.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.base.errors import StoreError
from core.machine.chain import CHAIN, TEXTS, Head, Log, parse_log
from core.machine.records import NewerVersionError, RecordFormat

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_MAX_MANIFEST_BYTES = 1 << 28  # far more than any manifest or log needs
_MAX_NAMES = 5
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
_REMEDY = "Ask for the file again, or export it again from the same run."


class ChangedError(StoreError):
    """A zip whose files are not those that its manifest names."""


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """A file of an export: its name in the zip, its size and the digest of its content."""

    name: str
    bytes: int = 0
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of an export, field by field as it is written: what was exported, `about` how it was made, and the
    files. `log` is the last entry of the case's log, if the export has that, and `packed_sha256` the digest of the zip
    up to the manifest."""

    program: str = "an unknown program"
    matches: str = ""
    people: int = 0
    sightings: int = 0
    cameras: tuple[str, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)
    blurred: bool = True
    when: str | None = None
    log: Head | None = None
    packed_sha256: str = ""
    entries: tuple[ManifestEntry, ...]

    @property
    def digests(self) -> dict[str, str]:
        """The sha256 of each file by name."""
        return {entry.name: entry.sha256 for entry in self.entries}


RECORD = RecordFormat(Manifest, "manifest", remedy="Give a gallery.zip of this program, or the manifest.json in it.")


def verify_zip(path: Path) -> Manifest:
    """The manifest of the zip at `path`, once every file is compared; `ChangedError` names those that differ."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _manifest(file, path)
            _compare(file, manifest.digests, path)
    except OSError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
    except zipfile.BadZipFile as fault:
        raise StoreError(f"{path.name} is no zip file, or a damaged one", _REMEDY) from fault
    return manifest


def verify_log(path: Path, manifest: Manifest) -> Log | None:
    """The log in a zip whose files are unchanged; None if it has none. `ChangedError` names the first broken entry."""
    if manifest.log is None and CHAIN not in manifest.digests:
        return None
    try:
        with zipfile.ZipFile(path) as file:
            if any(file.getinfo(name).file_size > _MAX_MANIFEST_BYTES for name in (CHAIN, TEXTS)):
                raise ValueError("too big")
            log = parse_log(file.read(CHAIN), file.read(TEXTS))
    except (KeyError, ValueError, *_DAMAGE) as fault:
        raise ChangedError(f"the log in {path.name} cannot be read ({fault})", _REMEDY) from fault
    if fault_found := log.fault:
        raise ChangedError(f"the log in {path.name} is broken: {fault_found.description}", _REMEDY)
    if log.head != manifest.log:
        raise ChangedError(f"the log in {path.name} does not end with the entry that {MANIFEST} names", _REMEDY)
    return log


def _manifest(file: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        if file.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise ValueError("too big")
        return RECORD.parse(file.read(MANIFEST))
    except NewerVersionError as fault:
        raise StoreError(f"{path.name} cannot be read ({fault.message})", fault.remedy) from fault
    except (KeyError, StoreError, ValueError, *_DAMAGE) as fault:
        why = fault.message if isinstance(fault, StoreError) else fault
        raise StoreError(f"{path.name} has no readable {MANIFEST} ({why})", "Is it an export of Sightline?") from fault


def _compare(file: zipfile.ZipFile, recorded: dict[str, str], path: Path) -> None:
    found = Counter(file.namelist())
    changed = [name for name in recorded if name in found and _digest(file, name) != recorded[name]]
    added = [name for name in found if (name not in recorded and name != MANIFEST) or found[name] > 1]
    missing = [name for name in recorded if name not in found]
    kinds = {"changed": changed, "added": added, "missing": missing}
    faults = [f"{kind}: {name_list(names)}" for kind, names in kinds.items() if names]
    if faults:
        raise ChangedError(f"{path.name} is not as it was written. {'; '.join(faults)}", _REMEDY)


def _digest(file: zipfile.ZipFile, name: str) -> str:
    """The sha256 of an entry, or "" where it cannot be unpacked."""
    digest = hashlib.sha256()
    try:
        with file.open(name) as entry:
            while block := entry.read(_BLOCK):
                digest.update(block)
    except _DAMAGE:
        return ""
    return digest.hexdigest()


def name_list(names: Sequence[str]) -> str:
    """The names in order, the first five of many.

    >>> name_list(["b", "a"]), name_list(["a"] * 7)
    ('a, b', 'a, a, a, a, a and 2 more')
    """
    first = ", ".join(sorted(names)[:_MAX_NAMES])
    return f"{first} and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else first
