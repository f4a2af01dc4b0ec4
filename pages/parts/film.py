"""Sees to it that a clip's film is there to be played, and shows how far it is while it is being made."""

from __future__ import annotations

import streamlit as st

from core.errors import SightlineError
from core.types import Clip
from pages.parts.looking import clip_of
from pages.parts.services import services

EVERY_SECONDS = 0.5


def film_ready(path: str, digest: str) -> bool:
    """True where the film can be played; otherwise it is asked for, and the page comes back when it is there."""
    proxies = services().proxies
    if proxies.look(digest).path:
        return True
    try:
        clip = clip_of(path)
    except SightlineError as fault:
        st.warning(f"**The clip cannot be shown: {fault.message}.** Its tracks are still available. {fault.remedy}")
        return False
    if clip.digest != digest:
        st.warning("**The clip has changed since this run**, so its tracks no longer fit. Run it again.")
        return False
    if reason := proxies.look(digest).fault:
        st.error(reason, icon=":material/error:")
        st.button("Try again", on_click=_ask, args=(clip,))
        return False
    proxies.ask(clip)
    st.fragment(_progress, run_every=EVERY_SECONDS)(digest)
    return False


def _ask(clip: Clip) -> None:
    services().proxies.ask(clip)


def _progress(digest: str) -> None:
    making = services().proxies.look(digest)
    if making.path or making.fault:
        st.rerun()
    st.progress(making.share, text="Preparing the video for the browser (once per clip)…")
