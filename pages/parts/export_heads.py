"""Whether heads are blurred. They are, unless somebody says why not."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from core.cases import Case
from pages.parts.session import Entry, heads_reason, heads_switch, lasting

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
