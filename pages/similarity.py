"""Similarity: how alike they are, everybody with everybody, and why they are or are not together."""

import numpy as np
import streamlit as st

from pages.parts.case import the_case
from pages.parts.likeness import flat_map, heat_map
from pages.parts.likeness_bars import bars, counted
from pages.parts.likeness_data import PEOPLE, TRACKS
from pages.parts.likeness_files import files
from pages.parts.likeness_hints import compared
from pages.parts.plan import link_to
from pages.parts.words import count

MAP = "map"
VIEWS = {PEOPLE: "People", TRACKS: "Tracks", MAP: "Map of looks"}

st.title("Similarity")
case = the_case()
desk = compared(case)
people, tracks = len(np.unique(desk.people.person)), len(desk.evidence.tracklets)
how = "your threshold" if desk.chosen is not None else "the suggested threshold"
st.markdown(
    f"How alike people look, up to 1. At {how} of **{desk.match.threshold:.2f}**, {count(tracks, 'track')} "
    f"{'are one person' if people == 1 else f'make {people} people'}."
)
st.session_state.setdefault("likeness view", PEOPLE if people > 1 else TRACKS)
view = st.segmented_control(
    "What to show",
    list(VIEWS),
    format_func=VIEWS.__getitem__,
    key="likeness view",
    required=True,
    label_visibility="collapsed",
)
if view == MAP:
    flat_map(case, tracks, desk.match.threshold)
elif view == TRACKS:
    heat_map(case, TRACKS, tracks, desk.match.threshold)
elif people > 1:
    heat_map(case, PEOPLE, people, desk.match.threshold)
else:
    st.info("**All tracks are one person**, so there is nobody to compare. The Tracks view shows why.")

st.subheader("How alike pairs of tracks are")
bars(counted(desk.match), desk.match.threshold)
link_to("gallery", "Move the threshold in the Gallery", ":material/tune:")
st.subheader("As files")
files(case, desk)
