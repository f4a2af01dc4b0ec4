"""Whether heads are blurred. They are, unless somebody says why not."""

from __future__ import annotations

import streamlit as st

from core.cases import Case


def heads(case: Case) -> tuple[bool, str]:
    """Whether heads are blurred, and the reason where they are not, which may still be missing."""
    # Off is what a switch falls back to, whatever happens to it: then heads are blurred.
    shown = st.toggle(
        "Turn off face blurring",
        key=_kept(f"heads {case.key}", False),
        help="By default, faces are blurred in crops, contact sheets, the report and videos. People in the background "
        "may not be covered.",
    )
    if not shown:
        st.caption("Faces are blurred.")
        return True, ""
    reason = st.text_input(
        "Reason for showing faces (required)",
        key=_kept(f"reason {case.key}", ""),
        placeholder="for example: requested by the police, case 12/345",
        help="Recorded in the export and in the activity log.",
    ).strip()
    if not reason:
        st.warning("This export shows faces. Enter a reason to continue.")
    return False, reason


def _kept(key: str, default: bool | str) -> str:
    """A key whose value survives a change of page: Streamlit forgets what is not shown."""
    store = f"kept {key}"
    if key in st.session_state:
        st.session_state[store] = st.session_state[key]
    else:
        st.session_state[key] = st.session_state.get(store, default)
    return key
