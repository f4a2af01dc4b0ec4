"""What the user can try on a finished run, below the gallery.

Tracking settings: sliders, a preview of the changes, and the run that applies them. Rules of matching: these need no
run, and the gallery follows at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import streamlit as st

from core.base.errors import SettingsError, SightlineError
from core.base.settings import Setting, TrackSettings, setting, settings_of
from core.base.text import format_duration
from core.review import load_review
from core.review.whatif import RunChanges, compare_runs, load_run, retrack_run
from core.workspace import Retracking, rules_of, services, start_run
from core.workspace.cases import Case, EarlierSettings
from core.workspace.jobs import Job, Order, order_of
from pages.parts.gallery.empty_states import show_unapplied_decisions
from pages.parts.shell.markdown import describe_fault, escape
from pages.parts.shell.open_case import change_case, saving
from pages.parts.shell.session import (
    SETTING_REFUSED,
    Entry,
    camera_of_pair,
    positions_switch,
    retrack_setting,
    travel_time,
)

_WIDTH = 256
_SLOW_FRAMES = 20_000
"""From this many frames on, a preview takes long enough to ask first."""
_FRAMES_PER_SECOND = 900
_SLIDERS = tuple(each for each in settings_of("track") if each.slider)
_MAX_CAMERAS = 6
"""With more cameras there are too many pairs to show them all."""


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
        st.error(describe_fault(fault), icon=":material/error:")
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
            help=escape(_describe_differences(job.order.track, case.earlier.track)),
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
        st.error(f"The run was not started: {escape(str(fault))}", icon=":material/error:")
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
    st.markdown(f":material/arrow_forward: **{escape(changes.description)}.**")
    st.markdown("\n".join(f"- {escape(camera.description)}" for camera in changes.cameras))
    if changes.unapplied_count:
        st.markdown(
            f":material/pending_actions: **{changes.unapplied_count:,} of your decisions will not apply.** "
            "Some may apply in part. All are kept, and return with the settings of this run."
        )
        with st.popover("Which ones?"):
            st.markdown("\n".join(f"- {escape(sentence)}" for sentence in changes.unapplied))


def _compute_changes(run: Retracking, case: Case, settings: TrackSettings) -> RunChanges:
    review, rules = load_review(services().cases.review_file(case.key)), rules_of(case, run.loaded.out)
    bar, frames = st.empty(), run.loaded.frames

    def show_progress(done: int) -> None:
        if frames > 3 * _FRAMES_PER_SECOND:
            bar.progress(min(1.0, done / frames))

    def compute() -> RunChanges:
        return compare_runs(
            run.loaded, retrack_run(run.loaded, settings, show_progress), case.threshold, review, run.people, rules
        )

    with st.spinner("Tracking again…"):
        changes = run.results.get((settings, review.done, case.threshold, rules), compute)
    bar.empty()
    return changes


def matching_panel(case: Case) -> None:
    """The rules by which people are matched. Each change is saved, and shows in the gallery at once."""
    with st.expander(
        "How people are matched", icon=":material/join_inner:", on_change="rerun", key="matching open"
    ) as panel:
        if not panel.open:
            return
        st.caption("Changes show at once, without a new run. Your decisions stay, and overrule what you enter here.")
        ignore = setting("ignore_positions")
        switch = positions_switch(case.key)
        switch.set(case.ignore_positions)
        st.checkbox(
            ignore.label,
            key=switch.key,
            help=f"{ignore.help} {ignore.effect}",
            on_change=_save_positions,
            args=(switch,),
        )
        if len(case.clips) > 1:
            _travel_fields(case)
        if refused := SETTING_REFUSED.pop(""):
            st.error(escape(refused), icon=":material/error:")


def _travel_fields(case: Case) -> None:
    """A field for each pair of cameras; where these are many, for those with a time and for a pair that is chosen."""
    st.markdown("**Shortest time from camera to camera**")
    st.caption(
        "Nobody gets from one to the other, or back, in less time. Leave a field empty where you do not know, or where "
        "both cameras may see a person at once."
    )
    cameras = [clip.camera for clip in case.clips]
    is_listed = len(cameras) <= _MAX_CAMERAS
    pairs = list(combinations(cameras, 2)) if is_listed else [(time.camera, time.other_camera) for time in case.travel]
    if not is_listed:
        chosen = _chosen_pair(case, cameras)
        pairs += [chosen] if len(set(chosen)) == 2 and case.travel_time(*chosen) is None else []
    with st.container(horizontal=True):
        for pair in pairs:
            entry = travel_time(case.key, pair)
            entry.set(case.travel_time(*pair))
            st.number_input(
                f"{escape(' – '.join(pair))} (s)",
                value=None,
                step=1.0,
                key=entry.key,
                placeholder="unknown",
                width=_WIDTH,
                on_change=_save_travel_time,
                args=(pair, entry),
            )


def _chosen_pair(case: Case, cameras: Sequence[str]) -> tuple[str, str]:
    """Two cameras that the user chooses to say how far apart they are; empty names before that."""
    with st.container(horizontal=True):
        first, second = (
            st.selectbox(label, cameras, index=None, key=camera_of_pair(case.key, label).key, width=_WIDTH) or ""
            for label in ("One camera", "Another camera")
        )
    return first, second


@saving("The travel time")
def _save_travel_time(pair: tuple[str, str], entry: Entry[float | None]) -> None:
    seconds, cameras = entry.get(None), " and ".join(pair)
    now = "is unknown" if seconds is None else f"is at least {seconds:g} s"
    try:
        change_case(lambda case: case.with_travel_time(*pair, seconds), f"travel time between {cameras} {now}")
    except SettingsError as fault:
        # Beside the field that it is about.
        SETTING_REFUSED.set(str(fault))


@saving("The setting")
def _save_positions(switch: Entry[bool]) -> None:
    ignore = switch.get(False)
    entry = f"setting: {setting('ignore_positions').label} {'on' if ignore else 'off'}"
    change_case(lambda case: replace(case, ignore_positions=ignore), entry)
