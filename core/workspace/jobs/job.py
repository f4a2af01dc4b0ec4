"""A job, read from its folder: job.json, the run's status, the child's progress, error stream and exit status.

job.json says what the job is and which process does it. Runs, exports and films have one each: `RUN_JOB` and `WORK`
here, and `core.workspace.jobs.exports.RECORD`. Version 1 of these had no "format".
"""

from __future__ import annotations

import csv
import functools
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from core.base.errors import StoreError
from core.base.progress import Report
from core.machine.paths import write_atomically
from core.machine.records import NewerVersionError, RecordFormat
from core.runs import CameraRecord, RunRecord, read_record
from core.workspace.jobs.order import Order
from core.workspace.jobs.status import ALL_FAILED, CameraPhase, CameraStatus, RunStatus, read_status
from core.workspace.jobs.status import FILE as STATUS

FILE = "job.json"
STOPPED = 130
"""Exit status of a child that was stopped."""
_TAIL_BYTES = 16_384
_LOG_LINES = 4
_CACHED_FILES = 1_000
_DECISIVE_FILES = (STATUS, "ended", "log", "out/run.json", "out/people.csv", "out/similarity.npz")
"""What decides, with job.json, how a job stands whose process has ended."""

State = Literal["waiting", "running", "stopping", "done", "partly", "failed", "stopped"]
Stamp = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Work:
    """The process that does the work of a job, by its number and the attempt in its environment.

    0.1.0 knew its processes by the moment of their birth, `born`. `starting` while a server starts the process,
    `cancelled` once it was asked to stop.
    """

    attempt: str = ""
    pid: int | None = None
    born: float | None = None
    starting: bool = False
    cancelled: bool = False


@dataclass(frozen=True, kw_only=True)
class RunJob(Work):
    """The job.json of a run: what to do, since when, and while it waits, the place in the queue."""

    order: Order
    began: float
    waiting: int | None = None


W = TypeVar("W", bound=Work)
WORK = RecordFormat(Work, "record of a job", remedy="Request the film again.", unversioned=1)
_REPORT = RecordFormat(Report, "report", unversioned=1)
RUN_JOB = RecordFormat(RunJob, "record of a run", remedy="Start the run again.", unversioned=1)


def save_job(record: RecordFormat[W], folder: Path, job: W) -> None:
    """Write the job.json of the job in `folder`."""
    write_atomically(folder / FILE, record.to_json(job), flush=True)


def find_job(record: RecordFormat[W], folder: Path) -> W | None:
    """The job.json of a job, parsed once for as long as the file stays the same; None if there is none.

    `StoreError` if it cannot be read.
    """
    file = folder / FILE
    try:
        return cast(W, _parse(record, file, stamp_of_file(file)))
    except FileNotFoundError:
        return None


@functools.lru_cache(maxsize=_CACHED_FILES)
def _parse(record: RecordFormat[Any], file: Path, stamp: Stamp) -> Any:
    # Faults are not cached: the next look may succeed.
    return record.read(file)


