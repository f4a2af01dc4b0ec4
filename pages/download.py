"""Download: take it along."""

import streamlit as st

from pages.parts.case import the_case

st.title("Download")
case = the_case()
