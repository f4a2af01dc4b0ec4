"""What the Similarity page says while there is nothing to compare, and what to do about it."""

from __future__ import annotations

import streamlit as st

from core.cases import Case
from core.errors import SightlineError
from core.review import Desk
from pages.parts.desks import desk_of
from pages.parts.plan import link_to
from pages.parts.services import services


def compared(case: Case) -> Desk:
    """What there is to compare; the page ends here where that is nothing."""
    try:
        with st.spinner("Computing similarities…", show_time=True):
            desk = desk_of(case)
    except SightlineError as fault:
        st.error(f"**{fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
        link_to("run", "Go to Run", ":material/arrow_back:")
        st.stop()
    if desk is None or len(desk.evidence.tracklets) < 2:
        _nothing(case, desk)
        st.stop()
    return desk


def _nothing(case: Case, desk: Desk | None) -> None:
    if desk is not None and len(desk.evidence.tracklets):
        st.info("**Only one track was found**, so there is nothing to compare it with.", icon=":material/info:")
        link_to("gallery", "See it in the Gallery", ":material/groups:")
    elif desk is not None:
        words = "**No people were found in these clips.** Try a lower confidence threshold or larger regions."
        st.info(words, icon=":material/info:")
        link_to("run", "Go to Run", ":material/arrow_back:")
    elif not case.clips:
        st.info("**No clips yet.** Add at least two, from cameras that may have seen the same people.")
        link_to("footage", "Go to Footage", ":material/arrow_back:")
    else:
        _no_run(case)


def _no_run(case: Case) -> None:
    states = {job.key: job for job in services().jobs.all()}
    wanted, shown = states.get(case.wanted), states.get(case.run)
    if wanted is not None and wanted.live:
        st.info("**The run is in progress.** Similarities appear here when it is done.", icon=":material/hourglass:")
        link_to("run", "Show progress", ":material/play_circle:")
        return
    failed = wanted or shown
    if failed is not None and failed.state == "failed":
        st.error(f"**The run failed, so there is nothing to compare.** {failed.fault}", icon=":material/error:")
    elif failed is not None and failed.state == "stopped":
        st.info("**The run was stopped before it was done.** Continue it on the Run page.", icon=":material/info:")
    elif shown is not None:
        words = "**This run had no re-identification model**, so there are no similarities. Choose one and run again."
        st.info(words, icon=":material/info:")
    else:
        st.info("**No results yet.** Start a run. Similarities appear here when it is done.", icon=":material/info:")
    link_to("run", "Go to Run", ":material/arrow_back:")
