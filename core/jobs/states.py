"""A job as it stands, read from its folder: how far each camera is, and why it failed where it did."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.jobs.orders import Order
from core.progress import Report

State = Literal["running", "stopping", "done", "partly", "failed", "stopped"]
STOPPED = 130
_TAIL_BYTES = 16_384
_WORDS = 4


@dataclass(frozen=True)
class CameraState:
    """How far one camera of a job is. `report` is the last word on the one that is being worked on."""

    name: str
    state: Literal["waiting", "working", "done", "failed"]
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
    record = read_json(folder / "out" / "run.json")
    state, fault = _standing(folder, about, order, record, running)
    cameras = _cameras(order, record, last_report(folder / "progress") if running else None)
    out = folder / "out"
    people = _people(out / "people.csv") if order.matched and state in ("done", "partly") else None
    return Job(folder.name, state, order, float(about["began"]), cameras, out, fault, people)


def _standing(
    folder: Path, about: dict[str, Any], order: Order, record: dict[str, Any], running: bool
) -> tuple[State, str]:
    """The job's state, and for a failed one the reason."""
    if running:
        return ("stopping" if about.get("cancelled") else "running"), ""
    status = status_of(folder / "ended")
    if record.get("state") == "done":
        failed = [c for c in record["cameras"].values() if "failed" in c]
        if len(failed) == len(record["cameras"]):
            return "failed", "No clip could be worked on."
        # The record is written before people are compared: only then is all of it there.
        if not order.matched or status in (0, 1) or (folder / "out" / "similarity.npz").is_file():
            return ("partly" if failed else "done"), ""
    if about.get("cancelled") or status == STOPPED:
        return "stopped", ""
    return "failed", last_words(folder / "log", status)


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


def _cameras(order: Order, record: dict[str, Any], report: Report | None) -> tuple[CameraState, ...]:
    return tuple(_camera(s.camera, record.get("cameras", {}).get(s.camera), report) for s in order.sources)


def _camera(name: str, written: dict[str, Any] | None, report: Report | None) -> CameraState:
    if written is not None:
        if "failed" in written:
            return CameraState(name, "failed", fault=str(written["failed"]))
        return CameraState(name, "done", tracks=int(written["tracks"]), boxes=int(written.get("boxes", 0)))
    if report is not None and report.camera == name:
        return CameraState(name, "working", report)
    return CameraState(name, "waiting")


def read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
