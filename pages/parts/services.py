"""What all pages and sessions of this server share: stores, jobs, runs and answers in memory. Tests bring their own.

The only state of the process that pages and routes have: `serve_with(None)` resets all of it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.cases import Cases
from core.jobs import Exports, Jobs, Trials
from core.memo import Memo
from core.video.proxy import Proxies

if TYPE_CHECKING:
    # What reads runs takes long to import, and the first page needs none of it.
    from core.retrack import Changes, Held, PeopleCounts
    from core.review import Desk

_RUNS = 3
"""Runs in memory: of 2,000 tracks each takes about 50 MB."""
_LEVELS = 16
"""Thresholds of each run at which its people are kept."""
_PEOPLE = 3
_RETRACKING, _ANSWERS, _COUNTS = 2, 64, 16


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A run with its review at the suggested threshold, and the same at others."""

    desk: Desk
    levels: Memo[float | None, Desk] = field(default_factory=lambda: Memo(_LEVELS))


@dataclass(frozen=True, eq=False)
class Retracking:
    """A run whose boxes are in memory, and what settings that were tried would change."""

    held: Held
    answers: Memo[str, Changes] = field(default_factory=lambda: Memo(_ANSWERS))
    people: PeopleCounts = field(default_factory=lambda: Memo(_COUNTS))


class Locks:
    """A lock for each name: whoever works on one waits for nobody who works on another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def of(self, name: str) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())


@dataclass(frozen=True, eq=False)
class Services:
    """Whoever changes the review of a case holds its lock of `reviews`: two tabs take turns. Readers take none.

    Open runs and `people` (people.json without its threshold) go by the stamp of a case, `retracking` by a run's
    folder and the time of its record.
    """

    cases: Cases = field(default_factory=Cases)
    jobs: Jobs = field(default_factory=Jobs)
    proxies: Proxies = field(default_factory=Proxies)
    exports: Exports = field(default_factory=Exports)
    trials: Trials = field(default_factory=Trials)
    runs: Memo[str, OpenRun] = field(default_factory=lambda: Memo(_RUNS))
    people: Memo[str, bytes] = field(default_factory=lambda: Memo(_PEOPLE))
    retracking: Memo[tuple[Path, int], Retracking] = field(default_factory=lambda: Memo(_RETRACKING))
    reviews: Locks = field(default_factory=Locks)


class _Server:
    """The services of this process: made when they are first asked for, once, whoever asks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: Services | None = None

    def services(self) -> Services:
        with self._lock:
            if self._services is None:
                self._services = Services()
            return self._services

    def use(self, services: Services | None) -> None:
        with self._lock:
            self._services = services


_SERVER = _Server()


def services() -> Services:
    return _SERVER.services()


def serve_with(replacement: Services | None) -> None:
    """Use these from now on; with None, make new ones when they are next asked for."""
    _SERVER.use(replacement)
