"""How far the work is: stage, done, total, rate, time left; and the one place where a wish to stop is heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from core.base.errors import Cancelled
from core.base.types import Floats, Image


@dataclass(frozen=True)
class Report:
    """A moment of the work on one camera. `rate` is frames a second in this run; `left_seconds` for this stage, in
    which `boxes` people were seen so far.
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


class Progress:
    """Stages call `begin`, `at` and `show`. `listen` gets a `Report` every `every` seconds; `stop` is asked each time;
    `look_on` gets each picture that was looked at, with the boxes (n, 4) in it.
    """

    def __init__(
        self,
        listen: Callable[[Report], None] = lambda report: None,
        stop: Callable[[], bool] = lambda: False,
        every: float = 0.2,
        clock: Callable[[], float] = time.monotonic,
        look_on: Callable[[Image, Floats], None] = lambda bgr, xyxy: None,
    ) -> None:
        self._listen, self._stop, self._every, self._clock, self._look_on = listen, stop, every, clock, look_on
        self._camera, self._number, self._cameras = "", 1, 1
        self._stage, self._total, self._first, self._boxes = "", 0, 0, 0
        self._began = self._told = clock()

    def camera(self, name: str, number: int, cameras: int) -> None:
        self._camera, self._number, self._cameras = name, number, cameras

    def begin(self, stage: str, total: int, done: int = 0, boxes: int = 0) -> None:
        """A stage starts with `done` of `total` frames already there from an earlier run, and `boxes` in them."""
        self._stage, self._total, self._first, self._boxes = stage, total, done, boxes
        self._began = self._clock()
        self._tell(done)

    def at(self, done: int) -> None:
        """`done` frames of the stage are finished. Raises `Cancelled` when the user wants to stop."""
        if self._stop():
            raise Cancelled
        if self._clock() - self._told >= self._every or done >= self._total:
            self._tell(done)

    def show(self, bgr: Image, xyxy: Floats) -> None:
        """A picture that was looked at, and the people in it."""
        self._boxes += len(xyxy)
        self._look_on(bgr, xyxy)

    def _tell(self, done: int) -> None:
        self._told = self._clock()
        spent = self._told - self._began
        rate = (done - self._first) / spent if spent > 0 else 0.0
        left = (self._total - done) / rate if rate > 0 else None
        where = (self._camera, self._number, self._cameras, self._stage)
        self._listen(Report(*where, done, self._total, round(rate, 1), left, self._boxes))
