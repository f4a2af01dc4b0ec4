"""A job as it stands, read from its folder: how far each camera is, and why it failed where it did.

All jobs under one root: started or joined, looked at, stopped, removed.

<root>/<key>/job.json    what was ordered, and the process that does it
             regions/    the regions ordered, a file per camera
             status.json where the run stands, in its own words: `core.jobs.status`
             progress    the child's output: JSON lines of `core.progress.Report`
             preview.jpg, usage.csv    what the child shows of itself: `core.watch`
             log         what the child said on its error stream
             ended       its exit status, where a server was there to see it
             out/        its results, as `core.output` leaves them"""

from __future__ import annotations

import csv
import json
import re
import secrets
import sys
import threading
import time
from collections.abc import Sequence
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

State = Literal["running", "stopping", "done", "partly", "failed", "stopped"]
STOPPED = 130
_TAIL_BYTES = 16_384
_WORDS = 4


@dataclass(frozen=True)
class CameraState:
    """How far one camera of a job is. `report` is the last word on the one that is being worked on."""

    name: str
    state: CameraPhase
    report: Report | None = None
    fault: str = ""
    tracks: int = 0
    boxes: int = 0


@dataclass(frozen=True)
class Job:
    """A job as it stands. `fault` says in words why it failed; faults of single cameras are with them. `people` is how
    many it found, where it looked for anybody again and is over.
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
        """What the lines of this job begin with in the log of all runs."""
        return f"{self.key}/{self.out.name}"

    @property
    def has_results(self) -> bool:
        """Whether there are results to look at."""
        return self.state in ("done", "partly")

    @property
    def is_active(self) -> bool:
        return self.state in ("running", "stopping")


def read_job(folder: Path, about: dict[str, Any], running: bool) -> Job:
    """The job in `folder`, of which `about` is known and whose process is `running` or not."""
    order = Order.read(about["order"])
    if "attempt" in about:
        status = read_status(folder, str(about["attempt"]))
        state, fault = _state_of(status, folder, about, running)
        cameras = status.cameras
    else:
        state, fault, cameras = _read_old_folder(folder, about, order, running)
    report = last_report(folder / "progress") if running else None
    by_name = {camera.name: camera for camera in cameras}
    shown = tuple(_camera(by_name.get(s.camera, CameraStatus(s.camera)), report) for s in order.sources)
    out = folder / "out"
    people = _people(out / "people.csv") if order.matches_people and state in ("done", "partly") else None
    return Job(folder.name, state, order, float(about["began"]), shown, out, fault, people)


def _state_of(status: RunStatus, folder: Path, about: dict[str, Any], running: bool) -> tuple[State, str]:
    """The job's state by what the run itself says, and for a failed one the reason."""
    cancelled = bool(about.get("cancelled"))
    if running:
        return ("stopping" if cancelled else "running"), ""
    if status.phase == "done":
        return ("partly" if any(camera.state == "failed" for camera in status.cameras) else "done"), ""
    # Where every clip failed, that is the news, even if somebody wanted to stop as well.
    if status.phase == "failed" and status.fault == ALL_FAILED:
        return "failed", ALL_FAILED
    ended = status_of(folder / "ended")
    # One that ended before it wrote anything says only by its exit status that it was stopped.
    if cancelled or status.phase == "stopped" or (status.phase == "starting" and ended == STOPPED):
        return "stopped", ""
    # In any other phase its process is gone without a last word.
    return "failed", status.fault or last_words(folder / "log", ended)


def _read_old_folder(
    folder: Path, about: dict[str, Any], order: Order, running: bool
) -> tuple[State, str, tuple[CameraStatus, ...]]:
    """State, fault and cameras of a job that version 0.1.0 started, which wrote no `status.json`.

    They follow from what lies in its folder: `run.json` is done once all clips are, `similarity.npz` is there once
    people were compared, and `ended` holds the exit status where a server was there to see it.
    """
    record = read_json(folder / "out" / "run.json")
    cameras = tuple(_old_camera(name, written) for name, written in record.get("cameras", {}).items())
    if running:
        return ("stopping" if about.get("cancelled") else "running"), "", cameras
    status = status_of(folder / "ended")
    if record.get("state") == "done":
        failed = [camera for camera in cameras if camera.state == "failed"]
        if len(failed) == len(cameras):
            return "failed", ALL_FAILED, cameras
        if not order.matches_people or status in (0, 1) or (folder / "out" / "similarity.npz").is_file():
            return ("partly" if failed else "done"), "", cameras
    if about.get("cancelled") or status == STOPPED:
        return "stopped", "", cameras
    return "failed", last_words(folder / "log", status), cameras


def _old_camera(name: str, written: dict[str, Any]) -> CameraStatus:
    if "failed" in written:
        return CameraStatus(name, "failed", fault=str(written["failed"]))
    return CameraStatus(name, "done", tracks=int(written["tracks"]), boxes=int(written.get("boxes", 0)))


def _people(file: Path) -> int | None:
    """How many people the table lists."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return len({row["person"] for row in csv.DictReader(lines)})
    except (OSError, KeyError):
        return None


def status_of(ended: Path) -> int | None:
    """How the child ended, as far as anybody saw it."""
    try:
        return int(ended.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def last_words(log: Path, status: int | None) -> str:
    """What the child said last: its own one sentence where it gave one, else the end of what it printed."""
    lines = [line.strip() for line in _tail(log).splitlines() if line.strip()]
    own = [line.removeprefix("sightline: ") for line in lines if line.startswith("sightline: ")]
    if own or lines:
        return own[-1] if own else "\n".join(lines[-_WORDS:])
    how = "" if status is None else f" (exit status {status})"
    return f"The work ended without a word{how}. Memory may have run out, or the machine was restarted. Start it again."


def last_report(path: Path) -> Report | None:
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
    """A camera that is at work is so only while its run is, which the last report says."""
    if status.state in ("done", "failed"):
        return CameraState(status.name, status.state, None, status.fault, status.tracks, status.boxes)
    if report is not None and report.camera == status.name:
        return CameraState(status.name, "working", report)
    return CameraState(status.name, "waiting")


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


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
            if known is None or not (known.is_active or known.state == "done"):
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
        if self.look(key).is_active:
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
            words = [*self._command, *order.arguments(folder.resolve())]
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


_RUN = re.compile(r"[0-9a-f]{20}")


def run_folder(run: str) -> Path | None:
    """The results of a run that a request names."""
    return cache_dir() / "runs" / run / "out" if _RUN.fullmatch(run) else None
