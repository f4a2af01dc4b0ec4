"""One card per picked clip: a picture, the camera's name, what the clip is, or why it cannot be used."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.errors import SettingsError, SightlineError
from core.pipeline import Camera
from core.types import Clip
from pages.parts.choices import choices
from pages.parts.looking import Looked, still_of
from pages.parts.words import facts

WIDTH = 330
PORTRAIT = 130


def clip_cards(looked: list[Looked]) -> list[Camera]:
    """Show the cards; the cameras that can be worked on, none while two names collide or one will not do."""
    usable = [one.path for one in looked if one.usable]
    try:
        cameras, refused = choices().cameras(usable), ""
    except SettingsError as fault:
        cameras, refused = [], str(fault)
    names = {str(camera.clip): camera.name for camera in cameras}
    with st.container(horizontal=True, gap="small"):
        for one in looked:
            with st.container(border=True, width=WIDTH):
                _card(one, names.get(one.path, ""))
    if refused:
        st.error(refused)
    return cameras


def _card(one: Looked, name: str) -> None:
    if one.clip is None:
        _refusal(one)
    else:
        _picture(one.clip)
        if one.twin:
            st.warning(f"The same clip as {one.twin}, already picked: this one is left out.")
        else:
            _name(one.path, name)
        st.caption(f"**{Path(one.path).name}**  \n{facts(one.clip)}")
        for warning in one.clip.warnings:
            st.caption(f":orange-badge[:material/warning: Note] {warning}")
    st.button("Remove", key=f"drop {one.path}", type="tertiary", icon=":material/close:", on_click=_drop, args=(one,))


def _refusal(one: Looked) -> None:
    st.markdown(f"**{Path(one.path).name}**")
    if one.fault is not None:
        st.error(f"**{one.fault.message.rstrip('.')}.** {one.fault.remedy}", icon=":material/error:")


def _picture(clip: Clip) -> None:
    try:
        width = "stretch" if clip.width >= clip.height else PORTRAIT
        st.image(still_of(clip.digest, clip), width=width, alt=f"First picture of {Path(clip.path).name}")
    except SightlineError as fault:
        st.warning(str(fault))


def _name(path: str, name: str) -> None:
    key = f"name {path}"
    st.session_state.setdefault(key, choices().names.get(path) or name)
    st.text_input("Camera", key=key, on_change=_named, args=(path, key), help="Letters, digits, - and _")


def _named(path: str, key: str) -> None:
    choices().names[path] = st.session_state[key].strip()


def _drop(one: Looked) -> None:
    choices().drop(one.path)
