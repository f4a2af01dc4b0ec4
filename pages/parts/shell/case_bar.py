"""The sidebar: which case is open, a new case, and what concerns a case as a whole.

That is its name, purpose and date, back-up and restore, and deletion.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from html import escape as quote_html
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.progress import Progress, Report
from core.base.text import (
    describe_day,
    describe_purpose,
    format_bytes,
    format_count,
    format_day,
    require_reason,
    safe_name,
)
from core.http import backup_file
from core.workspace import Erasure, back_up, erase, plan_erasure, restore, services, set_aside, take_back
from core.workspace.cases import Case
from core.workspace.sources import footage_root, is_permitted
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import change_case, close_case, open_case, saving, select_case
from pages.parts.shell.session import CASE_CHOICE, CASE_MESSAGE, GO_TO_FOOTAGE
from pages.parts.shell.welcome import PURPOSE, offer_new_case


def case_bar() -> None:
    cases = services().cases.all()
    case = open_case()
    if message := CASE_MESSAGE.pop(""):
        st.toast(escape(message), icon=":material/check:")
    if case is not None:
        _choose(cases, case)
        _expired(cases, case)
    offer_new_case("sidebar")
    # Expanders, not popovers: the Tab key reaches a popover's content only after everything else on the page.
    if case is not None:
        # A new key makes a new expander: closed, once its case is deleted and another one is open.
        key = f"this case {case.key}"
        with st.expander("This case", icon=":material/folder_open:", key=key, on_change="rerun") as panel:
            # On every page and in every rerun it would otherwise be half of what is sent, and seldom seen.
            if panel.open:
                _case_panel(case)
    else:
        with st.expander("Restore a back-up"):
            restore_panel()
    _unreadable()


def _unreadable() -> None:
    """Which cases and runs are there but cannot be shown, and why."""
    for unreadable in services().cases.unreadable():
        _show_unreadable("**1 case cannot be read.** What it may need is not deleted.", unreadable.reason)
    for fault in services().jobs.unreadable():
        _show_unreadable(f"**1 run cannot be read.** {escape(fault.remedy)}", fault.message)


def _show_unreadable(message: str, reason: str) -> None:
    with st.container(border=True):
        st.markdown(f":material/error: {message}")
        st.code(reason, language=None, wrap_lines=True)


def _choose(cases: list[Case], case: Case) -> None:
    names = _distinct_names(cases)
    # In every rerun: only then does the browser show the new name of a case that was renamed.
    CASE_CHOICE.set(case.key)

    def open_chosen() -> None:
        select_case(CASE_CHOICE.get(case.key))

    st.selectbox(
        "Case",
        list(names),
        key=CASE_CHOICE.key,
        format_func=lambda key: names.get(key, ""),
        on_change=open_chosen,
        help="The most recently used case is first.",
    )
    st.caption(
        f"{format_count(len(case.clips), 'clip', 'clips')}" + (f" · {escape(case.purpose)}" if case.purpose else "")
    )


def _distinct_names(cases: list[Case]) -> dict[str, str]:
    """A distinct name for each case, by key: equal names get a number, since Streamlit identifies options by text."""
    names: dict[str, str] = {}
    for case in sorted(cases, key=lambda case: case.made):
        alike = sum(earlier.name == case.name and earlier.key in names for earlier in cases)
        names[case.key] = f"{case.name} ({alike + 1})" if alike else case.name
    return {case.key: names[case.key] for case in cases}


def _expired(cases: list[Case], case: Case) -> None:
    """Which cases were to be kept until a day that has passed; nothing is deleted by itself."""
    if case.is_expired:
        st.warning(
            f"**This case was to be kept until {escape(format_day(case.keep_until))}.** "
            "Delete it, or keep it longer with a reason: both under *This case*."
        )
    if expired := [each for each in cases if each.is_expired and each.key != case.key]:
        names = ", ".join(f"{escape(each.name)} ({escape(format_day(each.keep_until))})" for each in expired)
        st.warning(f"**Past the day until which they were to be kept:** {names}. Open each, then delete it or keep it.")


def _case_panel(case: Case) -> None:
    with st.form(f"about {case.key}", border=False):
        name = st.text_input("Name", case.name)
        purpose = st.text_input(PURPOSE, case.purpose, placeholder="why you may view this footage")
        expires = st.date_input(
            "Keep until",
            date.fromisoformat(case.expires) if case.expires else None,
            help="Sightline reminds you after this date; it deletes nothing by itself.",
        )
        reason = st.text_input("Reason to keep it longer") if case.is_expired else ""
        if st.form_submit_button("Save", icon=":material/save:"):
            day = expires.isoformat() if isinstance(expires, date) else ""
            with saving("The change of name, purpose or date"):
                _save_about(case, name.strip() or case.name, purpose.strip(), day, reason.strip())
                st.rerun()
    backup_panel(case)
    with st.expander("Restore a back-up"):
        restore_panel()
    with st.expander("Delete this case"):
        _delete(case)


def _save_about(case: Case, name: str, purpose: str, day: str, reason: str) -> None:
    """Save what the case is called, what it is for and until when it is kept. A case whose day has passed is kept
    longer only for a reason, which is logged."""
    if case.is_expired and day != case.keep_until:
        require_reason(reason)
    why = f" ({reason})" if reason else ""
    change_case(
        lambda current: replace(current, name=name, purpose=purpose, expires=day),
        f"named {name}; purpose: {describe_purpose(purpose)}; keep until: {describe_day(day)}{why}",
    )


def _delete(case: Case) -> None:
    if not st.checkbox("Delete this case permanently", key=f"delete {case.key}"):
        st.caption("Deletes its decisions, regions, crops, back-ups and uploads. Clips in your own folders stay.")
        return
    try:
        erasure = plan_erasure(services(), case)
    except SightlineError as fault:
        st.error(describe_fault(fault))
        return
    if _has_work(erasure):
        st.info("Work on this case is in progress. It will be stopped.")
    keep = st.checkbox("Keep it for a day, so that it can be restored", key=f"keep {case.key}")
    size = format_bytes(erasure.bytes)
    st.button(
        f":red[Delete “{escape(case.name)}” " + ("now, for good tomorrow]" if keep else f"for good ({size})]"),
        key=f"delete {case.key} for good",
        icon=":material/delete_forever:",
        on_click=_erase,
        args=(case.key, keep),
    )


def _has_work(erasure: Erasure) -> bool:
    """Whether a run or an export that would be deleted is in progress."""
    exports = (export for name in erasure.names for export in services().exports.of(name))
    return any(map(services().jobs.is_active, erasure.names)) or any(export.is_active for export in exports)


def _erase(key: str, keep: bool) -> None:
    try:
        case = services().cases.load(key)
        set_aside(services(), case) if keep else erase(services(), case)
    except SightlineError as fault:
        CASE_MESSAGE.set(str(fault))
        return
    close_case()
    CASE_MESSAGE.set(f"{case.name} was deleted.")
    GO_TO_FOOTAGE.set(True)


def backup_panel(case: Case) -> None:
    with st.expander("Back up"):
        with_recordings = st.checkbox(
            "Include recordings", key=f"recordings {case.key}", help="Adds the clips, which makes the back-up larger."
        )
        if st.button("Create back-up", key=f"back up {case.key}", icon=":material/archive:"):
            _create_backup(case, with_recordings)
        archive = backup_file(case.key)
        if archive.is_file():
            name = f"{safe_name(case.name)}.sightline.zip"
            file_stat = archive.stat()
            # The time makes the address new, so that the browser does not offer an older file from its cache.
            address = f"/backups/{case.key}/{name}?{file_stat.st_mtime_ns}"
            size = format_bytes(file_stat.st_size)
            link = f'<a href="{quote_html(address)}" download="{quote_html(name)}">'
            st.html(f"{link}Download back-up ({size})</a>")


def _create_backup(case: Case, with_recordings: bool) -> None:
    bar = st.empty()

    def report_progress(report: Report) -> None:
        bar.progress(report.share, "Backing up…")

    try:
        back_up(services().cases, case, backup_file(case.key), with_recordings, Progress(report_progress))
    except SightlineError as fault:
        st.error(describe_fault(fault))
    bar.empty()


def restore_panel() -> None:
    for case in services().deleted.all():
        label = f"Restore “{escape(case.name)}”, which was deleted"
        st.button(label, key=f"take back {case.key}", icon=":material/undo:", on_click=_take_back, args=(case.key,))
    upload = st.file_uploader("Back-up file (up to 300 MB)", type="zip", key="restored")
    text = st.text_input("Or its path on this computer", key="restored from", placeholder="case.sightline.zip")
    if not st.button("Restore", icon=":material/unarchive:", disabled=not (upload or text.strip())):
        return
    try:
        source, name = (upload, upload.name) if upload else (_backup_path(text), "")
        case = restore(services(), source, name)
    except SightlineError as fault:
        st.error(describe_fault(fault))
        return
    select_case(case.key)
    st.rerun()


def _take_back(key: str) -> None:
    try:
        select_case(take_back(services(), key).key)
    except SightlineError as fault:
        CASE_MESSAGE.set(str(fault))


def _backup_path(text: str) -> Path:
    try:
        path = (footage_root() / Path(text.strip().strip('"')).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise StoreError(f"'{text}' is not a file name", "Enter the path of a back-up.") from fault
    if not is_permitted(str(path)):
        raise StoreError(f"{path} is outside {footage_root()}", "Move the back-up into that folder.")
    return path
