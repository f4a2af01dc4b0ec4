"""Whether an export is unchanged: each file in the zip is compared with the sha256 that the manifest names.

A change to both a file and the manifest goes unnoticed; for that, the sha256 of the whole zip must be kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.base.errors import StoreError

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_MAX_MANIFEST_BYTES = 1 << 28  # far more than any manifest needs
_MAX_NAMES = 5
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
_REMEDY = "Ask for the file again, or export it again from the same run."


class ChangedError(StoreError):
    """A zip whose files are not those that its manifest names."""


def verify_zip(path: Path) -> dict[str, Any]:
    """The manifest of the zip at `path`, once every file is compared; `ChangedError` names those that differ."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _manifest(file, path)
            _compare(file, manifest["entries"], path)
    except OSError as fault:
        raise StoreError(f"{path} cannot be read ({fault.strerror})", "Check the name.") from fault
    except zipfile.BadZipFile as fault:
        raise StoreError(f"{path.name} is no zip file, or a damaged one", _REMEDY) from fault
    return manifest


def _manifest(file: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        if file.getinfo(MANIFEST).file_size > _MAX_MANIFEST_BYTES:
            raise ValueError("too big")
        manifest: dict[str, Any] = json.loads(file.read(MANIFEST))
        sound = all(isinstance(entry[key], str) for entry in manifest["entries"] for key in ("name", "sha256"))
    except (KeyError, TypeError, ValueError, *_DAMAGE) as fault:
        raise StoreError(f"{path.name} has no readable {MANIFEST}", "Is it an export of Sightline?") from fault
    if not sound:
        raise StoreError(f"{path.name} has no readable {MANIFEST}", "Is it an export of Sightline?")
    return manifest


def _compare(file: zipfile.ZipFile, entries: list[dict[str, str]], path: Path) -> None:
    recorded = {entry["name"]: entry["sha256"] for entry in entries}
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
