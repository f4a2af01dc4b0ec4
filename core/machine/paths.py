"""The user's cache folder, and writing files and folders atomically: complete under their name, or not there.

What is being written has a hidden name: `.<random>.part` for a file, `.<random>.new` for a folder, with a part beside
it. Its writer holds the part, so that `remove_leftovers` can tell what a killed process left from what is still needed.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO

from core.base.errors import Cancelled, StoreError

JOB_FOLDER = "SIGHTLINE_JOB"
"""The environment variable that tells a job's process its folder."""
JOB_OUTPUT = "progress"
"""The file in a job's folder that is there before its process starts, and until the folder is removed."""


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
        require_job_folder()
        path.parent.mkdir(parents=True, exist_ok=True)
        # An interruption leaves no part file behind either.
        with living_part(part):
            with part.open("wb") as file:
                yield file
            require_job_folder()
            part.replace(path)
    except OSError as fault:
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


def require_job_folder() -> None:
    """`Cancelled` if this process does a job whose folder has been removed: what it still writes would come back."""
    folder = os.environ.get(JOB_FOLDER)
    if folder and not (Path(folder) / JOB_OUTPUT).exists():
        raise Cancelled("the folder of this job has been removed")


@contextlib.contextmanager
def living_part(part: Path) -> Iterator[None]:
    """Create the file `part` and hold it within the block; if it is still there afterwards, it is removed.

    Another process that wants to hold the same part waits. The system lets go of it when this process ends. On Windows
    a file that is open cannot be removed, so nothing is held there.
    """
    descriptor = _lock_file(part) if sys.platform != "win32" else None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def _lock_file(path: Path) -> int:
    """A descriptor of the file, created if need be, that holds its lock."""
    import fcntl

    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        # Where a file system has no locks, nobody can take this one for a leftover either.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Whoever held it before may have removed the file meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


@contextlib.contextmanager
def working_folder(parent: Path) -> Iterator[Path]:
    """An empty folder in `parent`, to make something in that is then renamed; what is left in it is removed."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f".{secrets.token_hex(8)}.new"
    part = folder.with_suffix(".part")
    with living_part(part), part.open("wb"):
        try:
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the parts and working folders in `folder` whose writers have ended."""
    for part in folder.glob(".*.part"):
        remove_dead_part(part)
    for unfinished in folder.glob(".*.new"):
        if not unfinished.with_suffix(".part").exists():
            shutil.rmtree(unfinished, ignore_errors=True)


def remove_dead_part(part: Path) -> bool:
    """Remove the part unless its writer lives; returns whether it is gone."""
    try:
        if sys.platform == "win32":
            part.unlink()
        else:
            _remove_unlocked(part)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_unlocked(path: Path) -> None:
    """Remove the file; `BlockingIOError` if a process holds its lock."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(descriptor)


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
