"""What somebody who looks on sees of work in another process: its latest picture, and what it takes of the machine.

    <folder>/preview.jpg   the latest picture that was looked at, with boxes
             usage.csv     a line every two seconds: time, share of all processors, bytes of memory

Written by the process that works, of itself; read by whoever likes. Refuses to hold the work up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import psutil  # type: ignore[import-untyped]

from core.base.errors import StoreError
from core.base.progress import Report
from core.base.types import Floats, Image, Seconds, Table
from core.machine.paths import write_atomically
from core.vision.images import jpeg

PREVIEW, USAGE = "preview.jpg", "usage.csv"
_EVERY_SECONDS = 2.0
_WIDTH, _QUALITY = 640, 70
_COLOUR = (70, 220, 255)  # blue, green, red: seen on dark and on light ground


@dataclass(frozen=True, eq=False)
class Usage(Table):
    """Moments of the work: seconds since 1970, share of all processors (0 to 1), bytes of memory."""

    seconds: Seconds
    cpu: Seconds
    memory: Seconds

    def __post_init__(self) -> None:
        number = (np.float64, ())
        self._validate_columns(seconds=number, cpu=number, memory=number)


class RunMonitor:
    """Keeps both files of one run; each at most every two seconds."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._process, self._processors = psutil.Process(), psutil.cpu_count() or 1
        self._process.cpu_percent()
        self._noted = self._shown = -_EVERY_SECONDS

    def listen(self, report: Report) -> None:
        if not self._due(self._noted):
            return
        self._noted = self._clock()
        cpu = self._process.cpu_percent() / 100 / self._processors
        line = f"{time.time():.1f},{min(cpu, 1.0):.3f},{self._process.memory_info().rss}\n"
        try:
            with (self._folder / USAGE).open("a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            return  # a full disk is said by the work itself, which cannot go on without it

    def show(self, bgr: Image, xyxy: Floats) -> None:
        if not self._due(self._shown):
            return
        self._shown = self._clock()
        try:
            write_atomically(self._folder / PREVIEW, jpeg(draw_preview(bgr, xyxy), _QUALITY))
        except StoreError:
            return

    def _due(self, last: float) -> bool:
        return self._clock() - last >= _EVERY_SECONDS


def draw_preview(bgr: Image, xyxy: Floats) -> Image:
    """A small copy of the picture with the boxes on it."""
    height, width = bgr.shape[:2]
    scale = min(1.0, _WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = np.ascontiguousarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), np.uint8)
    for left, top, right, bottom in np.rint(xyxy * scale).astype(int).tolist():
        cv2.rectangle(small, (left, top), (right, bottom), _COLOUR, 2)
    return small


def read_usage(folder: Path, most: int = 240) -> Usage:
    """What was noted so far, thinned to about `most` moments."""
    try:
        lines = (folder / USAGE).read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    whole = [cells for line in lines if len(cells := line.split(",")) == 3 and cells[2]]
    step = max(1, -(-len(whole) // most))
    # The latest moment is always among them.
    rows = np.array(whole[::-1][::step][::-1], np.float64).reshape(-1, 3)
    return Usage(*rows.T)
