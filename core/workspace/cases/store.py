"""All cases under one root folder: created, loaded, changed, logged, and removed.

A change is a function from the old case to the new one. It is on disk when `change` returns. All that change the same
case take turns: two tabs, two servers, the command line. Whoever changes another file of a case holds its lock too.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core.base.errors import SightlineError, StoreError
from core.base.memo import Memo
from core.machine.locks import lock
from core.machine.paths import data_dir, explain_refusal, make_folder, working_folder, write_atomically
from core.machine.settings_file import load_settings
from core.workspace.cases.case import RECORD, Case, default_plan, read_case

_FILE, _LOG, _REVIEW = "case.json", "log.txt", "review.json"
_IN_USE = "another Sightline holds this case"
_CASES_IN_MEMORY = 32
"""A page asks for its case several times; one of hundreds of clips takes 20 ms to read."""


@dataclass(frozen=True)
class UnreadableCase:
    """A case that is damaged or of a newer version, why it cannot be read, and all that its files say as text.

    Whatever the text names may be needed, and must not be deleted; without a text, nobody knows what is needed.
    """

    folder: Path
    reason: str
    text: str


class Cases:
    """All cases under one root, by default in the user's data folder."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or data_dir() / "cases"
        self._read: Memo[tuple[Path, int, int, int], Case] = Memo(_CASES_IN_MEMORY)

    def new(self, name: str = "", purpose: str = "", keep_until: str = "") -> Case:
        """A new case, on disk when this returns; without a name it is called after the time."""
        made = time.time()
        title = name.strip() or time.strftime("Case of %d %b %Y, %H:%M", time.localtime(made))
        files = load_settings()
        case = Case(new_key(), title, made, plan=default_plan(files), **files.values("match"))
        case = replace(case, purpose=purpose.strip(), expires=keep_until)
        with explain_refusal("the case cannot be created"), working_folder(self._root) as folder:
            return self.adopt(case, folder, f"made: {case.name}")

    def all(self) -> list[Case]:
        """Every case that can be read, the last changed first."""
        files = sorted(self._root.glob(f"*/{_FILE}"), key=_change_time, reverse=True)
        cases = []
        for path in files:
            try:
                cases.append(self.load(path.parent.name))
            except SightlineError:
                continue
        return cases

    def unreadable(self) -> list[UnreadableCase]:
        """Every case that is there but cannot be read."""
        found = []
        for folder in sorted(self._root.glob("[!.]*")):
            # Without case.json, a review or a log shows that it was a case.
            if not any((folder / name).exists() for name in (_FILE, _REVIEW, _LOG)):
                continue
            try:
                self.load(folder.name)
            except SightlineError as fault:
                # Another tab may just have deleted it.
                if folder.is_dir():
                    reason = fault.message if (folder / _FILE).exists() else f"{folder / _FILE} is missing"
                    found.append(UnreadableCase(folder, reason, _text_of(folder)))
        return found

    def keys(self) -> list[str]:
        """The keys of all cases, also of those that cannot be read."""
        return sorted(path.parent.name for path in self._root.glob(f"*/{_FILE}"))

    def load(self, key: str) -> Case:
        """`StoreError` if there is no such case, or if it cannot be read."""
        path = self.folder(key) / _FILE
        try:
            stat = path.stat()
            stamp = path, stat.st_mtime_ns, stat.st_size, stat.st_ino
            return self._read.get(stamp, lambda: read_case(path, key))
        except FileNotFoundError as fault:
            raise _no_case() from fault

    def _load_from_disk(self, key: str) -> Case:
        self._read = Memo(_CASES_IN_MEMORY)
        return self.load(key)

    def adopt(self, case: Case, folder: Path, log_entry: str) -> Case:
        """Add a case whose other files are in `folder`, which is renamed to the folder of the case, complete."""
        write_atomically(folder / _FILE, RECORD.to_json(case), flush=True)
        _append(folder / _LOG, _log_lines(log_entry))
        with self.lock(case.key), explain_refusal("the case cannot be added"):
            folder.rename(self.folder(case.key))
        return case

    def change(self, key: str, edit: Callable[[Case], Case], log_entry: str = "") -> Case:
        """Apply `edit` to the case; the result is on disk when this returns. `log_entry` goes into the activity log."""
        with self.lock(key):
            # Read anew: two changes within one tick of the file system's clock could leave the same stamp.
            old = self._load_from_disk(key)
            case = edit(old)
            if case != old:
                with self.logging(key, log_entry):
                    self._save(case)
        return case

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Within this block nobody else changes the case, its review or its log, in this process or another.

        It may be taken again by whoever holds it.
        """
        self.folder(key)
        return lock(self._root, key, _IN_USE)

    def delete(self, key: str) -> None:
        """Remove the case's folder. Runs and uploads are elsewhere; `erase` removes those that only this case uses."""
        with self.lock(key):
            self.load(key)
            # Renamed first: half a case would be one that cannot be read.
            hidden = self.folder(key).with_name(f".{key}.{secrets.token_hex(4)}")
            self.folder(key).rename(hidden)
        # A sweep may remove it at the same time.
        with suppress(FileNotFoundError):
            shutil.rmtree(hidden)

    def move(self, key: str, target: Cases) -> Case:
        """Move a case to another root, in one step; `moved_at` says when."""
        with self.lock(key), explain_refusal("the case cannot be moved"):
            case = self.load(key)
            make_folder(target._root)
            os.utime(self.folder(key) / _FILE)
            self.folder(key).rename(target.folder(key))
        return case

    def moved_at(self, key: str) -> float:
        """When the case was last changed or moved, in seconds since 1970."""
        return (self.folder(key) / _FILE).stat().st_mtime

    def folder(self, key: str) -> Path:
        if not (key.isalnum() and key.isascii()):
            raise _no_case()
        return self._root / key

    def review_file(self, key: str) -> Path:
        return self.folder(key) / _REVIEW

    def log_file(self, key: str) -> Path:
        return self.folder(key) / _LOG

    def log(self, key: str, entry: str) -> None:
        """Add a line to the activity log, with the time."""
        with self.logging(key, entry):
            pass

    @contextmanager
    def logging(self, key: str, *entries: str) -> Iterator[None]:
        """What is done in this block has these lines in the activity log: both are on disk afterwards, or neither.

        The lines are written first, so that a change whose line cannot be written is refused and not made, and taken
        back if the block fails. Empty entries are left out.
        """
        lines = _log_lines(*entries)
        path = self.folder(key) / _LOG
        with self.lock(key):
            size = _append(path, lines) if lines else 0
            try:
                yield
            except BaseException:
                if lines:
                    _cut_off(path, size)
                raise

    def log_lines(self, key: str) -> list[str]:
        """The activity log, oldest line first."""
        path = self.folder(key) / _LOG
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []

    def _save(self, case: Case) -> None:
        write_atomically(self.folder(case.key) / _FILE, RECORD.to_json(case), flush=True)
        self._read = Memo(_CASES_IN_MEMORY)


