"""The case's run: its progress while it works, with a live preview, and its results when it is done.

Only a run in progress is polled.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import format_bytes, format_count, format_duration, format_ordinal
from core.http import preview_address
from core.machine.log import log_file, log_lines
from core.runs import NO_EMBEDDER, MatchRules, describe_faces, read_record
from core.runs.estimate import STAGES
from core.workspace import review_of, services, start_run
from core.workspace.cases import Case
from core.workspace.jobs import CameraState, Job, Order, Usage, read_usage
from pages.parts.run.presets import RunEstimate, cached_estimate
from pages.parts.shell.markdown import code, escape
from pages.parts.shell.navigation import next_step_link
from pages.parts.shell.open_case import require_case, saving
from pages.parts.shell.session import RUN_REFUSED
from pages.parts.shell.web_modules import screen_component

_STAGE_LABELS = {"detect": "detect", "embed": "embed", "track": "track", "crops": "crop", "match": "match"}
_STAGE_TEXTS = {
    "detect": "detecting people",
    "embed": "computing appearance features",
    "track": "tracking",
    "crops": "selecting crops",
}


def clip_card(camera: CameraState, job: Job) -> None:
    with st.container(border=True):
        if camera.state == "failed":
            st.markdown(f":material/error: **{escape(camera.name)}** failed. The other clips continue.")
            st.caption(escape(camera.fault))
            return
        st.markdown(f"**{escape(camera.name)}** &nbsp; {_stage_badges(camera, job)}")
        if camera.state == "done":
            suffix = ". Comparing people across cameras…" if _is_matching(job) else ""
            st.caption(f"{format_count(camera.tracks, 'track', 'tracks')}, {camera.boxes:,} boxes in them{suffix}")
        elif camera.report is None:
            st.caption("Loading models…" if camera is _camera_to_start(job) else "Waiting")
        else:
            _show_stage(camera, job)


def _camera_to_start(job: Job) -> CameraState | None:
    """The camera whose models are being loaded; None while another camera is analysed."""
    if any(camera.state == "working" for camera in job.cameras):
        return None
    return next((camera for camera in job.cameras if camera.state == "waiting"), None)


def _show_stage(camera: CameraState, job: Job) -> None:
    report = camera.report
    if report is None:
        return
    text = f"{_STAGE_TEXTS.get(report.stage, report.stage)}, {report.done:,} of {report.total:,} frames"
    st.progress(min(1.0, report.share), text=escape(text[0].upper() + text[1:]))
    facts = []
    if report.rate:
        facts.append(f"{report.rate:.1f} frames/s ({1000 / report.rate:.0f} ms each)")
    if report.stage == "detect" and report.done:
        facts.append(f"{report.boxes:,} boxes so far, {report.boxes / report.done:.1f} per frame")
    left = _clip_seconds_left(camera, _estimate(job))
    if left is not None:
        facts.append(f"about {format_duration(left)} left for this clip")
    st.caption(" · ".join(facts) or "Starting…")


def _stage_badges(camera: CameraState, job: Job) -> str:
    """The stages in a row: done, in progress, to come. Icons and words say so too, not colour alone."""
    stages = [*STAGES, "match"] if job.order.matches_people else ["detect", "track"]
    done, at = _stages_done(camera, job, stages)
    signs = {True: ":green-badge[:material/check: {}]", False: ":gray-badge[{}]"}
    row = [signs[number < done].format(_STAGE_LABELS[stage]) for number, stage in enumerate(stages)]
    if at is not None:
        row[at] = f":blue-badge[:material/sync: {_STAGE_LABELS[stages[at]]}]"
    return " ".join(row)


def _stages_done(camera: CameraState, job: Job, stages: list[str]) -> tuple[int, int | None]:
    """How many stages are done, and the index of the stage in progress, if any."""
    if camera.report is not None:
        at = stages.index(camera.report.stage) if camera.report.stage in stages else 0
        return at, at
    if camera.state != "done":
        return 0, None
    if not job.order.matches_people:
        return len(stages), None
    last = len(stages) - 1
    return last, last if _is_matching(job) else None


def _is_matching(job: Job) -> bool:
    """Whether all clips are done, and people are being compared."""
    return job.order.matches_people and all(camera.state in ("done", "failed") for camera in job.cameras)


def seconds_left(job: Job) -> float | None:
    """Seconds left for all clips; None where that is not known."""
    estimate = _estimate(job)
    parts = [_clip_seconds_left(camera, estimate) for camera in job.cameras if camera.state in ("waiting", "working")]
    if estimate is None or any(part is None for part in parts):
        return None
    return sum(part or 0.0 for part in parts) + estimate.overhead


def _clip_seconds_left(camera: CameraState, estimate: RunEstimate | None) -> float | None:
    """Seconds left in the current stage at its present rate, plus the estimate of the later stages."""
    expected = estimate.cameras.get(camera.name) if estimate else None
    if camera.report is None:
        return expected.total_seconds if expected else None
    if camera.report.left_seconds is None or camera.report.stage not in STAGES or expected is None:
        return None
    later = STAGES[STAGES.index(camera.report.stage) + 1 :]
    if any(stage in expected.unknown for stage in later):
        return None
    return camera.report.left_seconds + sum(expected.seconds.get(stage, 0.0) for stage in later)


def _estimate(job: Job) -> RunEstimate | None:
    try:
        return cached_estimate(job.key, job.order)
    except SightlineError:
        return None


_LINE = """<figure><figcaption></figcaption>
<svg viewBox="0 0 300 56" preserveAspectRatio="none" role="img"></svg></figure>
"""
_HTML = f"""<div class="live-preview">
<p>A live preview appears when the models have loaded.</p>
<img hidden alt="Latest analysed frame, with a box around each person">
<div class="usage">{_LINE * 2}</div></div>"""


def live_preview(job: Job) -> None:
    data = {"picture": preview_address(job), **_usage_data(read_usage(job.folder))}
    _component()(key=f"live preview {job.key}", data=data, height="content")


def _usage_data(usage: Usage) -> dict[str, Any]:
    """CPU and memory over time for the drawing; empty until there are two measurements."""
    if len(usage) < 2:
        return {"at": []}
    peak = float(usage.memory.max())
    return {
        "at": (usage.seconds - usage.seconds[0]).round(1).tolist(),
        "cpu": usage.cpu.round(3).tolist(),
        "memory": (usage.memory / peak).round(3).tolist(),
        "cpu_text": f"CPU: {100 * float(usage.cpu[-1]):.0f} % of this computer",
        "memory_text": f"Memory: {format_bytes(float(usage.memory[-1]))}, peak {format_bytes(peak)}",
        "span_words": f"last {format_duration(float(usage.seconds[-1] - usage.seconds[0]))}",
    }


@functools.cache
def _component() -> Callable[..., Any]:
    return screen_component("sightline_live_preview", _HTML, "run/live_preview.js", "run/live_preview.css")


EVERY_SECONDS = 1.0


def job_of(case: Case) -> Job | None:
    """The run that the case waits for, else the one that it shows."""
    for key in (case.wanted, case.run):
        try:
            if key:
                return services().jobs.get(key)
        except StoreError:
            continue
    return None


def show_job(case: Case) -> None:
    """The state of the case's run; draws nothing where none was ever started."""
    job = job_of(case)
    if job is None:
        return
    st.fragment(_show_job, run_every=EVERY_SECONDS if job.is_active else None)(job.key, job.is_active)
    with st.expander("Run log"):
        _show_log(job)


