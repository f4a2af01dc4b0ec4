"""How to start: with a new case, here and in the sidebar, or with the sample; and the first screen, with both."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import streamlit as st

from core.base.errors import SightlineError
from core.base.text import RETENTION_PROPOSALS, day_after
from core.workspace import sample_case, services
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import saving, select_case
from pages.parts.shell.session import GO_TO_FOOTAGE
from pages.parts.shell.web_modules import screen_component

PURPOSE = "Purpose or legal basis"


def offer_new_case(place: str, is_primary: bool = False) -> None:
    """A button that asks what a new case is called, what it is for and how long it is kept, and then opens it; `place`
    is where the button is."""
    kind: Literal["primary", "secondary"] = "primary" if is_primary else "secondary"
    width: Literal["content", "stretch"] = "content" if is_primary else "stretch"
    key = f"new case in {place}"
    if st.button("New case", icon=":material/create_new_folder:", key=key, type=kind, width=width):
        st.dialog("New case")(_new_case_dialog)()


def _new_case_dialog() -> None:
    new_case_form()
    _focus_component()(key="new case focus")


@functools.cache
def _focus_component() -> Callable[..., Any]:
    return screen_component("sightline_dialog_focus", "", "shell/dialog_focus.js", is_in_dialog=True)


def new_case_form() -> None:
    """Enter in a field of text creates the case, too; its clips come next, whatever page is open."""
    with st.form("new case", border=False):
        name = st.text_input("Name", placeholder="for example: Till 3, 31 May", help="Without one, today's date.")
        purpose = st.text_input(
            PURPOSE, placeholder="why you may view this footage", help="Every export says it, or that none was given."
        )
        period = st.pills(
            "Keep for",
            [escape(period) for period in RETENTION_PROPOSALS],
            help="Sightline reminds you then; it deletes nothing by itself.",
        )
        day = st.date_input("Or keep until", None, min_value="today")
        if st.form_submit_button("Create case", type="primary", icon=":material/add:"):
            with saving("The new case"):
                proposed = day_after(RETENTION_PROPOSALS[period]) if period else ""
                keep_until = day.isoformat() if isinstance(day, date) else proposed
                select_case(services().cases.new(name, purpose, keep_until).key)
                GO_TO_FOOTAGE.set(True)
                st.rerun()


def offer_sample() -> None:
    """A button that opens the sample, which comes with the program, as a case."""
    hint = "Three cameras over a plaza, 30 s, eight people. It comes with the program; no real people appear."
    if not st.button("Open the sample", icon=":material/movie:", help=hint):
        return
    try:
        key = sample_case()
    except SightlineError as fault:
        _show(fault)
        return
    select_case(key)
    st.rerun()


def welcome() -> None:
    st.title("Sightline")
    st.markdown(
        "Finds the people in your CCTV clips and shows which of them are the same person, camera by camera.  \n"
        "Everything stays on this computer; nothing is sent anywhere."
    )
    with st.container(horizontal=True):
        offer_new_case("start page", is_primary=True)
        offer_sample()
    st.caption(
        "A case holds the clips of one investigation and your decisions about them, on this computer.  \n"
        "The sample is a case to try things on: three cameras over a plaza, eight computer-generated people."
    )


def _show(fault: SightlineError) -> None:
    st.error(describe_fault(fault), icon=":material/error:")
