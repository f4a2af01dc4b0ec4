"""How people are followed: sliders over a run that is done, what moving one would change, and the run that does it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st

from core.amounts import duration
from core.cases import Case
from core.errors import SightlineError
from core.jobs import Job, Order, order_of
from core.retrack import Changes, Held, again, compared, hold
from core.review import load_review
from core.settings import TrackSettings
from core.store import digest_of
from pages.parts.case import change
from pages.parts.services import services
from pages.parts.settling import waiting_decisions

_ANSWERS = 64
_WIDTH = 256
_SLOW_FRAMES = 20_000
"""Trying more takes long enough for people to want to be asked."""
_FRAMES_A_SECOND = 900
# Field of the settings: label, range, step, and what it does in one sentence.
_SLIDERS: dict[str, tuple[str, float, float, float, str]] = {
    "iou": (
        "Overlap (IoU)",
        *(0.0, 0.9, 0.05),
        "How much a box must overlap the place where somebody is expected: higher splits tracks where people are fast, "
        "lower may go on with somebody else.",
    ),
    "conf": (
        "Confidence",
        *(0.05, 0.95, 0.05),
        "How sure the detector must be that a box is a person: higher loses people who are small or half hidden.",
    ),
    "track_cos": (
        "Similarity",
        *(0.0, 1.0, 0.05),
        "How alike somebody must look to be the same one after a gap: higher splits tracks, lower joins them.",
    ),
    "n_init": (
        "Boxes that make a track",
        *(1, 30, 1),
        "Whoever is seen in fewer boxes is left out: higher drops false finds and people who only pass by.",
    ),
    "max_age": (
        "Seconds unseen",
        *(0.0, 10.0, 0.5),
        "How long somebody may be out of sight and still be the same track.",
    ),
}


@dataclass
class _Bench:
    """A run whose boxes are in memory, and what the last settings that were tried would change."""

    held: Held
    answers: OrderedDict[str, Changes] = field(default_factory=OrderedDict)


@st.cache_resource(max_entries=2, show_spinner="Reading what the run found…")
def _bench(out: str, stamp: int) -> _Bench:
    return _Bench(hold(Path(out)))


def retrack_panel(case: Case) -> None:
    """What waits of what was said, and the sliders."""
    if not case.run:
        return
    job = services().jobs.look(case.run)
    if not job.over:
        return
    waiting_decisions(case)
    with st.expander("How people are followed", icon=":material/tune:", on_change="rerun", key="retrack open") as panel:
        # Boxes are read when somebody looks.
        if panel.open:
            st.fragment(_sliders)(case, job)


def _sliders(case: Case, job: Job) -> None:
    st.caption(
        "How boxes become tracks. Move a slider to see what would change; nothing does until you use the settings."
    )
    settings = _chosen(case.run, job.order)
    try:
        if settings == job.order.track:
            st.markdown(":material/check: **These are the settings of this run.**")
        else:
            _show(case, job, settings)
    except SightlineError as fault:
        st.error(str(fault), icon=":material/error:")
    same = settings == job.order.track
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Use these settings", type="primary", icon=":material/play_arrow:", disabled=same):
            _use(case, job, settings)
        st.button("Back", icon=":material/undo:", disabled=same, on_click=_back, args=(case.run, job.order.track))
        st.caption(_cost(case, job.order))


def _cost(case: Case, order: Order) -> str:
    """What using them takes."""
    if {clip.digest for clip in case.clips} - {source.digest for source in order.sources}:
        return "Clips were added since this run: people are looked for in those too, which takes longer."
    return "Takes seconds: what was found in the clips is kept. What you have said about people is carried over."


def _use(case: Case, job: Job, settings: TrackSettings) -> None:
    """Start the run of these settings; all else as in the run that is shown."""
    was = job.order
    like_it: dict[str, Any] = {
        "detector": was.detector,
        "embedder": was.embedder,
        "video": was.video,
        "detect": was.detect,
    }
    try:
        order = order_of(replace(case, plan=replace(case.plan, **like_it, track=settings)))
        key = services().jobs.start(order).key
    except SightlineError as fault:
        st.error(str(fault), icon=":material/error:")
        return
    words = "started a run with other settings of tracking"
    change(lambda now: replace(now, plan=replace(now.plan, track=settings), wanted=key), words)
    st.rerun()


def _chosen(run: str, order: Order) -> TrackSettings:
    """What the sliders say: at first, the settings of the run."""
    values: dict[str, float] = {}
    with st.container(horizontal=True, gap="medium"):
        for name in _SLIDERS:
            # As many beside each other as there is room for.
            with st.container(width=_WIDTH):
                values[name] = _slider(name, order, _key(run, name))
    return TrackSettings(**values)  # type: ignore[arg-type]


def _slider(name: str, order: Order, key: str) -> float:
    label, low, high, step, hint = _SLIDERS[name]
    now = type(low)(getattr(order.track, name))
    st.session_state.setdefault(key, now)
    # A run by command line may lie outside what is sensible to try.
    value = st.slider(label, min(low, now), max(high, now), step=step, key=key, disabled=_idle(name, order))
    st.caption(hint)
    return round(value, 3)


def _idle(name: str, order: Order) -> bool:
    return name == "track_cos" and not order.matched


def _key(run: str, name: str) -> str:
    return f"retrack {run} {name}"


def _back(run: str, settings: TrackSettings) -> None:
    for name in _SLIDERS:
        st.session_state[_key(run, name)] = getattr(settings, name)


def _show(case: Case, job: Job, settings: TrackSettings) -> None:
    """What these settings would change."""
    bench = _bench(str(job.out), (job.out / "run.json").stat().st_mtime_ns)
    frames = bench.held.frames
    if frames > _SLOW_FRAMES and not st.toggle(
        f"Try it (about {duration(frames / _FRAMES_A_SECOND)})", key="retrack try"
    ):
        return
    changes = _answer(bench, case, settings)
    if changes.alike:
        st.markdown(":material/check: **Nothing would change.** The same tracks, and the same people.")
        return
    st.markdown(f":material/arrow_forward: **{changes.words}.**")
    st.markdown("\n".join(f"- {camera.words}" for camera in changes.cameras))


def _answer(bench: _Bench, case: Case, settings: TrackSettings) -> Changes:
    review = load_review(services().cases.review_file(case.key))
    key = digest_of([settings, case.threshold, review.links])
    answer = bench.answers.get(key)
    if answer is None:
        bar, frames = st.empty(), bench.held.frames

        def tell(done: int) -> None:
            if frames > 3 * _FRAMES_A_SECOND:
                bar.progress(min(1.0, done / frames))

        with st.spinner("Following people again…"):
            answer = compared(bench.held, again(bench.held, settings, tell), case.threshold, review)
        bar.empty()
        bench.answers[key] = answer
        while len(bench.answers) > _ANSWERS:
            bench.answers.popitem(last=False)
    return answer
