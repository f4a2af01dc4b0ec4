"""What is done: to be downloaded, looked at, checked by somebody else, and made again."""

from __future__ import annotations

import shlex
import zipfile
from pathlib import Path

import streamlit as st

from core.amounts import in_words
from core.cases import Case
from core.gallery import sheet_name
from core.jobs import Making
from core.results import record_of
from pages.parts.exports import called_of, export_address

ZIP, CROPS = "gallery.zip", "crops.zip"
SHEET_PX = 420


def zip_done(case: Case, making: Making, results: Path) -> None:
    """The zip, its first sheet, and what whoever gets it needs to know."""
    called = called_of(case, ".zip", making.began)
    file(making, ZIP, called, "Download zip file", primary=True)
    with st.container(height=SHEET_PX, border=True):
        jpeg = _first_sheet(str(making.folder / "out" / ZIP), making.sums[ZIP])
        st.image(jpeg, width=1200, alt="First contact sheet: one row of crops per person")
    with st.expander("Verify or reproduce", icon=":material/verified:"):
        st.markdown("**SHA-256 of the zip file.** Store it elsewhere, or send it separately:")
        st.code(making.sums[ZIP], language=None, wrap_lines=True)
        st.markdown("**To verify the zip file**, run this command and compare the checksum on its last line:")
        st.code(f"python -m core gallery --check {called}", language="shell", wrap_lines=True)
        files = [about["file"] for about in record_of(results)["cameras"].values() if about.get("file")]
        st.markdown("**To reproduce the results** from the clips and compare them, run this command:")
        st.code(
            f"python -m core run {shlex.join(files)} --like {called} --out again", language="shell", wrap_lines=True
        )


def files_done(case: Case, making: Making) -> None:
    """A download for each file."""
    with st.container(horizontal=True):
        for name in making.sums:
            stem = Path(name).stem
            file(making, name, called_of(case, f"-{name}", making.began), "Download" if name == CROPS else stem)


def file(making: Making, name: str, called: str, label: str, primary: bool = False) -> None:
    path = making.file(name)
    if path is not None:
        st.link_button(
            f"{label} ({in_words(path.stat().st_size)})",
            export_address(making, name, called),
            type="primary" if primary else "secondary",
            icon=":material/download:",
            help=f"{called}, SHA-256 {making.sums[name][:16]}…",
        )


@st.cache_data(max_entries=4, show_spinner=False)
def _first_sheet(zipped: str, sha256: str) -> bytes:
    """The first contact sheet of a zip, as JPEG; `sha256` says which zip it is."""
    with zipfile.ZipFile(zipped) as held:
        return held.read(sheet_name(1))
