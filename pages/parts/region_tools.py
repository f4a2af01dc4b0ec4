"""What is done with regions beside drawing them: which point counts, copies to other cameras, files in and out."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.cases import Case, CaseClip
from core.errors import SightlineError
from core.regions import Regions, read_regions, to_json
from core.types import Clip
from pages.parts.drawings import put
from pages.parts.looking import clip_of
from pages.parts.words import count

ANCHORS = {"foot": "Where they stand", "centre": "The middle of them"}
MEANING = {
    "foot": "A person is inside while the middle of the lower edge of their box is: right for most cameras.",
    "centre": "A person is inside while the middle of their box is: for feet that are hidden, or a camera that looks "
    "straight down.",
}


def choose_anchor(clip: CaseClip) -> None:
    """Which point of a person is asked for; kept at once."""
    key = f"anchor {clip.camera} {clip.digest}"
    st.session_state[key] = clip.regions.anchor

    def keep() -> None:
        anchor = st.session_state[key]
        put([clip.camera], lambda old: replace(old, anchor=anchor), f"regions of {clip.camera} judge by the {anchor}")

    st.radio(
        "What of a person must be inside",
        list(ANCHORS),
        key=key,
        format_func=ANCHORS.__getitem__,
        captions=list(MEANING.values()),
        on_change=keep,
    )


def copy_to_others(case: Case, clip: CaseClip, film: Clip) -> None:
    """Shapes of this camera for others; they keep their place as shares of the picture."""
    others = [other.camera for other in case.clips if other.camera != clip.camera]
    shapes = clip.regions.regions
    if not (others and shapes):
        return
    with st.expander("Copy to other cameras", icon=":material/content_copy:"):
        # With its number: the browser tells a choice by its words, and two shapes may have one name.
        names = {n: f"{n + 1} {shape.name}".strip() for n, shape in enumerate(shapes)}
        key = f"copy {clip.camera} {clip.digest}"
        which = st.multiselect(
            "Shapes", list(names), format_func=lambda n: names.get(n, ""), key=f"{key} {len(names)}", placeholder="All"
        )
        to = st.multiselect("To", others, key=f"{key} to", placeholder="Choose cameras")
        for other in to:
            _warn_of_proportions(case.clip(other), film)
        chosen = tuple(shapes[n] for n in which) or shapes

        def copy() -> None:
            words = f"regions copied from {clip.camera} to {', '.join(to)}: {count(len(chosen), 'shape')}"
            put(to, lambda old: replace(old, regions=old.regions + chosen), words)
            st.toast(f"Copied {count(len(chosen), 'shape')} to {', '.join(to)}. Undo there takes them back.")

        st.button("Copy", type="primary", disabled=not to, key=f"{key} go", on_click=copy)


def _warn_of_proportions(other: CaseClip, film: Clip) -> None:
    try:
        there = clip_of(other.path)
    except SightlineError as fault:
        st.warning(f"**{other.camera}:** {fault}")
        return
    if abs(there.width * film.height / (there.height * film.width) - 1) > 0.01:
        st.warning(
            f"**{other.camera}** is {there.width} × {there.height}, this one {film.width} × {film.height}: shapes are "
            "stretched with the picture there."
        )


def bring_file(clip: CaseClip, film: Clip) -> None:
    """Regions from a file, in place of those drawn or beside them."""
    turn = st.session_state.setdefault("files opened", 0)
    key = f"file {clip.camera} {clip.digest} {turn}"
    # An expander with another key is another one: closed, and without the file.
    with st.expander("Open a file", icon=":material/upload_file:", key=f"{key} over"):
        file = st.file_uploader(
            "A region file",
            type=["json", "txt", "csv"],
            key=key,
            help="As saved here, or plain lines of x, y in pixels of the clip: the corners of one polygon.",
        )
        if clip.regions.regions:
            st.radio("What is drawn already", ["stays", "is replaced"], horizontal=True, key=f"{key} old")

        def use() -> None:
            if file is None:
                return
            try:
                found = read_regions(file.getvalue(), file.name, film.width, film.height)
                beside = st.session_state.get(f"{key} old") != "is replaced"
                put([clip.camera], lambda old: _joined(old, found, beside), f"regions of {clip.camera}: {file.name}")
                st.session_state["files opened"] = turn + 1
            except SightlineError as fault:
                st.session_state["file refused"] = f"**{fault.message}.** {fault.remedy}"

        st.button("Use these regions", type="primary", disabled=file is None, key=f"{key} go", on_click=use)
        if refused := st.session_state.pop("file refused", ""):
            st.error(refused)


def _joined(old: Regions, new: Regions, beside: bool) -> Regions:
    """Beside others, what comes is judged as they are."""
    return replace(old, regions=old.regions + new.regions) if beside and old.regions else new


def take_file(clip: CaseClip) -> None:
    st.download_button(
        "Save as a file",
        lambda: to_json(clip.regions),  # made on the click: what is drawn changes often
        f"{clip.camera}-regions.json",
        "application/json",
        icon=":material/download:",
        disabled=not clip.regions.regions,
        on_click="ignore",
        key=f"save {clip.camera}",
    )
