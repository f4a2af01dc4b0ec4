"""Tracking settings to try on a finished run: sliders, a preview of the changes, and the run that applies them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError
from core.base.settings import Setting, TrackSettings, settings_of
from core.base.text import format_duration
from core.review import load_review
from core.review.whatif import RunChanges, compare_runs, load_run, retrack_run
from core.workspace import Retracking, services, start_run
from core.workspace.cases import Case, EarlierSettings
from core.workspace.jobs import Job, Order, order_of
from pages.parts.gallery.empty_states import show_unapplied_decisions
from pages.parts.shell.session import Entry, retrack_setting

_WIDTH = 256
_SLOW_FRAMES = 20_000
"""From this many frames on, a preview takes long enough to ask first."""
_FRAMES_PER_SECOND = 900
_SLIDERS = tuple(each for each in settings_of("track") if each.slider)


def _retracking(out: Path) -> Retracking:
    """The run in folder `out` with its boxes, read once for all sessions."""
    with st.spinner("Loading the run…"):
        stamp = (out / "run.json").stat().st_mtime_ns
        return services().retracking.get((out, stamp), lambda: Retracking(load_run(out)))


def retrack_panel(case: Case) -> None:
    """Decisions that could not be applied, and the tracking settings as sliders."""
    if not case.run:
        return
    job = services().jobs.get(case.run)
    if not job.has_results:
        return
    show_unapplied_decisions(case)
    with st.expander(
        "Tracking settings (try without re-running)", icon=":material/tune:", on_change="rerun", key="retrack open"
    ) as panel:
        # Boxes are read only when the panel is open.
        if panel.open:
            st.fragment(_sliders)(case, job)


def _sliders(case: Case, job: Job) -> None:
    st.caption("Move a slider to preview how the tracks would change. Nothing changes until you apply the settings.")
    settings = _slider_values(case.run, job.order)
    try:
        if settings == job.order.track:
            st.markdown(":material/check: **Settings of this run.**")
        else:
            _show_changes(case, job, settings)
    except SightlineError as fault:
        st.error(str(fault), icon=":material/error:")
    unchanged = settings == job.order.track
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Apply settings", type="primary", icon=":material/play_arrow:", disabled=unchanged):
            _start_run(case, job, settings)
        st.button(
            "Reset", icon=":material/undo:", disabled=unchanged, on_click=_reset, args=(case.run, job.order.track)
        )
        _offer_way_back(case, job)
        st.caption(_cost(case, job.order))


def _offer_way_back(case: Case, job: Job) -> None:
    """The button that undoes *Apply settings*: a run with the settings before, to which the decisions return."""
    if (
        case.earlier
        and case.earlier.run == case.run
        and st.button(
            "Back to the settings before",
            icon=":material/history:",
            help=_describe_differences(job.order.track, case.earlier.track),
        )
    ):
        _start_run(case, job, case.earlier.track)


def _describe_differences(now: TrackSettings, before: TrackSettings) -> str:
    """What the settings before were where they differ.

    >>> _describe_differences(TrackSettings(iou=0.4), TrackSettings(iou=0.2))
    'Minimum IoU 0.2 instead of 0.4. Your decisions on that run return.'
    """
    texts = (
        f"{each.label} {each.format(getattr(before, each.name))} instead of {each.format(getattr(now, each.name))}"
        for each in _SLIDERS
        if getattr(before, each.name) != getattr(now, each.name)
    )
    return f"{'; '.join(texts)}. Your decisions on that run return."


def _cost(case: Case, order: Order) -> str:
    """What applying the settings costs."""
    if {clip.digest for clip in case.clips} - {source.digest for source in order.sources}:
        return "Clips were added after this run. They are processed too, which takes longer."
    return "Takes a few seconds, because detections are reused. Your decisions are transferred to the new run."


def _start_run(case: Case, job: Job, settings: TrackSettings) -> None:
    """Start a run with these settings; everything else stays as in the current run."""
    previous = job.order
    plan = replace(
        case.plan,
        detector=previous.detector,
        embedder=previous.embedder,
        video=previous.video,
        detect=previous.detect,
        track=settings,
    )
    try:
        order = order_of(replace(case, plan=plan))
        goes_back = case.earlier == EarlierSettings(case.run, settings)
        earlier = None if goes_back else EarlierSettings(order.key, previous.track)
        log_entry = (
            "went back to the tracking settings before" if goes_back else "started a run with new tracking settings"
        )
        start_run(
            case.key,
            order,
            log_entry,
            lambda current: replace(current, plan=replace(current.plan, track=settings), earlier=earlier),
        )
    except (SightlineError, OSError) as fault:
        st.error(f"The run was not started: {fault}", icon=":material/error:")
        return
    st.rerun()


def _slider_values(run: str, order: Order) -> TrackSettings:
    """The values of the sliders, at first those of the run."""
    values: dict[str, float] = {}
    with st.container(horizontal=True, gap="medium"):
        for each in _SLIDERS:
            # As many side by side as fit.
            with st.container(width=_WIDTH):
                values[each.name] = _slider(each, order, retrack_setting(run, each.name))
    return TrackSettings(**values)  # type: ignore[arg-type]


def _slider(setting: Setting, order: Order, entry: Entry[float]) -> float:
    low, high = map(setting.kind, setting.slider or setting.range)
    current = setting.kind(order.value(setting))
    entry.set_default(current)
    # A run started on the command line may have a value outside the range.
    value: float = st.slider(
        setting.full_label,
        min(low, current),
        max(high, current),
        step=setting.kind(setting.step),
        key=entry.key,
        disabled=setting.name == "track_cos" and not order.matches_people,
    )
    value = round(value, 3)
    hint = f"{setting.help} {setting.effect}".strip()
    st.caption(hint if value == current else f"**In this run: {current:g}.** {hint}")
    return value


def _reset(run: str, settings: TrackSettings) -> None:
    for each in _SLIDERS:
        retrack_setting(run, each.name).set(getattr(settings, each.name))


def _show_changes(case: Case, job: Job, settings: TrackSettings) -> None:
    """Show what these settings would change."""
    run = _retracking(job.out)
    frames = run.loaded.frames
    if frames > _SLOW_FRAMES and not st.toggle(
        f"Preview changes (about {format_duration(frames / _FRAMES_PER_SECOND)})", key="retrack try"
    ):
        return
    changes = _compute_changes(run, case, settings)
    if changes.unchanged:
        st.markdown(":material/check: **Nothing would change.** Tracks and people stay the same.")
        return
    st.markdown(f":material/arrow_forward: **{changes.description}.**")
    st.markdown("\n".join(f"- {camera.description}" for camera in changes.cameras))
    if changes.unapplied_count:
        st.markdown(
            f":material/pending_actions: **{changes.unapplied_count:,} of your decisions will not apply.** "
            "Some may apply in part. All are kept, and return with the settings of this run."
        )
        with st.popover("Which ones?"):
            st.markdown("\n".join(f"- {sentence}" for sentence in changes.unapplied))


def _compute_changes(run: Retracking, case: Case, settings: TrackSettings) -> RunChanges:
    review = load_review(services().cases.review_file(case.key))
    bar, frames = st.empty(), run.loaded.frames

    def show_progress(done: int) -> None:
        if frames > 3 * _FRAMES_PER_SECOND:
            bar.progress(min(1.0, done / frames))

    def compute() -> RunChanges:
        return compare_runs(
            run.loaded, retrack_run(run.loaded, settings, show_progress), case.threshold, review, run.people
        )

    with st.spinner("Tracking again…"):
        changes = run.results.get((settings, review.done, case.threshold), compute)
    bar.empty()
    return changes
