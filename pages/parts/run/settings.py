"""Models and settings of a case's runs, as input fields. Every change is saved in the case at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import streamlit as st

from core.base.errors import SettingsError
from core.runs import NO_EMBEDDER
from core.vision.models import Model, ModelKind, ModelStatus, statuses
from core.workspace.cases import Case, Plan
from pages.parts.shell.open_case import change_case, saving
from pages.parts.shell.session import SETTING_REFUSED, Entry, plan_setting


def model_choice(case: Case) -> None:
    """The choice of models, and what each installed or missing model is for."""
    models = statuses()
    installed = [status for status in models if status.state == "present"]
    if not any(status.model.kind == "detector" for status in installed):
        st.error("**No person detector is installed.** Install one of the models listed below, then reload this page.")
    left, right = st.columns(2)
    with left:
        _model_field(case, installed, "detector", "Person detector", case.plan.detector)
    with right:
        _model_field(case, installed, "embedder", "Re-identification model", case.plan.embedder)
    _installed_models([status.model for status in installed])
    _missing_models([status for status in models if status.state != "present"])


def _model_field(case: Case, installed: list[ModelStatus], kind: ModelKind, label: str, chosen: str) -> None:
    models_by_name = {status.model.name: status.model for status in installed if status.model.kind == kind}
    options = [*models_by_name, *([NO_EMBEDDER] if kind == "embedder" else [])]
    if chosen not in options:
        st.error(f"**{chosen} is not installed.** Choose another model, or install this one: see below.")
        options.append(chosen)
    _choice(case, kind, label, chosen, options)
    if chosen in models_by_name:
        st.caption(f"{models_by_name[chosen].good_for}  \nLicence: {models_by_name[chosen].licence}.")
    elif chosen == NO_EMBEDDER:
        st.caption("People are tracked within each clip only. To match them across cameras, choose a model.")


def _model_label(name: str) -> str:
    return "None (motion only)" if name == NO_EMBEDDER else name


@dataclass(frozen=True)
class SettingField:
    """A number of the plan as an input field: its part of the plan, its name there, and its range."""

    part: Literal["video", "detect", "track"]
    name: str
    label: str
    hint: str
    range: tuple[float, float]
    step: float
    format: str | None = None

    def of(self, plan: Plan) -> float:
        value: float = getattr(getattr(plan, self.part), self.name)
        return value

    def apply(self, plan: Plan, value: float) -> Plan:
        """The plan with this value; `SettingsError` where the value is not valid."""
        changed: dict[str, Any] = {self.part: replace(getattr(plan, self.part), **{self.name: value})}
        return replace(plan, **changed)


FIELDS = (
    SettingField("video", "fps", "Analysis frame rate", "Frames analysed per second. 0 means all.", (0.0, 1000.0), 1.0),
    SettingField(
        "detect",
        "size",
        "Detector input size (px)",
        "Long side of the frame as the detector sees it. Larger finds smaller people but takes longer.",
        (64, 4096),
        32,
    ),
    SettingField(
        "track", "conf", "Confidence threshold", "Boxes with lower detector confidence are not used.", (0.0, 1.0), 0.05
    ),
    SettingField(
        "track",
        "iou",
        "Minimum IoU",
        "Required overlap of a box with the predicted position.",
        (0.0, 1.0),
        0.05,
    ),
    SettingField(
        "track",
        "track_cos",
        "Similarity threshold",
        "Required to continue a track after a gap. Needs a re-identification model.",
        (-1.0, 1.0),
        0.05,
    ),
    SettingField("track", "n_init", "Minimum detections per track", "Shorter tracks are dropped.", (1, 100), 1),
    SettingField(
        "track",
        "max_age",
        "Maximum gap (s)",
        "A track ends when the person is out of sight for longer.",
        (0.0, 3600.0),
        0.5,
    ),
)
_FIELD_WIDTH = 190


def advanced(case: Case) -> None:
    """All numbers of the plan, in an expander."""
    with st.expander("Advanced settings"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for field in FIELDS:
                _number(case, field)
        if case.plan != Plan():
            st.button("Reset to defaults", icon=":material/undo:", on_click=_reset)
    if refused := SETTING_REFUSED.pop(""):
        st.error(refused)


def _number(case: Case, field: SettingField) -> None:
    """A field that shows the value of the case, also after a change in another tab, and saves changes at once."""
    entry = plan_setting(field.name, case.key)
    entry.set(field.of(case.plan))
    st.number_input(
        field.label,
        min_value=field.range[0],
        max_value=field.range[1],
        step=field.step,
        format=field.format,
        key=entry.key,
        help=field.hint,
        width=_FIELD_WIDTH,
        on_change=_save,
        args=(entry, field.label, field.apply),
    )


def _choice(case: Case, kind: ModelKind, label: str, chosen: str, options: list[str]) -> None:
    """A choice of model, saved at once."""

    def apply(plan: Plan, name: str) -> Plan:
        return replace(plan, detector=name) if kind == "detector" else replace(plan, embedder=name)

    entry = plan_setting(kind, case.key)
    entry.set(chosen)
    arguments = entry, label, apply
    st.selectbox(label, options, format_func=_model_label, key=entry.key, on_change=_save, args=arguments)


@saving("The setting")
def _save(entry: Entry[Any], label: str, apply: Callable[[Plan, Any], Plan]) -> None:
    value = entry.get(None)
    try:
        change_case(lambda case: replace(case, plan=apply(case.plan, value)), f"setting: {label} {value}")
    except SettingsError as fault:
        # Beside the field that it is about.
        SETTING_REFUSED.set(str(fault))


@saving("The reset of the settings")
def _reset() -> None:
    change_case(lambda case: replace(case, plan=Plan()), "settings: reset to defaults")


def _installed_models(models: list[Model]) -> None:
    with st.expander(f"Installed models ({len(models)})"):
        for model in models:
            figures = "; ".join(model.figures) or "no figures yet"
            st.markdown(
                f"**{model.name}** ({_KINDS[model.kind]}). {model.good_for}  \nMeasured: {figures}.  \n"
                f"Trained on: {model.trained_on}.  \nLicence: {model.licence}."
            )


def _missing_models(missing: list[ModelStatus]) -> None:
    if not missing:
        return
    with st.expander(f"Models that are not installed ({len(missing)})"):
        st.caption(
            "Sightline downloads nothing by itself. Fetch a model or put its file in place, then reload this page."
        )
        for status in missing:
            model = status.model
            why = "" if status.state == "missing" else " **The file in its place is not the expected one.**"
            command = f"  \nTo fetch it: `python -m core models get {model.name}`" if model.url else ""
            st.markdown(
                f"**{model.name}** ({_KINDS[model.kind]}).{why} {model.good_for}  \n"
                f"Place: `{model.path}`  \nSource: {model.source}; licence: {model.licence}{command}"
            )


_KINDS = {"detector": "person detector", "embedder": "re-identification model"}
