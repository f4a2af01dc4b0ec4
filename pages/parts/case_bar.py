"""The case on the left: which one is open, a new one, and what can be done with the open one as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import streamlit as st

from core.cases import Case, erase, what_goes
from core.errors import SightlineError
from pages.parts.backups import backup_panel, restore_panel
from pages.parts.case import change, close, open_case, show
from pages.parts.services import services
from pages.parts.words import count, size

_SAID = "case said"


def case_bar() -> None:
    cases = services().cases.all()
    case = open_case()
    if said := st.session_state.pop(_SAID, ""):
        st.toast(said, icon=":material/check:")
    if case is not None:
        _choose(cases, case)
        _expired(case)
    with st.container(horizontal=True):
        with st.popover("New case", icon=":material/create_new_folder:"):
            _new()
        if case is not None:
            with st.popover("This case", icon=":material/folder_open:"):
                _about(case)
    if case is None:
        with st.expander("Restore a back-up"):
            restore_panel()


def _choose(cases: list[Case], case: Case) -> None:
    names = _told_apart(cases)
    if st.session_state.get("case chosen") != case.key:
        st.session_state["case chosen"] = case.key

    def chosen() -> None:
        show(st.session_state["case chosen"])

    st.selectbox(
        "Case",
        list(names),
        key="case chosen",
        format_func=lambda key: names.get(key, ""),
        on_change=chosen,
        help="The one worked on last comes first.",
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
        st.warning(f"**This case expired on {case.expires}.** Delete it, or give it more time under *This case*.")


def _new() -> None:
    with st.form("new case", clear_on_submit=True, border=False):
        name = st.text_input("Name", placeholder="for example: till 3, 31 May")
        purpose = st.text_input(
            "Purpose", placeholder="why this footage may be looked at", help="Kept in every export."
        )
        if st.form_submit_button("Begin", type="primary", icon=":material/add:"):
            show(services().cases.new(name, purpose).key)
            st.rerun()


def _about(case: Case) -> None:
    with st.form(f"about {case.key}", border=False):
        name = st.text_input("Name", case.name)
        purpose = st.text_input("Purpose", case.purpose, placeholder="why this footage may be looked at")
        expires = st.date_input(
            "Delete after", date.fromisoformat(case.expires) if case.expires else None, help="Says so when it is time."
        )
        if st.form_submit_button("Save", icon=":material/save:"):
            day = expires.isoformat() if isinstance(expires, date) else ""
            words = f"named {name.strip() or case.name}; purpose: {purpose.strip()}; expires: {day or 'never'}"
            change(lambda now: replace(now, name=name.strip() or now.name, purpose=purpose.strip(), expires=day), words)
            st.rerun()
    backup_panel(case)
    with st.expander("Restore a back-up"):
        restore_panel()
    with st.expander("What was done"):
        st.code("\n".join(reversed(services().cases.logged(case.key))), language=None, height=240)
    with st.expander("Delete this case"):
        _delete(case)


def _delete(case: Case) -> None:
    jobs = {job.key: job for job in services().jobs.all()}
    if any(key in jobs and jobs[key].live for key in (case.run, case.wanted)):
        st.info("A run of this case is at work. Stop it first, on the Run page.")
        return
    if any(made.live for made in services().exports.of(case.run)):
        st.info("An export of this case is being made. Stop it first, on the Download page.")
        return
    if not st.checkbox("Yes, for good", key=f"delete {case.key}"):
        st.caption("Decisions, drawings, crops and uploads of this case go. Clips in your own folders stay.")
        return
    bulk = size(what_goes(services().cases, case).bytes)
    st.button(f"Delete {bulk}", type="primary", icon=":material/delete_forever:", on_click=_erase, args=(case,))


def _erase(case: Case) -> None:
    try:
        erase(services().cases, case)
    except (SightlineError, OSError) as fault:
        st.session_state[_SAID] = f"Not all could be deleted ({fault}). Try again."
        return
    close()
    st.session_state[_SAID] = f"{case.name} is deleted."
