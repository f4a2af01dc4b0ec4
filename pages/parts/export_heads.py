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
        "Show heads",
        key=_lasting_key(heads_switch(case.key), False),
        help="Otherwise they are blurred in the pictures, the contact sheet, the report and the films. Other people in "
        "the background may not be covered.",
    )
    if not shown:
        st.caption("Heads are blurred.")
        return True, ""
    reason = st.text_input(
        "Why must heads be seen?",
        key=_lasting_key(heads_reason(case.key), ""),
        placeholder="for example: asked for by the police, case 12/345",
        help="It is written into the export, and into the log of the case.",
    ).strip()
    if not reason:
        st.warning("Faces will be seen in this export. Say why first; until then nothing can be made.")
    return False, reason


def _lasting_key(widget: Entry[T], default: T) -> str:
    """The key of a widget whose value survives a change of page."""
    store = lasting(widget)
    if widget.is_set:
        store.set(widget.get(default))
    else:
        widget.set(store.get(default))
    return widget.key
