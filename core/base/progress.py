"""How far the work has come (stage, frames done, rate, time left), and the one place where cancelling takes effect."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from core.base.errors import Cancelled
from core.base.text import format_duration
from core.base.types import Floats, Image


@dataclass(frozen=True)
class Report:
    """The state of the work on one camera, the `number`th of `cameras`.

    `done` of the stage's `total` frames are finished, at `rate` frames a second in this run; `left_seconds` is the
    estimate for the rest of the stage, None before there is a rate; `boxes` people were found in the stage so far.
    Field names are those of the JSON lines that `--progress json` writes.
    """

    camera: str
    number: int
    cameras: int
    stage: str
    done: int
    total: int
    rate: float
    left_seconds: float | None
    boxes: int = 0

    @property
    def share(self) -> float:
        return self.done / self.total if self.total else 1.0


def time_left(report: Report) -> str:
    """
    >>> time_left(Report("gate", 1, 2, "detect", 50, 200, 25.0, 6.0))
    '6 s left'
    """
    if report.left_seconds is None or report.done >= report.total:
        return ""
    return f"{format_duration(report.left_seconds)} left"


class Progress:
    """What a stage calls while it works: `begin`, then `show` for each frame and `at` for each frame count.

    `on_report` gets a `Report` every `every` seconds, `on_frame` each analysed frame (BGR) with its boxes (n, 4).
    `is_cancelled` is asked at each step; where it says so, `at` raises `Cancelled`.
    """

    def __init__(
        self,
        on_report: Callable[[Report], None] = lambda report: None,
        is_cancelled: Callable[[], bool] = lambda: False,
        every: float = 0.2,
        clock: Callable[[], float] = time.monotonic,
        on_frame: Callable[[Image, Floats], None] = lambda bgr, xyxy: None,
    ) -> None:
        self._on_report, self._on_frame, self._is_cancelled = on_report, on_frame, is_cancelled
        self._every, self._clock = every, clock
        self._camera, self._number, self._cameras = "", 1, 1
        self._stage, self._total, self._first, self._boxes = "", 0, 0, 0
        self._stage_start = self._last_report = clock()
        self._part_begins: int | None = None

    def camera(self, name: str, number: int, cameras: int) -> None:
        """The stages that follow are those of this camera."""
        self._camera, self._number, self._cameras = name, number, cameras

    def begin(self, stage: str, total: int, done: int = 0, boxes: int = 0) -> None:
        """A stage starts. An earlier run has left `done` of its `total` frames, with `boxes` in them."""
        if self._part_begins is not None:
            return
        self._stage, self._total, self._first, self._boxes = stage, total, done, boxes
        self._stage_start = self._clock()
        self._report(done)

    @contextmanager
    def part(self, first: int) -> Iterator[None]:
        """In this block, a part of the present stage is worked on, which begins at the frame `first` of the stage."""
        self._part_begins = first
        try:
            yield
        finally:
            self._part_begins = None

    def at(self, done: int) -> None:
        """`done` frames of the stage, or of a part of it, are finished. Raises `Cancelled` when the user wants to
        stop."""
        done += self._part_begins or 0
        self.check_cancelled()
        if self._clock() - self._last_report >= self._every or done >= self._total:
            self._report(done)

    def check_cancelled(self) -> None:
        """Raises `Cancelled` when the user wants to stop; for waits in which no frame is finished."""
        if self._is_cancelled():
            raise Cancelled

    def show(self, bgr: Image, xyxy: Floats) -> None:
        """A frame that was analysed, and the boxes of the people in it."""
        self._boxes += len(xyxy)
        self._on_frame(bgr, xyxy)

    def _report(self, done: int) -> None:
        self._last_report = self._clock()
        spent = self._last_report - self._stage_start
        rate = (done - self._first) / spent if spent > 0 else 0.0
        left = (self._total - done) / rate if rate > 0 else None
        where = (self._camera, self._number, self._cameras, self._stage)
        self._on_report(Report(*where, done, self._total, round(rate, 1), left, self._boxes))
