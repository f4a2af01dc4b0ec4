"""All jobs that make runs: started or joined, looked up, stopped, removed; and their folders, read.

<root>/<key>/job.json      the order, and the process that does it
             regions/      the regions of the order, a file per camera
             status.json   where the run stands, written by the run itself: `core.workspace.jobs.status`
             progress      the child's output: JSON lines of `core.base.progress.Report`
             preview.jpg, usage.csv    the live preview: `core.workspace.jobs.monitor`
             log           the child's error stream
             ended         its exit status, if a server was there to see it
             out/          the results, as `core.runs` leaves them
"""

from __future__ import annotations

import csv
import functools
import json
import re
import secrets
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from core.base.errors import SettingsError, StoreError
from core.base.progress import Report
from core.machine.paths import cache_dir, write_atomically
from core.workspace.jobs.monitor import PREVIEW, USAGE
from core.workspace.jobs.order import Order
from core.workspace.jobs.processes import Children, Launcher, remove
from core.workspace.jobs.status import ALL_FAILED, ATTEMPT, CameraPhase, CameraStatus, RunStatus, read_status
from core.workspace.jobs.status import FILE as STATUS

CORE = (sys.executable, "-m", "core")
_KEY_LENGTH = 20
_RESULT_FILES = ("run.json", "tracks.parquet", "people.csv", "similarity.npz")
_JOB_FILES = ("ended", STATUS, PREVIEW, USAGE)
_RUN_KEY = re.compile(r"[0-9a-f]{20}")

State = Literal["running", "stopping", "done", "partly", "failed", "stopped"]
STOPPED = 130
"""Exit status of a run that was stopped."""
_TAIL_BYTES = 16_384
_CACHED_FILES = 1_000
_LOG_LINES = 4


@dataclass(frozen=True)
class CameraState:
    """How far one camera of a job is; `report` is the latest one, for the camera in progress."""

    name: str
    state: CameraPhase
    report: Report | None = None
    fault: str = ""
    tracks: int = 0
    boxes: int = 0


@dataclass(frozen=True)
class Job:
    """A job as it is now. `fault` says why it failed as a whole; each camera has its own. `people` is how many people a
    finished run found, if it matched them.
    """

    key: str
    state: State
    order: Order
    began: float
    cameras: tuple[CameraState, ...]
    out: Path
    fault: str = ""
    people: int | None = None

    @property
    def folder(self) -> Path:
        return self.out.parent

    @property
    def log_label(self) -> str:
        """The label of this job's lines in the log of all runs."""
        return f"{self.key}/{self.out.name}"

    @property
    def has_results(self) -> bool:
        """Whether it is finished, at least for some of its cameras."""
        return self.state in ("done", "partly")

    @property
    def is_active(self) -> bool:
        """Whether its process is running."""
        return self.state in ("running", "stopping")


