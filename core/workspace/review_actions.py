"""Decisions about people, made from any page: tried out, saved at once and logged, or refused with a reason.

Also the start of a run that a case waits for, and the switch of the case to it when it is done, with the decisions
migrated. The review is written before the case names the run, and says which tracks it is about: if the program is
stopped in between, or another tab does the same, nothing is migrated twice. If a run was repeated and its tracks are
others now, decisions are migrated to these in the same way.

A browser gives each action an id, and sends the action again until it knows that it was carried out. The ids of changes
are saved with the review, in the same file and at the same moment, so that an action is never carried out twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from core.base.errors import SettingsError, SightlineError, StoreError
from core.review import (
    Review,
    ReviewSession,
    SeenTogether,
    SharedMoment,
    load_review,
    load_run_tracks,
    migrate_decisions,
    save_review,
)
from core.workspace.cases import Case
from core.workspace.jobs import MissingRunError, Order, run_folder
from core.workspace.server import keep_session, services, session_of, stamp_of, stored_tracks, tracks_digest

ANOTHER_RUN = "A newer run is now shown, with other track numbers. Check the people and repeat the action."


@dataclass(frozen=True)
class Saved:
    """The action is done and on disk; not `changed` where everything was so already."""

    changed: bool


@dataclass(frozen=True)
class Refused:
    """The action cannot be done, and nothing was changed; `reason` is a message to show.

    `moment` shows the two tracks that cannot be one person in one picture, if that is the reason.
    """

    reason: str
    moment: SharedMoment | None = None


def act(case: Case, command: Callable[[ReviewSession], Review], action_id: str = "") -> Saved | Refused:
    """Apply a command to the run that `case` shows: `act(case, lambda session: confirm(session, 3))`.

    An action whose id is in the review was carried out before, and is `Saved` without being repeated.
    """
    cases = services().cases
    try:
        with cases.lock(case.key):
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
                review = _with_tracks(now, review.with_action_id(action_id), session)
                after = session.preview(review)
                _keep_threshold(now, session)
                with cases.logging(case.key, review.done[-1].description, kind="decision"):
                    save_review(cases.review_file(case.key), review)
                keep_session(now, after)
    except SightlineError as fault:
        return Refused(str(fault), fault.moment if isinstance(fault, SeenTogether) else None)
    return Saved(changed)


def _with_tracks(case: Case, review: Review, session: ReviewSession) -> Review:
    """The review, which says which tracks it is about; these are stored in the case."""
    stored = stored_tracks(case)
    if stored.has(review.tracks):
        return review
    tracks = load_run_tracks(session.out)
    stored.save(tracks)
    return replace(review, run=case.run, tracks=tracks.digest)


def _keep_threshold(case: Case, session: ReviewSession) -> None:
    """With the first decision, the suggested threshold stays what it is: it must not move while somebody reviews."""
    if case.threshold is None:
        level = session.match.calibration.threshold
        entry = f"kept the suggested similarity threshold, {level:.2f}"
        services().cases.change(case.key, lambda now: _with_threshold(now, level), entry)


def set_threshold(case: Case, threshold: float | None) -> None:
    """Set the threshold of a case. None is the suggested one: from the first decision on, as it is suggested now."""
    entry = "accepted the suggested similarity threshold"
    if threshold is not None:
        entry = f"set the similarity threshold to {threshold:g}"
    elif review_of(case).done and (session := session_of(case)) is not None:
        threshold = session.match.calibration.threshold
    services().cases.change(case.key, lambda now: replace(now, threshold=threshold), entry)


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
        cases = services().cases
        with cases.lock(case.key):
            before = review_of(cases.load(case.key))
            if before.has_carried_out(action_id):
                return Saved(changed=True)
            after = change(before)
            if after != before:
                after = after.with_action_id(action_id)
                longer = max(before.done, after.done, key=len)
                with cases.logging(case.key, f"{verb}: {longer[-1].description}", kind="decision"):
                    save_review(cases.review_file(case.key), after)
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


def start_run(
    case_key: str, order: Order, log_entry: str = "run started", edit: Callable[[Case], Case] = lambda case: case
) -> Case:
    """Start the run of `order`, or join the one in progress; the case waits for it from now on. `edit` is what else
    changes in the case, saved at the same moment. Where the run cannot be started, the case stays as it is."""
    run = services().jobs.start(order).key
    return services().cases.change(case_key, lambda case: replace(edit(case), wanted=run), log_entry, "run")


def switch_to_finished_run(case: Case) -> Switched | SwitchFailed:
    """Make the run that the case waits for its run, if it is done. If the run of the case was repeated and has other
    tracks now, migrate the decisions to these. Costs little if neither is so."""
    try:
        if case.wanted:
            return _switch(case)
        return _follow_repeated_run(case)
    except (SightlineError, OSError, KeyError, ValueError) as fault:
        # Whatever is wrong with the files of a run or a review, the pages go on with the present run.
        return SwitchFailed(case, str(fault))


def _switch(case: Case) -> Switched:
    cases = services().cases
    try:
        if not services().jobs.get(case.wanted).has_results:
            return Switched(case)
    except MissingRunError:
        return Switched(cases.change(case.key, lambda now: _stop_waiting(now, case.wanted)))
    unapplied: tuple[str, ...] = ()
    with cases.lock(case.key):
        now = cases.load(case.key)
        # Another tab may have switched meanwhile.
        if now.wanted == case.wanted:
            unapplied = _migrate(now, case.wanted)
            now = cases.change(
                case.key, lambda latest: _with_run(latest, case.wanted), "switched to the new run", "run"
            )
    return Switched(now, unapplied)


def _follow_repeated_run(case: Case) -> Switched:
    if not has_repeated_run(case):
        return Switched(case)
    with services().cases.lock(case.key):
        now = services().cases.load(case.key)
        unapplied = _migrate(now, now.run) if has_repeated_run(now) else ()
    return Switched(now, unapplied)


def has_repeated_run(case: Case) -> bool:
    """Whether the run of the case is done and has other tracks than those that the review is about."""
    out = run_folder(case.run) if case.run else None
    if out is None or not (out / "tracks.parquet").is_file():
        return False
    try:
        has_other_tracks = services().repeated.get(stamp_of(case), lambda: _has_other_tracks(review_of(case), out))
        return has_other_tracks and services().jobs.get(case.run).has_results
    except StoreError:
        # The pages that need what cannot be read say so.
        return False


def _has_other_tracks(review: Review, out: Path) -> bool:
    return bool(review.tracks) and review.tracks != tracks_digest(out)


def _migrate(case: Case, run: str) -> tuple[str, ...]:
    """Migrate the review of a case to a run that is done; returns the decisions that cannot be applied."""
    new, path = run_folder(run), services().cases.review_file(case.key)
    if new is None:
        return ()
    before, stored = load_review(path), stored_tracks(case)
    old = run_folder(case.run) if case.run else None
    try:
        after, unapplied = migrate_decisions(before, old, new, stored)
    except StoreError:
        if before != Review():
            raise
        # There is nothing to migrate: the pages say what is wrong with the files of the run.
        return ()
    entries = (f"not applied, but saved: {sentence}" for sentence in unapplied)
    with services().cases.logging(case.key, *entries, kind="decision"):
        if after != before:
            save_review(path, after)
    stored.keep_only(after.sources)
    return unapplied


def _with_run(case: Case, run: str) -> Case:
    """The case with `run`; it still waits if another run was started meanwhile."""
    return replace(case, run=run, wanted="" if case.wanted == run else case.wanted)


def _with_threshold(case: Case, threshold: float) -> Case:
    """The case with a threshold, unless it has one by now."""
    return replace(case, threshold=threshold) if case.threshold is None else case


def _stop_waiting(case: Case, wanted: str) -> Case:
    return replace(case, wanted="") if case.wanted == wanted else case
