"""Runs on this computer that are not the case's: in progress for another case, or left over."""

from __future__ import annotations

import time

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import format_ordinal
from core.workspace import services
from core.workspace.cases import Case
from core.workspace.jobs import Job
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import saving

_MAX_LISTED = 20
_STATES = {
    "waiting": ":orange-badge[:material/hourglass: waiting]",
    "running": ":blue-badge[:material/sync: running]",
    "stopping": ":orange-badge[stopping]",
    "done": ":green-badge[:material/check: done]",
    "partly": ":orange-badge[partly completed]",
    "failed": ":red-badge[:material/error: failed]",
    "stopped": ":gray-badge[stopped]",
}


def other_runs(case: Case, current: Job | None) -> None:
    """A panel that lists them; nothing where there are none."""
    jobs = [job for job in services().jobs.all() if current is None or job.key != current.key]
    if not jobs:
        return
    active = sum(job.is_active for job in jobs)
    label = f"Other runs in progress ({active})" if active else f"Other runs on this computer ({len(jobs)})"
    with st.expander(label):
        owners = _owners()
        for job in sorted(jobs, key=lambda job: (not job.is_active, -job.began))[:_MAX_LISTED]:
            _job_line(job, owners.get(job.key, []))
        if len(jobs) > _MAX_LISTED:
            st.caption(f"{len(jobs) - _MAX_LISTED} earlier runs are not listed.")


def _owners() -> dict[str, list[str]]:
    """The names of the cases that use each run, by the run's key."""
    owners: dict[str, list[str]] = {}
    for case in services().cases.all():
        for key in {case.run, case.wanted} - {""}:
            owners.setdefault(key, []).append(case.name)
    return owners


def _job_line(job: Job, owners: list[str]) -> None:
    began = time.strftime("%d %b %Y, %H:%M", time.localtime(job.began))
    usage = f"used by {', '.join(owners)}" if owners else "not used by any case"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        cameras = ", ".join(source.camera for source in job.order.sources)
        began = f"{format_ordinal(job.place)} in the queue" if job.state == "waiting" else f"started {began}"
        st.markdown(f"{_STATES[job.state]} **{escape(cameras)}**, {escape(usage)}; {escape(began)}")
        if job.is_active:
            label, icon = ("Cancel", "close") if job.state == "waiting" else ("Stop", "stop")
            st.button(label, key=f"stop {job.key}", icon=f":material/{icon}:", on_click=_stop, args=(job.key,))
        elif not owners:
            with st.expander("Delete", icon=":material/delete:"):
                st.markdown("Deletes the people and crops of this run. Detections stay in the cache.")
                st.button("Delete this run", key=f"forget {job.key}", on_click=_delete, args=(job.key,))


@saving("The request to stop")
def _stop(key: str) -> None:
    services().jobs.cancel(key)


def _delete(key: str) -> None:
    """Delete a run with its exports."""
    try:
        exports = list(services().exports.of(key))
        if any(making.is_active for making in exports):
            raise StoreError("an export of this run is in progress", "Wait for it to finish.")
        services().jobs.forget(key)
        for making in exports:
            services().exports.forget(making.key)
    except SightlineError as fault:
        st.toast(describe_fault(fault), icon=":material/error:")
