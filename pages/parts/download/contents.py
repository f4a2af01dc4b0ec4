"""What an export contains, and whether faces are blurred in it: they are, unless the user gives a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import streamlit as st

from core.base.text import describe_day, format_count, person_name
from core.export import find_heads, load_picture, thumbnail_jpeg
from core.review import ReviewSession
from core.runs import ModelRecord, build_gallery, read_record
from core.workspace import clocks_of
from core.workspace.cases import Case
from pages.parts.shell.markdown import escape
from pages.parts.shell.session import Entry, lasting, unblur_reason, unblur_switch

HEADS_COVERED = (
    "Heads are covered where the program finds or expects them, and it misses some. Look before you hand anything out."
)
_PICTURES, _PICTURE_SIZE = 60, (112, 224)
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
    # An act of the user is one decision, however many pairs of tracks it is about.
    acts = sum(bool(action.links or action.unsure) for action in session.review.done)
    names = len({name for _, _, name, _ in session.review.names if name})
    decisions = (
        f"{format_count(acts, 'manual decision', 'manual decisions')}, {format_count(names, 'name', 'names')}"
        if acts or names
        else "none yet"
    )
    record = read_record(session.out)
    models = [model.name for model in record.models.values() if isinstance(model, ModelRecord)]
    return [
        ("Case", case.name.strip() or "without a name"),
        (
            "Threshold",
            f"{session.match.threshold:.2f}, {_threshold_source(case, session)}; "
            f"{session.match.calibration.description}",
        ),
        ("Decisions", decisions),
        ("Recording start times", _clocks(case, session)),
        *_rules(case),
        ("Models", ", ".join(models)),
        ("Purpose", case.purpose.strip() or "none. Add one in the sidebar, under This case"),
        ("Keep until", describe_day(case.keep_until)),
    ]


def _clocks(case: Case, session: ReviewSession) -> str:
    clocks = clocks_of(case, session.out)
    if clocks:
        return f"set, {clocks.zone or 'without a time zone'}"
    return "not set: the report shows clip times. Set them on the Footage page"


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


def everybody_but(session: ReviewSession, blur: bool) -> tuple[int, str]:
    """The person who alone is shown in videos (0: heads of all are covered), and why; empty until the user says."""
    numbers = np.unique(session.people.person).tolist() if blur else []
    number = st.selectbox(
        "Cover in the videos",
        [0, *numbers],
        format_func=lambda number: f"Everybody but {person_name(number)}" if number else "Heads of everybody",
        disabled=not blur,
        help="Everybody but one: that person is shown, and all others are covered from head to foot, for example to "
        "answer somebody who asks for the pictures of themselves.",
    )
    if not number:
        return 0, ""
    reason = st.text_input(f"Reason for showing {person_name(number)} (required)", key="reason for one person").strip()
    if not reason:
        st.warning("These videos show a face. Enter a reason to continue.")
    return number, reason


def look_through(session: ReviewSession) -> None:
    """The pictures as they will be handed out, to be looked at before."""
    if not st.toggle("Look through the pictures", help="All crops with heads covered, as the zip file will have them."):
        return
    gallery = build_gallery(session.evidence, session.match, session.out, {})
    crops = [(each.camera, each.track, crop) for each in gallery.sightings for crop in each.crops]
    names = [person_name(each.person) for each in gallery.sightings for _ in each.crops]
    pages = max(1, -(-len(crops) // _PICTURES))
    page = 1 if pages == 1 else st.number_input(f"Page (of {pages:d})", 1, pages, 1)
    shown = slice((page - 1) * _PICTURES, page * _PICTURES)
    covered = find_heads(crops[shown], session.evidence, session.out)
    st.image(
        [thumbnail_jpeg(load_picture(crop, blur=True), *_PICTURE_SIZE) for crop in covered],
        caption=names[shown],
        width=_PICTURE_SIZE[0],
    )
    st.caption("Is a face to be seen? Remove that picture from what you hand out, or do not hand it out.")


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
        st.caption(HEADS_COVERED)
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
