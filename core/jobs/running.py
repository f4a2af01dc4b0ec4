"""All jobs under one root: started or joined, looked at, stopped, removed.

<root>/<key>/job.json    what was ordered, and the process that does it
             regions/    the regions ordered, a file per camera
             status.json where the run stands, in its own words: `core.jobs.status`
             progress    the child's output: JSON lines of `core.progress.Report`
             preview.jpg, usage.csv    what the child shows of itself: `core.watch`
             log         what the child said on its error stream
             ended       its exit status, where a server was there to see it
             out/        its results, as `core.output` leaves them
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import SettingsError, StoreError
from core.folders import cache_dir, write_atomically
from core.jobs.children import Children, Launcher, remove
from core.jobs.orders import Order
from core.jobs.states import Job, read_job, read_json
from core.jobs.status import ATTEMPT
from core.jobs.status import FILE as STATUS
from core.watch import PREVIEW, USAGE

CORE = (sys.executable, "-m", "core")
_KEY = 20
_RESULTS = ("run.json", "tracks.parquet", "people.csv", "similarity.npz")
_SHOWN = ("ended", STATUS, PREVIEW, USAGE)


class Jobs:
    """All jobs under one root (by default in the user's cache folder). `command` gets the order's words appended, and
    `launcher` runs it: by default as a child process.
    """

    def __init__(
        self, root: Path | None = None, command: Sequence[str] = CORE, launcher: Launcher | None = None
    ) -> None:
        self._root = root or cache_dir() / "runs"
        self._command = list(command)
        self._launcher = launcher or Children()
        self._lock = threading.Lock()

    def start(self, order: Order) -> Job:
        """Begin, or join where it already runs or is done. One that was stopped or failed goes on where it can."""
        key = order.key
        with self._lock:
            known = self._look(key)
            if known is None or not (known.live or known.state == "done"):
                self._begin(key, order)
        return self.look(key)

    def look(self, key: str) -> Job:
        """The job of that key; `StoreError` where there is none."""
        job = self._look(key)
        if job is None:
            raise StoreError(f"there is no run {key}", "Choose your clips and start it again.")
        return job

    def all(self) -> list[Job]:
        """Every job, the latest first."""
        found = [self._look(folder.name) for folder in self._root.glob("*") if folder.is_dir()]
        return sorted((job for job in found if job), key=lambda job: -job.began)

    def cancel(self, key: str) -> None:
        """Ask the child to stop; it keeps what it has done. Asked a second time, it is ended at once."""
        with self._lock:
            self._launcher.stop(self._about(key), lambda about: self._write(key, about))

    def forget(self, key: str) -> None:
        """Remove a job that is over, results and all."""
        if self.look(key).live:
            raise StoreError("this run is still at work", "Stop it first.")
        remove(self._root / key)

    def _begin(self, key: str, order: Order) -> None:
        folder = self._root / key
        out, attempt = folder / "out", secrets.token_hex(8)
        try:
            out.mkdir(parents=True, exist_ok=True)
            # An earlier attempt's record must not pass for this one's.
            for stale in (*(out / name for name in _RESULTS), *(folder / name for name in _SHOWN)):
                stale.unlink(missing_ok=True)
            order.prepare(folder.resolve())
            words = [*self._command, *order.words(folder.resolve())]
            child = self._launcher.start(words, folder, **{ATTEMPT: attempt})
        except OSError as fault:
            raise StoreError(
                f"the run cannot be started ({fault.strerror})", "Check the cache folder and its free space."
            ) from fault
        self._write(key, {"order": asdict(order), "began": time.time(), "attempt": attempt, **child})

    def _write(self, key: str, about: dict[str, Any]) -> None:
        write_atomically(self._root / key / "job.json", json.dumps(about, indent=1).encode())

    def _about(self, key: str) -> dict[str, Any]:
        """What `job.json` says; empty where there is no such job."""
        if len(key) != _KEY or not key.isalnum():
            return {}
        return read_json(self._root / key / "job.json")

    def _look(self, key: str) -> Job | None:
        about = self._about(key)
        try:
            return read_job(self._root / key, about, self._launcher.alive(about))
        except (KeyError, TypeError, ValueError, SettingsError):
            return None
