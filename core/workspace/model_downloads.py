"""Downloads of models that the app was asked for: one at a time in this server, in a thread, so that they outlive every
page and no page waits for them. What a stopped server leaves is continued by the next download of that model."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from core.base.errors import Cancelled, SightlineError
from core.base.progress import Progress, Report
from core.vision.models import Download, ModelStatus, download_model


@dataclass(frozen=True)
class ModelDownload:
    """How far a download of `models` is: `done` of about `total` bytes. `faults` say what failed, and what to do.
    `pinned` are models whose publisher states no digest, so that the files that came count as the right ones."""

    models: tuple[str, ...]
    total: float
    state: Literal["running", "done", "stopped", "failed"] = "running"
    done: float = 0.0
    left_seconds: float | None = None
    faults: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        return self.state == "running"

    @property
    def share(self) -> float:
        return min(1.0, self.done / self.total) if self.total else 0.0


class ModelDownloads:
    """The latest download of this server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: ModelDownload | None = None
        self._cancelled = threading.Event()

    @property
    def latest(self) -> ModelDownload | None:
        """The download in progress or, until another starts, the one before."""
        return self._latest

    def start(self, models: Sequence[ModelStatus]) -> None:
        """Download these models, unless a download is in progress."""
        with self._lock:
            if self._latest is not None and self._latest.is_active:
                return
            names = tuple(status.model.name for status in models)
            sizes = [status.model.megabytes * 1e6 for status in models]
            self._cancelled = threading.Event()
            self._latest = ModelDownload(names, sum(sizes))
        job = threading.Thread(
            target=self._work, args=(names, sizes, self._cancelled), name="sightline-models", daemon=True
        )
        job.start()

    def cancel(self) -> None:
        """Stop the download; what has come is kept for the next one."""
        self._cancelled.set()

    def _work(self, names: Sequence[str], sizes: Sequence[float], cancelled: threading.Event) -> None:
        faults: list[str] = []
        meter = _Meter(sum(sizes))

        def note_progress(report: Report) -> None:
            done, left = meter.measure(report)
            self._change(done=done, left_seconds=left)

        try:
            for name, size in zip(names, sizes, strict=True):
                try:
                    got = download_model(name, Progress(note_progress, cancelled.is_set))
                except SightlineError as fault:
                    faults.append(f"{name}: {fault}")
                else:
                    self._note(got)
                meter.next_model(size)
            self._change(state="failed" if faults else "done", faults=tuple(faults))
        except Cancelled:
            self._change(state="stopped", faults=tuple(faults))
        except Exception as fault:
            self._change(state="failed", faults=(*faults, f"The download ended unexpectedly ({fault})."))
            raise

    def _note(self, got: Download) -> None:
        if got.state == "pinned now" and self._latest is not None:
            self._change(pinned=(*self._latest.pinned, got.model.name))

    def _change(self, **changes: object) -> None:
        if self._latest is not None:
            self._latest = replace(self._latest, **changes)  # type: ignore[arg-type]


class _Meter:
    """Adds up the bytes of all files, and estimates the time left from those that came in this download."""

    def __init__(self, total: float) -> None:
        self._total, self._began = total, time.monotonic()
        self._models = self._files = self._at = self._came = 0.0
        self._file = ""

    def measure(self, report: Report) -> tuple[float, float | None]:
        """The bytes that are here, and the seconds left."""
        if report.camera != self._file:
            # The next file of the model; it may begin with what an earlier download left.
            self._files, self._file = self._files + self._at, report.camera
        else:
            self._came += max(0.0, report.done - self._at)
        self._at = float(report.done)
        done = self._models + self._files + self._at
        rate = self._came / max(1e-3, time.monotonic() - self._began)
        return done, max(0.0, self._total - done) / rate if rate else None

    def next_model(self, size: float) -> None:
        """Of a model of this size nothing more comes."""
        self._models, self._files, self._at, self._file = self._models + size, 0.0, 0.0, ""
