"""The door for the browser: `streamlit run app.py`. The frame of pages, and the routes that films are served by."""

from pathlib import Path

import streamlit as st

from pages.parts.serving import ROUTES

app = st.App(Path(__file__).resolve().parent / "pages" / "parts" / "frame.py", routes=ROUTES)
