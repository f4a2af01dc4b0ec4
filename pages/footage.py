"""Footage: the clips of the case, with their cameras, start times and ranges."""

import streamlit as st

from core.base.text import format_count
from pages.parts.footage.add_clips import add_from_folder, show_refusals, uploader
from pages.parts.footage.clip_cards import clip_cards, delete_clip_panel, show_disk_space, undo_removal
from pages.parts.footage.clip_fields import choose_clocks, show_clock_warnings
from pages.parts.footage.clock_pictures import show_same_moment
from pages.parts.footage.recordings import recordings_panel
from pages.parts.shell.navigation import link_to, next_step_link, page_foot
from pages.parts.shell.open_case import open_case
from pages.parts.shell.page_head import page_head
from pages.parts.shell.welcome import offer_sample, welcome

case = open_case()
if case is None:
    welcome()
    st.stop()

# One element, whatever is in it: with a line more above the clips, the field being typed in would lose the focus.
with st.container():
    page_head("Footage")
    if not case.clips:
        st.markdown("**Start here:** add the recordings of each camera. Your files are never changed.")
    uploader(case)
    with st.expander("Add from a folder on this computer", icon=":material/folder_open:"):
        add_from_folder(case)
    show_refusals()
    undo_removal(case)
    recordings_panel(case)
    by_clock = bool(case.clips) and choose_clocks(case)
if not case.clips:
    st.caption("No footage at hand? Open the sample as a separate case.")
    offer_sample()
    st.stop()

usable = clip_cards(case, by_clock)
show_clock_warnings(case, usable)
show_same_moment(case)
show_disk_space(case, usable)
delete_clip_panel(case)
with page_foot():
    st.markdown(f"**{format_count(len(case.clips), 'clip', 'clips')}**", width="content")
    if len(usable) < len(case.clips):
        st.markdown(
            ":material/warning: Some clips cannot be used. Remove them, or restore their files, before you start a run."
        )
    else:
        next_step_link("regions", "Next: draw regions")
        link_to("run", "Skip to Run", ":material/play_circle:")