def _log_lines(*entries: str) -> bytes:
    """A line with the time for each entry; empty ones are left out."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    return "".join(f"{now} {' '.join(entry.split())}\n" for entry in entries if entry).encode()


def _append(log: Path, content: bytes) -> int:
    """Add the content to the log, flushed to the disk; returns the size that the log had before."""
    size = -1
    try:
        with log.open("ab", buffering=0) as file:
            size = file.tell()
            if file.write(content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
    except FileNotFoundError as fault:
        raise _no_case() from fault
    except OSError as fault:
        if size >= 0:
            _cut_off(log, size)
        raise StoreError(
            f"the activity log cannot be written ({fault.strerror}), so nothing was changed",
            "Free some space and check the permissions of the case's folder, then try again.",
        ) from fault
    return size


def _cut_off(log: Path, size: int) -> None:
    with suppress(OSError):
        os.truncate(log, size)


def _no_case() -> StoreError:
    return StoreError("this case no longer exists", "Open another case, or create one.")


def new_key() -> str:
    """A key that no case has; those made later sort last."""
    return f"{int(time.time()):x}{secrets.token_hex(4)}"


def _text_of(folder: Path) -> str:
    """What the files of a case say; empty if one of them cannot be read."""
    try:
        files = [path for path in sorted(folder.iterdir()) if path.is_file()]
        return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in files).strip()
    except OSError:
        return ""


def _change_time(file: Path) -> int:
    """When the file was written; 0 if another tab has just deleted it."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
