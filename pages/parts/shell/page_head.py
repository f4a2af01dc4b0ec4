"""The head of a page: its title and, beside it, how the results stand: up to date, out of date and why, or running."""

from __future__ import annotations

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import format_count, format_duration
from core.workspace import services
from core.workspace.cases import Case
from core.workspace.jobs import Job, Order, describe_changes, order_of
from pages.parts.run.presets import cached_estimate
from pages.parts.run.progress import job_of, request_run, seconds_left
from pages.parts.shell.markdown import escape
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import open_case
from pages.parts.shell.session import RUN_REFUSED

_EVERY_SECONDS = 2.0
_OTHER_VERSION = "Sightline: this version detects or tracks people differently"


def page_head(title: str, is_run_page: bool = False) -> None:
    """The title, and the status strip of the open case; the Run page shows progress itself."""
    changes: list[str] = []
    with st.container(horizontal=True, vertical_alignment="center", key="page-head"):
        st.title(title, width="content")
        case = open_case()
        if case is not None and case.clips:
            changes = _strip(case, is_run_page)
    if is_run_page and len(changes) > 1:
        show_changes(changes)
    if refused := RUN_REFUSED.pop(""):
        st.error(f"**The run was not started:** {escape(refused)}", icon=":material/error:")


def changes_since(job: Job, order: Order) -> list[str]:
    """What has changed since the run, a phrase for each; empty if its results are those of `order`."""
    return [] if job.key == order.key else describe_changes(job.order, order) or [_OTHER_VERSION]


def show_changes(changes: list[str]) -> None:
    """What has changed since the run, a line for each."""
    st.markdown("**Changed since this run:**\n" + "\n".join(f"- {escape(change)}" for change in changes))


def _strip(case: Case, is_run_page: bool) -> list[str]:
    """How the results stand; returns what has changed since the run, if that is over."""
    job = job_of(case)
    if job is not None and job.is_active and not is_run_page:
        st.fragment(_running, run_every=_EVERY_SECONDS)(job.key)
    if job is None or job.is_active:
        return []
    try:
        order = order_of(case)
    except SightlineError:
        # The Run page says what is missing.
        return []
    changes = changes_since(job, order)
    if changes:
        _out_of_date(order, changes)
    elif job.state == "done":
        st.caption(":material/check: Results are up to date.", width="content")
    return changes


def _out_of_date(order: Order, changes: list[str]) -> None:
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    listed = "\n".join(f"- {escape(change)}" for change in changes)
    st.markdown(
        f":orange-badge[:material/update: Results are out of date] {escape(changes[0])}{more}",
        help=listed,
        width="content",
    )
    estimate = _estimate(order)
    st.button(
        f"Update ({escape(estimate)})" if estimate else "Update",
        key="update results",
        icon=":material/play_arrow:",
        on_click=request_run,
        args=(order,),
        help="Runs again. The current results stay until it is done; only affected steps are repeated.",
    )


def _estimate(order: Order) -> str:
    """How long a run would take, "about 6 s"; empty where that is not known."""
    try:
        estimate = cached_estimate(order.key, order)
    except SightlineError:
        return ""
    return estimate.description if estimate.is_known else ""


def _running(key: str) -> None:
    """How far the run is, until it ends: then the whole page is drawn again."""
    try:
        job = services().jobs.get(key)
    except StoreError:
        st.rerun()
    if not job.is_active:
        st.rerun()
    done = sum(camera.state in ("done", "failed") for camera in job.cameras)
    left = seconds_left(job)
    states = {"waiting": "Waiting for another run", "stopping": "Stopping"}
    clips = format_count(len(job.cameras), "clip", "clips")
    suffix = f", about {format_duration(left)} left" if left is not None else ""
    with st.container(horizontal=True, vertical_alignment="center", width="content"):
        text = states.get(job.state, f"Running: {done:,} of {clips}{suffix}")
        st.markdown(f":blue-badge[:material/sync: {text}]", width="content")
        link_to("run", "Show", ":material/play_circle:")
