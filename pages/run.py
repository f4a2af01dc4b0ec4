"""Run: preset and models, progress, and results."""

import streamlit as st

from core.base.errors import SightlineError
from core.workspace.jobs import Job, Order, order_of
from pages.parts.run.model_offer import model_offer
from pages.parts.run.other_runs import other_runs
from pages.parts.run.presets import preset_cards
from pages.parts.run.progress import job_of, request_run, show_job
from pages.parts.run.settings import advanced, face_choice, model_choice
from pages.parts.shell.markdown import describe_fault
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import require_case
from pages.parts.shell.page_head import changes_since, page_head, show_changes


def start_button(order: Order, job: Job | None) -> None:
    """The button that starts the first run, or another one while a run is in progress.

    Otherwise the head of the page has it."""
    if job is None:
        st.button("Start", type="primary", icon=":material/play_arrow:", on_click=request_run, args=(order,))
    elif job.is_active and job.key == order.key:
        st.info("A run with these settings is in progress; see above.", icon=":material/arrow_upward:")
    elif job.is_active:
        show_changes(changes_since(job, order))
        st.caption(
            "The current run continues, and the new one may have to wait for it. Stop it if you no longer need it."
        )
        st.button("Run again", type="primary", icon=":material/play_arrow:", on_click=request_run, args=(order,))


page_head("Run", is_run_page=True)
case = require_case()
if not case.clips:
    st.info("**No clips yet.** Add the recordings of each camera on the Footage page.", icon=":material/video_library:")
    link_to("footage", "Go to Footage", ":material/arrow_back:")
    st.stop()
job = job_of(case)
show_job(case)
st.header("Settings" if job else "Quality")
preset_cards()
try:
    start_button(order_of(case), job)
except SightlineError as fault:
    st.error(
        describe_fault(fault, "This cannot be run yet"),
        icon=":material/error:",
    )
model_offer(case)
model_choice(case)
face_choice(case)
advanced(case)
other_runs(case, job)
