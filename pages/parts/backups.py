"""Back-ups of cases: made on click, handed out by a route, and taken in again."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from core.amounts import in_words
from core.cases import Case, back_up, restore
from core.errors import SightlineError, StoreError
from core.folders import cache_dir
from core.footage import footage_root, permitted
from core.pipeline import safe_name
from core.progress import Progress, Report
from pages.parts.case import show
from pages.parts.services import services
from pages.parts.serving import TOKEN, guarded, served

_KEY = re.compile(r"[0-9a-z]{8,40}")


def _file(key: str) -> Path:
    return cache_dir() / "backups" / f"{key}.zip"


def backup_panel(case: Case) -> None:
    with st.expander("Back up"):
        whole = st.checkbox(
            "Include recordings", key=f"recordings {case.key}", help="Adds the clips, which makes the back-up larger."
        )
        if st.button("Create back-up", key=f"back up {case.key}", icon=":material/archive:"):
            _make(case, whole)
        done = _file(case.key)
        if done.is_file():
            name = f"{safe_name(case.name)}.sightline.zip"
            about = done.stat()
            # The time tells a browser that keeps files which one this is.
            address = f"/backups/{TOKEN}/{case.key}/{name}?{about.st_mtime_ns}"
            bulk = in_words(about.st_size)
            st.html(f'<a href="{address}" download="{name}">Download back-up ({bulk})</a>')


def _make(case: Case, whole: bool) -> None:
    bar = st.empty()

    def tell(report: Report) -> None:
        bar.progress(report.share, "Backing up…")

    try:
        back_up(services().cases, case, _file(case.key), whole, Progress(tell))
    except SightlineError as fault:
        st.error(str(fault))
    bar.empty()


def restore_panel() -> None:
    came = st.file_uploader("Back-up file (up to 300 MB)", type="zip", key="restored")
    text = st.text_input("Or its path on this computer", key="restored from", placeholder="case.sightline.zip")
    if not st.button("Restore", icon=":material/unarchive:", disabled=not (came or text.strip())):
        return
    try:
        if came is None:
            case = restore(services().cases, _named(text))
        else:
            with tempfile.TemporaryDirectory(dir=cache_dir()) as folder:
                held = Path(folder) / "back-up.zip"
                held.write_bytes(came.getbuffer())
                case = restore(services().cases, held)
    except SightlineError as fault:
        st.error(str(fault))
        return
    show(case.key)
    st.rerun()


def _named(text: str) -> Path:
    try:
        path = (footage_root() / Path(text.strip().strip('"')).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise StoreError(f"'{text}' is not a file name", "Enter the path of a back-up.") from fault
    if not permitted(str(path)):
        raise StoreError(f"{path} is outside {footage_root()}", "Move the back-up into that folder.")
    return path


async def _backup(request: Request) -> Response:
    key = request.path_params["case"]
    answer = served(_file(key) if _KEY.fullmatch(key) else None, "application/zip")
    # It shows people: nothing but the file that was asked for stays with the browser.
    answer.headers["Cache-Control"] = "no-store"
    return answer


ROUTES = [guarded("/backups/{token}/{case}/{name}", _backup)]
