"""Tracks: watch what a run has found, camera by camera, and take it along."""

import time
from typing import Any

import streamlit as st

from core.jobs import Job
from core.results import record_of
from pages.parts.choices import choices
from pages.parts.film import film_ready
from pages.parts.films import boxes_address, film_address
from pages.parts.plan import link_to
from pages.parts.player import player
from pages.parts.run_facts import downloads, how_made
from pages.parts.services import services
from pages.parts.track_list import spans_of, start_of, timeline, track_table

chosen = choices()


def title_of(job: Job) -> str:
    began = time.strftime("%d %b %Y, %H:%M:%S", time.localtime(job.began))
    return f"{', '.join(source.camera for source in job.order.sources)} · {began}"


def deselect() -> None:
    chosen.track = None


def choose_run(ready: list[Job]) -> Job:
    """The run of the address (`?run=`), else the one chosen last, else the latest."""
    jobs = {job.key: job for job in ready}
    wanted = st.query_params.get("run") or chosen.run
    if st.session_state.get("run") not in jobs:
        st.session_state["run"] = wanted if wanted in jobs else ready[0].key
    key = st.selectbox("Run", list(jobs), key="run", format_func=lambda k: title_of(jobs[k]), on_change=deselect)
    chosen.run = key
    st.query_params["run"] = key
    return jobs[key]


def choose_camera(about: dict[str, Any]) -> str:
    names = [name for name, camera in about.items() if "failed" not in camera]
    if st.session_state.get("camera") not in names:
        st.session_state["camera"] = chosen.camera if chosen.camera in names else names[0]
    chosen.camera = st.selectbox("Camera", names, key="camera", on_change=deselect)
    return chosen.camera


st.title("Tracks")
ready = [job for job in services().jobs.all() if job.state in ("done", "partly")]
if not ready:
    st.info(
        "**No finished run yet.** Start one on the Run page; its tracks can be watched here.", icon=":material/info:"
    )
    link_to("run", "Go to Run", ":material/arrow_back:")
    st.stop()
choose, name = st.columns([2, 1])
with choose:
    job = choose_run(ready)
record = record_of(job.out)
for failed in (f"**{camera}:** {about['failed']}" for camera, about in record["cameras"].items() if "failed" in about):
    st.warning(failed)
with name:
    camera = choose_camera(record["cameras"])
about = record["cameras"][camera]
stamp = (job.out / "tracks.parquet").stat().st_mtime_ns
found = spans_of(str(job.out), camera, stamp)
watch, beside = st.columns([3, 2])
with beside:
    track_table(found, f"table {job.key} {camera}")
with watch:
    if film_ready(about["clip"], about["digest"]):
        player(
            film=film_address(about["digest"]),
            boxes=boxes_address(job.key, camera, stamp),
            label=f"Film of {camera} with {len(found)} tracks",
            track=chosen.track,
            seconds=start_of(found, chosen.track),
            jumps=chosen.jumps,
        )
        st.caption("Solid box: seen. Dashed: filled in. The line is the way of the last 2 seconds.")
if len(found):
    timeline(found, f"timeline {job.key} {camera}")
downloads(job.out, camera)
how_made(record, camera)
