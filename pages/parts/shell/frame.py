"""The frame around every page: checks of the machine, the list of pages, the sidebar, and faults as advice."""

from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError
from core.machine.device import require_opencv
from pages.parts.gallery.gallery import deliver_actions
from pages.parts.shell.case_bar import case_bar
from pages.parts.shell.markdown import describe_fault
from pages.parts.shell.navigation import former_pages, pages
from pages.parts.shell.open_case import begin_rerun
from pages.parts.shell.session import GO_TO_FOOTAGE, OPEN_CASE

# An icon of our own: Streamlit would fetch its icons and emoji for the tab from the network.
ICON = Path(__file__).with_name("icon.svg")

st.set_page_config(page_title="Sightline", page_icon=str(ICON), layout="wide", initial_sidebar_state=250)


def show_fault(fault: SightlineError) -> None:
    st.error(describe_fault(fault), icon=":material/error:")


try:
    require_opencv()
except SightlineError as fault:
    show_fault(fault)
    st.stop()
# The title is in the row of Streamlit's header, which is otherwise empty but for the menu: the header is transparent,
# so that it covers no part of the page. Where the sidebar is closed, its button is in that row, and the title is below.
st.html(
    "<style>"
    ".stMainBlockContainer { padding: .75rem clamp(1rem, 3vw, 3rem) 3rem; }"
    ".stApp:has([data-testid=stExpandSidebarButton]) .stMainBlockContainer { padding-top: 3.75rem; }"
    # What sticks to the top of the page: there, or under the row of the sidebar's button, past which nothing shows.
    ".stApp { --page-top: 0rem; }"
    ".stApp:has([data-testid=stExpandSidebarButton]) { --page-top: 3.75rem; }"
    ".stApp:not(:has([data-testid=stExpandSidebarButton])) .stAppHeader { left: auto; width: auto; }"
    ".stAppHeader { background: none; pointer-events: none; }"
    ".stApp:has([data-testid=stExpandSidebarButton]) .stAppHeader { background: light-dark(#fff, #171614); }"
    ".stAppHeader :is(button, a, label, [data-testid=stStatusWidget]) { pointer-events: auto; }"
    ".stApp a:focus-visible { outline: 2px solid light-dark(#0b62b0, #5aa5ea); outline-offset: 1px; }"
    ".stMainBlockContainer h1 { padding: .25rem 0 .75rem; }"
    "div:has(> .st-key-outbox-notice), .st-key-outbox-notice { position: fixed; right: 1rem; bottom: 1rem; width: auto;"
    " z-index: 100; }"
    "[class*=st-key-onward] a { width: fit-content; padding: .5rem .9rem;"
    " border: 2px solid light-dark(#0b62b0, #5aa5ea); }"
    "div:has(> .st-key-page-foot) { position: sticky; bottom: 0; z-index: 50; }"
    ".st-key-page-foot { padding: .5rem 0; border-top: 1px solid light-dark(#d5d6d8, #41444c);"
    " background: light-dark(#fff, #171614); }"
    # What gets the focus is not scrolled to below the foot.
    ".stMain:has(.st-key-page-foot) { scroll-padding-bottom: 5rem; }"
    # Streamlit fades captions more than can be read with ease, and writes white on any colour.
    ".stApp [data-testid=stCaptionContainer] { opacity: .8; }"
    ".stApp [data-testid=stCaptionContainer] code { color: inherit; }"
    ".stApp [data-testid^=stBaseButton-primary] { color: light-dark(#fff, #0e1117); }"
    # The button of an open popover keeps the colour that is meant for a moment's press.
    ".stApp [data-testid=stPopoverButton] { color: inherit !important; }"
    "</style>"
)
# In the sidebar: a bar on top folds into a menu where the window is narrow.
page = st.navigation([*pages().values(), *former_pages()], position="sidebar", expanded=True)
if GO_TO_FOOTAGE.pop(False):
    key = OPEN_CASE.get("")
    st.switch_page(pages()["footage"], query_params={"case": key} if key else None)
try:
    # A container of its own, so that the style above can take it out of the page's flow.
    with st.container(key="outbox-notice"):
        deliver_actions()
    begin_rerun()
    with st.sidebar:
        try:
            case_bar()
        except SightlineError as fault:
            # What concerns the case as a whole does not hide the page.
            show_fault(fault)
    page.run()
except SightlineError as fault:
    show_fault(fault)
