"""All pages in the order of the work, and links between them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

_FOLDER = Path(__file__).resolve().parents[2]
# Name: file, title, address, icon. Addresses differ from the files' stems: otherwise a link opened in a new tab may
# start Streamlit's older handling of pages.
_PAGES = {
    "footage": ("footage.py", "Footage", "clips", ":material/video_library:"),
    "regions": ("regions.py", "Regions", "areas", ":material/pentagon:"),
    "run": ("run.py", "Run", "work", ":material/play_circle:"),
    "gallery": ("gallery.py", "Gallery", "people", ":material/groups:"),
    "similarity": ("similarity.py", "Similarity", "similarities", ":material/grid_on:"),
    "download": ("download.py", "Download", "export", ":material/download:"),
    "log": ("log.py", "Log", "activity", ":material/history:"),
    "about": ("about.py", "About", "program", ":material/info:"),
}


_FORMER_ADDRESSES = {"likeness": "similarity"}
"""Addresses of earlier versions, in bookmarks, and the pages that they lead to."""


def pages() -> dict[str, st.Page]:
    """Every page by name. The first opens by default."""
    return {name: _page(name) for name in _PAGES}


def _page(name: str) -> st.Page:
    file, title, address, icon = _PAGES[name]
    return st.Page(_FOLDER / file, title=title, url_path=address, icon=icon, default=name == "footage")


def former_pages() -> list[st.Page]:
    """Pages that are on no list, at addresses of earlier versions; each shows the page that has taken its place."""
    return [
        st.Page(_FOLDER / _PAGES[name][0], title=_PAGES[name][1], url_path=address, visibility="hidden")
        for address, name in _FORMER_ADDRESSES.items()
    ]


def page_foot() -> DeltaGenerator:
    """A line at the lower edge of the window, in view however long the page is: where to go from here."""
    return st.container(key="page-foot", horizontal=True, vertical_alignment="center")


def next_step_link(name: str, label: str) -> None:
    """A link to the next step. Not a button: a fragment that refreshes while a button is handled would overwrite the
    new page."""
    with st.container(key=f"onward {name}", width="content"):
        link_to(name, label, ":material/arrow_forward:")


def link_to(name: str, label: str, icon: str) -> None:
    """A link to a page of the open case."""
    case = st.query_params.get("case")
    st.page_link(_page(name), label=f"**{label}**", icon=icon, query_params={"case": case} if case else None)
