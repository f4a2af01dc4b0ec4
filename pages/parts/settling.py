"""A run that was waited for becomes the one that the case shows, and what the user has said is carried over to it.

The review is on disk before the case shows the run, and says of which run it is: whoever is stopped in between, or does
the same in another tab, carries nothing twice.
"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.cases import Case
from core.errors import StoreError
from core.review import load_review, migrate_decisions, save_review, why_waiting
from pages.parts.films import run_folder
from pages.parts.reviewing import LOCK
from pages.parts.services import services

_TOLD = 3
"""Sentences that one message holds; the rest is on the Gallery page."""


def settle(case: Case) -> Case:
    """The case, showing the run that it waited for if that is done. Costs nothing where it waits for none."""
    if not case.wanted:
        return case
    try:
        if not services().jobs.look(case.wanted).over:
            return case
    except StoreError:
        # Somebody removed it.
        return services().cases.change(case.key, lambda now: _without(now, case.wanted))
    left: list[str] = []
    with LOCK:
        case = services().cases.change(case.key, lambda now: _switched(now, case.wanted, left), "shows the new run")
    if left:
        more = f" And {len(left) - _TOLD} more." if len(left) > _TOLD else ""
        st.toast(
            f"**Not everything you said fits the new run; it is kept.** {'. '.join(left[:_TOLD])}.{more}",
            icon=":material/pending_actions:",
            duration="long",
        )
    return case


def _switched(case: Case, wanted: str, left: list[str]) -> Case:
    """The case with the run, where it still waits for that very one; `left` hears what could not be carried."""
    if case.wanted != wanted:
        return case
    new, path = run_folder(wanted), services().cases.review_file(case.key)
    old = run_folder(case.run) if case.run else None
    if new is not None and old is not None and path.is_file():
        before = load_review(path)
        after, words = migrate_decisions(before, old, new)
        if after != before:
            save_review(path, after)
        for sentence in words:
            services().cases.log(case.key, f"not carried over, but kept: {sentence}")
        left += words
    return replace(case, run=wanted, wanted="")


def _without(case: Case, wanted: str) -> Case:
    return replace(case, wanted="") if case.wanted == wanted else case


def waiting_decisions(case: Case) -> None:
    """What was said and fits no track of the run that is shown, until the user has seen it."""
    path = services().cases.review_file(case.key)
    told = why_waiting(load_review(path)) if path.is_file() else ()
    seen = f"seen {case.key} {case.run}"
    if not told or st.session_state.get(seen) == told:
        return
    with st.container(border=True):
        some = "1 thing" if len(told) == 1 else f"{len(told)} things"
        st.markdown(
            f":material/pending_actions: **{some} you said cannot be applied to this run.** Kept for a later run."
        )
        st.markdown("\n".join(f"- {sentence}" for sentence in told))
        if st.button("Understood", key=f"understood {case.run}"):
            st.session_state[seen] = told
            st.rerun()
