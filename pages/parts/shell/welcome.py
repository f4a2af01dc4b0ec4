"""The first screen without a case: what Sightline does, and how to start with the sample or a new case."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_duration
from core.lab.synthetic import sample_clips, sample_folder
from core.workspace import sample_case, services
from core.workspace.jobs import ensure_sample
from pages.parts.shell.open_case import select_case


def offer_sample(primary: bool = False) -> None:
    """A button that opens the sample. On first use the sample is generated, which takes about a minute."""
    ready = bool(sample_clips(sample_folder()))
    hint = "Three cameras over a plaza, 30 s, eight people. Computer-generated; no real people appear."
    hint += "" if ready else " It is generated first, which takes about a minute."
    button_type: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    if not st.button("Open the sample", icon=":material/movie:", help=hint, type=button_type):
        return
    bar = st.empty()

    def show_progress(done: float, seconds_left: float | None) -> None:
        time_left = "" if seconds_left is None else f", {format_duration(seconds_left)} left"
        bar.progress(min(done, 1.0), f"Generating the sample{time_left}. Leaving this page stops it.")

    try:
        ensure_sample(show_progress)
        key = sample_case()
    except SightlineError as fault:
        st.error(f"**{fault.message}.** {fault.remedy}")
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
        offer_sample(primary=True)
        st.button("New case", icon=":material/create_new_folder:", on_click=_create_case)
    st.caption("A case holds the clips of one investigation and your decisions about them, on this computer.")


def _create_case() -> None:
    try:
        select_case(services().cases.new().key)
    except SightlineError as fault:
        st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
