"""The first screen without a case: what Sightline does, and how to start with a new case or with the sample."""

from __future__ import annotations

import streamlit as st

from core.base.errors import SightlineError
from core.workspace import sample_case, services
from pages.parts.shell.open_case import select_case


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
        st.button("New case", icon=":material/create_new_folder:", type="primary", on_click=_create_case)
        offer_sample()
    st.caption(
        "A case holds the clips of one investigation and your decisions about them, on this computer.  \n"
        "The sample is a case to try things on: three cameras over a plaza, eight computer-generated people."
    )


def _create_case() -> None:
    try:
        select_case(services().cases.new().key)
    except SightlineError as fault:
        _show(fault)


def _show(fault: SightlineError) -> None:
    st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
