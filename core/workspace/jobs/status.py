"""`status.json`: where a run stands, in the folder of its job. The run writes it, the app reads it.

    {"format": 1, "attempt": "3f2a...", "phase": "tracking", "fault": "",
     "cameras": [{"name": "gate", "state": "done", "tracks": 3, "boxes": 120, "fault": ""}, ...]}

`attempt` distinguishes the starts of a job, so that the status of an earlier start is not taken for the present one's.
If a run dies, the phase says that it is in progress while its process is gone, which tells the reader.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from core.base.errors import StoreError
from core.base.progress import Report
from core.machine.paths import write_atomically

FILE = "status.json"
ATTEMPT = "SIGHTLINE_ATTEMPT"
"""The environment variable that tells the child process its attempt."""
FORMAT = 1
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
        status = RunStatus.from_json((folder / FILE).read_text(encoding="utf-8"))
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
