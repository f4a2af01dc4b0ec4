"""What an export will hold, in words and numbers.

Whether heads are blurred. They are, unless somebody says why not."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import streamlit as st

from core.review import Desk
from core.runs import record_of
from core.workspace.cases import Case
from pages.parts.shell.format import count
from pages.parts.shell.session import Entry, heads_reason, heads_switch, lasting

MOST = 3


def what_is_in_it(case: Case, desk: Desk) -> None:
    """Numbers first, then what they rest on."""
    people = desk.people
    numbers = np.unique(people.person)
    confirmed = len(np.unique(people.person[people.confirmed]))
    with st.container(horizontal=True):
        st.metric("People", f"{len(numbers):,}", width="content")
        st.metric("Sightings", f"{len(people.person):,}", width="content")
        st.metric("Crops", f"{len(desk.evidence.crops):,}", width="content")
        st.metric("Cameras", f"{len(desk.evidence.cameras):,}", width="content")
        st.metric("Confirmed by you", f"{confirmed} of {len(numbers)}", width="content")
    if confirmed < len(numbers):
        st.info(
            "**Unconfirmed people are candidates.** They look alike to the program; nobody has checked them. "
            "The report says so on its first page.",
            icon=":material/visibility:",
        )
    st.markdown("  \n".join(f"**{name}:** {words}" for name, words in _rests_on(case, desk)))


def _rests_on(case: Case, desk: Desk) -> list[tuple[str, str]]:
    given = "suggested" if case.threshold is None else "set by you"
    links, names = len(desk.review.links), len({name for _, _, name, _ in desk.review.names if name})
    decided = f"{count(links, 'manual decision')}, {count(names, 'name')}" if links or names else "none yet"
    models = record_of(desk.out)["models"]
    known = [f"{kind} {facts['name']}" for kind, facts in models.items() if isinstance(facts, dict)]
    return [
        ("Threshold", f"{desk.match.threshold:.2f}, {given}; {desk.match.calibration.words}"),
        ("Decisions", decided),
        ("Models", ", ".join(known)),
        ("Purpose", _plain(case.purpose) or "none. Add one in the sidebar, under *This case*"),
    ]


def _plain(text: str) -> str:
    """Text that somebody typed, without its power over Markdown.

    >>> _plain("[a](b) $x$")
    '\\\\[a\\\\](b) \\\\$x\\\\$'
    """
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>#$~:|" else letter for letter in " ".join(text.split()))


T = TypeVar("T", bool, str)


def heads(case: Case) -> tuple[bool, str]:
    """Whether heads are blurred, and the reason where they are not, which may still be missing."""
    # Off is what a switch falls back to, whatever happens to it: then heads are blurred.
    shown = st.toggle(
        "Turn off face blurring",
        key=_lasting_key(heads_switch(case.key), False),
        help="By default, faces are blurred in crops, contact sheets, the report and videos. People in the background "
        "may not be covered.",
    )
    if not shown:
        st.caption("Faces are blurred.")
        return True, ""
    reason = st.text_input(
        "Reason for showing faces (required)",
        key=_lasting_key(heads_reason(case.key), ""),
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
