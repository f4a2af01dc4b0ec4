"""All cases under one root: made, found, changed, and deleted for good."""

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
"""Two tabs change one case in turn, whichever `Cases` they came by."""


class Cases:
    """All cases under one root, by default in the user's cache folder."""

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or cache_dir() / "cases"

    def new(self, name: str = "", purpose: str = "") -> Case:
        made = time.time()
        words = name.strip() or time.strftime("Case of %d %b %Y, %H:%M", time.localtime(made))
        case = Case(f"{int(made):x}{secrets.token_hex(4)}", words, made, purpose.strip())
        self._save(case)
        self.log(case.key, f"made: {case.name}")
        return case

    def all(self) -> list[Case]:
        """Every case that can be read, the one changed last first."""
        files = sorted(self._root.glob(f"*/{_FILE}"), key=_changed, reverse=True)
        found = []
        for path in files:
            try:
                found.append(self.load(path.parent.name))
            except SightlineError:
                continue
        return found

    def load(self, key: str) -> Case:
        """`StoreError` where there is no such case, or where it cannot be read."""
        path = self.folder(key) / _FILE
        try:
            return _read(key, json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as fault:
            raise StoreError("this case is not there any more", "Open another one, or begin a new one.") from fault
        except (OSError, AttributeError, ValueError, KeyError, TypeError) as fault:
            raise StoreError(f"{path} cannot be read ({fault})", "Restore the case from a back-up.") from fault

    def adopt(self, key: str, content: Mapping[str, Any]) -> Case:
        """Put what another machine's `case.json` says in the place of the case `key`."""
        try:
            case = _read(key, content)
        except (AttributeError, KeyError, TypeError, ValueError) as fault:
            raise StoreError(f"what describes the case cannot be read ({fault})", "Make the back-up again.") from fault
        self._save(case)
        return case

    def change(self, key: str, how: Callable[[Case], Case], words: str = "") -> Case:
        """The case as `how` makes it, on disk when this returns; `words` go into its log."""
        with _LOCK:
            old = self.load(key)
            case = how(old)
            if case != old:
                self._save(case)
                if words:
                    self.log(key, words)
        return case

    def delete(self, key: str) -> None:
        """For good. Runs and uploads lie elsewhere: whoever calls this knows who else uses them."""
        self.load(key)
        shutil.rmtree(self.folder(key))

    def folder(self, key: str) -> Path:
        if not (key.isalnum() and key.isascii()):
            raise StoreError("this case is not there any more", "Open another one, or begin a new one.")
        return self._root / key

    def review_file(self, key: str) -> Path:
        return self.folder(key) / _REVIEW

    def log(self, key: str, words: str) -> None:
        """A line of what was done, with the time."""
        line = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {' '.join(words.split())}\n"
        try:
            with _LOCK, (self.folder(key) / _LOG).open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError as fault:
            raise StoreError(
                f"what was done cannot be noted ({fault.strerror})", "Free some space, or begin a new case."
            ) from fault

    def log_lines(self, key: str) -> list[str]:
        """What was done, the first line first."""
        path = self.folder(key) / _LOG
        return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

    def _save(self, case: Case) -> None:
        content = json.dumps({"format": 1, **asdict(case)}, indent=1, ensure_ascii=False)
        write_atomically(self.folder(case.key) / _FILE, content.encode())


def _changed(file: Path) -> int:
    """When it was written; long ago where another tab has just deleted it."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _read(key: str, content: Mapping[str, Any]) -> Case:
    if content.get("format") != 1:
        raise SettingsError("the case is of another version of the program", "Update Sightline.")
    clips = tuple(CaseClip(**{**clip, "regions": _regions(clip["regions"])}) for clip in content["clips"])
    plan = content["plan"]
    settings = VideoSettings(**plan["video"]), DetectSettings(**plan["detect"]), TrackSettings(**plan["track"])
    # What an older program did not know of yet has its default.
    rest = {
        f.name: content[f.name] for f in fields(Case) if f.name in content and f.name not in ("key", "clips", "plan")
    }
    return Case(key=key, clips=clips, plan=Plan(plan["detector"], plan["embedder"], *settings), **rest)


def _regions(content: Mapping[str, Any]) -> Any:
    return from_json(json.dumps({"format": "sightline-regions", "version": 1, **content}))
