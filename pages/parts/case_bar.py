"""The case on the left: which one is open, a new one, and what can be done with the open one as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import streamlit as st

from core.amounts import in_words
from core.cases import Case, Erasure, erase, what_goes
from core.errors import SightlineError
from pages.parts.backups import backup_panel, restore_panel
from pages.parts.case import change, close, open_case, show
from pages.parts.services import services
from pages.parts.session import CASE_CHOICE, CASE_MESSAGE
from pages.parts.words import count


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
