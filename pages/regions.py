"""Regions: where in the picture people count."""

import streamlit as st

from pages.parts.case import the_case

st.title("Regions")
case = the_case()
