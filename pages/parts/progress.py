"""How far the case's run is while it is at work, which alone is when this polls; and then what came of it."""

from __future__ import annotations

import time
from dataclasses import replace

import streamlit as st

from core.amounts import duration
from core.cases import Case
from core.errors import SightlineError, StoreError
from core.jobs import Job
from core.log import lines_of, log_file
from pages.parts.case import change, the_case
from pages.parts.clip_cards import clip_card, left_of
from pages.parts.onlooker import onlooker
from pages.parts.plan import go_on_to
from pages.parts.services import services
from pages.parts.words import count

EVERY_SECONDS = 1.0
REFUSED = "refused"


def job_of(case: Case) -> Job | None:
    """The run that the case waits for, else the one that it shows."""
    for key in (case.wanted, case.run):
        try:
            if key:
                return services().jobs.look(key)
        except StoreError:
            continue
    return None


def case_job(case: Case) -> None:
    """The case's run as it stands; nothing where none was ever started."""
    job = job_of(case)
    if job is None:
        return
    st.fragment(_job, run_every=EVERY_SECONDS if job.live else None)(job.key, job.live)
    with st.expander("Log of this run"):
        _log(job)


def _job(key: str, lived: bool) -> None:
    try:
        job = services().jobs.look(key)
    except StoreError:
        st.rerun()
    if lived != job.live or REFUSED in st.session_state:
        # One full run of the page, which begins or ends the polling and says what was refused.
        st.rerun()
    if job.live:
        _at_work(job)
    else:
        _over(job)


def _at_work(job: Job) -> None:
    left = left_of(job)
    began = duration(max(0.0, time.time() - job.began))
    words = "Stopping: what is done is kept" if job.state == "stopping" else "At work"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        after = "" if left is None else f" · about **{duration(left)}** left for all clips"
        st.markdown(f":blue-badge[:material/sync: {words}] for {began}{_how_many(job)}{after}")
        label = "Stop" if job.state == "running" else "Stop at once"
        st.button(label, key=f"stop {job.key}", icon=":material/stop:", on_click=_stop, args=(job.key,))
    st.caption("You can leave this page, close it or look at other pages: the work goes on.")
    clips, beside = st.columns([3, 2])
    with clips:
        # The one at work first: of many, it would be out of sight.
        for camera in sorted(job.cameras, key=lambda camera: camera.state != "working"):
            clip_card(camera, job)
    with beside:
        onlooker(job)


def _how_many(job: Job) -> str:
    """Of one clip, its own card says it all."""
    done = sum(camera.state == "done" for camera in job.cameras)
    return f" · {done} of {count(len(job.cameras), 'clip')} done" if len(job.cameras) > 1 else ""


def _over(job: Job) -> None:
    if job.over:
        _found(job)
    elif job.state == "stopped":
        st.info("**Stopped.** What was done is kept; it goes on from there.", icon=":material/pause_circle:")
    for camera in job.cameras:
        if camera.state == "failed":
            st.error(f"**{camera.name} could not be done.** {camera.fault}", icon=":material/error:")
    if job.fault:
        st.error(f"**The run failed.** {job.fault}", icon=":material/error:")
    if job.state in ("failed", "stopped", "partly"):
        labels = {"stopped": "Go on", "failed": "Try again", "partly": "Try the failed clips again"}
        kind = "secondary" if job.state == "partly" else "primary"
        icon = ":material/play_arrow:" if job.state == "stopped" else ":material/replay:"
        if st.button(labels[job.state], key=f"again {job.key}", type=kind, icon=icon, on_click=_again, args=(job,)):  # type: ignore[arg-type]
            st.rerun()


def _found(job: Job) -> None:
    tracks = sum(camera.tracks for camera in job.cameras)
    done = [camera for camera in job.cameras if camera.state == "done"]
    with st.container(border=True):
        if job.people is None:
            st.markdown(f"### {count(tracks, 'track')} found\nThis run followed people within each clip only.")
        elif job.people == 0:
            st.markdown(
                "### Nobody was found\nTry *Thorough*, a lower least confidence or other regions, or check the footage."
            )
        else:
            one = "In one clip. Add another camera's on the Footage page to find the same people there."
            many = f"By comparing {count(tracks, 'track')} of {count(len(done), 'clip')} with each other."
            st.markdown(f"### People found: {job.people}\n{one if len(done) == 1 else many}")
        st.markdown("\n".join(f"- **{one.name}**: {count(one.tracks, 'track')}, {one.boxes:,} boxes" for one in done))
        if job.people:
            go_on_to("gallery", "Go to the gallery")


def _log(job: Job) -> None:
    lines = lines_of(job.log_label)
    st.button("Read it again", icon=":material/refresh:", key=f"log {job.key}", disabled=not job.live)
    st.code("\n".join(lines) or "Nothing was logged yet.", language=None, height=260 if len(lines) > 8 else None)
    st.caption(
        f"The log of all runs on this machine is `{log_file()}`; what the work said besides: `{job.folder / 'log'}`."
    )


def _stop(key: str) -> None:
    services().jobs.cancel(key)


def _again(job: Job) -> None:
    try:
        places = {clip.digest: clip.path for clip in the_case().clips}
        key = services().jobs.start(job.order.moved(places)).key
        change(lambda case: replace(case, wanted=key), "run started again")
    except SightlineError as fault:
        st.session_state[REFUSED] = str(fault)