class Jobs:
    """All jobs under one root, by default in the user's cache folder. The arguments of an order are appended to
    `command`, and `launcher` runs it, by default as a child process.
    """

    def __init__(
        self, root: Path | None = None, command: Sequence[str] = CORE, launcher: Launcher | None = None
    ) -> None:
        self._root = root or cache_dir() / "runs"
        self._command = list(command)
        self._launcher = launcher or Children()
        self._lock = threading.Lock()

    def start(self, order: Order) -> Job:
        """Start the job of an order, or join it if it is running or done. A stopped or failed job continues."""
        key = order.key
        with self._lock:
            job = self._find(key)
            if job is None or not (job.is_active or job.state == "done"):
                self._begin(key, order)
        return self.get(key)

    def get(self, key: str) -> Job:
        """The job with this key; `StoreError` if there is none."""
        job = self._find(key)
        if job is None:
            raise StoreError(f"there is no run {key}", "Start it again on the Run page.")
        return job

    def is_active(self, key: str) -> bool:
        """Whether there is a run with this key and its process is running."""
        job = self._find(key)
        return job is not None and job.is_active

    def all(self) -> list[Job]:
        """Every job, the latest first."""
        jobs = [self._find(folder.name) for folder in self._root.glob("*") if folder.is_dir()]
        return sorted((job for job in jobs if job), key=lambda job: -job.began)

    def cancel(self, key: str) -> None:
        """Ask the run to stop; finished work is kept. Asked a second time, it is ended at once."""
        with self._lock:
            self._launcher.stop(self._about(key), lambda about: self._write(key, about))

    def forget(self, key: str) -> None:
        """Remove a job that is not running, with its results."""
        if self.get(key).is_active:
            raise StoreError("this run is still in progress", "Stop it first.")
        remove(self._root / key)

    def _begin(self, key: str, order: Order) -> None:
        folder = self._root / key
        out, attempt = folder / "out", secrets.token_hex(8)
        try:
            out.mkdir(parents=True, exist_ok=True)
            # The files of an earlier attempt must not be taken for those of this one.
            for stale in (*(out / name for name in _RESULT_FILES), *(folder / name for name in _JOB_FILES)):
                stale.unlink(missing_ok=True)
            order.write_regions(folder.resolve())
            command = [*self._command, *order.arguments(folder.resolve())]
            child = self._launcher.start(command, folder, **{ATTEMPT: attempt})
        except OSError as fault:
            raise StoreError(
                f"the run cannot be started ({fault.strerror})", "Check the cache folder and its free space."
            ) from fault
        self._write(key, {"order": asdict(order), "began": time.time(), "attempt": attempt, **child})

    def _write(self, key: str, about: dict[str, Any]) -> None:
        write_atomically(self._root / key / "job.json", json.dumps(about, indent=1).encode())

    def _about(self, key: str) -> dict[str, Any]:
        """The content of `job.json`; empty if there is no such job."""
        if len(key) != _KEY_LENGTH or not key.isalnum():
            return {}
        return read_json(self._root / key / "job.json")

    def _find(self, key: str) -> Job | None:
        about = self._about(key)
        try:
            return read_job(self._root / key, about, self._launcher.alive(about))
        except (KeyError, TypeError, ValueError, AttributeError, SettingsError):
            return None


def run_folder(run: str) -> Path | None:
    """The folder of results of a run; None for a text that cannot be a run's key, as requests may send."""
    return cache_dir() / "runs" / run / "out" if _RUN_KEY.fullmatch(run) else None


def read_job(folder: Path, about: dict[str, Any], running: bool) -> Job:
    """The job in `folder`, whose job.json says `about`; `running` if its process is alive."""
    order = Order.read(about["order"])
    if "attempt" in about:
        status = read_status(folder, str(about["attempt"]))
        state, fault = _state_of(status, folder, about, running)
        cameras = status.cameras
    else:
        state, fault, cameras = _read_old_folder(folder, about, order, running)
    report = last_report(folder / "progress") if running else None
    by_name = {camera.name: camera for camera in cameras}
    states = tuple(_camera(by_name.get(s.camera, CameraStatus(s.camera)), report) for s in order.sources)
    out = folder / "out"
    has_people = order.matches_people and state in ("done", "partly")
    people = _count_people(out / "people.csv", _stamp(out / "people.csv")) if has_people else None
    return Job(folder.name, state, order, float(about["began"]), states, out, fault, people)


def _state_of(status: RunStatus, folder: Path, about: dict[str, Any], running: bool) -> tuple[State, str]:
    """The job's state by the status that the run wrote, and the reason if it failed."""
    cancelled = bool(about.get("cancelled"))
    if running:
        return ("stopping" if cancelled else "running"), ""
    if status.phase == "done":
        return ("partly" if any(camera.state == "failed" for camera in status.cameras) else "done"), ""
    # If every clip failed, that matters more than that the run was asked to stop.
    if status.phase == "failed" and status.fault == ALL_FAILED:
        return "failed", ALL_FAILED
    ended = exit_status(folder / "ended")
    # If it was stopped before it wrote a status, only the exit status tells.
    if cancelled or status.phase == "stopped" or (status.phase == "starting" and ended == STOPPED):
        return "stopped", ""
    # In any other phase its process ended without writing a final status.
    return "failed", status.fault or failure_message(folder / "log", ended)


