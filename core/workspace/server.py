"""What all pages and sessions of this server share: stores, jobs, runs and answers in memory. Tests bring their own.

The only state of the process that pages and routes have: `serve_with(None)` resets all of it.

Open runs, for pages and routes alike: opened once for all who look, and anew when a decision was made.

Looks at clips that are worth keeping: what a clip is. Faults are raised, never kept."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.base.memo import Memo
from core.base.types import Clip
from core.machine.artifacts import digest_of
from core.review import Desk, load_review, open_desk
from core.runs import TRACKLETS_FILE
from core.vision.video import probe
from core.workspace.cases import Case, Cases
from core.workspace.jobs import Exports, Jobs, SpeedTests, run_folder
from core.workspace.media import Proxies

if TYPE_CHECKING:
    from core.review import Desk
    from core.review.whatif import Changes, Held, PeopleCounts

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
    speed_tests: SpeedTests = field(default_factory=SpeedTests)
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


def session_of(case: Case) -> Desk | None:
    """The run that the case shows at its threshold; none where it has no finished run that matched by looks."""
    return session_at(case, case.threshold)


def session_at(case: Case, threshold: float | None) -> Desk | None:
    if not case.run:
        return None
    job = services().jobs.look(case.run)
    if not (job.has_results and job.order.matches_people):
        return None

    def opened() -> OpenRun:
        review = load_review(services().cases.review_file(case.key))
        return OpenRun(open_desk(job.out, review, None))

    run = services().runs.get(stamp_of(case), opened)
    return run.levels.get(threshold, lambda: run.desk.at(threshold))


def keep_session(case: Case, desk: Desk) -> None:
    """A run that was opened already, of the case as it is now."""
    services().runs.put(stamp_of(case), OpenRun(desk.at(None)))


def stamp_of(case: Case) -> str:
    """Changes with the run that is shown and with its review, not with the threshold; for addresses."""
    out = run_folder(case.run)
    found = (out / TRACKLETS_FILE, out / "run.json") if out else ()
    files = *found, services().cases.review_file(case.key)
    facts = [path.stat() if path.is_file() else None for path in files]
    return digest_of([case.key, case.run, [fact and (fact.st_mtime_ns, fact.st_size) for fact in facts]])


def clip_of(path: str) -> Clip:
    """The clip at `path`, probed once for as long as the file stays the same."""
    try:
        stat = Path(path).stat()
        stamp = (stat.st_size, stat.st_mtime_ns)
    except OSError:
        stamp = (0, 0)
    return _probed(path, stamp)


@functools.lru_cache(maxsize=200)
def _probed(path: str, stamp: tuple[int, int]) -> Clip:
    """Not in Streamlit's own cache: routes, which are outside of any session, look at clips too."""
    return probe(path)
