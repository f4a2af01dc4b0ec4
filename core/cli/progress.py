"""Progress for people (a bar on a terminal, a line now and then in a log) and for programs (JSON lines)."""

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
    """One moment in words.

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
    def __call__(self, report: Report) -> None:
        full = round(report.share * BAR)
        end = "\n" if report.done >= report.total else ""
        sys.stderr.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {line(report)}\x1b[K{end}")
        sys.stderr.flush()


class _Lines:
    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, report: Report) -> None:
        if report.done >= report.total or time.monotonic() - self._said >= LOG_SECONDS:
            self._said = time.monotonic()
            sys.stderr.write(line(report) + "\n")
