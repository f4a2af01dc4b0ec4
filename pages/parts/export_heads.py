"""Whether heads are blurred. They are, unless somebody says why not."""

from __future__ import annotations

import streamlit as st

from core.cases import Case


def heads(case: Case) -> tuple[bool, str]:
    """Whether heads are blurred, and the reason where they are not, which may still be missing."""
    # Off is what a switch falls back to, whatever happens to it: then heads are blurred.
    shown = st.toggle(
        "Show heads",
        key=_kept(f"heads {case.key}", False),
        help="Otherwise they are blurred in the pictures, the contact sheet, the report and the films. Other people in "
        "the background may not be covered.",
    )
    if not shown:
        st.caption("Heads are blurred.")
        return True, ""
    reason = st.text_input(
        "Why must heads be seen?",
        key=_kept(f"reason {case.key}", ""),
        placeholder="for example: asked for by the police, case 12/345",
        help="It is written into the export, and into the log of the case.",
    ).strip()
    if not reason:
        st.warning("Faces will be seen in this export. Say why first; until then nothing can be made.")
    return False, reason


def _kept(key: str, default: bool | str) -> str:
    """A key whose value survives a change of page: Streamlit forgets what is not shown."""
    store = f"kept {key}"
    if key in st.session_state:
        st.session_state[store] = st.session_state[key]
    else:
        st.session_state[key] = st.session_state.get(store, default)
    return key
