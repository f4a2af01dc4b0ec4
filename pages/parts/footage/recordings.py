"""Which file belongs to which camera, for the user to put right: what names say of a file may be wrong."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_clock, format_count, format_duration, safe_name
from core.workspace import clip_of, move_files
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.markdown import describe_fault, escape

_CAMERA, _FILE, _STARTS, _LENGTH = "Camera", "File", "Starts at", "Length"
_LISTED = 6


def recordings_panel(case: Case) -> None:
    """How many files each camera has, and the way to change that; nothing is drawn for a case of one file."""
    count = sum(len(clip.files) for clip in case.clips)
    if count < 2:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="files-of-cameras"):
        several = [clip for clip in case.clips if clip.recordings]
        if several:
            named = ", ".join(f"**{escape(clip.camera)}** {len(clip.files)}" for clip in several[:_LISTED])
            more = f" and {len(several) - _LISTED} more" if len(several) > _LISTED else ""
            cameras = format_count(len(case.clips), "camera", "cameras")
            st.markdown(f"{format_count(count, 'file', 'files')} of {cameras}: {named}{more}.", width="content")
        if st.button("Sort files into cameras", icon=":material/video_library:", type="tertiary"):
            st.dialog("Files and cameras", width="large")(_files_dialog)(case)


def _files_dialog(case: Case) -> None:
    st.markdown(
        "Files of one camera follow each other, and people are followed from one to the next. Names, times and regions "
        "of a camera stay when its files change."
    )
    files = [(clip, number) for clip in case.clips for number in range(len(clip.files))]
    rows = [_row(clip, number) for clip, number in files]
    st.dataframe(rows, hide_index=True, width="stretch")
    digests = [clip.files[number].digest for clip, number in files]
    labels = {digest: f"{row[_FILE]} ({row[_CAMERA]})" for digest, row in zip(digests, rows, strict=True)}
    chosen = st.multiselect("Files to move", digests, format_func=lambda digest: labels.get(digest, ""))
    camera = st.selectbox(
        "To the camera",
        [clip.camera for clip in case.clips],
        index=None,
        accept_new_options=True,
        placeholder="Choose one, or type a new name",
    )
    if st.button("Move", type="primary", disabled=not (chosen and camera)):
        try:
            move_files(case.key, dict.fromkeys(chosen, safe_name(str(camera))))
        except SightlineError as fault:
            st.error(describe_fault(fault), icon=":material/error:")
        else:
            st.rerun()


def _row(clip: CaseClip, number: int) -> dict[str, str]:
    file = clip.files[number]
    try:
        length = format_duration(clip_of(file.path).duration_seconds)
    except SightlineError:
        length = "cannot be read"
    names = {_CAMERA: clip.camera, _FILE: file.name or Path(file.path).name}
    return {**names, _STARTS: _start(clip, number), _LENGTH: length}


def _start(clip: CaseClip, number: int) -> str:
    """When the file begins: by its name or its container, or else in the clip."""
    file = clip.files[number]
    if file.began:
        return file.began.replace("T", " ")
    if number and file.starts is None:
        return "follows at once"
    return format_clock(file.starts or 0.0)
