"""The user's two folders, data and cache, and writing files and folders atomically: complete, or not there.

Data is what nobody can make again: cases with their decisions, uploads, back-ups, models. The cache holds what the
program can make again from that; systems and users may empty it. Both are for their owner alone.

What is being written has a hidden name: `.<random>.part` for a file, `.<random>.new` for a folder, with a part beside
it. Its writer holds the part, so that `remove_leftovers` can tell what a killed process left from what is still needed.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import secrets
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import platformdirs

from core.base.errors import Cancelled, StoreError

JOB_FOLDER = "SIGHTLINE_JOB"
"""The environment variable that tells a job's process its folder."""
JOB_OUTPUT = "progress"
"""The file in a job's folder that is there before its process starts, and until the folder is removed."""

DATA_ENTRIES = ("cases", "deleted", "uploads", "backups", "weights")
"""The folders of the data folder. Version 0.1.0 had them in the cache folder."""
CACHE_ENTRIES = (
    *("stages", "runs", "exports", "proxies", "stills", "strips", "exported", "sample", "speed", "probes"),
    *("checksums", "lists", "notebooks", "ultralytics", "digests.sqlite", "tracker.log"),
)
"""Folders and files of the cache folder, all of which may be deleted while nothing uses them."""

T = TypeVar("T")
_RETRY_SECONDS = 1.0
_IN_USE = (5, 32)
"""Windows' numbers for access denied and for a file that another program has open."""


def cache_dir() -> Path:
    """The cache folder, made if it is not there: SIGHTLINE_CACHE, or else the platform's usual place."""
    return _make_root(platform_cache_dir(sys.platform, Path.home(), os.environ), "cache", "SIGHTLINE_CACHE")


def data_dir() -> Path:
    """The data folder, made if it is not there.

    While it is empty and the cache folder still holds the data of version 0.1.0, because that could not be moved
    (`core.machine.relocate`), that is where data is.
    """
    old, folder = cache_dir(), chosen_data_dir()
    return old if has_data(old) and not has_data(folder) else folder


def chosen_data_dir() -> Path:
    """The folder where data belongs, made if it is not there: SIGHTLINE_DATA, or else `data` in SIGHTLINE_CACHE, so
    that somebody who names one disk has everything there, or else the platform's usual place."""
    return _make_root(platform_data_dir(sys.platform, os.environ), "data", "SIGHTLINE_DATA")


def has_data(folder: Path) -> bool:
    """Whether `folder` holds folders of data."""
    return any((folder / name).is_dir() for name in DATA_ENTRIES)


def current_path(path: str) -> str:
    """Where the clip that was recorded as `path` lies now.

    Records name uploads by their whole path. An upload is in a folder that is named after its digest; if it is no
    longer at `path`, it is the one of that digest in the data folder.

    >>> current_path("clips/gate.mp4")
    'clips/gate.mp4'
    """
    recorded = Path(path)
    if recorded.parent.parent.name != "uploads" or recorded.exists():
        return path
    here = data_dir() / "uploads" / recorded.parent.name / recorded.name
    return str(here) if here.exists() else path


def make_folder(folder: Path) -> None:
    """Make the folder and those above it; inside the data and the cache folder, for their owner alone."""
    if folder.is_dir():
        return
    for place in reversed([folder, *folder.parents]):
        if not place.is_dir():
            place.mkdir(0o700 if _is_private(place) else 0o777, exist_ok=True)


def write_atomically(path: Path, content: bytes | Iterable[bytes], flush: bool = False) -> None:
    """Write `content`, or its pieces in order, to `path`: complete or not at all. The folder is made if need be.

    With `flush` it is on the disk when this returns, and survives a power cut: for what the user made or said. Without,
    a power cut may cost the file, which is right for what can be computed again.
    """
    with open_atomically(path, flush) as file:
        file.writelines([content] if isinstance(content, bytes) else content)