def _show_job(key: str, was_active: bool) -> None:
    try:
        job = services().jobs.get(key)
    except StoreError:
        st.rerun()
    if was_active != job.is_active or RUN_REFUSED.is_set:
        # Rerun the whole page, which starts or stops polling and shows a refusal.
        st.rerun()
    if job.state == "waiting":
        _show_waiting(job)
    elif job.is_active:
        _show_running(job)
    else:
        _show_finished(job)


def _show_running(job: Job) -> None:
    left = seconds_left(job)
    elapsed = format_duration(max(0.0, time.time() - job.began))
    text = "Stopping; finished work is kept" if job.state == "stopping" else "Running"
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        suffix = "" if left is None else f" · about **{format_duration(left)}** left for all clips"
        st.markdown(f":blue-badge[:material/sync: {text}] for {elapsed}{_clips_done(job)}{suffix}")
        label = "Stop" if job.state == "running" else "Stop now"
        st.button(label, key=f"stop {job.key}", icon=":material/stop:", on_click=_stop, args=(job.key,))
    st.caption("You can leave or close this page; the run continues.")
    clips, preview = st.columns([3, 2])
    with clips:
        # The clip in progress first: among many it would be out of sight.
        for camera in sorted(job.cameras, key=lambda camera: camera.state != "working"):
            clip_card(camera, job)
    with preview:
        live_preview(job)


