"""A run that was waited for becomes the one that the case shows, and the decisions are migrated to it.

The review is on disk before the case shows the run, and says of which run it is: whoever is stopped in between, or does
the same in another tab, migrates nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from core.cases import Case
from core.errors import SightlineError, StoreError
from core.review import load_review, migrate_decisions, save_review, why_waiting
from pages.parts.films import run_folder
from pages.parts.services import services
from pages.parts.session import SWITCH_FAULT, dismissed_decisions

_SENTENCES = 3
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
        if not services().jobs.look(case.wanted).over:
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


def say_switch(result: Switched | SwitchFailed) -> None:
    """Say what could not be applied; or why the run cannot be shown, once for each reason."""
    if isinstance(result, SwitchFailed):
        fault = f"{result.case.key} {result.case.wanted} {result.reason}"
        if SWITCH_FAULT.get("") != fault:
            SWITCH_FAULT.set(fault)
            words = f"**The new run cannot be shown:** {result.reason}"
            st.toast(words, icon=":material/error:", duration="long")
        return
    SWITCH_FAULT.remove()
    if result.unapplied:
        left = len(result.unapplied) - _SENTENCES
        more = f" And {left} more." if left > 0 else ""
        st.toast(
            "**Some decisions could not be applied to the new run. They were saved.** "
            f"{'. '.join(result.unapplied[:_SENTENCES])}.{more}",
            icon=":material/pending_actions:",
            duration="long",
        )


def waiting_decisions(case: Case) -> None:
    """What was said and fits no track of the run that is shown, until the user has seen it."""
    path = services().cases.review_file(case.key)
    sentences = why_waiting(load_review(path)) if path.is_file() else ()
    dismissed = dismissed_decisions(case.key, case.run)
    if not sentences or dismissed.get(()) == sentences:
        return
    with st.container(border=True):
        some = "1 decision" if len(sentences) == 1 else f"{len(sentences)} decisions"
        st.markdown(f":material/pending_actions: **{some} could not be applied to this run.** Saved for a later run.")
        st.markdown("\n".join(f"- {sentence}" for sentence in sentences))
        if st.button("Dismiss", key=f"understood {case.run}"):
            dismissed.set(sentences)
            st.rerun()
