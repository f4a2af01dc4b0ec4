"""The offer of better models on the Run page: what a download would bring, how far it is, and, once they are here, what
they would change in this case. Nothing is downloaded unless the button is pressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st

from core.base.errors import SightlineError
from core.base.text import format_bytes, format_count, format_duration
from core.vision.models import (
    DETECTOR,
    EMBEDDER,
    Model,
    ModelStatus,
    download_folder,
    entries,
    recommended,
    this_machine,
)
from core.workspace import ModelDownload, services
from core.workspace.cases import Case, Plan
from core.workspace.jobs import order_of
from pages.parts.run.presets import cached_estimate
from pages.parts.shell.markdown import escape
from pages.parts.shell.open_case import change_case, saving

_EVERY_SECONDS = 1.0
_KINDS = {"detector": "Person detector", "embedder": "Re-identification model"}
_SHIPPED = {"detector": DETECTOR, "embedder": EMBEDDER}
_MACHINES = {"cpu": "without an NVIDIA graphics card", "gpu": "with an NVIDIA graphics card"}


def model_offer(case: Case) -> None:
    """Draws nothing where the best models for this computer are here and the case uses them."""
    models = recommended()
    missing = [status for status in models if status.state == "missing" and status.model.url]
    download = services().models.latest
    if missing or (download is not None and download.is_active):
        with st.container(border=True):
            is_active = download is not None and download.is_active
            st.fragment(_offer, run_every=_EVERY_SECONDS if is_active else None)(missing, is_active)
    better: dict[str, str] = {status.model.kind: status.model.name for status in models if status.state == "present"}
    _what_would_change(case, better)


def _offer(missing: list[ModelStatus], was_active: bool) -> None:
    download = services().models.latest
    is_active = download is not None and download.is_active
    if is_active != was_active:
        # The whole page: polling starts or stops, and the new models can be chosen.
        st.rerun()
    st.markdown("**Better models can be downloaded**")
    st.markdown(_table([status.model for status in missing]))
    if download is not None and is_active:
        _show_progress(download)
        return
    if download is not None and download.state == "stopped":
        st.caption("The download was cancelled. What has come is kept; the next download continues with it.")
    for fault in download.faults if download else ():
        st.error(escape(fault), icon=":material/error:")
    total = format_bytes(sum(status.model.megabytes for status in missing) * 1e6)
    label = f"Download {format_count(len(missing), 'model', 'models')} ({total})"
    st.button(label, icon=":material/download:", on_click=services().models.start, args=(missing,))
    st.caption(
        f"Recommended for computers {_MACHINES[this_machine()]}. To be kept in {escape(str(download_folder()))}; "
        "nothing is sent. You can go on working meanwhile."
    )


def _show_progress(download: ModelDownload) -> None:
    left = "" if download.left_seconds is None else f", about {format_duration(download.left_seconds)} left"
    st.progress(download.share, f"{format_bytes(download.done)} of {format_bytes(download.total)}{left}")
    st.button("Cancel", icon=":material/close:", on_click=services().models.cancel)


def _table(models: list[Model]) -> str:
    """What comes with Sightline beside what can be downloaded, in Markdown."""
    lines = ["| Comes with Sightline | Download |", "| --- | --- |"]
    for model in models:
        ours = entries()[_SHIPPED[model.kind]].model
        size = format_bytes(model.megabytes * 1e6)
        lines += [
            f"| {_KINDS[model.kind]}: **{escape(ours.name)}**, {escape(ours.licence)} "
            f"| **{escape(model.name)}**, {size}, {escape(model.licence)} |",
            f"| {escape(ours.brief)} | {escape(model.brief)} |",
        ]
    return "\n".join(lines)


def _what_would_change(case: Case, better: Mapping[str, str]) -> None:
    """Offers the better models that are here to a case that uses those that come with Sightline."""
    now = {"detector": case.plan.detector, "embedder": case.plan.embedder}
    new = {kind: name for kind, name in better.items() if now[kind] == _SHIPPED[kind] != name}
    if not new:
        return
    plan = _with_models(case.plan, new)
    old_names, new_names = (" and ".join(escape(names[kind]) for kind in new) for names in (now, new))
    clips = format_count(len(case.clips), "clip", "clips")
    with st.container(border=True):
        st.markdown(
            f"**A better choice is installed: {new_names}.** This case keeps {old_names} until you change it. With the "
            f"new choice, the next run looks at {clips} again{_duration(case, plan)}; your decisions stay and are "
            "applied to its results."
        )
        st.button("Use it in this case", icon=":material/upgrade:", on_click=_use, args=(new,))


def _duration(case: Case, plan: Plan) -> str:
    """How long a run with this plan takes, ", about 6 min"; empty where that is not known."""
    try:
        order = order_of(replace(case, plan=plan))
        estimate = cached_estimate(order.key, order)
    except SightlineError:
        return ""
    return f", {escape(estimate.description)}" if estimate.is_known else ""


def _with_models(plan: Plan, new: Mapping[str, str]) -> Plan:
    return replace(plan, detector=new.get("detector", plan.detector), embedder=new.get("embedder", plan.embedder))


@saving("The choice of models")
def _use(new: Mapping[str, str]) -> None:
    names = " and ".join(new.values())
    change_case(lambda case: replace(case, plan=_with_models(case.plan, new)), f"setting: models {names}")