def _show_waiting(job: Job) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        place = f"{format_ordinal(job.place)} in the queue"
        st.markdown(f":orange-badge[:material/hourglass: Waiting] {place}; it starts when the runs before it are done.")
        st.button("Cancel", key=f"stop {job.key}", icon=":material/close:", on_click=_stop, args=(job.key,))
    st.caption("You can leave or close this page; the run keeps its place.")


def _clips_done(job: Job) -> str:
    """How many clips are done; nothing for a single clip, whose card shows it."""
    done = sum(camera.state == "done" for camera in job.cameras)
    return f" · {done} of {format_count(len(job.cameras), 'clip', 'clips')} done" if len(job.cameras) > 1 else ""


def _show_finished(job: Job) -> None:
    if job.has_results:
        _show_results(job)
        with suppress(StoreError):
            if message := describe_faces(read_record(job.out)):
                st.caption(escape(message))
    elif job.state == "stopped":
        st.info("**Stopped.** Finished work is kept. Continue when you are ready.", icon=":material/pause_circle:")
    for camera in job.cameras:
        if camera.state == "failed":
            st.error(f"**{escape(camera.name)} failed.** {escape(camera.fault)}", icon=":material/error:")
    if job.fault:
        st.error(f"**The run failed.** {escape(job.fault)}", icon=":material/error:")
    if job.state in ("failed", "stopped", "partly"):
        labels = {"stopped": "Continue", "failed": "Try again", "partly": "Retry failed clips"}
        kind = "secondary" if job.state == "partly" else "primary"
        icon = ":material/play_arrow:" if job.state == "stopped" else ":material/replay:"
        if st.button(labels[job.state], key=f"again {job.key}", type=kind, icon=icon, on_click=_restart, args=(job,)):  # type: ignore[arg-type]
            st.rerun()


def _show_results(job: Job) -> None:
    tracks = sum(camera.tracks for camera in job.cameras)
    done = [camera for camera in job.cameras if camera.state == "done"]
    with st.container(border=True):
        if job.people is None:
            st.markdown(
                f"## {format_count(tracks, 'track', 'tracks')} found\nThis run tracked people within each clip only."
            )
        elif job.people == 0:
            st.markdown(
                "## No people found\nTry *Thorough*, a lower confidence threshold or other regions, or check the clips."
            )
        else:
            where = f"From {format_count(tracks, 'track', 'tracks')} in {format_count(len(done), 'clip', 'clips')}."
            if len(done) == 1:
                where = "In one clip. To match people across cameras, add another clip on the Footage page."
            st.markdown(f"## People found: {job.people:,}{_before_review(job)}\n{where}")
        lines = [
            f"- **{escape(clip.name)}**: {format_count(clip.tracks, 'track', 'tracks')}, {clip.boxes:,} boxes in them"
            for clip in done
        ]
        st.markdown("\n".join(lines))
        embedder = "no re-identification model" if job.order.embedder == NO_EMBEDDER else job.order.embedder
        st.caption(f"Models of this run: {escape(job.order.detector)} and {escape(embedder)}.")
        if job.people:
            next_step_link("gallery", "Go to the gallery")


def _before_review(job: Job) -> str:
    """A run counts people as it found them; what the user decided since is in the gallery's count."""
    case = require_case()
    if case.run != job.key:
        return ""
    try:
        is_reviewed = bool(review_of(case).done) or case.threshold is not None or case.rules != MatchRules()
    except StoreError:
        # There is a review, though it cannot be read; the Gallery says why.
        is_reviewed = True
    return " before your review" if is_reviewed else ""


def _show_log(job: Job) -> None:
    lines = log_lines(job.log_label)
    st.button("Refresh", icon=":material/refresh:", key=f"log {job.key}", disabled=not job.is_active)
    st.code("\n".join(lines) or "No entries yet.", language=None, height=260 if len(lines) > 8 else None)
    st.caption(
        f"Log of all runs: {code(str(log_file()))}. Process output of this run: {code(str(job.folder / 'log'))}."
    )


@saving("The request to stop")
def _stop(key: str) -> None:
    services().jobs.cancel(key)


def _restart(job: Job) -> None:
    places = {clip.digest: clip.path for clip in require_case().clips}
    request_run(job.order.with_paths(places), "run started again")


def request_run(order: Order, log_entry: str = "run started") -> None:
    """Start a run for the open case, for buttons; a refusal is shown below the title of the page."""
    try:
        start_run(require_case().key, order, log_entry)
    except (SightlineError, OSError) as fault:
        RUN_REFUSED.set(str(fault))
