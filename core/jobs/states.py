"""A job as it stands, read from its folder: how far each camera is, and why it failed where it did."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.jobs.orders import Order
from core.jobs.status import ALL_FAILED, CameraPhase, CameraStatus, RunStatus, read_status
from core.progress import Report

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
    def over(self) -> bool:
        """Whether there are results to look at."""
        return self.state in ("done", "partly")

    @property
    def live(self) -> bool:
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
    people = _people(out / "people.csv") if order.matched and state in ("done", "partly") else None
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
        if not order.matched or status in (0, 1) or (folder / "out" / "similarity.npz").is_file():
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
