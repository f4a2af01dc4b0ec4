"""What somebody sees who has no case yet: what this is, and the two ways to begin."""

from __future__ import annotations

import streamlit as st

from core.errors import SightlineError
from pages.parts.case import show
from pages.parts.sample import offer_sample
from pages.parts.services import services


def welcome() -> None:
    st.title("Sightline")
    st.markdown(
        "Finds the people in your CCTV clips and shows which of them are the same person, camera by camera.  \n"
        "Everything stays on this computer; nothing is sent anywhere."
    )
    with st.container(horizontal=True):
        offer_sample(primary=True)
        st.button("New case", icon=":material/create_new_folder:", on_click=_begin)
    st.caption("A case holds the clips of one investigation and your decisions about them, on this computer.")


def _begin() -> None:
    try:
        show(services().cases.new().key)
    except SightlineError as fault:
        st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
