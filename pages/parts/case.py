"""The case that is open in this session: named in the page's address, for a reload, a link or a second tab.

The one door to it for pages. Reading it changes nothing; what a page changes is on disk at once, by `change`.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.cases import Case
from core.errors import StoreError
from pages.parts.services import services
from pages.parts.session import OPEN_CASE
from pages.parts.settling import say_switch, switch_to_finished_run

_ADDRESS = "case"
"""Names the case in the page's address."""


def open_case() -> Case | None:
    """The case of the address, else the one open in this session, else the one worked on last."""
    for key in (st.query_params.get(_ADDRESS), OPEN_CASE.get("")):
        if key:
            try:
                return services().cases.load(key)
            except StoreError:
                continue
    return next(iter(services().cases.all()), None)


def begin_rerun() -> None:
    """What the frame does before anything is drawn: the open case is named in the address, and shows the run that it
    waited for, if that is done. A fault is said and keeps no page from being drawn."""
    case = open_case()
    if case is not None:
        show(case.key)
        say_switch(switch_to_finished_run(case))


def the_case() -> Case:
    """The open case; the page ends here where there is none, saying what to do."""
    case = open_case()
    if case is None:
        st.info("**No case is open.** Create or open one in the sidebar.", icon=":material/arrow_back:")
        st.stop()
    return case


def show(key: str) -> None:
    """Open a case, here and in the address."""
    OPEN_CASE.set(key)
    if st.query_params.get(_ADDRESS) != key:
        st.query_params[_ADDRESS] = key


def close() -> None:
    OPEN_CASE.remove()
    st.query_params.pop(_ADDRESS, None)


def change(how: Callable[[Case], Case], words: str = "") -> Case:
    """Change the open case; `words` go into its log."""
    return services().cases.change(the_case().key, how, words)
