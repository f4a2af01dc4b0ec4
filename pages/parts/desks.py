"""Open runs, for pages and routes alike: opened once for all who look, and anew when a decision was made."""

from __future__ import annotations

from core.cases import Case
from core.people.evidence import FILE
from core.review import Desk, load_review, open_desk
from core.store import digest_of
from pages.parts.films import run_folder
from pages.parts.services import OpenRun, services


def desk_of(case: Case) -> Desk | None:
    """The run that the case shows at its threshold; none where it has no finished run that matched by looks."""
    return desk_at(case, case.threshold)


def desk_at(case: Case, threshold: float | None) -> Desk | None:
    if not case.run:
        return None
    job = services().jobs.look(case.run)
    if not (job.over and job.order.matched):
        return None

    def opened() -> OpenRun:
        review = load_review(services().cases.review_file(case.key))
        return OpenRun(open_desk(job.out, review, None))

    run = services().runs.get(stamp_of(case), opened)
    return run.levels.get(threshold, lambda: run.desk.at(threshold))


def keep_desk(case: Case, desk: Desk) -> None:
    """A run that was opened already, of the case as it is now."""
    services().runs.put(stamp_of(case), OpenRun(desk.at(None)))


def stamp_of(case: Case) -> str:
    """Changes with the run that is shown and with its review, not with the threshold; for addresses."""
    out = run_folder(case.run)
    found = (out / FILE, out / "run.json") if out else ()
    files = *found, services().cases.review_file(case.key)
    facts = [path.stat() if path.is_file() else None for path in files]
    return digest_of([case.key, case.run, [fact and (fact.st_mtime_ns, fact.st_size) for fact in facts]])
