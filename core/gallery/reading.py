"""A zip that was handed out, read back: who was seen where, and how that was found out; no picture is opened."""

from __future__ import annotations

import zipfile
from pathlib import Path

from core.errors import StoreError
from core.gallery.checking import read_manifest
from core.gallery.rows import read_sightings
from core.gallery.sightings import Gallery

TABLE = "sightings.csv"


def read_zip(path: Path) -> Gallery:
    """The gallery in the zip at `path`, without its crops; `StoreError` where it was changed."""
    about = read_manifest(path).get("about")
    try:
        with zipfile.ZipFile(path) as file:
            return Gallery(tuple(read_sightings(file.read(TABLE).decode())), about=dict(about or {}))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{path.name} holds no table of sightings that can be read", "Export it again.") from fault