def _read_old_folder(
    folder: Path, about: dict[str, Any], order: Order, running: bool
) -> tuple[State, str, tuple[CameraStatus, ...]]:
    """State, fault and cameras of a job that version 0.1.0 started, which wrote no `status.json`.

    They follow from other files: `run.json` is done once all clips are, `similarity.npz` exists once people were
    compared, and `ended` holds the exit status if a server was there to see it.
    """
    file = folder / "out" / "run.json"
    record = _read_record(file, _stamp(file))
    cameras = tuple(_old_camera(name, written) for name, written in record.get("cameras", {}).items())
    if running:
        return ("stopping" if about.get("cancelled") else "running"), "", cameras
    status = exit_status(folder / "ended")
    if record.get("state") == "done":
        failed = [camera for camera in cameras if camera.state == "failed"]
        if len(failed) == len(cameras):
            return "failed", ALL_FAILED, cameras
        if not order.matches_people or status in (0, 1) or (folder / "out" / "similarity.npz").is_file():
            return ("partly" if failed else "done"), "", cameras
    if about.get("cancelled") or status == STOPPED:
        return "stopped", "", cameras
    return "failed", failure_message(folder / "log", status), cameras


def _old_camera(name: str, written: dict[str, Any]) -> CameraStatus:
    if "failed" in written:
        return CameraStatus(name, "failed", fault=str(written["failed"]))
    return CameraStatus(name, "done", tracks=int(written["tracks"]), boxes=int(written.get("boxes", 0)))


def _stamp(file: Path) -> tuple[int, int]:
    """Time and size of a file, for caches of its content; zeros if it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return 0, 0
    return stat.st_mtime_ns, stat.st_size


@functools.lru_cache(maxsize=_CACHED_FILES)
def _read_record(file: Path, stamp: tuple[int, int]) -> Mapping[str, Any]:
    """The content of a run.json, parsed once for as long as the file stays the same."""
    return read_json(file)


@functools.lru_cache(maxsize=_CACHED_FILES)
def _count_people(file: Path, stamp: tuple[int, int]) -> int | None:
    """How many people a people.csv lists, counted once for as long as the file stays the same."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return len({row["person"] for row in csv.DictReader(lines)})
    except (OSError, KeyError):
        return None


def exit_status(ended: Path) -> int | None:
    """The child's exit status; None if no server saw it end."""
    try:
        return int(ended.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def failure_message(log: Path, status: int | None) -> str:
    """Why the child failed: the sentence that it gave, or else the end of its error stream."""
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    own = [line.removeprefix("sightline: ") for line in lines if line.startswith("sightline: ")]
    if own or lines:
        return own[-1] if own else "\n".join(lines[-_LOG_LINES:])
    how = "" if status is None else f" (exit status {status})"
    return f"The run ended without a message{how}. Memory may have run out, or the computer restarted. Start it again."


def last_report(path: Path) -> Report | None:
    """The latest report in a file of progress; None if there is none yet."""
    for line in reversed(_tail(path).splitlines()):
        try:
            return Report(**json.loads(line))
        except (ValueError, TypeError):
            continue
    return None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _camera(status: CameraStatus, report: Report | None) -> CameraState:
    """The state of a camera; the last report says whether it is the one in progress."""
    if status.state in ("done", "failed"):
        return CameraState(status.name, status.state, None, status.fault, status.tracks, status.boxes)
    if report is not None and report.camera == status.name:
        return CameraState(status.name, "working", report)
    return CameraState(status.name, "waiting")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if there is none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
