"""All cases under one root folder: created, loaded, changed, logged, and removed.

A change is a function from the old case to the new one. It is on disk when `change` returns, and two tabs that change
the same case take turns.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from core.base.errors import SightlineError, StoreError
from core.machine.paths import data_dir, write_atomically
from core.workspace.cases.case import FORMAT, Case, read_case

_FILE, _LOG, _REVIEW = "case.json", "log.txt", "review.json"
_LOCK = threading.RLock()
"""One for all `Cases` of the process: two tabs may have one each."""


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

    def new(self, name: str = "", purpose: str = "") -> Case:
        """A new case, on disk when this returns; without a name it is called after the time."""
        made = time.time()
        title = name.strip() or time.strftime("Case of %d %b %Y, %H:%M", time.localtime(made))
        case = Case(new_key(), title, made, purpose.strip())
        self._save(case)
        self.log(case.key, f"made: {case.name}")
        return case

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

    def load(self, key: str) -> Case:
        """`StoreError` if there is no such case, or if it cannot be read."""
        path = self.folder(key) / _FILE
        try:
            return read_case(key, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as fault:
            raise StoreError("this case no longer exists", "Open another case, or create one.") from fault
        except StoreError as fault:
            raise StoreError(f"{path} cannot be read ({fault.message})", fault.remedy) from fault
        except (OSError, ValueError, RecursionError) as fault:
            raise StoreError(f"{path} cannot be read ({fault})", "Restore the case from a back-up.") from fault

    def adopt(self, case: Case, folder: Path, log_entry: str) -> Case:
        """Add a case whose other files are in `folder`, which is renamed to the folder of the case."""
        write_atomically(folder / _FILE, _to_json(case))
        folder.rename(self.folder(case.key))
        self.log(case.key, log_entry)
        return case

    def change(self, key: str, edit: Callable[[Case], Case], log_entry: str = "") -> Case:
        """Apply `edit` to the case; the result is on disk when this returns. `log_entry` goes into the activity log."""
        with _LOCK:
            old = self.load(key)
            case = edit(old)
            if case != old:
                self._save(case)
                if log_entry:
                    self.log(key, log_entry)
        return case

    def delete(self, key: str) -> None:
        """Remove the case's folder. Runs and uploads are elsewhere; `erase` removes those that only this case uses."""
        with _LOCK:
            self.load(key)
            # Renamed first: half a case would be one that cannot be read.
            hidden = self.folder(key).with_name(f".{key}.{secrets.token_hex(4)}")
            self.folder(key).rename(hidden)
        shutil.rmtree(hidden)

    def move(self, key: str, target: Cases) -> Case:
        """Move a case to another root, in one step; `moved_at` says when."""
        with _LOCK:
            case = self.load(key)
            target._root.mkdir(parents=True, exist_ok=True)
            os.utime(self.folder(key) / _FILE)
            self.folder(key).rename(target.folder(key))
        return case

    def moved_at(self, key: str) -> float:
        """When the case was last changed or moved, in seconds since 1970."""
        return (self.folder(key) / _FILE).stat().st_mtime

    def folder(self, key: str) -> Path:
        if not (key.isalnum() and key.isascii()):
            raise StoreError("this case no longer exists", "Open another case, or create one.")
        return self._root / key

    def review_file(self, key: str) -> Path:
        return self.folder(key) / _REVIEW

    def log(self, key: str, entry: str) -> None:
        """Add a line to the activity log, with the time."""
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {' '.join(entry.split())}\n"
        try:
            with _LOCK, (self.folder(key) / _LOG).open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as fault:
            raise StoreError(
                f"the activity log cannot be written ({fault.strerror})", "Free some space, or create a new case."
            ) from fault

    def log_lines(self, key: str) -> list[str]:
        """The activity log, oldest line first."""
        path = self.folder(key) / _LOG
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []

    def _save(self, case: Case) -> None:
        write_atomically(self.folder(case.key) / _FILE, _to_json(case))


def new_key() -> str:
    """A key that no case has; those made later sort last."""
    return f"{int(time.time()):x}{secrets.token_hex(4)}"


def _to_json(case: Case) -> bytes:
    return json.dumps({"format": FORMAT, **asdict(case)}, indent=1, ensure_ascii=False).encode()


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
