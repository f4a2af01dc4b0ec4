"""`status.json`: where a run stands, in the folder of its job. The run writes it, the app reads it.

    {"format": 1, "attempt": "3f2a...", "phase": "tracking", "fault": "",
     "cameras": [{"name": "gate", "state": "done", "tracks": 3, "boxes": 120, "fault": ""}, ...]}

`attempt` distinguishes the starts of a job, so that the status of an earlier start is not taken for the present one's.
If a run dies, the phase says that it is in progress while its process is gone, which tells the reader.

A job as a whole is read here too, from this file and the others in its folder: job.json, the child's progress, error
stream and exit status, and its results.
"""

from __future__ import annotations

import csv
import functools
import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from core.base.errors import StoreError
from core.base.progress import Report
from core.machine.paths import retry_in_use, write_atomically
from core.workspace.jobs.order import Order

FILE = "status.json"
ATTEMPT = "SIGHTLINE_ATTEMPT"
"""The environment variable that tells the child process its attempt."""
FORMAT = 1
ALL_FAILED = "No clip could be analysed."
STOPPED = 130
"""Exit status of a child that was stopped."""
_TAIL_BYTES = 16_384
_LOG_LINES = 4
_TRIES = 5
_WAIT_SECONDS = 0.1
_CACHED_FILES = 1_000
_DECISIVE_FILES = (FILE, "ended", "log", "out/run.json", "out/people.csv", "out/similarity.npz")
"""What decides, with job.json, how a job stands whose process has ended."""

Phase = Literal["starting", "tracking", "people", "done", "failed", "stopped"]
CameraPhase = Literal["waiting", "working", "done", "failed"]
State = Literal["waiting", "running", "stopping", "done", "partly", "failed", "stopped"]
Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class CameraStatus:
    """One camera of a run; `tracks` and `boxes` are known once it is done, `fault` says why it failed."""

    name: str
    state: CameraPhase = "waiting"
    tracks: int = 0
    boxes: int = 0
    fault: str = ""

    def __post_init__(self) -> None:
        if self.state not in get_args(CameraPhase):
            raise ValueError(f"'{self.state}' is not a state of a camera")


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands. `fault` is the sentence in which it says why it failed; empty if it could give none."""

    attempt: str
    phase: Phase = "starting"
    fault: str = ""
    cameras: tuple[CameraStatus, ...] = ()

    def __post_init__(self) -> None:
        if self.phase not in get_args(Phase):
            raise ValueError(f"'{self.phase}' is not a phase of a run")

    def camera(self, name: str) -> CameraStatus:
        return next((camera for camera in self.cameras if camera.name == name), CameraStatus(name))

    def with_camera(self, changed: CameraStatus) -> RunStatus:
        return replace(self, cameras=tuple(changed if c.name == changed.name else c for c in self.cameras))

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> RunStatus:
        """`ValueError` if the text is not a status."""
        try:
            content = json.loads(text)
            cameras = tuple(CameraStatus(**camera) for camera in content["cameras"])
            return cls(str(content["attempt"]), content["phase"], str(content["fault"]), cameras)
        except (KeyError, TypeError) as fault:
            raise ValueError(f"this is not a status of a run ({fault})") from fault


def read_status(folder: Path, attempt: str) -> RunStatus:
    """The latest status of this attempt of the job in `folder`; "starting" if it has written none yet."""
    try:
        status = RunStatus.from_json(retry_in_use(lambda: (folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return RunStatus(attempt)
    return status if status.attempt == attempt else RunStatus(attempt)


class StatusWriter:
    """Writes a run's status whenever it changes; without a folder, it writes nothing.

    A write that fails during the work is skipped: the next one says more, and the work itself reports a full disk. The
    final status is tried several times, because another program may keep the file open for a moment.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._status = RunStatus(os.environ.get(ATTEMPT, ""))

    def tracking(self, cameras: Iterable[str]) -> None:
        self._change(phase="tracking", cameras=tuple(CameraStatus(name) for name in cameras))

    def on_report(self, report: Report) -> None:
        """The first report of a camera marks it as in progress."""
        camera = self._status.camera(report.camera)
        if camera in self._status.cameras and camera.state == "waiting":
            self.camera(replace(camera, state="working"))

    def camera(self, camera: CameraStatus) -> None:
        self._status = self._status.with_camera(camera)
        self._write_if_possible()

    def people(self) -> None:
        self._change(phase="people")

    def done(self) -> None:
        """The work has ended. If no camera could be analysed, the run failed."""
        cameras = self._status.cameras
        if cameras and all(camera.state == "failed" for camera in cameras):
            self.failed(ALL_FAILED)
        else:
            self._finish("done")

    def failed(self, fault: str = "") -> None:
        self._finish("failed", fault)

    def stopped(self) -> None:
        self._finish("stopped")

    def _change(self, **changes: Any) -> None:
        self._status = replace(self._status, **changes)
        self._write_if_possible()

    def _finish(self, phase: Phase, fault: str = "") -> None:
        self._status = replace(self._status, phase=phase, fault=fault)
        for attempt in range(_TRIES):
            try:
                return self._write()
            except StoreError:
                if attempt == _TRIES - 1 and phase == "done":
                    raise
                time.sleep(_WAIT_SECONDS)

    def _write_if_possible(self) -> None:
        with suppress(StoreError):
            self._write()

    def _write(self) -> None:
        if self._folder is not None:
            write_atomically(self._folder / FILE, self._status.to_json().encode())


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


