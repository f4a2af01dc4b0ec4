"""Gallery: a row per person, the level at which sightings are one person, and what the user says about them."""

import streamlit as st

from pages.parts.gallery.empty_states import desk_or_hint, how_made
from pages.parts.gallery.gallery import gallery, hear
from pages.parts.gallery.moment import watch
from pages.parts.gallery.whatif import retrack_panel
from pages.parts.shell.open_case import the_case

st.title("Gallery")
heard = hear(the_case())
# What was heard has changed the case.
case = the_case()
desk = desk_or_hint(case)
if desk is not None:
    gallery(case, desk, heard)
    retrack_panel(case)
    how_made(desk.out)
    watch(case, desk)
