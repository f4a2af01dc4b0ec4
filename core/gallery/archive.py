"""A zip that is written piece by piece and is the same to the last bit whenever its content is the same.

Owns names that are never given twice, fixed dates, and the digest of every entry. Refuses to know what the entries are.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import IO, Any

_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _READABLE = 3, 0o644 << 16
_PRESSED = (".jpg",)  # deflating a JPEG takes time and gains nothing


class Archive:
    """Entries are added one after the other to `file`, which must be able to seek."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(file, "w")
        self._taken: set[str] = set()
        self.entries: list[dict[str, Any]] = []

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *fault: object) -> None:
        self._zip.close()

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        """An entry of these pieces. A name that is taken, in whatever case, gets a number: a_2.jpg."""
        name = self._free(name)
        digest, size = hashlib.sha256(), 0
        with self._zip.open(_headed(name), "w") as entry:
            for piece in pieces:
                entry.write(piece)
                digest.update(piece)
                size += len(piece)
        self.entries.append({"name": name, "bytes": size, "sha256": digest.hexdigest()})

    def _free(self, name: str) -> str:
        path, number, free = PurePosixPath(name), 1, name
        while free.casefold() in self._taken:
            number += 1
            free = str(path.with_name(f"{path.stem}_{number}{path.suffix}"))
        self._taken.add(free.casefold())
        return free


def _headed(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _DATE)
    info.compress_type = zipfile.ZIP_STORED if name.endswith(_PRESSED) else zipfile.ZIP_DEFLATED
    info.create_system, info.external_attr = _UNIX, _READABLE
    return info