def find_replaceable_job(record: RecordFormat[W], folder: Path) -> W | None:
    """As `find_job`, for somebody who starts it: a damaged one counts as none, one of a newer version is refused."""
    try:
        return find_job(record, folder)
    except NewerVersionError:
        raise
    except StoreError:
        return None


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
    finished run found, if it matched them. `place` is its place in the queue while it waits: the next one has 1.
    """

    key: str
    state: State
    order: Order
    began: float
    cameras: tuple[CameraState, ...]
    out: Path
    fault: str = ""
    people: int | None = None
    place: int = 0

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
        """Whether it waits for its turn, or its process is running."""
        return self.state in ("waiting", "running", "stopping")


def read_job(folder: Path, record: RunJob, running: bool) -> Job:
    """The job in `folder`, whose job.json is `record`; `running` if its process is alive.

    One that has ended is read once for as long as the files that decide it stay the same.
    """
    if running:
        return _read_job(folder, record, running)
    stamps = tuple(stamp_of_file(folder / name) for name in _DECISIVE_FILES)
    # The record is part of the key, because job.json may have changed since it was read.
    return _read_ended_job(folder, record, stamps)


@functools.lru_cache(maxsize=_CACHED_FILES)
def _read_ended_job(folder: Path, record: RunJob, stamps: tuple[Stamp, ...]) -> Job:
    return _read_job(folder, record, running=False)


def _read_job(folder: Path, record: RunJob, running: bool) -> Job:
    order = record.order
    try:
        state, fault, cameras = _stand(folder, record)
    except StoreError as unreadable:
        state, fault, cameras = "failed", str(unreadable), ()
    if running:
        # Whatever the files say, its process goes on.
        state, fault = "stopping" if record.cancelled else "running", ""
    report = last_report(folder / "progress") if running else None
    by_name = {camera.name: camera for camera in cameras}
    states = tuple(_camera(by_name.get(s.camera, CameraStatus(s.camera)), report) for s in order.sources)
    out = folder / "out"
    has_people = order.matches_people and state in ("done", "partly")
    people = _count_people(out / "people.csv", stamp_of_file(out / "people.csv")) if has_people else None
    return Job(folder.name, state, order, record.began, states, out, fault, people)


def _stand(folder: Path, record: RunJob) -> tuple[State, str, tuple[CameraStatus, ...]]:
    """State, fault and cameras of a job, as if it had ended; `StoreError` if a record of it cannot be read."""
    if not record.attempt:
        return _read_old_folder(folder, record)
    status = read_status(folder, record.attempt)
    state, fault = _state_of(status, folder, record)
    return state, fault, status.cameras


def _state_of(status: RunStatus, folder: Path, record: RunJob) -> tuple[State, str]:
    """The job's state by the status that the run wrote, and the reason if it failed."""
    if status.phase == "done":
        return ("partly" if any(camera.state == "failed" for camera in status.cameras) else "done"), ""
    # If every clip failed, that matters more than that the run was asked to stop.
    if status.phase == "failed" and status.fault == ALL_FAILED:
        return "failed", ALL_FAILED
    ended = exit_status(folder / "ended")
    # If it was stopped before it wrote a status, only the exit status tells.
    if record.cancelled or status.phase == "stopped" or (status.phase == "starting" and ended == STOPPED):
        return "stopped", ""
    # In any other phase its process ended without writing a final status.
    return "failed", status.fault or failure_message(folder / "log", ended)


def _read_old_folder(folder: Path, record: RunJob) -> tuple[State, str, tuple[CameraStatus, ...]]:
    """State, fault and cameras of a job that version 0.1.0 started, which wrote no `status.json`.

    They follow from other files: `run.json` is done once all clips are, `similarity.npz` exists once people were
    compared, and `ended` holds the exit status if a server was there to see it.
    """
    out = folder / "out"
    run = read_record(out) if (out / "run.json").is_file() else RunRecord()
    cameras = tuple(_old_camera(name, camera) for name, camera in run.cameras.items())
    status = exit_status(folder / "ended")
    if run.state == "done":
        failed = [camera for camera in cameras if camera.state == "failed"]
        if len(failed) == len(cameras):
            return "failed", ALL_FAILED, cameras
        if not record.order.matches_people or status in (0, 1) or (out / "similarity.npz").is_file():
            return ("partly" if failed else "done"), "", cameras
    if record.cancelled or status == STOPPED:
        return "stopped", "", cameras
    return "failed", failure_message(folder / "log", status), cameras


def _old_camera(name: str, camera: CameraRecord) -> CameraStatus:
    if camera.failed:
        return CameraStatus(name, "failed", fault=camera.failed)
    return CameraStatus(name, "done", tracks=camera.tracks, boxes=camera.boxes)


@functools.lru_cache(maxsize=_CACHED_FILES)
def _count_people(file: Path, stamp: Stamp) -> int | None:
    """How many people a people.csv lists, counted once for as long as the file stays the same."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return len({row["person"] for row in csv.DictReader(lines)})
    except (OSError, KeyError):
        return None


def _camera(status: CameraStatus, report: Report | None) -> CameraState:
    """The state of a camera; the last report says whether it is the one in progress."""
    if status.state in ("done", "failed"):
        return CameraState(status.name, status.state, None, status.fault, status.tracks, status.boxes)
    if report is not None and report.camera == status.name:
        return CameraState(status.name, "working", report)
    return CameraState(status.name, "waiting")


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
        with suppress(StoreError):
            return _REPORT.parse(line)
    return None


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return stream.read().decode("utf-8", "replace")
    except OSError:
        return ""


def stamp_of_file(file: Path) -> Stamp:
    """What changes whenever the file is written, for caches of its content; zeros if it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
