"""The case on the left: which one is open, a new one, and what can be done with the open one as a whole.

Back-ups of cases: made on click, handed out by a route, and taken in again."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.progress import Progress, Report
from core.base.text import in_words, safe_name
from core.http import TOKEN, backup_file
from core.machine.paths import cache_dir
from core.workspace import services
from core.workspace.cases import Case, Erasure, back_up, erase, restore, what_goes
from core.workspace.sources import footage_root, permitted
from pages.parts.shell.format import count
from pages.parts.shell.open_case import change, close, open_case, show
from pages.parts.shell.session import CASE_CHOICE, CASE_MESSAGE


def case_bar() -> None:
    cases = services().cases.all()
    case = open_case()
    if said := CASE_MESSAGE.pop(""):
        st.toast(said, icon=":material/check:")
    if case is not None:
        _choose(cases, case)
        _expired(case)
    # No popovers: the Tab key reaches what is in them only after everything else on the page.
    # With another key it is another one: closed, when the case it was filled in for is open.
    key = f"new case beside {case.key if case else ''}"
    with st.expander("New case", icon=":material/create_new_folder:", key=key, on_change="rerun"):
        _new()
    if case is not None:
        with st.expander("This case", icon=":material/folder_open:"):
            _about(case)
    else:
        with st.expander("Restore a back-up"):
            restore_panel()


def _choose(cases: list[Case], case: Case) -> None:
    names = _told_apart(cases)
    if CASE_CHOICE.get("") != case.key:
        CASE_CHOICE.set(case.key)

    def chosen() -> None:
        show(CASE_CHOICE.get(case.key))

    st.selectbox(
        "Case",
        list(names),
        key=CASE_CHOICE.key,
        format_func=lambda key: names.get(key, ""),
        on_change=chosen,
        help="The most recent case comes first.",
    )
    st.caption(f"{count(len(case.clips), 'clip')}" + (f" · {case.purpose}" if case.purpose else ""))


def _told_apart(cases: list[Case]) -> dict[str, str]:
    """A name for each, by key: Streamlit tells entries by their words, so those called alike get a number."""
    names: dict[str, str] = {}
    for one in sorted(cases, key=lambda case: case.made):
        alike = sum(other.name == one.name and other.key in names for other in cases)
        names[one.key] = f"{one.name} ({alike + 1})" if alike else one.name
    return {one.key: names[one.key] for one in cases}


def _expired(case: Case) -> None:
    if case.expires and date.fromisoformat(case.expires) < date.today():
        st.warning(f"**This case expired on {case.expires}.** Delete it, or set a later date under *This case*.")


def _new() -> None:
    with st.form("new case", clear_on_submit=True, border=False):
        name = st.text_input("Name", placeholder="for example: till 3, 31 May")
        purpose = st.text_input(
            "Purpose", placeholder="why you may view this footage", help="Recorded in every export."
        )
        if st.form_submit_button("Create case", type="primary", icon=":material/add:"):
            show(services().cases.new(name, purpose).key)
            st.rerun()


def _about(case: Case) -> None:
    with st.form(f"about {case.key}", border=False):
        name = st.text_input("Name", case.name)
        purpose = st.text_input("Purpose", case.purpose, placeholder="why you may view this footage")
        expires = st.date_input(
            "Delete after",
            date.fromisoformat(case.expires) if case.expires else None,
            help="Sightline reminds you on this date; it deletes nothing by itself.",
        )
        if st.form_submit_button("Save", icon=":material/save:"):
            day = expires.isoformat() if isinstance(expires, date) else ""
            words = f"named {name.strip() or case.name}; purpose: {purpose.strip()}; expires: {day or 'never'}"
            change(lambda now: replace(now, name=name.strip() or now.name, purpose=purpose.strip(), expires=day), words)
            st.rerun()
    backup_panel(case)
    with st.expander("Restore a back-up"):
        restore_panel()
    with st.expander("Activity log"):
        st.code("\n".join(reversed(services().cases.logged(case.key))), language=None, height=240)
    with st.expander("Delete this case"):
        _delete(case)


def _delete(case: Case) -> None:
    if not st.checkbox("Delete this case permanently", key=f"delete {case.key}"):
        st.caption("Deletes its decisions, regions, crops, back-ups and uploads. Clips in your own folders stay.")
        return
    goes = what_goes(services().cases, case)
    if busy := _at_work(goes):
        st.info(busy)
        return
    st.button(
        f"Delete {in_words(goes.bytes)}",
        type="primary",
        icon=":material/delete_forever:",
        on_click=_erase,
        args=(case.key,),
    )


def _at_work(goes: Erasure) -> str:
    """What is being made of what goes, and has to be stopped before; empty where nothing is."""
    runs = [job for job in services().jobs.all() if job.key in goes.names]
    if any(job.live for job in runs):
        return "A run of this case is in progress. Stop it first, on the Run page."
    if any(made.live for job in runs for made in services().exports.of(job.key)):
        return "An export of this case is in progress. Stop it first, on the Download page."
    return ""


def _erase(key: str) -> None:
    """As the case is now: another tab may have added a clip, or begun a run."""
    try:
        case = services().cases.load(key)
        if busy := _at_work(what_goes(services().cases, case)):
            CASE_MESSAGE.set(busy)
            return
        erase(services().cases, case)
    except (SightlineError, OSError) as fault:
        CASE_MESSAGE.set(f"Some files could not be deleted ({fault}). Try again.")
        return
    close()
    CASE_MESSAGE.set(f"{case.name} was deleted.")


def backup_panel(case: Case) -> None:
    with st.expander("Back up"):
        whole = st.checkbox(
            "Include recordings", key=f"recordings {case.key}", help="Adds the clips, which makes the back-up larger."
        )
        if st.button("Create back-up", key=f"back up {case.key}", icon=":material/archive:"):
            _make(case, whole)
        done = backup_file(case.key)
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
        back_up(services().cases, case, backup_file(case.key), whole, Progress(tell))
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
