"""The Gallery page around the gallery: advice where it has no people, the run's settings, and unapplied decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from core.base.errors import StoreError
from core.base.settings import SETTINGS
from core.base.text import format_count, format_duration, format_ordinal
from core.review import Review, ReviewSession, count_pending, describe_pending, load_review
from core.runs import CameraRecord, ModelRecord, Recipe, read_record
from core.workspace import services, session_of
from core.workspace.cases import Case
from core.workspace.jobs import Job, MissingRunError
from pages.parts.shell.markdown import escape
from pages.parts.shell.navigation import link_to
from pages.parts.shell.open_case import show_no_results
from pages.parts.shell.session import dismissed_decisions

EVERY_SECONDS = 1.0
_MODEL_LABELS = {"detector": "Person detector", "embedder": "Re-identification model"}
_STAGES = {"detect": "detecting people", "embed": "computing appearance features", "track": "tracking"}


def session_or_hint(case: Case) -> ReviewSession | None:
    """The review session of the case; where it has no people, advice is shown and None returned."""
    waiting = _show_awaited_run(case)
    job = _find_job(case.run)
    if job is None:
        if not waiting:
            _no_run(case)
        return None
    if job.state not in ("done", "partly"):
        _not_done(job)
        return None
    for camera in job.cameras:
        if camera.state == "failed":
            st.warning(f"**{escape(camera.name)} is missing:** {escape(camera.fault)}")
    session = session_of(case)
    if session is None:
        st.info(
            "**This run tracked people by motion alone**, so people cannot be matched across cameras. "
            "Choose a re-identification model and run again.",
            icon=":material/info:",
        )
        link_to("run", "Go to Run", ":material/arrow_forward:")
    elif not len(session.evidence.tracklets):
        st.info(
            "**No people were found in these clips.** Try a lower confidence threshold, a larger detector input or "
            "larger regions.",
            icon=":material/person_off:",
        )
        link_to("run", "Change settings on the Run page", ":material/arrow_forward:")
        return None
    return session


def _no_run(case: Case) -> None:
    if not case.clips:
        st.info("**No clips yet.** Add two or more clips, then start a run.", icon=":material/video_library:")
        link_to("footage", "Go to Footage", ":material/arrow_forward:")
    else:
        show_no_results(case, "**No results yet.** Start a run. Each person it finds gets a row here.")
        link_to("run", "Go to Run", ":material/arrow_forward:")


def _not_done(job: Job) -> None:
    if job.is_active:
        _show_progress(job.key)
    else:
        reason = job.fault or next((camera.fault for camera in job.cameras if camera.fault), "")
        message = "The run was stopped." if job.state == "stopped" else "The run failed."
        st.error(f"**{message}** {escape(reason)}", icon=":material/error:")
        link_to("run", "Continue on the Run page", ":material/arrow_forward:")


def _show_awaited_run(case: Case) -> bool:
    """Show the state of a run that the case waits for; returns whether there is one that can be read."""
    try:
        job = _find_job(case.wanted)
    except StoreError:
        # The sidebar says why, and the present run is shown.
        return False
    if job is None or job.state in ("done", "partly"):
        return False
    _not_done(job)
    return True


def _find_job(key: str) -> Job | None:
    """The run with this key, if it still exists; `StoreError` if it cannot be read."""
    if not key:
        return None
    try:
        return services().jobs.get(key)
    except MissingRunError:
        return None


def _show_progress(key: str) -> None:
    st.fragment(_progress_line, run_every=EVERY_SECONDS)(key)


def _progress_line(key: str) -> None:
    job = _find_job(key)
    if job is None or not job.is_active:
        # Rerun the whole page, which shows the results.
        st.rerun()
    if job.state == "waiting":
        st.info(f"**The run is waiting:** {format_ordinal(job.place)} in the queue.", icon=":material/hourglass:")
        return
    done = sum(camera.state in ("done", "failed") for camera in job.cameras)
    camera = next((camera for camera in job.cameras if camera.report is not None), None)
    message, share = f"{done:,} of {len(job.cameras):,} clips done", 0.0
    if camera is not None and camera.report is not None:
        report = camera.report
        left = (
            "" if report.left_seconds is None else f", about {format_duration(report.left_seconds)} left in this step"
        )
        message += f"; {escape(camera.name)}: {escape(_STAGES.get(report.stage, report.stage))}{left}"
        share = min(1.0, report.share)
    st.progress(min(1.0, (done + share) / max(1, len(job.cameras))), text=f"**Run in progress:** {message}.")


def show_models_and_settings(out: Path) -> None:
    """The models and settings of the run, and what each camera took."""
    record = read_record(out)
    with st.expander("Models and settings of this run", icon=":material/info:"):
        for kind, model in record.models.items():
            st.markdown(f"**{escape(_MODEL_LABELS.get(kind, kind))}:** {_model(model)}")
        st.markdown(f"**Settings:** {escape(describe_settings(asdict(record.settings or Recipe())))}")
        for camera, camera_record in record.analysed.items():
            st.markdown(f"**{escape(camera)}:** {escape(_camera(camera_record))}")
            for note in camera_record.notes:
                st.caption(f":orange-badge[:material/warning: Note] {escape(note)}")
        st.caption(escape(f"{record.program}, started {record.began}"))


def describe_settings(settings: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings in a run's record, by the labels of their input fields on the Run page.

    >>> describe_settings({"video": {"fps": 0.0}, "track": {"n_init": 3, "max_age": 1.5}})
    'Analysis frame rate: all frames; Minimum detections per track: 3; Maximum gap (s): 1.5'
    """
    texts = []
    for setting in (each for each in SETTINGS if each.on_run_page):
        value = settings.get(setting.part, {}).get(setting.name)
        if setting.name == "fps":
            texts.append(f"{setting.label}: {f'{value:g} frames/s' if value else 'all frames'}")
        elif value is not None:
            texts.append(f"{setting.full_label}: {value:g}")
    return "; ".join(texts)


def _camera(record: CameraRecord) -> str:
    stages = [
        f"{stage} {cost.frames} frames in {cost.seconds:.1f} s" + (f", {cost.kept} stored" * bool(cost.kept))
        for stage, cost in record.stages.items()
    ]
    analysed = f"{record.analysed} of {record.frames} frames analysed, {record.unreadable} unreadable"
    return "; ".join([analysed, *stages, f"clip digest {record.digest}"])


def _model(model: ModelRecord | str) -> str:
    """As Markdown."""
    if isinstance(model, str):
        return escape(model)
    assumed = "".join(f" *{escape(sentence)}.*" for sentence in model.assumed)
    facts = f"SHA-256 {model.sha256[:12]}…, {model.licence}; trained on {model.trained_on}"
    return f"{escape(model.name)} ({escape(facts)}){assumed}"


def show_unapplied_decisions(case: Case) -> None:
    """Decisions that fit no track of this run, until the user dismisses them."""
    path = services().cases.review_file(case.key)
    review = load_review(path) if path.is_file() else Review()
    sentences = describe_pending(review)
    dismissed = dismissed_decisions(case.key, case.run)
    if not sentences or dismissed.get(()) == sentences:
        return
    with st.container(border=True):
        decisions = format_count(count_pending(review), "decision", "decisions")
        st.markdown(
            f":material/pending_actions: **{decisions} could not be applied to this run.** Saved for a later run."
        )
        st.markdown("\n".join(f"- {escape(sentence)}" for sentence in sentences))
        if st.button("Dismiss", key=f"understood {case.run}"):
            dismissed.set(sentences)
            st.rerun()
