"""`status.json`: where a run stands, in the folder of its job. The run writes it, the app reads it.

    {"format": 1, "attempt": "3f2a...", "phase": "tracking", "fault": "",
     "cameras": [{"name": "gate", "state": "done", "tracks": 3, "boxes": 120, "fault": ""}, ...]}

`attempt` distinguishes the starts of a job, so that the status of an earlier start is not taken for the present one's.
If a run dies, the phase says that it is in progress while its process is gone, which tells the reader.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from core.base.errors import StoreError
from core.base.progress import Report
from core.machine.paths import write_atomically
from core.machine.records import RecordFormat

FILE = "status.json"
ATTEMPT = "SIGHTLINE_ATTEMPT"
"""The environment variable that tells the child process its attempt."""
ALL_FAILED = "No clip could be analysed."
_TRIES = 5
_WAIT_SECONDS = 0.1

Phase = Literal["starting", "tracking", "people", "done", "failed", "stopped"]
CameraPhase = Literal["waiting", "working", "done", "failed"]


@dataclass(frozen=True)
class CameraStatus:
    """One camera of a run; `tracks` and `boxes` are known once it is done, `fault` says why it failed."""

    name: str
    state: CameraPhase = "waiting"
    tracks: int = 0
    boxes: int = 0
    fault: str = ""


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands. `fault` is the sentence in which it says why it failed; empty if it could give none."""

    attempt: str
    phase: Phase = "starting"
    fault: str = ""
    cameras: tuple[CameraStatus, ...] = ()

    def camera(self, name: str) -> CameraStatus:
        return next((camera for camera in self.cameras if camera.name == name), CameraStatus(name))

    def with_camera(self, changed: CameraStatus) -> RunStatus:
        return replace(self, cameras=tuple(changed if c.name == changed.name else c for c in self.cameras))


RECORD = RecordFormat(RunStatus, "status of a run", remedy="Start the run again.")


def read_status(folder: Path, attempt: str) -> RunStatus:
    """The latest status of this attempt of the job in `folder`; "starting" if it has written none yet.

    `StoreError` if it cannot be read.
    """
    try:
        status = RECORD.read(folder / FILE)
    except FileNotFoundError:
        return RunStatus(attempt)
    return status if status.attempt == attempt else RunStatus(attempt)


def write_status(folder: Path, status: RunStatus) -> None:
    """Write the status of the job in `folder`."""
    write_atomically(folder / FILE, RECORD.to_json(status))


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
            write_status(self._folder, self._status)
