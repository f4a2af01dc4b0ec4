"""The app for the browser, started by `streamlit run app.py`: the frame of all pages, and the routes beside them."""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from core.base.errors import SightlineError
from core.http import (
    BACKUP_ROUTES,
    EXPORT_ROUTES,
    FILM_ROUTES,
    PEOPLE_ROUTES,
    PREVIEW_ROUTES,
    SIMILARITY_ROUTES,
    STILL_ROUTES,
    UPLOAD_ROUTES,
    LocalOnly,
)
from core.workspace import open_last_case, services, sweep_regularly
from pages.parts.shell.web_modules import WEB_ROUTES

ROUTES = [
    *BACKUP_ROUTES,
    *EXPORT_ROUTES,
    *FILM_ROUTES,
    *PEOPLE_ROUTES,
    *PREVIEW_ROUTES,
    *SIMILARITY_ROUTES,
    *STILL_ROUTES,
    *UPLOAD_ROUTES,
    *WEB_ROUTES,
]

_WARM_UP_SECONDS = 2.0
"""For which the start waits, at most, until the case used last is open."""


@asynccontextmanager
async def _start(_: st.App) -> AsyncIterator[None]:
    """Open the data and the case used last, remove what earlier servers left and what this one leaves, and print the
    address.

    Streamlit's own welcome is switched off: it advertises services that we do not use.
    """
    try:
        services()
    except SightlineError as fault:
        # Every page says it too, and tries again.
        sys.stderr.write(f"sightline: {fault}\n")
    stop = threading.Event()
    warm_up = threading.Thread(target=open_last_case, name="sightline-warm-up", daemon=True)
    warm_up.start()
    # Pages drawn meanwhile would take several times as long.
    warm_up.join(_WARM_UP_SECONDS)
    # In the background, since a page need not wait for it.
    threading.Thread(target=sweep_regularly, args=(services, stop), name="sightline-sweep", daemon=True).start()
    sys.stdout.write(f"Sightline is at http://localhost:{st.get_option('server.port')}; Ctrl+C ends it.\n")
    sys.stdout.flush()
    yield
    stop.set()


app = st.App(
    Path(__file__).resolve().parent / "pages" / "parts" / "shell" / "frame.py",
    routes=ROUTES,
    lifespan=_start,
    middleware=[Middleware(LocalOnly, allowed_hosts=lambda: st.get_option("server.allowedHosts") or [])],
)
