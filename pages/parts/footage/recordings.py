"""Which file belongs to which camera, for the user to put right: what names say of a file may be wrong."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_clock, format_count, format_duration, safe_name
from core.workspace import clip_of, move_files
from core.workspace.cases import Case, CaseClip
from pages.parts.shell.session import FILES_REFUSED

_CAMERA, _FILE, _STARTS, _LENGTH = "Camera", "File", "Starts at", "Length"


def recordings_panel(case: Case) -> None:
    """A table of all files with their cameras; nothing is drawn for a case of one file."""
    files = [(clip, number) for clip in case.clips for number in range(len(clip.files))]
    if len(files) < 2:
        return
    joined = any(clip.recordings for clip in case.clips)
    cameras = format_count(len(case.clips), "camera", "cameras")
    label = f"{format_count(len(files), 'file', 'files')} of {cameras}"
    with st.expander(label, icon=":material/video_library:", expanded=joined and not case.run, key=f"files {case.key}"):
        st.caption(
            "Files that follow each other by their names are recordings of one camera, one after the other. "
            "To put a file elsewhere, change its camera; a new name makes a new camera."
            if joined
            else "Each file is a camera of its own. If some are recordings of one camera, give them the same camera."
        )
        table = pd.DataFrame([_row(clip, number) for clip, number in files])
        edited = st.data_editor(
            table,
            hide_index=True,
            width="stretch",
            disabled=[_FILE, _STARTS, _LENGTH],
            key=f"files of {case.key} {[clip.digest for clip in case.clips]}",
        )
        if refusal := FILES_REFUSED.get(""):
            st.error(refusal, icon=":material/error:")
        changed = (edited[_CAMERA] != table[_CAMERA]).any()
        st.button(
            "Apply",
            key=f"apply files {case.key}",
            disabled=not changed,
            on_click=_move,
            args=(case, [clip.files[number].digest for clip, number in files], edited[_CAMERA].tolist()),
        )


def _row(clip: CaseClip, number: int) -> dict[str, str]:
    file = clip.files[number]
    try:
        length = format_duration(clip_of(file.path).duration_seconds)
    except SightlineError:
        length = "cannot be read"
    return {
        _CAMERA: clip.camera,
        _FILE: file.name or Path(file.path).name,
        _STARTS: _start(clip, number),
        _LENGTH: length,
    }


def _start(clip: CaseClip, number: int) -> str:
    """When the file begins, on the clock of the camera or in the clip."""
    file = clip.files[number]
    if file.began:
        return file.began.replace("T", " ")
    if not number:
        return format_clock(0)
    return "follows at once" if file.starts is None else format_clock(file.starts)


def _move(case: Case, digests: list[str], names: list[str]) -> None:
    FILES_REFUSED.remove()
    try:
        move_files(case.key, {digest: safe_name(str(name)) for digest, name in zip(digests, names, strict=True)})
    except SightlineError as fault:
        FILES_REFUSED.set(f"**{fault.message.rstrip('.')}.** {fault.remedy}")
