"""Progress for people (a bar on a terminal, a line every few seconds in a log) and for programs (JSON lines)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from core.base.progress import Report, time_left

BAR = 24
LOG_SECONDS = 5.0


def listener(kind: str) -> Callable[[Report], None]:
    """`bar`, `json` or `none`; `auto` is a bar on a terminal and lines elsewhere."""
    if kind == "none":
        return lambda report: None
    if kind == "json":
        return _json
    return _Bar() if sys.stderr.isatty() else _Lines()


def line(report: Report) -> str:
    """The progress as one line.

    >>> line(Report("gate", 1, 2, "detect", 50, 200, 25.0, 6.0))
    'gate (1 of 2) detect  50/200  25.0 frames/s  6 s left'
    """
    left = f"  {text}" if (text := time_left(report)) else ""
    where = f"{report.camera} ({report.number} of {report.cameras})"
    return f"{where} {report.stage}  {report.done}/{report.total}  {report.rate:.1f} frames/s{left}"


def _json(report: Report) -> None:
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    sys.stdout.flush()


class _Bar:
    """A bar that is redrawn in place."""

    def __call__(self, report: Report) -> None:
        filled = round(report.share * BAR)
        end = "\n" if report.done >= report.total else ""
        sys.stderr.write(f"\r[{'#' * filled}{'.' * (BAR - filled)}] {line(report)}\x1b[K{end}")
        sys.stderr.flush()


class _Lines:
    """A line every few seconds, and one at the end of a stage."""

    def __init__(self) -> None:
        self._last_line = 0.0

    def __call__(self, report: Report) -> None:
        if report.done >= report.total or time.monotonic() - self._last_line >= LOG_SECONDS:
            self._last_line = time.monotonic()
            sys.stderr.write(line(report) + "\n")
