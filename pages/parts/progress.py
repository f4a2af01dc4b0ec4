"""How far each run is: a card per run with a line per camera. Polls while something is at work, and only then."""

from __future__ import annotations

import time

import streamlit as st

from core.errors import SightlineError
from core.jobs import CameraState, Job
from pages.parts.plan import link_to
from pages.parts.services import services
from pages.parts.words import count, span

EVERY_SECONDS = 1.0
SHOWN = 20
_STATES = {
    "running": (":blue-badge[at work]", "running"),
    "stopping": (":orange-badge[stopping]", "running"),
    "done": (":green-badge[done]", "complete"),
    "partly": (":orange-badge[done in part]", "complete"),
    "failed": (":red-badge[failed]", "error"),
    "stopped": (":gray-badge[stopped]", "complete"),
}
_STAGES = {"detect": "finding people", "embed": "describing people", "track": "tracking"}


def job_cards() -> None:
    jobs = services().jobs.all()
    if not jobs:
        st.info("Nothing has been run yet.")
        return
    live = any(job.live for job in jobs)
    st.fragment(_cards, run_every=EVERY_SECONDS if live else None)(live)


def _cards(live: bool) -> None:
    jobs = services().jobs.all()
    for job in jobs[:SHOWN]:
        with st.container(border=True):
            _card(job)
    if len(jobs) > SHOWN:
        st.caption(f"{len(jobs) - SHOWN} earlier runs are not shown.")
    if live != any(job.live for job in jobs) or "refused" in st.session_state:
        # One full run of the page, which begins or ends the polling and says what was refused.
        st.rerun()


def _card(job: Job) -> None:
    began = time.strftime("%d %b %Y, %H:%M", time.localtime(job.began))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"{_STATES[job.state][0]} **{', '.join(s.camera for s in job.order.sources)}**")
        st.caption(f"{began} · {_settings(job)}")
    for camera in job.cameras:
        _camera(camera, job)
    if job.fault:
        st.error(job.fault, icon=":material/error:")
    _actions(job)


def _settings(job: Job) -> str:
    order = job.order
    fps = f"{order.video.fps:g} frames/s" if order.video.fps else "all frames"
    looks = "motion only" if order.embedder == "none" else order.embedder
    return f"{order.detector}, {looks}, {fps}, conf {order.track.conf:g}, IoU {order.track.iou:g}"


def _camera(camera: CameraState, job: Job) -> None:
    if camera.state == "failed":
        st.error(f"**{camera.name}:** {camera.fault}", icon=":material/error:")
    elif camera.state == "done":
        st.markdown(f":material/check: **{camera.name}** — {count(camera.tracks, 'track')}")
    elif camera.report is None:
        if job.live:
            words = "starting" if camera is next(c for c in job.cameras if c.state == "waiting") else "waiting"
            busy = any(c.state == "working" for c in job.cameras)
            st.markdown(f":material/schedule: **{camera.name}** — {'waiting' if busy else words}")
    else:
        report = camera.report
        left = "" if report.left_seconds is None else f" · about {span(report.left_seconds)} left"
        words = f"**{camera.name}** — {_STAGES.get(report.stage, report.stage)}, {report.done} of {report.total} frames"
        st.progress(min(1.0, report.share), text=f"{words} · {report.rate:.1f} a second{left}")


def _actions(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if job.live:
            label = "Stop" if job.state == "running" else "Stop at once"
            st.button(label, key=f"stop {job.key}", icon=":material/stop:", on_click=_stop, args=(job.key,))
        if job.state in ("done", "partly"):
            link_to("tracks", "Watch the tracks", ":material/play_circle:", job.key)
        if job.state in ("failed", "stopped", "partly"):
            label = "Go on" if job.state == "stopped" else "Try again"
            st.button(label, key=f"again {job.key}", icon=":material/replay:", on_click=_again, args=(job,))
        if not job.live:
            with st.popover("Remove", type="tertiary", icon=":material/delete:"):
                st.markdown("Its tracks are deleted. What the models found stays in the cache.")
                st.button("Delete this run", key=f"forget {job.key}", on_click=_forget, args=(job.key,))


def _stop(key: str) -> None:
    services().jobs.cancel(key)


def _again(job: Job) -> None:
    try:
        services().jobs.start(job.order)
    except SightlineError as fault:
        st.session_state["refused"] = str(fault)


def _forget(key: str) -> None:
    services().jobs.forget(key)
