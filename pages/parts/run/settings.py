"""Models and settings of a case's runs, as input fields. Every change is saved in the case at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from core.base.errors import SettingsError
from core.base.settings import SETTINGS, Setting
from core.base.settings import setting as setting_by_key
from core.machine.settings_file import load_settings
from core.runs import NO_EMBEDDER
from core.vision.face import MIN_FACE_PX, face_models_missing
from core.vision.models import Model, ModelKind, ModelStatus, statuses
from core.workspace.cases import Case, Plan, default_plan
from pages.parts.shell.markdown import code, escape
from pages.parts.shell.open_case import change_case, require_case, saving
from pages.parts.shell.session import SETTING_REFUSED, Entry, plan_setting
from pages.parts.shell.welcome import PURPOSE


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
        st.error(f"**{escape(chosen)} is not installed.** Choose another model, or install this one: see below.")
        options.append(chosen)
    _choice(case, kind, label, chosen, options)
    if chosen in models_by_name:
        st.caption(f"{escape(models_by_name[chosen].good_for)}  \nLicence: {escape(models_by_name[chosen].licence)}.")
    elif chosen == NO_EMBEDDER:
        st.caption("People are tracked within each clip only. To match them across cameras, choose a model.")


def _model_label(name: str) -> str:
    return "None (motion only)" if name == NO_EMBEDDER else name


def face_choice(case: Case) -> None:
    """Whether faces are compared, too: off unless the user says for what, and only in this case."""
    with st.expander("Faces"):
        st.caption(
            f"One more cue between the tracks of this case, where a face is at least {MIN_FACE_PX:d} pixels wide: it "
            "can tip the balance, never outvote appearance. Faces are never compared with photos, lists or other cases."
        )
        if not case.plan.faces and (missing := face_models_missing()):
            st.info(escape(missing))
            return
        entry, purpose = plan_setting("faces", case.key), plan_setting("purpose of faces", case.key)
        entry.set(case.plan.faces)
        if not case.plan.faces:
            st.text_input(PURPOSE, case.purpose, key=purpose.key, help="Required to compare faces; it is logged.")
        label = setting_by_key("faces").label
        st.checkbox(escape(label), key=entry.key, on_change=_save_faces, args=(entry, purpose))


@saving("The setting")
def _save_faces(entry: Entry[Any], field: Entry[Any]) -> None:
    wanted, case = bool(entry.get(False)), require_case()
    purpose = str(field.get("") or case.purpose).strip()
    if wanted and not purpose:
        SETTING_REFUSED.set("**Faces are compared only for a purpose.** Enter it, then try again.")
        return
    change_case(
        lambda now: replace(now, purpose=purpose, plan=replace(now.plan, faces=wanted)),
        f"faces compared, too; purpose: {purpose}" if wanted else "faces no longer compared",
    )


_FIELD_WIDTH = 190


def advanced(case: Case) -> None:
    """All numbers of the plan, in an expander."""
    with st.expander("Advanced settings"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            for setting in SETTINGS:
                if setting.on_run_page:
                    _number(case, setting)
        if case.plan != default_plan(load_settings()):
            st.button("Reset to defaults", icon=":material/undo:", on_click=_reset)
    if refused := SETTING_REFUSED.pop(""):
        st.error(escape(refused))


def _number(case: Case, setting: Setting) -> None:
    """A field that shows the value of the case, also after a change in another tab, and saves changes at once."""

    def apply(plan: Plan, value: float) -> Plan:
        """The plan with this value; `SettingsError` where the value is not valid."""
        changed: dict[str, Any] = {setting.part: replace(getattr(plan, setting.part), **{setting.name: value})}
        return replace(plan, **changed)

    entry = plan_setting(setting.name, case.key)
    entry.set(getattr(getattr(case.plan, setting.part), setting.name))
    low, high = map(setting.kind, setting.range)
    st.number_input(
        setting.full_label,
        min_value=low,
        max_value=high,
        step=setting.kind(setting.step),
        key=entry.key,
        help=f"{setting.help} {setting.effect}".strip(),
        width=_FIELD_WIDTH,
        on_change=_save,
        args=(entry, setting.full_label, apply),
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
    change_case(lambda case: replace(case, plan=default_plan(load_settings())), "settings: reset to defaults")


def _installed_models(models: list[Model]) -> None:
    with st.expander(f"Installed models ({len(models)})"):
        for model in models:
            figures = "; ".join(model.figures) or "no figures yet"
            st.markdown(
                f"**{escape(model.name)}** ({_KINDS[model.kind]}). {escape(model.good_for)}  \n"
                f"Measured: {escape(figures)}.  \n"
                f"Trained on: {escape(model.trained_on)}.  \nLicence: {escape(model.licence)}."
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
            command = f"  \nTo fetch it: {code(f'python -m core models get {model.name}')}" if model.url else ""
            st.markdown(
                f"**{escape(model.name)}** ({_KINDS[model.kind]}).{why} {escape(model.good_for)}  \n"
                f"Place: {code(str(model.path))}  \n"
                f"Source: {escape(model.source)}; licence: {escape(model.licence)}{command}"
            )


_KINDS = {"detector": "person detector", "embedder": "re-identification model", "head finder": "head finder"}
