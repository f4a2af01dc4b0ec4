"""Gallery: the people seen."""

import streamlit as st

from pages.parts.case import the_case

st.title("Gallery")
case = the_case()
