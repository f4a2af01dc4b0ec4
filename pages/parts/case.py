"""The case that is open in this session: named in the page's address, for a reload, a link or a second tab.

The one door to it for pages. What a page changes is on disk at once, by `change`.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.cases import Case
from core.errors import SightlineError, StoreError
from pages.parts.services import services
from pages.parts.settling import settle

_KEY = "case"


def open_case() -> Case | None:
    """The case of the address, else the one open in this session, else the one worked on last."""
    for key in (st.query_params.get(_KEY), st.session_state.get(_KEY)):
        if key:
            try:
                case = services().cases.load(key)
            except StoreError:
                continue
            return _shown(case)
    return next((_shown(case) for case in services().cases.all()), None)


def _shown(case: Case) -> Case:
    """The case, with the run that it waited for, if that is done by now and what was said can be carried to it."""
    show(case.key)
    try:
        return settle(case)
    except SightlineError as fault:
        st.toast(f"**The new run cannot be opened.** {fault}", icon=":material/error:")
        return case


def the_case() -> Case:
    """The open case; the page ends here where there is none, saying what to do."""
    case = open_case()
    if case is None:
        st.info("**No case is open.** Create or open one in the sidebar.", icon=":material/arrow_back:")
        st.stop()
    return case


def show(key: str) -> None:
    """Open a case, here and in the address."""
    st.session_state[_KEY] = key
    if st.query_params.get(_KEY) != key:
        st.query_params[_KEY] = key


def close() -> None:
    st.session_state.pop(_KEY, None)
    st.query_params.pop(_KEY, None)


def change(how: Callable[[Case], Case], words: str = "") -> Case:
    """Change the open case; `words` go into its log."""
    return services().cases.change(the_case().key, how, words)
