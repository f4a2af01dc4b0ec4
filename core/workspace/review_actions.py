"""Decisions about people, made from any page: tried out, saved at once and logged, or refused with a reason.

Also the switch of a case to the run that it waited for, with its decisions migrated to that run. The review is written
before the case names the run, and says which run it is about: if the program is stopped in between, or another tab
does the same, nothing is migrated twice.

A browser gives each action an id, and sends the action again until it knows that it was carried out. The ids of changes
are saved with the review, in the same file and at the same moment, so that an action is never carried out twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.base.errors import SettingsError, SightlineError, StoreError
from core.review import Review, ReviewSession, load_review, migrate_decisions, save_review
from core.workspace.cases import Case
from core.workspace.jobs import run_folder
from core.workspace.server import keep_session, services, session_of

ANOTHER_RUN = "A newer run is now shown, with other track numbers. Check the people and repeat the action."


@dataclass(frozen=True)
class Saved:
    """The action is done and on disk; not `changed` where everything was so already."""

    changed: bool


@dataclass(frozen=True)
class Refused:
    """The action cannot be done, and nothing was changed; `reason` is a message to show."""

    reason: str


def act(case: Case, command: Callable[[ReviewSession], Review], action_id: str = "") -> Saved | Refused:
    """Apply a command to the run that `case` shows: `act(case, lambda session: confirm(session, 3))`.

    An action whose id is in the review was carried out before, and is `Saved` without being repeated.
    """
    cases = services().cases
    try:
        with services().reviews.of(case.key):
            if was_carried_out(case, action_id):
                return Saved(changed=True)
            now = cases.load(case.key)
            if now.run != case.run:
                return Refused(ANOTHER_RUN)
            session = session_of(now)
            if session is None:
                raise SettingsError("there are no people yet", "Start a run.")
            review = command(session)
            changed = review is not session.review
            if changed:
                review = review.with_action_id(action_id)
                after = session.preview(review)
                save_review(cases.review_file(case.key), review)
                keep_session(now, after)
                cases.log(case.key, review.done[-1].description)
    except SightlineError as fault:
        return Refused(str(fault))
    return Saved(changed)


def review_of(case: Case) -> Review:
    """The decisions so far: undo takes the last of `done`, redo the last of `undone`."""
    return load_review(services().cases.review_file(case.key))


def undo(case: Case, action_id: str = "", of: str = "") -> Saved | Refused:
    """Take the last action back. As `act`, but no finished run is needed.

    With the id `of` of the action that is meant, nothing is taken back where that action has changed nothing.
    """

    def take_back(review: Review) -> Review:
        return review.undo() if not of or review.has_carried_out(of) else review

    return _step(case, take_back, "Undone", action_id)


def redo(case: Case, action_id: str = "") -> Saved | Refused:
    """Repeat the action that was taken back last."""
    return _step(case, Review.redo, "Redone", action_id)


def was_carried_out(case: Case, action_id: str) -> bool:
    """Whether a browser asked for one of the last changes of the review under this id."""
    return review_of(case).has_carried_out(action_id)


def _step(case: Case, change: Callable[[Review], Review], verb: str, action_id: str) -> Saved | Refused:
    try:
        with services().reviews.of(case.key):
            before = review_of(case)
            if before.has_carried_out(action_id):
                return Saved(changed=True)
            after = change(before)
            if after != before:
                after = after.with_action_id(action_id)
                save_review(services().cases.review_file(case.key), after)
                longer = max(before.done, after.done, key=len)
                services().cases.log(case.key, f"{verb}: {longer[-1].description}")
    except SightlineError as fault:
        return Refused(str(fault))
    return Saved(after != before)


@dataclass(frozen=True)
class Switched:
    """The case, with the run that it waited for if that is done, and the decisions that could not be applied."""

    case: Case
    unapplied: tuple[str, ...] = ()


@dataclass(frozen=True)
class SwitchFailed:
    """The case as it was, and why the run that it waits for cannot be shown."""

    case: Case
    reason: str


def switch_to_finished_run(case: Case) -> Switched | SwitchFailed:
    """Make the run that the case waits for its run, if it is done. Costs nothing if it waits for none."""
    if not case.wanted:
        return Switched(case)
    try:
        return _switch(case)
    except (SightlineError, OSError, KeyError, ValueError) as fault:
        # Whatever is wrong with the files of a run or a review, the pages go on with the present run.
        return SwitchFailed(case, str(fault))


def _switch(case: Case) -> Switched:
    cases = services().cases
    try:
        if not services().jobs.get(case.wanted).has_results:
            return Switched(case)
    except StoreError:
        # The run was removed.
        return Switched(cases.change(case.key, lambda now: _stop_waiting(now, case.wanted)))
    unapplied: tuple[str, ...] = ()
    with services().reviews.of(case.key):
        now = cases.load(case.key)
        # Another tab may have switched meanwhile.
        if now.wanted == case.wanted:
            unapplied = _migrate(now)
            now = cases.change(case.key, lambda latest: _with_run(latest, case.wanted), "switched to the new run")
    return Switched(now, unapplied)


def _migrate(case: Case) -> tuple[str, ...]:
    """Migrate the review of a case to the run that it waits for; returns the decisions that cannot be applied."""
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


def _with_run(case: Case, run: str) -> Case:
    """The case with `run`; it still waits if another run was started meanwhile."""
    return replace(case, run=run, wanted="" if case.wanted == run else case.wanted)


def _stop_waiting(case: Case, wanted: str) -> Case:
    return replace(case, wanted="") if case.wanted == wanted else case
