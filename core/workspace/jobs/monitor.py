"""The live preview of a run: its latest picture, and the share of the machine that it uses.

    <folder>/preview.jpg   the latest frame that was analysed, with boxes
             usage.csv     a line every two seconds: time, share of all processors, bytes of memory

The process that does the work writes both about itself; any other may read them. What cannot be written is left out,
so that the preview never stops the work, and a job's folder that was removed is not made again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from core.base.errors import StoreError
from core.base.progress import Report
from core.base.types import Floats, Image, Seconds, Table
from core.machine.paths import write_atomically
from core.vision.video import jpeg

PREVIEW, USAGE = "preview.jpg", "usage.csv"
_EVERY_SECONDS = 2.0
_WIDTH, _QUALITY = 640, 70
_BOX_BGR = (70, 220, 255)  # visible on dark and on light pictures


@dataclass(frozen=True, eq=False)
class Usage(Table):
    """Samples of a run's usage: seconds since 1970, share of all processors (0 to 1), bytes of memory."""

    seconds: Seconds
    cpu: Seconds
    memory: Seconds

    def __post_init__(self) -> None:
        number = (np.float64, ())
        self._validate_columns(seconds=number, cpu=number, memory=number)


class RunMonitor:
    """Writes both files of one run, each at most every two seconds. `clock` gives seconds."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._process, self._processors = psutil.Process(), psutil.cpu_count() or 1
        self._process.cpu_percent()
        self._sampled = self._previewed = -_EVERY_SECONDS

    def on_report(self, report: Report) -> None:
        """Add a sample of the usage."""
        if not self._is_due(self._sampled):
            return
        self._sampled = self._clock()
        cpu = self._process.cpu_percent() / 100 / self._processors
        line = f"{time.time():.1f},{min(cpu, 1.0):.3f},{self._process.memory_info().rss}\n"
        try:
            with (self._folder / USAGE).open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            return  # a full disk is reported by the work itself

    def on_frame(self, bgr: Image, xyxy: Floats) -> None:
        """Replace the preview by this frame (HxWx3) with its boxes (Nx4, pixels)."""
        if not self._is_due(self._previewed) or not self._folder.is_dir():
            return
        self._previewed = self._clock()
        try:
            write_atomically(self._folder / PREVIEW, jpeg(draw_preview(bgr, xyxy), _QUALITY))
        except StoreError:
            return

    def _is_due(self, last: float) -> bool:
        return self._clock() - last >= _EVERY_SECONDS


def draw_preview(bgr: Image, xyxy: Floats) -> Image:
    """A small copy of the picture with the boxes drawn on it."""
    import cv2

    height, width = bgr.shape[:2]
    scale = min(1.0, _WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.ascontiguousarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    for left, top, right, bottom in np.rint(xyxy * scale).astype(int).tolist():
        cv2.rectangle(small, (left, top), (right, bottom), _BOX_BGR, 2)
    return small


def read_usage(folder: Path, max_samples: int = 240) -> Usage:
    """The usage so far, thinned to about `max_samples` samples, the latest among them."""
    try:
        lines = (folder / USAGE).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    complete = [cells for line in lines if len(cells := line.split(",")) == 3 and cells[2]]
    step = max(1, -(-len(complete) // max_samples))
    rows = np.array(complete[::-1][::step][::-1], np.float64).reshape(-1, 3)
    return Usage(*rows.T)
