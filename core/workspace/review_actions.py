"""What the user says of the people, from any page: tried, on disk at once, in the case's log; or refused in words.

A run that was waited for becomes the one that the case shows, and the decisions are migrated to it.

The review is on disk before the case shows the run, and says of which run it is: whoever is stopped in between, or does
the same in another tab, migrates nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.base.errors import SettingsError, SightlineError, StoreError
from core.review import Desk, Review, load_review, migrate_decisions, save_review
from core.workspace.cases import Case
from core.workspace.jobs import run_folder
from core.workspace.server import session_of, keep_session, services

ANOTHER_RUN = "A newer run is now shown, with other track numbers. Check the people and repeat the action."


def act(case: Case, how: Callable[[Desk], Review]) -> str:
    """Do what `how` makes of the case's desk: `act(case, lambda desk: confirm(desk, 3))`. Empty where it was done, or
    else why it cannot be, as words to show; then nothing is changed. It is meant for the run that `case` shows."""
    cases = services().cases
    try:
        with services().reviews.of(case.key):
            now = cases.load(case.key)
            if now.run != case.run:
                return ANOTHER_RUN
            desk = session_of(now)
            if desk is None:
                raise SettingsError("there are no people yet", "Start a run.")
            review = how(desk)
            if review is not desk.review:
                after = desk.tried(review)
                save_review(cases.review_file(case.key), review)
                keep_session(now, after)
                cases.log(case.key, review.done[-1].words)
    except SightlineError as fault:
        return str(fault)
    return ""


def review_of(case: Case) -> Review:
    """What was said so far: the last of `done` can be taken back, the last of `undone` done again."""
    return load_review(services().cases.review_file(case.key))


def undo(case: Case) -> str:
    """Take the last action back. As `act`; needs no run that can be looked at."""
    return _step(case, Review.undo, "undid")


def redo(case: Case) -> str:
    """Do again what was taken back last."""
    return _step(case, Review.redo, "redid")


def _step(case: Case, how: Callable[[Review], Review], words: str) -> str:
    try:
        with services().reviews.of(case.key):
            before = review_of(case)
            after = how(before)
            if after != before:
                save_review(services().cases.review_file(case.key), after)
                longer = max(before.done, after.done, key=len)
                services().cases.log(case.key, f"{words}: {longer[-1].words}")
    except SightlineError as fault:
        return str(fault)
    return ""


"""That one message holds; the rest is on the Gallery page."""


@dataclass(frozen=True)
class Switched:
    """The case, showing the run that it waited for if that is done, and the decisions that could not be applied."""

    case: Case
    unapplied: tuple[str, ...] = ()


@dataclass(frozen=True)
class SwitchFailed:
    """The case as it was, and why the run that it waits for cannot be shown."""

    case: Case
    reason: str


def switch_to_finished_run(case: Case) -> Switched | SwitchFailed:
    """Show the run that the case waited for, if that is done. Costs nothing where it waits for none."""
    if not case.wanted:
        return Switched(case)
    try:
        return _switch(case)
    except (SightlineError, OSError, KeyError, ValueError) as fault:
        # Whatever is wrong with the files of a run or a review, the pages go on with the run that they have.
        return SwitchFailed(case, str(fault))


def _switch(case: Case) -> Switched:
    cases = services().cases
    try:
        if not services().jobs.look(case.wanted).has_results:
            return Switched(case)
    except StoreError:
        # Somebody removed it.
        return Switched(cases.change(case.key, lambda now: _without(now, case.wanted)))
    unapplied: tuple[str, ...] = ()
    with services().reviews.of(case.key):
        now = cases.load(case.key)
        # Another tab may have done it meanwhile.
        if now.wanted == case.wanted:
            unapplied = _migrate(now)
            now = cases.change(case.key, lambda latest: _showing(latest, case.wanted), "switched to the new run")
    return Switched(now, unapplied)


def _migrate(case: Case) -> tuple[str, ...]:
    """Have the review of a case say what it says of the run that the case waits for; what cannot be applied."""
    new, path = run_folder(case.wanted), services().cases.review_file(case.key)
    old = run_folder(case.run) if case.run else None
    if new is None or old is None or not path.is_file():
        return ()
    before = load_review(path)
    after, unapplied = migrate_decisions(before, old, new)
    if after != before:
        save_review(path, after)
    for sentence in unapplied:
        services().cases.log(case.key, f"not applied, but saved: {sentence}")
    return unapplied


def _showing(case: Case, run: str) -> Case:
    """With the run that its review is of now, whatever else was started meanwhile."""
    return replace(case, run=run, wanted="" if case.wanted == run else case.wanted)


def _without(case: Case, wanted: str) -> Case:
    return replace(case, wanted="") if case.wanted == wanted else case
