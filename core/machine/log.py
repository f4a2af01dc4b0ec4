"""The log of all runs of this machine: `tracker.log` in the cache folder, five files of 1 MB at most.

Every line says when, how grave, which run (its folder) and what. Refuses to be the way in which a user is told."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

from core.base.progress import Report
from core.machine.paths import cache_dir

LOG = logging.getLogger("sightline")
LOG.addHandler(logging.NullHandler())
LOG.setLevel(logging.INFO)
LOG.propagate = False

FILES = 5
_BYTES = 1_000_000


def log_file() -> Path:
    return cache_dir() / "tracker.log"


@contextmanager
def log_to_file(label: str, most: int = _BYTES) -> Iterator[None]:
    """What is logged in this block goes into the file, with `label` in each line."""
    handler = _SharedRotatingHandler(log_file(), maxBytes=most, backupCount=FILES - 1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {label.replace('%', '%%')}: %(message)s"))
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        handler.close()


def log_lines(label: str, most: int = 200) -> list[str]:
    """The last lines of the file that are of `label`, and those that belong to them, the oldest first."""
    try:
        text = log_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines, is_ours = [], False
    for line in text.splitlines():
        head = line.split(": ", 1)[0]
        # A line that begins with no time goes on with the one before: a traceback.
        is_ours = head.endswith(f" {label}") if line[:4].isdigit() else is_ours
        if is_ours:
            lines.append(line)
    return lines[-most:]


class _SharedRotatingHandler(RotatingFileHandler):
    """Two runs write one file: whichever turns it over, the other one goes on in the new one."""

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream and not self._same(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()
        super().emit(record)

    def doRollover(self) -> None:
        """Where another run holds the file (Windows), it stays the one that both write to, and grows."""
        try:
            super().doRollover()
        except OSError:
            self.stream = self.stream or self._open()

    def _same(self, number: int) -> bool:
        try:
            here, there = os.fstat(number), Path(self.baseFilename).stat()
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


class StageLog:
    """Hears of all progress and logs where a stage begins and ends, with its rate."""

    def __init__(self) -> None:
        self._at = ("", "")
        self._done = False

    def __call__(self, report: Report) -> None:
        now = (report.camera, report.stage)
        if now != self._at:
            LOG.info("%s: %s begins at %d of %d frames", *now, report.done, report.total)
            self._done = report.done >= report.total
        elif report.done >= report.total and not self._done:
            self._done = True
            each = f", {1000 / report.rate:.1f} ms each" if report.rate else ""
            LOG.info("%s: %s done, %d frames at %.1f a second%s", *now, report.total, report.rate, each)
        self._at = now
