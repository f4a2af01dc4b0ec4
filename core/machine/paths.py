"""The user's cache folder, and writing files and folders atomically: complete under their name, or not there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, TypeVar

from core.base.errors import StoreError

T = TypeVar("T")
_RETRY_SECONDS = 1.0
_IN_USE = (5, 32)
"""Windows' numbers for access denied and for a file that another program has open."""


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


def write_atomically(path: Path, content: bytes | Iterable[bytes], flush: bool = False) -> None:
    """Write `content`, or its pieces in order, to `path`: complete or not at all. The folder is created if need be.

    With `flush` it is on the disk when this returns, and survives a power cut: for what the user made or said. Without,
    a power cut may cost the file, which is right for what can be computed again.
    """
    with open_atomically(path, flush) as file:
        file.writelines([content] if isinstance(content, bytes) else content)


@contextlib.contextmanager
def open_atomically(path: Path, flush: bool = False) -> Iterator[IO[bytes]]:
    """A file to write in this block, under a temporary name; it is moved to `path` if the block ends without error.

    `flush` is as in `write_atomically`.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        new_folders = [folder for folder in path.parents if not folder.exists()] if flush else []
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        replace(part, path)
        if flush:
            # The name is an entry of the folder, and a new folder one of the folder above it.
            for folder in (path.parent, *(new.parent for new in new_folders)):
                flush_folder(folder)
    except BaseException as fault:
        # An interruption leaves no part file behind either.
        with contextlib.suppress(OSError):
            part.unlink()
        if not isinstance(fault, OSError):
            raise
        raise StoreError(
            f"{path} cannot be written ({fault.strerror})", "Free some space or choose another folder; nothing is lost."
        ) from fault


def replace(source: Path, target: Path) -> None:
    """Rename `source` to `target`, in place of what is there."""
    retry_in_use(lambda: source.replace(target))


def retry_in_use(action: Callable[[], T]) -> T:
    """Do what reads or replaces a file. Windows refuses it while another program replaces or reads that file, which
    takes a moment: then it is tried again for about a second.
    """
    end = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            return action()
        except PermissionError as fault:
            if getattr(fault, "winerror", None) not in _IN_USE or time.monotonic() > end:
                raise
        time.sleep(_RETRY_SECONDS / 50)


def flush_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk, where the system can: Windows does so by itself."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
