"""Whether a zip is still what was handed out: every entry against the digest that its manifest names.

A manifest that was rewritten to fit is not noticed by this; the digest of the whole zip, kept elsewhere, is for that.

A zip that was handed out, read back: who was seen where, and how that was found out; no picture is opened."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

from core.base.errors import StoreError
from core.runs import Gallery, read_sightings

MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_MAX_MANIFEST_BYTES = 1 << 28  # no manifest of ours comes near it
_MAX_NAMES = 5
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)
_REMEDY = "Ask for the file again, or export it again from the same run."


class ChangedError(StoreError):
    """A zip that is not as it was written."""


def verify_zip(path: Path) -> dict[str, Any]:
    """The manifest of the zip at `path`, if every entry is as it says; `ChangedError` names what is not."""
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
    promised = {entry["name"]: entry["sha256"] for entry in entries}
    there = Counter(file.namelist())
    changed = [name for name in promised if name in there and _digest(file, name) != promised[name]]
    added = [name for name in there if (name not in promised and name != MANIFEST) or there[name] > 1]
    missing = [name for name in promised if name not in there]
    kinds = {"changed": changed, "added": added, "missing": missing}
    words = [f"{kind}: {name_list(names)}" for kind, names in kinds.items() if names]
    if words:
        raise ChangedError(f"{path.name} is not as it was written. {'; '.join(words)}", _REMEDY)


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


def name_list(names: list[str]) -> str:
    """
    >>> _listed(["b", "a"]), _listed(["a"] * 7)
    ('a, b', 'a, a, a, a, a and 2 more')
    """
    shown = ", ".join(sorted(names)[:_MAX_NAMES])
    return f"{shown} and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else shown


TABLE = "sightings.csv"


def read_zip(path: Path) -> Gallery:
    """The gallery in the zip at `path`, without its crops; `StoreError` where it was changed."""
    about = verify_zip(path).get("about")
    try:
        with zipfile.ZipFile(path) as file:
            return Gallery(tuple(read_sightings(file.read(TABLE).decode())), about=dict(about or {}))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{path.name} holds no table of sightings that can be read", "Export it again.") from fault
