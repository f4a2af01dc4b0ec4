"""Similarity: all pairs of people or tracks, and why they are or are not one person."""

import numpy as np
import streamlit as st

from core.base.text import format_count
from core.http import PEOPLE, TRACKS
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import page_head
from pages.parts.shell.session import SIMILARITY_VIEW
from pages.parts.similarity.charts import (
    appearance_map,
    count_pairs,
    heat_map,
    pair_chart,
    require_similarities,
    similarity_downloads,
)

MAP = "map"
VIEWS = {PEOPLE: "People", TRACKS: "Tracks", MAP: "Appearance map"}

page_head("Similarity")
case = require_case()
session = require_similarities(case)
people, tracks = len(np.unique(session.people.person)), len(session.evidence.tracklets)
threshold_source = "your threshold" if session.chosen_threshold is not None else "the suggested threshold"
grouping = f"{format_count(tracks, 'track', 'tracks')} {'are one person' if people == 1 else f'make {people} people'}"
st.markdown(
    f"Similarity of appearance, up to 1. At {threshold_source} of **{session.match.threshold:.2f}**, {grouping}."
)
SIMILARITY_VIEW.set_default(PEOPLE if people > 1 else TRACKS)
view = st.segmented_control(
    "View",
    list(VIEWS),
    format_func=VIEWS.__getitem__,
    key=SIMILARITY_VIEW.key,
    required=True,
    label_visibility="collapsed",
)
if view == MAP:
    appearance_map(case, tracks, session)
elif view == TRACKS:
    heat_map(case, TRACKS, tracks, session)
elif people > 1:
    heat_map(case, PEOPLE, people, session)
else:
    st.info("**All tracks are one person**, so there is nothing to compare. See the Tracks view for the reason.")

st.header("Similarity of pairs of tracks")
pair_chart(count_pairs(session.match), session.match.threshold)
link_to("gallery", "Change the threshold in the Gallery", ":material/tune:")
st.header("Downloads")
similarity_downloads(case, session)
