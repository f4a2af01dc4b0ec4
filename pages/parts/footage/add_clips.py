"""Two ways to add clips: from a folder of this computer inside the footage root, and by drag and drop."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_count
from core.http import upload_address
from core.workspace import add_clip
from core.workspace.cases import Case
from core.workspace.sources import (
    RESERVE_BYTES,
    VIDEOS,
    Folder,
    footage_root,
    free_data_bytes,
    list_folder,
    resolve_folder,
)
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.session import CLIPS_REFUSED, FOLDER, FOLDER_STEP, LAST_FOLDER
from pages.parts.shell.web_modules import screen_component


def add_from_folder(case: Case) -> None:
    root = footage_root()
    FOLDER.set_default(LAST_FOLDER.get(str(root)))
    text = st.text_input(
        "Folder",
        key=FOLDER.key,
        help=f"Any folder inside {escape(str(root))}. To use another root, set SIGHTLINE_FOOTAGE.",
    )
    LAST_FOLDER.set(text)
    try:
        folder = list_folder(resolve_folder(text, root), root)
    except SightlineError as fault:
        st.warning(describe_fault(fault))
        return
    _folder_navigation(folder, root)
    in_case = {clip.path for clip in case.clips}
    available = [str(path) for path in folder.clips if str(path) not in in_case]
    if available:
        _clip_choice(case, available)
    elif folder.clips:
        st.caption("All clips in this folder are already in the case.")
    else:
        st.caption("This folder contains no video files or image sequences. Choose another folder.")


def show_refusals() -> None:
    """Why clips could not be added, each reason until the user dismisses it."""
    for number, fault in enumerate(CLIPS_REFUSED.get([])):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.error(describe_fault(fault), icon=":material/error:")
            st.button("Dismiss", key=f"read {number}", type="tertiary", on_click=_dismiss, args=(fault,))


def _dismiss(fault: SightlineError) -> None:
    CLIPS_REFUSED.set([refusal for refusal in CLIPS_REFUSED.get([]) if refusal is not fault])


def _folder_navigation(folder: Folder, root: Path) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        at_root = folder.path == root
        st.button(
            "Up", icon=":material/arrow_upward:", on_click=_open_folder, args=(folder.path.parent,), disabled=at_root
        )
        if folder.folders:
            names = [str(path) for path in folder.folders]
            st.selectbox(
                "Open a subfolder",
                names,
                index=None,
                key=FOLDER_STEP.key,
                format_func=lambda p: Path(p).name,
                on_change=_step_down,
                placeholder=f"Open one of {format_count(len(names), 'subfolder', 'subfolders')}",
                label_visibility="collapsed",
            )


def _open_folder(folder: Path) -> None:
    FOLDER.set(str(folder))


def _step_down() -> None:
    if step := FOLDER_STEP.get(None):
        _open_folder(Path(step))
        FOLDER_STEP.set(None)


def _clip_choice(case: Case, available: list[str]) -> None:
    picked = st.multiselect(
        f"Clips in this folder ({len(available)})",
        available,
        key=f"picked {case.key} {FOLDER.get('')}",
        format_func=lambda p: Path(p).name + ("/" if Path(p).is_dir() else ""),
        placeholder="Choose clips",
    )
    label = f"Add {format_count(len(picked), 'clip', 'clips')}" if picked else "Add clips"
    if st.button(label, icon=":material/add:", disabled=not picked):
        _add(case, picked)
        st.rerun()


def _add(case: Case, picked: list[str]) -> None:
    """Add each clip by itself, so that a rejected clip does not stop the others."""
    refusals = []
    with st.spinner("Reading the clips…", show_time=True):
        for path in picked:
            try:
                add_clip(case.key, Path(path))
            except SightlineError as fault:
                refusals.append(fault)
    CLIPS_REFUSED.set(refusals)


_HTML = """<div class="uploader">
<div class="drop"><button type="button" class="choose">Choose files</button>
<span class="words"></span>
<input type="file" multiple hidden tabindex="-1" aria-label="Video files"></div>
<p class="summary"></p><ul aria-label="Uploads"></ul><div class="status" role="status"></div>
</div>"""


def uploader(case: Case) -> None:
    """Drag and drop. The upload route adds each finished file to the case; the page only needs to run again.

    A list among the data would have Streamlit import pandas, which takes longer than all else on this page.
    """
    data = {
        "address": upload_address(case.key),
        "endings": tuple(sorted(VIDEOS)),
        "free": max(0, free_data_bytes() - RESERVE_BYTES),
    }
    _component()(key="uploader", data=data, height="content", on_added_change=lambda: None)


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_uploader", _HTML, "footage/uploader.js", "footage/uploader.css")
