"""Models and settings of a case's runs, as widgets. What is set is in the case at once, for every tab and for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from core.cases import Case, Plan
from core.errors import SettingsError
from core.jobs import NONE
from core.weights import Kind, Model, Status, listing
from pages.parts.case import change

Put = Callable[[Plan, Any], Plan]
REFUSED = "setting refused"


def model_choice(case: Case) -> None:
    """Which models are here and what each is good for; those that are not, folded away."""
    models = listing()
    here = [status for status in models if status.state == "present"]
    if not any(status.model.kind == "detector" for status in here):
        st.error("**No person detector is installed.** Install one of the models listed below, then reload this page.")
    one, other = st.columns(2)
    with one:
        _model(case, here, "detector", "Person detector", case.plan.detector)
    with other:
        _model(case, here, "embedder", "Re-identification model", case.plan.embedder)
    _here([status.model for status in here])
    _absent([status for status in models if status.state != "present"])


def _model(case: Case, here: list[Status], kind: Kind, label: str, chosen: str) -> None:
    known = {status.model.name: status.model for status in here if status.model.kind == kind}
    options = [*known, *([NONE] if kind == "embedder" else [])]
    if chosen not in options:
        st.error(f"**{chosen} is not installed.** Choose another model, or install this one: see below.")
        options.append(chosen)
    put: Put = lambda plan, name: replace(plan, **{kind: name})  # noqa: E731
    _kept(st.selectbox, label, case, kind, chosen, put, options=options, format_func=_called)
    if chosen in known:
        st.caption(f"{known[chosen].good_for}  \nLicence: {known[chosen].licence}.")
    elif chosen == NONE:
        st.caption("People are tracked within each clip only. To match them across cameras, choose a model.")


def _called(name: str) -> str:
    return "None (motion only)" if name == NONE else name


def advanced(case: Case) -> None:
    """Numbers for whoever wants them, folded away."""
    plan = case.plan
    with st.expander("Advanced settings"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _number(
                case,
                "Analysis frame rate",
                "fps",
                plan.video.fps,
                _in("video", "fps"),
                0.0,
                1000.0,
                1.0,
                "Frames analysed per second. 0 means all.",
            )
            _number(
                case,
                "Detector input size (px)",
                "size",
                plan.detect.size,
                _in("detect", "size"),
                64,
                4096,
                32,
                "Long side of the frame as the detector sees it. Larger finds smaller people but takes longer.",
            )
            _number(
                case,
                "Confidence threshold",
                "conf",
                plan.track.conf,
                _in("track", "conf"),
                0.0,
                1.0,
                0.05,
                "Boxes with lower detector confidence are not used.",
            )
            _number(
                case,
                "Minimum IoU",
                "iou",
                plan.track.iou,
                _in("track", "iou"),
                0.0,
                1.0,
                0.05,
                "Required overlap of a box with the predicted position.",
            )
            _number(
                case,
                "Similarity threshold",
                "track_cos",
                plan.track.track_cos,
                _in("track", "track_cos"),
                -1.0,
                1.0,
                0.05,
                "Required to continue a track after a gap. Needs a re-identification model.",
            )
            _number(
                case,
                "Minimum detections per track",
                "n_init",
                plan.track.n_init,
                _in("track", "n_init"),
                1,
                100,
                1,
                "Shorter tracks are dropped.",
            )
            _number(
                case,
                "Maximum gap (s)",
                "max_age",
                plan.track.max_age,
                _in("track", "max_age"),
                0.0,
                3600.0,
                0.5,
                "A track ends when the person is out of sight for longer.",
            )
        if plan != Plan():
            st.button("Reset to defaults", icon=":material/undo:", on_click=_reset)
    if refused := st.session_state.pop(REFUSED, ""):
        st.error(refused)


def _number(case: Case, label: str, name: str, value: Any, put: Put, low: Any, high: Any, step: Any, hint: str) -> None:
    _kept(
        st.number_input, label, case, name, value, put, min_value=low, max_value=high, step=step, help=hint, width=190
    )


def _in(group: str, name: str) -> Put:
    """What puts a value into one of the plan's settings."""
    return lambda plan, value: replace(plan, **{group: replace(getattr(plan, group), **{name: value})})


def _kept(widget: Any, label: str, case: Case, name: str, value: Any, put: Put, **rest: Any) -> None:
    """A widget that shows what the case holds, whoever changed it, and changes the case at once."""
    key = f"{name} of {case.key}"
    st.session_state[key] = value
    widget(label, key=key, on_change=_save, args=(key, label, put), **rest)


def _save(key: str, label: str, put: Put) -> None:
    value = st.session_state[key]
    try:
        change(lambda case: replace(case, plan=put(case.plan, value)), f"setting: {label} {value}")
    except SettingsError as fault:
        st.session_state[REFUSED] = str(fault)


def _reset() -> None:
    change(lambda case: replace(case, plan=Plan()), "settings: reset to defaults")


def _here(models: list[Model]) -> None:
    with st.expander(f"Installed models ({len(models)})"):
        for model in models:
            figures = "; ".join(model.figures) or "no figures yet"
            st.markdown(
                f"**{model.name}** ({_KINDS[model.kind]}). {model.good_for}  \nMeasured: {figures}.  \n"
                f"Trained on: {model.trained_on}.  \nLicence: {model.licence}."
            )


def _absent(absent: list[Status]) -> None:
    if not absent:
        return
    with st.expander(f"Models that are not installed ({len(absent)})"):
        st.caption(
            "Sightline downloads nothing by itself. Fetch a model or put its file in place, then reload this page."
        )
        for status in absent:
            model = status.model
            why = "" if status.state == "missing" else " **The file in its place is not the expected one.**"
            get = f"  \nTo fetch it: `python -m core models get {model.name}`" if model.url else ""
            st.markdown(
                f"**{model.name}** ({_KINDS[model.kind]}).{why} {model.good_for}  \n"
                f"Place: `{model.path}`  \nSource: {model.source}; licence: {model.licence}{get}"
            )


_KINDS = {"detector": "person detector", "embedder": "re-identification model"}
