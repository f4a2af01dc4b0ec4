"""What an export contains, and whether faces are blurred in it: they are, unless the user gives a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import streamlit as st

from core.base.text import format_count
from core.review import ReviewSession
from core.runs import ModelRecord, read_record
from core.workspace.cases import Case
from pages.parts.shell.markdown import escape
from pages.parts.shell.session import Entry, lasting, unblur_reason, unblur_switch

_SAME_THRESHOLD = 0.005
"""Thresholds that differ by less are shown as the same."""


def show_contents(case: Case, session: ReviewSession) -> None:
    """Numbers first, then the threshold, decisions and models behind them."""
    people = session.people
    numbers = np.unique(people.person)
    confirmed = len(np.unique(people.person[people.confirmed]))
    with st.container(horizontal=True):
        st.metric("People", f"{len(numbers):,}", width="content")
        st.metric("Sightings", f"{len(people.person):,}", width="content")
        st.metric("Crops", f"{len(session.evidence.crops):,}", width="content")
        st.metric("Cameras", f"{len(session.evidence.cameras):,}", width="content")
        st.metric("Confirmed by you", f"{confirmed} of {len(numbers)}", width="content")
    if confirmed < len(numbers):
        st.info(
            "**Unconfirmed people are candidates.** They look alike to the program; nobody has checked them. "
            "The report says so on its first page.",
            icon=":material/visibility:",
        )
    st.markdown("  \n".join(f"**{escape(name)}:** {escape(text)}" for name, text in _basis(case, session)))


def _basis(case: Case, session: ReviewSession) -> list[tuple[str, str]]:
    links, names = len(session.review.links), len({name for _, _, name, _ in session.review.names if name})
    decisions = (
        f"{format_count(links, 'manual decision', 'manual decisions')}, {format_count(names, 'name', 'names')}"
        if links or names
        else "none yet"
    )
    record = read_record(session.out)
    models = [model.name for model in record.models.values() if isinstance(model, ModelRecord)]
    return [
        (
            "Threshold",
            f"{session.match.threshold:.2f}, {_threshold_source(case, session)}; "
            f"{session.match.calibration.description}",
        ),
        ("Decisions", decisions),
        *_rules(case),
        ("Models", ", ".join(models)),
        ("Purpose", case.purpose.strip() or "none. Add one in the sidebar, under This case"),
    ]


def _rules(case: Case) -> Iterator[tuple[str, str]]:
    if case.travel:
        times = (f"{time.camera} – {time.other_camera} {time.seconds:g} s" for time in case.travel)
        yield "Shortest times", "; ".join(times)
    if case.ignore_positions:
        yield "Positions", "ignored: people were matched by appearance only"


def _threshold_source(case: Case, session: ReviewSession) -> str:
    suggested = session.match.calibration.threshold
    if case.threshold is None or abs(case.threshold - suggested) < _SAME_THRESHOLD:
        return "suggested"
    if not session.review.done:
        return "set by you"
    return f"kept since your first decision or set by you (suggested now: {suggested:.2f})"


T = TypeVar("T", bool, str)


def face_blurring(case: Case) -> tuple[bool, str]:
    """Whether faces are blurred, and the reason where they are not; it is empty until the user enters it."""
    # A switch that loses its value is off, and then faces are blurred.
    unblurred = st.toggle(
        "Turn off face blurring",
        key=_lasting_key(unblur_switch(case.key), False),
        help="By default, faces are blurred in crops, contact sheets, the report and videos. People in the background "
        "may not be covered.",
    )
    if not unblurred:
        st.caption("Faces are blurred.")
        return True, ""
    reason = st.text_input(
        "Reason for showing faces (required)",
        key=_lasting_key(unblur_reason(case.key), ""),
        placeholder="for example: requested by the police, case 12/345",
        help="Recorded in the export and in the activity log.",
    ).strip()
    if not reason:
        st.warning("This export shows faces. Enter a reason to continue.")
    return False, reason


def _lasting_key(widget: Entry[T], default: T) -> str:
    """The key of a widget whose value survives a change of page."""
    store = lasting(widget)
    if widget.is_set:
        store.set(widget.get(default))
    else:
        widget.set(store.get(default))
    return widget.key
