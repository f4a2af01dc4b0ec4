"""All cases under one root folder: created, loaded, changed, logged, and removed.

A change is a function from the old case to the new one. It is on disk when `change` returns, and two tabs that change
the same case take turns.
"""

from __future__ import annotations

import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from core.base.errors import SettingsError, SightlineError, StoreError
from core.base.settings import DetectSettings, TrackSettings, VideoSettings
from core.machine.paths import cache_dir, write_atomically
from core.vision.regions import from_json
from core.workspace.cases.case import Case, CaseClip, Plan

_FILE, _LOG, _REVIEW = "case.json", "log.txt", "review.json"
_LOCK = threading.RLock()
"""One for all `Cases` of the process: two tabs may have one each."""


class Cases:
    """All cases under one root, by default in the user's cache folder."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or cache_dir() / "cases"

    def new(self, name: str = "", purpose: str = "") -> Case:
        """A new case, on disk when this returns; without a name it is called after the time."""
        made = time.time()
        title = name.strip() or time.strftime("Case of %d %b %Y, %H:%M", time.localtime(made))
        case = Case(f"{int(made):x}{secrets.token_hex(4)}", title, made, purpose.strip())
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

    def keys(self) -> list[str]:
        """The keys of all cases, also of those that cannot be read."""
        return sorted(path.parent.name for path in self._root.glob(f"*/{_FILE}"))

    def load(self, key: str) -> Case:
        """`StoreError` if there is no such case, or if it cannot be read."""
        path = self.folder(key) / _FILE
        try:
            return _read(key, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as fault:
            raise StoreError("this case no longer exists", "Open another case, or create one.") from fault
        except (OSError, AttributeError, ValueError, KeyError, TypeError) as fault:
            raise StoreError(f"{path} cannot be read ({fault})", "Restore the case from a back-up.") from fault

    def adopt(self, key: str, content: Mapping[str, Any]) -> Case:
        """Replace the case `key` by the content of a `case.json` from another machine."""
        try:
            case = _read(key, content)
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise StoreError(f"the case cannot be read ({fault})", "Make the back-up again.") from fault
        self._save(case)
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
        self.load(key)
        shutil.rmtree(self.folder(key))

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
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def _save(self, case: Case) -> None:
        content = json.dumps({"format": 1, **asdict(case)}, indent=1, ensure_ascii=False)
        write_atomically(self.folder(case.key) / _FILE, content.encode())


def _change_time(file: Path) -> int:
    """When the file was written; 0 if another tab has just deleted it."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _read(key: str, content: Mapping[str, Any]) -> Case:
    if content.get("format") != 1:
        raise SettingsError("the case was made by a newer version of the program", "Update Sightline.")
    clips = tuple(CaseClip(**{**clip, "regions": _regions(clip["regions"])}) for clip in content["clips"])
    plan = content["plan"]
    settings = VideoSettings(**plan["video"]), DetectSettings(**plan["detect"]), TrackSettings(**plan["track"])
    # A field that an older version did not write yet has its default.
    simple_fields = {
        f.name: content[f.name] for f in fields(Case) if f.name in content and f.name not in ("key", "clips", "plan")
    }
    return Case(key=key, clips=clips, plan=Plan(plan["detector"], plan["embedder"], *settings), **simple_fields)


def _regions(content: Mapping[str, Any]) -> Any:
    return from_json(json.dumps({"format": "sightline-regions", "version": 1, **content}))
