"""The user's cache folder, and writing files and folders atomically: complete under their name, or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from core.base.errors import StoreError


def cache_dir() -> Path:
    """The cache folder, created if need be: SIGHTLINE_CACHE, or else the platform's usual place."""
    folder = _platform_cache_dir(sys.platform, Path.home(), os.environ)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The cache folder {folder} cannot be made ({error.strerror})",
            "Set SIGHTLINE_CACHE to a folder that you may write to.",
        ) from error
    return folder


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Write `content`, or its pieces in order, to `path`: complete or not at all. The folder is created if need be."""
    with open_atomically(path) as file:
        file.writelines([content] if isinstance(content, bytes) else content)


@contextlib.contextmanager
def open_atomically(path: Path) -> Iterator[IO[bytes]]:
    """A file to write in this block, under a temporary name; it is moved to `path` if the block ends without error."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except BaseException as fault:
        # An interruption leaves no part file behind either.
        with contextlib.suppress(OSError):
            part.unlink()
        if not isinstance(fault, OSError):
            raise
        raise StoreError(
            f"{path} cannot be written ({fault.strerror})", "Free some space or choose another folder; nothing is lost."
        ) from fault


def publish(made: Path, folder: Path) -> None:
    """Rename the folder `made` to `folder` in one step; both are on one disk.

    Where another process was first, its folder stays if it holds all files of `made`, for the content is the same.
    """
    try:
        made.rename(folder)
    except OSError:
        if not folder.is_dir() or {path.name for path in made.iterdir()} - {path.name for path in folder.iterdir()}:
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)


def _platform_cache_dir(platform: str, home: Path, environment: Mapping[str, str]) -> Path:
    """
    >>> _platform_cache_dir("linux", Path("home"), {"SIGHTLINE_CACHE": "elsewhere"}).as_posix()
    'elsewhere'
    """
    if chosen := environment.get("SIGHTLINE_CACHE"):
        return Path(chosen).expanduser()
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Sightline"
    if platform == "darwin":
        return home / "Library" / "Caches" / "Sightline"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "sightline"
