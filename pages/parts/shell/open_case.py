"""The case that is open in this session. The page's address names it, so that a reload or a link finds it again.

Pages read and change the case only through this module. Reading changes nothing; every change is saved at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import streamlit as st

from core.base.errors import SightlineError
from core.workspace import Removal, Switched, SwitchFailed, services, switch_to_finished_run
from core.workspace.cases import Case
from pages.parts.shell.markdown import escape
from pages.parts.shell.session import NOTICE_READ, OPEN_CASE, SWITCH_FAULT, Entry, removal_report

_ADDRESS = "case"
"""Names the case in the page's address."""


def open_case() -> Case | None:
    """The case named in the address, or else open in this session, or else used most recently."""
    for key in (st.query_params.get(_ADDRESS), OPEN_CASE.get("")):
        if key:
            try:
                return services().cases.load(key)
            except SightlineError:
                # It is gone, or cannot be read.
                continue
    return next(iter(services().cases.all()), None)


def begin_rerun() -> None:
    """The frame calls this before it draws: the address names the open case, and the case switches to the run that it
    waited for, if that is done. A fault is announced and does not stop the page. Where the user's data went when the
    server started is said once in each session."""
    if (notice := services().notice) and not NOTICE_READ.is_set:
        NOTICE_READ.set(True)
        st.toast(escape(notice), icon=":material/folder:", duration="long")
    case = open_case()
    if case is not None:
        select_case(case.key)
        announce_switch(switch_to_finished_run(case))


def require_case() -> Case:
    """The open case; where there is none, the page ends here with advice."""
    case = open_case()
    if case is None:
        st.info("**No case is open.** Create or open one in the sidebar.", icon=":material/arrow_back:")
        st.stop()
    return case


def select_case(key: str) -> None:
    """Open a case, here and in the address."""
    OPEN_CASE.set(key)
    if st.query_params.get(_ADDRESS) != key:
        st.query_params[_ADDRESS] = key


def close_case() -> None:
    OPEN_CASE.remove()
    st.query_params.pop(_ADDRESS, None)


def show_no_results(case: Case, message: str) -> None:
    """Say that there is nothing to show: in the words of `message`, or that the files of the run are gone."""
    if case.run:
        message = (
            "**The results of this case are no longer there, or cannot be read.** Your decisions are saved. "
            "Run the case again, and they apply to its results."
        )
    st.info(message, icon=":material/info:")


@contextmanager
def saving(what: str) -> Iterator[None]:
    """Around what changes something on disk, or a decorator of a callback that does: where the disk refuses, the
    page says that `what` was not saved, until the user dismisses it, and goes on."""
    try:
        yield
    except (SightlineError, OSError) as fault:
        st.toast(f"**{what} was not saved:** {escape(str(fault))}", icon=":material/error:", duration="infinite")


def change_case(edit: Callable[[Case], Case], log_entry: str = "") -> Case:
    """Change the open case; `log_entry` is added to its activity log."""
    return services().cases.change(require_case().key, edit, log_entry)


def removal_panel(
    what: str, options: Mapping[str, str], plan: Callable[[str], Removal], erase: Callable[[str], Removal]
) -> None:
    """Delete a person or a clip for good: what would go, to be confirmed by typing the name; afterwards, what went.

    `options` are labels by what has to be typed.
    """
    report, label = removal_report(what), f"Delete a {what} for good"
    with st.expander(label, icon=":material/delete_forever:", on_change="rerun", key=f"{label} open") as panel:
        if not panel.open:
            return
        if message := report.pop(""):
            st.text(message)
        chosen = st.selectbox(
            f"The {what} to delete", list(options), None, format_func=lambda name: options.get(name, "")
        )
        if chosen is not None:
            _confirm_removal(what, chosen, plan, erase, report)


def _confirm_removal(
    what: str, name: str, plan: Callable[[str], Removal], erase: Callable[[str], Removal], report: Entry[str]
) -> None:
    try:
        st.text("\n".join(plan(name).lines))
        question = f"Type {escape(name)} to delete this {what} for good. There is no way back."
        typed = st.text_input(question, key=f"sure {name}")
        is_sure = typed.strip() == name
        if st.button("Delete for good", icon=":material/delete_forever:", disabled=not is_sure, key=f"erase {what}"):
            report.set("\n".join((f"Deleted for good: {name}", *erase(name).lines)))
            st.rerun()
    except (SightlineError, OSError) as fault:
        st.error(escape(str(fault)), icon=":material/error:")


_LISTED = 3


def announce_switch(result: Switched | SwitchFailed) -> None:
    """Announce which decisions could not be applied; or why the run cannot be shown, once per reason."""
    if isinstance(result, SwitchFailed):
        fault = f"{result.case.key} {result.case.wanted} {result.reason}"
        if SWITCH_FAULT.get("") != fault:
            SWITCH_FAULT.set(fault)
            message = f"**The new run cannot be shown:** {escape(result.reason)}"
            st.toast(message, icon=":material/error:", duration="long")
        return
    SWITCH_FAULT.remove()
    if result.unapplied:
        unlisted = len(result.unapplied) - _LISTED
        more = f" And {unlisted} more." if unlisted > 0 else ""
        st.toast(
            "**Some decisions could not be applied to the new run. They were saved.** "
            f"{escape('. '.join(result.unapplied[:_LISTED]))}.{more}",
            icon=":material/pending_actions:",
            duration="long",
        )
