"""The door for the browser: `streamlit run app.py`. The frame of pages, and the routes that films are served by."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from pages.parts import backups, exports, films, likeness_data, people_data, previews, stills, uploads, web_modules
from pages.parts.serving import OnlyHere

ROUTES = [
    *backups.ROUTES,
    *exports.ROUTES,
    *films.ROUTES,
    *likeness_data.ROUTES,
    *people_data.ROUTES,
    *previews.ROUTES,
    *stills.ROUTES,
    *uploads.ROUTES,
    *web_modules.ROUTES,
]


@asynccontextmanager
async def _announced(_: st.App) -> AsyncIterator[None]:
    """Streamlit's own welcome is switched off, for it offers things that are no business of our users."""
    sys.stdout.write(f"Sightline is at http://localhost:{st.get_option('server.port')}; Ctrl+C ends it.\n")
    sys.stdout.flush()
    yield


app = st.App(
    Path(__file__).resolve().parent / "pages" / "parts" / "frame.py",
    routes=ROUTES,
    lifespan=_announced,
    middleware=[Middleware(OnlyHere)],
)
