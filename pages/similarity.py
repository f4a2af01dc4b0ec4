"""Similarity: how alike they are."""

import streamlit as st

from pages.parts.case import the_case

st.title("Similarity")
case = the_case()
