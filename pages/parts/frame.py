"""The frame around every page: what the machine must bring, the list of pages, and faults said as advice."""

from pathlib import Path

import streamlit as st

from core.errors import SightlineError
from core.system import require_opencv
from pages.parts.case import begin_rerun
from pages.parts.case_bar import case_bar
from pages.parts.plan import pages

# A picture of our own: Streamlit fetches its symbols and emoji for this place from the network.
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="Sightline", page_icon=str(ICON), layout="wide", initial_sidebar_state=250)
try:
    require_opencv()
except SightlineError as missing:
    st.error(f"**{missing.message}.** {missing.remedy}")
    st.stop()
# Less empty space on top, so that the first step is seen without scrolling.
st.html(
    "<style>"
    ".stMainBlockContainer { padding: 4.5rem clamp(1rem, 3vw, 3rem) 3rem; }"
    "[class*=st-key-onward] a { width: fit-content; padding: .5rem .9rem; border: 2px solid #2b7fd0; }"
    "</style>"
)
page = st.navigation(list(pages().values()), position="top")
try:
    begin_rerun()
    with st.sidebar:
        case_bar()
    page.run()
except SightlineError as fault:
    st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
