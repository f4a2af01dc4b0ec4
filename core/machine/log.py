"""The log of all runs on this machine: `tracker.log` in the cache folder, at most five files of 1 MB.

Each line holds time, severity, run (its folder) and message. What users must know they read elsewhere."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
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
def log_to_file(label: str, max_bytes: int = _BYTES) -> Iterator[None]:
    """Within this block, log lines go to the file with `label` in each."""
    handler = _SharedRotatingHandler(
        log_file(), maxBytes=max_bytes, backupCount=FILES - 1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter(f"%(asctime)s %(levelname)s {label.replace('%', '%%')}: %(message)s"))
    LOG.addHandler(handler)
    try:
        yield
    finally:
        LOG.removeHandler(handler)
        handler.close()


def log_lines(label: str, max_lines: int = 200) -> list[str]:
    """The last `max_lines` lines of the file with this label, with their tracebacks, oldest first."""
    try:
        text = log_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines, is_ours = [], False
    for line in text.splitlines():
        head = line.split(": ", 1)[0]
        # A line without a time continues the line before, as a traceback does.
        is_ours = head.endswith(f" {label}") if line[:4].isdigit() else is_ours
        if is_ours:
            lines.append(line)
    return lines[-max_lines:]


def forget_lines(texts: Collection[str]) -> None:
    """Remove the lines that contain one of these texts, with their tracebacks, from all files of the log.

    The files are rewritten in place, because running jobs hold them open.
    """
    for path in log_file().parent.glob(f"{log_file().name}*"):
        with path.open("r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
            lines = file.readlines()
            kept_lines, matches = [], False
            for line in lines:
                matches = any(text in line for text in texts) or (matches and not line[:4].isdigit())
                if not matches:
                    kept_lines.append(line)
            if len(kept_lines) < len(lines):
                file.seek(0)
                file.writelines(kept_lines)
                file.truncate()


class _SharedRotatingHandler(RotatingFileHandler):
    """Several processes write to one file: after any of them rotates it, all go on in the new file."""

    def emit(self, record: logging.LogRecord) -> None:
        if self.stream and not self._is_current_file(self.stream.fileno()):
            self.stream.close()
            self.stream = self._open()
        super().emit(record)

    def doRollover(self) -> None:
        """Where another process holds the file open (Windows), it is not rotated and grows."""
        try:
            super().doRollover()
        except OSError:
            self.stream = self.stream or self._open()

    def _is_current_file(self, descriptor: int) -> bool:
        try:
            opened, current = os.fstat(descriptor), Path(self.baseFilename).stat()
        except OSError:
            return False
        return (opened.st_dev, opened.st_ino) == (current.st_dev, current.st_ino)


class StageLog:
    """A listener of progress that logs where each stage begins and ends, with its rate."""

    def __init__(self) -> None:
        self._stage = ("", "")
        self._done = False

    def __call__(self, report: Report) -> None:
        stage = (report.camera, report.stage)
        if stage != self._stage:
            LOG.info("%s: %s begins at %d of %d frames", *stage, report.done, report.total)
            self._done = report.done >= report.total
        elif report.done >= report.total and not self._done:
            self._done = True
            each = f", {1000 / report.rate:.1f} ms each" if report.rate else ""
            LOG.info("%s: %s done, %d frames at %.1f a second%s", *stage, report.total, report.rate, each)
        self._stage = stage
