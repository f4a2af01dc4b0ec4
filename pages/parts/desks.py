"""Runs on the desk, for pages and routes alike: opened once for all who look, and anew when something was said."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from core.cases import Case
from core.people.evidence import FILE
from core.review import Desk, load_review, open_desk
from core.store import digest_of
from pages.parts.films import run_folder
from pages.parts.services import services

_KEPT = 3
"""Desks in memory: of 2,000 tracks each takes about 50 MB."""
_LEVELS = 16
"""Thresholds of each desk at which its people are kept."""


@dataclass
class _Open:
    """A desk at the suggested threshold, and the same at others."""

    desk: Desk
    levels: OrderedDict[float | None, Desk] = field(default_factory=OrderedDict)


_LOCK = threading.RLock()
_open: OrderedDict[str, _Open] = OrderedDict()


def desk_of(case: Case) -> Desk | None:
    """The run that the case shows at its threshold; none where it has no finished run that matched by looks."""
    return desk_at(case, case.threshold)


def desk_at(case: Case, threshold: float | None) -> Desk | None:
    if not case.run:
        return None
    job = services().jobs.look(case.run)
    if not (job.over and job.order.matched):
        return None
    with _LOCK:
        stamp = stamp_of(case)
        if stamp not in _open:
            review = load_review(services().cases.review_file(case.key))
            _keep(stamp, open_desk(job.out, review, None))
        _open.move_to_end(stamp)
        held = _open[stamp]
        if threshold not in held.levels:
            held.levels[threshold] = held.desk.at(threshold)
        held.levels.move_to_end(threshold)
        while len(held.levels) > _LEVELS:
            held.levels.popitem(last=False)
        return held.levels[threshold]


def keep_desk(case: Case, desk: Desk) -> None:
    """A desk that was opened already, of the case as it is now."""
    with _LOCK:
        _keep(stamp_of(case), desk.at(None))


def stamp_of(case: Case) -> str:
    """Changes with the run that is shown and with what was said, not with the threshold; for addresses."""
    out = run_folder(case.run)
    found = (out / FILE, out / "run.json") if out else ()
    files = *found, services().cases.review_file(case.key)
    facts = [path.stat() if path.is_file() else None for path in files]
    return digest_of([case.key, case.run, [fact and (fact.st_mtime_ns, fact.st_size) for fact in facts]])


def _keep(stamp: str, desk: Desk) -> None:
    _open[stamp] = _Open(desk)
    _open.move_to_end(stamp)
    while len(_open) > _KEPT:
        _open.popitem(last=False)
