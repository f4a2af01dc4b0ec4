"""The pages there are, in the order of the work. The frame lists them; pages link to each other through here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

_FOLDER = Path(__file__).resolve().parents[2]
# Name: file, title, address, icon. An address unlike the file's stem: otherwise a cold link may start Streamlit's
# older way with pages.
_PAGES = {
    "footage": ("footage.py", "Footage", "clips", ":material/video_library:"),
    "regions": ("regions.py", "Regions", "areas", ":material/pentagon:"),
    "run": ("run.py", "Run", "work", ":material/play_circle:"),
    "gallery": ("gallery.py", "Gallery", "people", ":material/groups:"),
    "similarity": ("similarity.py", "Similarity", "likeness", ":material/grid_on:"),
    "download": ("download.py", "Download", "export", ":material/download:"),
    "about": ("about.py", "About", "program", ":material/info:"),
}


def pages() -> dict[str, st.Page]:
    """Every page by name; the first one opens when nothing else is asked for."""
    return {
        name: st.Page(_FOLDER / file, title=title, url_path=address, icon=icon, default=name == "footage")
        for name, (file, title, address, icon) in _PAGES.items()
    }


def next_step_link(name: str, label: str) -> None:
    """The next step. A link, which the browser follows by itself: a button's way leads through Python, and a part of
    the page that was refreshing itself meanwhile came after it and wiped the new page out."""
    with st.container(key=f"onward {name}"):
        link_to(name, label, ":material/arrow_forward:")


def link_to(name: str, label: str, icon: str) -> None:
    """A link to a page, of the same case."""
    case = st.query_params.get("case")
    st.page_link(pages()[name], label=f"**{label}**", icon=icon, query_params={"case": case} if case else None)