@contextlib.contextmanager
def open_atomically(path: Path, flush: bool = False) -> Iterator[IO[bytes]]:
    """A file to write in this block, under a temporary name; it is moved to `path` if the block ends without error.

    `flush` is as in `write_atomically`. Inside the data and the cache folder only its owner may read the file;
    elsewhere the user's umask decides.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        require_job_folder()
        new_folders = [folder for folder in path.parents if not folder.exists()] if flush else []
        make_folder(path.parent)
        # An interruption leaves no part file behind either.
        with living_part(part):
            with part.open("wb") as file:
                yield file
                if flush:
                    file.flush()
                    os.fsync(file.fileno())
            require_job_folder()
            replace(part, path)
            if flush:
                # The name is an entry of the folder, and a new folder one of the folder above it.
                for folder in (path.parent, *(new.parent for new in new_folders)):
                    flush_folder(folder)
    except OSError as fault:
        raise StoreError(
            f"{path} cannot be written ({fault.strerror})", "Free some space or choose another folder; nothing is lost."
        ) from fault


@contextlib.contextmanager
def explain_refusal(what: str) -> Iterator[None]:
    """Around steps on disk: where the system refuses one, as a full disk does, `StoreError` says why after `what`,
    such as "the case cannot be moved"."""
    try:
        yield
    except OSError as fault:
        raise StoreError(
            f"{what} ({fault.strerror})", "Free some space or check the rights to its folder, then try again."
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
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600 if _is_private(path) else 0o666)
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
    make_folder(parent)
    folder = parent / f".{secrets.token_hex(8)}.new"
    part = folder.with_suffix(".part")
    with living_part(part), part.open("wb"):
        try:
            make_folder(folder)
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


def platform_cache_dir(platform: str, home: Path, environment: Mapping[str, str]) -> Path:
    """
    >>> platform_cache_dir("linux", Path("home"), {"SIGHTLINE_CACHE": "elsewhere"}).as_posix()
    'elsewhere'
    """
    if chosen := environment.get("SIGHTLINE_CACHE"):
        return Path(chosen).expanduser()
    if platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Sightline"
    if platform == "darwin":
        return home / "Library" / "Caches" / "Sightline"
    return Path(environment.get("XDG_CACHE_HOME") or home / ".cache") / "sightline"


def platform_data_dir(platform: str, environment: Mapping[str, str]) -> Path:
    """
    >>> platform_data_dir("linux", {"SIGHTLINE_CACHE": "disk"}).as_posix()
    'disk/data'
    """
    if chosen := environment.get("SIGHTLINE_DATA"):
        return Path(chosen).expanduser()
    if chosen := environment.get("SIGHTLINE_CACHE"):
        return Path(chosen).expanduser() / "data"
    name = "Sightline" if platform in ("win32", "darwin") else "sightline"
    folder = platformdirs.user_data_path(name, appauthor=False)
    # On Windows this is the folder that has been the cache since 0.1.0.
    return folder / "data" if platform == "win32" else folder


@dataclass(frozen=True)
class FolderState:
    """A folder as it is, or as it could be made. `fault` says why nothing can be written there, empty if something can;
    `open_to` whom else its rights let in; `free` the bytes that are left on its disk."""

    exists: bool
    fault: str
    open_to: str
    free: int


def folder_state(folder: Path) -> FolderState:
    """Look at a folder and leave it as it is. Whether it can be written is tried, with a file that is removed again."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    exists = place == folder and folder.is_dir()
    try:
        if exists:
            trial = folder / f".{secrets.token_hex(8)}.part"
            trial.write_bytes(b"")
            trial.unlink()
        elif not place.is_dir():
            return FolderState(False, "a file is in its place", "", 0)
        fault = "" if os.access(place, os.W_OK) else os.strerror(errno.EACCES)
    except OSError as error:
        fault = error.strerror or str(error)
    mode = stat.S_IMODE(folder.stat().st_mode) & 0o077 if exists and sys.platform != "win32" else 0
    open_to = "everybody" if mode & 0o007 else "its group" if mode else ""
    return FolderState(exists, fault, open_to, shutil.disk_usage(place).free)


def _make_root(folder: Path, purpose: str, variable: str) -> Path:
    try:
        make_folder(folder)
    except OSError as error:
        raise StoreError(
            f"The {purpose} folder {folder} cannot be made ({error.strerror})",
            f"Set {variable} to a folder that you may write to.",
        ) from error
    _close_to_others(folder)
    return folder


def _close_to_others(folder: Path) -> None:
    """Take all rights to the folder from other users, which shuts them out of everything below it, whoever wrote it:
    databases, films by FFmpeg, what 0.1.0 left. On Windows, the rights of the user's profile already do so.

    A folder that is not only ours stays as it is: somebody else's, one for everybody such as /tmp, or the home folder.
    """
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):
        status = folder.stat()
        is_ours = status.st_uid == os.getuid() and not status.st_mode & stat.S_ISVTX and folder != Path.home()
        if is_ours and status.st_mode & 0o077:
            folder.chmod(stat.S_IMODE(status.st_mode) & ~0o077)


def _is_private(path: Path) -> bool:
    """Whether `path` is inside the data or the cache folder, or is one of them."""
    if sys.platform == "win32":
        return False
    roots = platform_cache_dir(sys.platform, Path.home(), os.environ), platform_data_dir(sys.platform, os.environ)
    place = path.resolve()
    return any(place.is_relative_to(_resolve(root.absolute())) for root in roots)


@functools.lru_cache(maxsize=16)
def _resolve(root: Path) -> Path:
    """Remembered, because every file that is written asks."""
    return root.resolve()
