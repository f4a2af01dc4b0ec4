"""What version 0.1.0 kept in the cache folder goes to the data folder, once: cases, uploads, back-ups and models.

On one disk, each entry (a case, an upload and so on) is renamed. Across disks, all are copied and verified first, and
the originals are deleted last. Nothing is ever overwritten: an entry that the data folder has already, with other
content, stays in the cache folder.

    <cache>/.moving.json   the entries being moved; it is there while some may lie in one folder and some in the other
            .moving.lock   held by the process that moves them
            .in-use.lock   held by a process that works with the data where it was, because it could not be moved;
                           until that process ends, no other one moves it
            .moved/        originals that are being deleted
            .notice.txt    what became of the data, until the app has said it
    <data>/.moving/        copies that are not complete yet

A move that was interrupted goes on at the next start. One that fails is undone, and cases open from where they were.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.base.errors import StoreError
from core.base.text import format_bytes, format_count
from core.machine.log import LOG, log_to_file
from core.machine.paths import (
    DATA_ENTRIES,
    cache_dir,
    chosen_data_dir,
    has_data,
    make_folder,
    platform_cache_dir,
    write_atomically,
)

if TYPE_CHECKING:
    from filelock import BaseFileLock

_PLAN, _LOCK, _IN_USE, _ORIGINALS, _COPIES = ".moving.json", ".moving.lock", ".in-use.lock", ".moved", ".moving"
_NOTICE = ".notice.txt"
_LISTED = 3
_IN_USE_LOCKS: list[BaseFileLock] = []
"""Held until this process ends, once the data could not be moved: it then works with the data where it was."""


def move_old_data(announce: Callable[[str], None] = lambda text: None) -> str:
    """Move what 0.1.0 left in the cache folder; returns what the user should know, empty if there was nothing to move.

    A move across disks takes minutes; `announce` is called before. `StoreError` while something of 0.1.0 is running, or
    if a move failed and could not be undone.
    """
    source, target = cache_dir(), chosen_data_dir()
    if _IN_USE_LOCKS or source.resolve() == target.resolve() or not _is_needed(source):
        return ""
    try:
        message = _move_alone(_Move(source, target), announce)
    except OSError as fault:
        message = (
            f"Your cases and uploads could not be moved to {target} ({_reason(fault)}). They stay in {source} and open "
            "from there. Free some space or check the rights to both folders, then start again."
        )
    if message:
        with contextlib.suppress(OSError, StoreError), log_to_file("data"):
            LOG.info(message)
            write_atomically(source / _NOTICE, message.encode())
    return message


def take_notice() -> str:
    """What the last move said, for the app; empty once it was taken. A command may have moved the data before."""
    path = cache_dir() / _NOTICE
    try:
        message = path.read_text(encoding="utf-8")
        path.unlink()
    except OSError:
        return ""
    return message


def _move_alone(move: _Move, announce: Callable[[str], None]) -> str:
    """As `move_old_data`, one process at a time; the others wait. `OSError` if it failed and was undone."""
    # Not needed by a program that has nothing to move.
    from filelock import FileLock, Timeout

    with FileLock(move.source / _LOCK):
        if not _is_needed(move.source):
            return ""
        in_use = FileLock(move.source / _IN_USE)
        try:
            in_use.acquire(timeout=0)
        except Timeout:
            return ""
        try:
            _require_nothing_old_runs(move.source)
            return move.run(announce)
        except OSError:
            _IN_USE_LOCKS.append(in_use)
            raise
        finally:
            if in_use not in _IN_USE_LOCKS:
                in_use.release()


def _is_needed(source: Path) -> bool:
    return has_data(source) or (source / _PLAN).is_file()


@dataclass(frozen=True)
class _Move:
    """From the folder `source` to the folder `target`; entries are named by their path below them: cases/5f00aa11."""

    source: Path
    target: Path

    def run(self, announce: Callable[[str], None]) -> str:
        """Move everything; returns the message. `OSError` if it failed and was undone."""
        shutil.rmtree(self.source / _ORIGINALS, ignore_errors=True)
        plan = sorted({*self._read_plan(), *filter(self._is_pending, self._entries())})
        try:
            if plan:
                write_atomically(self.source / _PLAN, json.dumps(plan).encode())
            copied = self._publish(plan, announce)
        except (OSError, StoreError) as fault:
            self._undo(plan, fault)
            raise fault if isinstance(fault, OSError) else OSError(errno.EIO, str(fault)) from fault
        # From here on the data folder has everything. An interrupted move may have got as far.
        shutil.rmtree(self.target / _COPIES, ignore_errors=True)
        (self.source / _PLAN).unlink(missing_ok=True)
        self._delete_originals(copied)
        for name in plan:
            _close_to_others(self.target / name)
        return self._message(plan)

    def _entries(self) -> Iterator[str]:
        for kind in DATA_ENTRIES:
            folder = self.source / kind
            # Somebody may have put the folder on a larger disk and left a link: then the link moves.
            if folder.is_symlink() and self._is_pending(kind):
                yield kind
            elif folder.is_dir():
                yield from (f"{kind}/{path.name}" for path in folder.iterdir())

    def _is_pending(self, name: str) -> bool:
        return os.path.lexists(self.source / name) and not os.path.lexists(self.target / name)

    def _read_plan(self) -> list[str]:
        """The entries of a move that was interrupted."""
        try:
            return [str(name) for name in json.loads((self.source / _PLAN).read_text(encoding="utf-8"))]
        except (OSError, ValueError, TypeError):
            return []

    def _publish(self, plan: list[str], announce: Callable[[str], None]) -> list[str]:
        """Bring all entries to the data folder under their names; returns those that were copied."""
        # Links first: they are made anew, which works across disks.
        pending = sorted(filter(self._is_pending, plan), key=lambda name: not (self.source / name).is_symlink())
        try:
            for name in pending:
                _rename(self.source / name, self.target / name)
            return []
        except OSError as fault:
            if fault.errno != errno.EXDEV:
                raise
        pending = list(filter(self._is_pending, pending))
        size = sum(_size(self.source / name) for name in pending)
        if size > shutil.disk_usage(self.target).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        announce(f"Copying {format_bytes(size)} of cases and uploads from {self.source} to {self.target}, once.")
        for name in pending:
            _copy(self.source / name, self.target / _COPIES / name)
        for name in pending:
            _rename(self.target / _COPIES / name, self.target / name)
        return pending

    def _undo(self, plan: list[str], fault: BaseException) -> None:
        """Bring everything that was moved, now or by an interrupted move, back to the cache folder."""
        try:
            for name in plan:
                original, new = self.source / name, self.target / name
                if os.path.lexists(new) and not os.path.lexists(original):
                    _rename(new, original)
                elif os.path.lexists(new) and _same_content(original, new):
                    _delete(new)
            shutil.rmtree(self.target / _COPIES, ignore_errors=True)
            self._remove_empty_folders(self.target)
            (self.source / _PLAN).unlink(missing_ok=True)
        except (OSError, StoreError) as second:
            raise StoreError(
                f"Part of your data is in {self.source} and part in {self.target}: moving it failed "
                f"({_reason(fault)}), and so did moving it back ({_reason(second)})",
                "Check the rights to both folders, then start again; nothing is lost.",
            ) from fault

    def _delete_originals(self, copied: list[str]) -> None:
        """Delete what was `copied`, now or before an interruption. What cannot be deleted, or differs, stays."""
        for name in [name for name in self._entries() if os.path.lexists(self.target / name)]:
            if name in copied or _same_content(self.source / name, self.target / name):
                aside = self.source / _ORIGINALS / name
                with contextlib.suppress(OSError):
                    # Renamed first: what an interrupted deletion leaves is then known to be needed by nobody.
                    _rename(self.source / name, aside)
                    _delete(aside)
        shutil.rmtree(self.source / _ORIGINALS, ignore_errors=True)
        self._remove_empty_folders(self.source)

    def _remove_empty_folders(self, root: Path) -> None:
        for kind in DATA_ENTRIES:
            with contextlib.suppress(OSError):
                (root / kind).rmdir()

    def _message(self, plan: list[str]) -> str:
        remaining = sorted(self._entries())
        moved = f"Your cases, uploads, back-ups and models were moved from {self.source} to {self.target}."
        done = moved if plan else ""
        if not remaining:
            return done
        names = ", ".join([*remaining[:_LISTED], *(["..."] if len(remaining) > _LISTED else [])])
        stay = format_count(len(remaining), "entry stays", "entries stay")
        return f"{done} {stay} in {self.source}, because {self.target} has others of that name: {names}.".strip()


def _rename(path: Path, new: Path) -> None:
    make_folder(new.parent)
    if path.is_symlink():
        # A relative link would lead somewhere else from its new place.
        new.symlink_to(path.resolve())
        path.unlink()
    else:
        path.rename(new)


def _copy(path: Path, copy: Path) -> None:
    """Copy a file or folder with its times, verified and on the disk when this returns."""
    if os.path.lexists(copy):
        if _same_content(path, copy):
            return
        _delete(copy)
    make_folder(copy.parent)
    if path.is_dir() and not path.is_symlink():
        shutil.copytree(path, copy, symlinks=True, copy_function=_copy_file)
    else:
        _copy_file(str(path), str(copy))
    if not _same_content(path, copy):
        raise OSError(errno.EIO, f"the copy of {path} is damaged")


def _copy_file(path: str, copy: str) -> None:
    shutil.copy2(path, copy, follow_symlinks=False)
    if not Path(copy).is_symlink():
        with Path(copy).open("rb+") as file:
            os.fsync(file.fileno())


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _same_content(a: Path, b: Path) -> bool:
    """Whether both are files, folders or links with the same content, compared by size and digest."""
    if a.is_symlink() or b.is_symlink():
        return a.is_symlink() and b.is_symlink() and (a.readlink() == b.readlink() or a.resolve() == b.resolve())
    if a.is_dir() and b.is_dir():
        names = {path.name for path in a.iterdir()}
        return names == {path.name for path in b.iterdir()} and all(_same_content(a / n, b / n) for n in names)
    return a.is_file() and b.is_file() and a.stat().st_size == b.stat().st_size and _digest(a) == _digest(b)


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _files(path: Path) -> Iterator[Path]:
    """A file, or a folder and everything in it; links are not followed."""
    yield path
    if path.is_dir() and not path.is_symlink():
        yield from (Path(folder) / name for folder, folders, files in os.walk(path) for name in (*folders, *files))


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in _files(path))


def _close_to_others(path: Path) -> None:
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            for place in _files(path):
                if not place.is_symlink():
                    place.chmod(0o700 if place.is_dir() else 0o600)


def _reason(fault: BaseException) -> str:
    return (fault.strerror if isinstance(fault, OSError) else None) or str(fault)


# What of 0.1.0 runs. It holds no lock, so its processes are recognised by their command lines and job.json.


def _require_nothing_old_runs(cache: Path) -> None:
    """`StoreError` while a server of 0.1.0, or a job that it started, works with the data in `cache`."""
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if _is_old_server(process) and _cache_of(process) == cache.resolve():
                raise StoreError(
                    f"An earlier version of Sightline is running (process {process.pid}) and uses the data in {cache}",
                    "End it with Ctrl+C in its terminal, then start again.",
                )
    for file in cache.glob("runs/*/job.json"):
        with contextlib.suppress(psutil.Error, OSError, ValueError, KeyError, TypeError):
            about = json.loads(file.read_text(encoding="utf-8"))
            process = psutil.Process(about["pid"])
            is_alive = abs(process.create_time() - about["born"]) < 1 and process.status() != psutil.STATUS_ZOMBIE
            if is_alive and process.pid != os.getpid():
                raise StoreError(
                    f"A run that an earlier version of Sightline started is in progress (process {process.pid})",
                    "Wait until it has ended, then start again.",
                )


def _is_old_server(process: Any) -> bool:
    """Whether it is `streamlit run app.py` of Sightline, started from code that knows no data folder."""
    command = process.cmdline()
    app = next((word for word in command if Path(word).name == "app.py"), "")
    if not app or "run" not in command or not any(Path(word).name.startswith("streamlit") for word in command):
        return False
    core = (Path(process.cwd()) / app).resolve().parent / "core"
    paths = core / "machine" / "paths.py"
    if not paths.is_file():
        return core.is_dir()
    # The files may have been updated since it was started.
    return "def data_dir" not in paths.read_text(encoding="utf-8") or process.create_time() < paths.stat().st_mtime


def _cache_of(process: Any) -> Path:
    environment = process.environ()
    home = Path(environment.get("HOME") or Path.home())
    return (Path(process.cwd()) / platform_cache_dir(sys.platform, home, environment)).resolve()