def read_about(folder: Path) -> Mapping[str, Any]:
    """The content of the `job.json` of a job; empty if there is none that can be read."""
    return _read_file(folder / "job.json")


def read_job(folder: Path, about: Mapping[str, Any], running: bool) -> Job:
    """The job in `folder`, whose job.json says `about`; `running` if its process is alive.

    One that has ended is read once for as long as the files that decide it stay the same.
    """
    if running:
        return _read_job(folder, about, running)
    stamps = tuple(stamp_of_file(folder / name) for name in _DECISIVE_FILES)
    # `about` is part of the key, because job.json may have changed since it was read.
    return _read_ended_job(folder, json.dumps(about), stamps)


@functools.lru_cache(maxsize=_CACHED_FILES)
def _read_ended_job(folder: Path, about: str, stamps: tuple[Stamp, ...]) -> Job:
    return _read_job(folder, json.loads(about), running=False)


def _read_job(folder: Path, about: Mapping[str, Any], running: bool) -> Job:
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
    people = _count_people(out / "people.csv", stamp_of_file(out / "people.csv")) if has_people else None
    return Job(folder.name, state, order, float(about["began"]), states, out, fault, people)


def _state_of(status: RunStatus, folder: Path, about: Mapping[str, Any], running: bool) -> tuple[State, str]:
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
    folder: Path, about: Mapping[str, Any], order: Order, running: bool
) -> tuple[State, str, tuple[CameraStatus, ...]]:
    """State, fault and cameras of a job that version 0.1.0 started, which wrote no `status.json`.

    They follow from other files: `run.json` is done once all clips are, `similarity.npz` exists once people were
    compared, and `ended` holds the exit status if a server was there to see it.
    """
    file = folder / "out" / "run.json"
    record = _read_file(file)
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


def _read_file(file: Path) -> Mapping[str, Any]:
    """The JSON object in a file, parsed once for as long as the file stays the same; empty if it cannot be read."""
    try:
        return _parse(file, stamp_of_file(file))
    except (OSError, ValueError):
        # Not cached: the next look may succeed.
        return {}


@functools.lru_cache(maxsize=_CACHED_FILES)
def _parse(file: Path, stamp: Stamp) -> Mapping[str, Any]:
    content = json.loads(retry_in_use(lambda: file.read_text(encoding="utf-8")))
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds no JSON object")
    return content


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


def stamp_of_file(file: Path) -> Stamp:
    """What changes whenever the file is written, for caches of its content; zeros if it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
