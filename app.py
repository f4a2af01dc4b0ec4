"""The app for the browser, started by `streamlit run app.py`: the frame of all pages, and the routes beside them."""

import gc
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.config import get_where_defined

from core.base.errors import SightlineError, StoreError
from core.http import (
    BACKUP_ROUTES,
    EXPORT_ROUTES,
    FILM_ROUTES,
    LOCAL_HOSTS,
    PEOPLE_ROUTES,
    PREVIEW_ROUTES,
    SIMILARITY_ROUTES,
    STILL_ROUTES,
    UPLOAD_ROUTES,
    Entrance,
    Guard,
    server_error,
)
from core.machine.servers import announced, enter_address, open_browser, start_secret
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
PAGE = Path(st.__file__).with_name("static") / "index.html"


def load_secret() -> str:
    """The start secret; where the data folder cannot be used, which every page says, one for this process."""
    try:
        return start_secret()
    except StoreError:
        return secrets.token_urlsafe(32)


ENTRANCE = Entrance(load_secret)


@asynccontextmanager
async def _start(_: st.App) -> AsyncIterator[None]:
    """Open the data and the case used last, remove what earlier servers left and what this one leaves, print the
    address that lets a browser in, and open it.

    Streamlit neither greets, which would advertise services that we do not use, nor opens the browser, which would not
    be let in. The port is bound before this is called.
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
    # Streamlit collects garbage after every rerun, while all others wait: not among what was imported, which stays.
    gc.collect()
    gc.freeze()
    # In the background, since a page need not wait for it.
    threading.Thread(target=sweep_regularly, args=(services, stop), name="sightline-sweep", daemon=True).start()
    host, port = _hosts()[0], st.get_option("server.port")
    address = enter_address(host, port, ENTRANCE.secret)
    sys.stdout.write(f"Sightline is at {address}\nCtrl+C ends it.\n")
    sys.stdout.flush()
    if _wants_browser():
        threading.Thread(target=open_browser, args=(address,), name="sightline-browser", daemon=True).start()
    with announced(host, port):
        yield
    stop.set()
    gc.unfreeze()


def _hosts() -> Sequence[str]:
    return st.get_option("server.allowedHosts") or LOCAL_HOSTS


def _wants_browser() -> bool:
    """Unless `--server.headless=true` or its environment variable says no; our config.toml says it to Streamlit."""
    is_said_here = get_where_defined("server.headless").endswith("config.toml")
    return is_said_here or not st.get_option("server.headless")


app = st.App(
    Path(__file__).resolve().parent / "pages" / "parts" / "shell" / "frame.py",
    routes=ROUTES,
    lifespan=_start,
    exception_handlers={500: server_error},
    middleware=[
        Middleware(Guard, entrance=ENTRANCE, page=PAGE.read_text(encoding="utf-8"), allowed_hosts=_hosts),
    ],
)
