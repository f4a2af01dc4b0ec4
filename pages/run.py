"""Run: preset and models, progress, and results."""

from dataclasses import replace

import streamlit as st

from core.base.errors import SightlineError
from core.workspace import services
from core.workspace.jobs import Job, Order, describe_changes, order_of
from pages.parts.run.other_runs import other_runs
from pages.parts.run.presets import preset_cards
from pages.parts.run.progress import job_of, show_job
from pages.parts.run.settings import advanced, model_choice
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import change_case, require_case
from pages.parts.shell.session import RUN_REFUSED


def start(order: Order) -> None:
    try:
        key = services().jobs.start(order).key
        change_case(lambda case: replace(case, wanted=key), "run started")
    except (SightlineError, OSError) as fault:
        RUN_REFUSED.set(str(fault))


def start_button(order: Order, job: Job | None) -> None:
    """The button that starts a run, where the order differs from the last run."""
    if job is not None and job.key == order.key:
        if job.state == "done":
            st.success("Results are up to date with these clips and settings.", icon=":material/check:")
        elif job.is_active:
            st.info("A run with these settings is in progress; see above.", icon=":material/arrow_upward:")
        return
    if job is None:
        st.button("Start", type="primary", icon=":material/play_arrow:", on_click=start, args=(order,))
        return
    differences = describe_changes(job.order, order)
    reasons = differences or ["Sightline: this version detects or tracks people differently"]
    st.markdown("**Changed since this run:**\n" + "\n".join(f"- {reason}" for reason in reasons))
    if job.is_active:
        st.caption(
            "The current run continues, and the new one may have to wait for it. Stop it if you no longer need it."
        )
    st.button("Run again", type="primary", icon=":material/play_arrow:", on_click=start, args=(order,))
    st.caption("The current results stay until the new run is done. Only affected steps are repeated.")


st.title("Run")
case = require_case()
if not case.clips:
    st.info("**No clips yet.** Add one for each camera on the Footage page.", icon=":material/video_library:")
    link_to("footage", "Go to Footage", ":material/arrow_back:")
    st.stop()
job = job_of(case)
if refused := RUN_REFUSED.pop(""):
    st.error(refused, icon=":material/error:")
show_job(case)
st.header("Settings" if job else "Quality")
preset_cards()
try:
    start_button(order_of(case), job)
except SightlineError as fault:
    st.error(f"**This cannot be run yet: {fault.message.rstrip('.')}.** {fault.remedy}", icon=":material/error:")
model_choice(case)
advanced(case)
other_runs(case, job)
