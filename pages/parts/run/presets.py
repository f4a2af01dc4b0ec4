"""The presets Quick, Balanced and Thorough as cards, each with the time that a run would take.

The time comes from earlier runs on this computer. Where none has measured a stage, a short trial on one of the clips
measures it in the background.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import format_count, format_duration
from core.machine.artifacts import Store
from core.machine.device import parse_backend
from core.machine.settings_file import machine_settings
from core.runs import Camera, Networks, Recipe
from core.runs.estimate import ClipEstimate, Rates, estimate_clip, run_overhead
from core.vision.regions import from_json
from core.workspace import clip_of, services
from core.workspace.cases import Case, Plan
from core.workspace.jobs import Order, Source, order_of
from pages.parts.shell.markdown import escape
from pages.parts.shell.open_case import change_case, require_case, saving

_CACHE_SECONDS = 20


@dataclass(frozen=True)
class RunEstimate:
    """The expected duration: of each camera whose clip can be read, and `overhead`, seconds of the run as a whole."""

    cameras: Mapping[str, ClipEstimate]
    overhead: float

    @property
    def is_known(self) -> bool:
        return all(camera.total_seconds is not None for camera in self.cameras.values())

    @property
    def seconds(self) -> float:
        """Of the whole run. Each model is opened only once."""
        opening: dict[str, float] = {}
        for camera in self.cameras.values():
            opening.update(camera.opening)
        return (
            sum(camera.total_seconds or 0.0 for camera in self.cameras.values()) + sum(opening.values()) + self.overhead
        )

    @property
    def description(self) -> str:
        """
        >>> RunEstimate({}, 4.0).description
        'about 4 s'
        """
        return f"about {format_duration(max(1.0, self.seconds))}" if self.is_known else "unknown"

    @property
    def basis(self) -> str:
        """Where the estimate comes from, in a sentence."""
        done = [camera for camera in self.cameras.values() if "detect" in camera.done]
        clips = format_count(len(self.cameras), "clip", "clips")
        exempt = f" {len(done)} of {clips} already processed and not counted." if done else ""
        measured = any(camera.from_trial for camera in self.cameras.values())
        source = "a short trial on these clips" if measured else "earlier runs on this computer"
        return f"Estimated from {source}.{exempt}"


def estimate_run(order: Order) -> RunEstimate:
    """How long the order would take now; `WeightsError` where a model is not installed."""
    rates, store = Rates(), Store(preserve_times=True)
    networks = Networks.from_names(order.detector, order.embedder, parse_backend(machine_settings().device))
    recipe = Recipe(order.video, order.detect, track=order.track)
    estimates_by_camera = {}
    for source in order.sources:
        try:
            estimates_by_camera[source.camera] = _camera_estimate(source, recipe, networks, rates, store)
        except SightlineError:
            # The clip reports its fault itself; the other clips still get an estimate.
            continue
    return RunEstimate(estimates_by_camera, run_overhead(rates))


@st.cache_data(ttl=_CACHE_SECONDS, max_entries=50, show_spinner=False)
def cached_estimate(key: str, _order: Order) -> RunEstimate:
    """The estimate of an order, cached for pages that poll. `key` is the key of the order."""
    return estimate_run(_order)


def _camera_estimate(source: Source, recipe: Recipe, networks: Networks, rates: Rates, store: Store) -> ClipEstimate:
    clip = clip_of(source.path)
    camera = Camera(source.camera, Path(source.path), span=source.span)
    regions = from_json(source.regions) if source.regions else None
    return estimate_clip(clip, camera, recipe, networks, rates, store, regions)


def start_measurement(orders: list[Order], unknown: str) -> bool:
    """Measure all orders on the clip of camera `unknown`, in the background; returns whether that is in progress."""
    if any(job.is_active for job in services().jobs.all()):
        return False
    order = orders[0]
    path = next(source.path for source in order.sources if source.camera == unknown)
    at = [f"--at={entry.detect.size}@{entry.video.fps:g}" for entry in orders]
    flags = {"weights": order.detector, "features": order.embedder, "device": machine_settings().device}
    return services().speed_tests.begin([path, *(f"--{flag}={value}" for flag, value in flags.items()), *at])


EVERY_SECONDS = 1.5


@dataclass(frozen=True)
class Preset:
    name: str
    description: str
    fps: float
    size: int

    def apply(self, plan: Plan) -> Plan:
        """The plan with the frame rate and input size of this preset."""
        return replace(plan, video=replace(plan.video, fps=self.fps), detect=replace(plan.detect, size=self.size))


PRESETS = (
    Preset("Quick", "A first look. May miss small or fast-moving people.", 5.0, 480),
    Preset("Balanced", "Recommended for most recordings.", 10.0, 640),
    Preset("Thorough", "Also finds small and distant people in large pictures.", 15.0, 1280),
)


def preset_cards() -> None:
    """The cards; they refresh while something is being measured."""
    case = require_case()
    orders = _orders(case)
    estimates = [_estimate(order) for order in orders]
    measuring = _measure_unknown(orders, estimates)
    st.fragment(_cards, run_every=EVERY_SECONDS if measuring else None)(case, measuring, iter([estimates]))


_NONE: Iterator[list[RunEstimate | None]] = iter(())


def _cards(page_case: Case, was_measuring: bool, computed: Iterator[list[RunEstimate | None]] = _NONE) -> None:
    """`page_case` is the case as the rest of the page shows it. `computed` has the page's estimates, which hold for the
    first time that the cards are drawn: of many clips they take a while."""
    case = require_case()
    orders = _orders(case)
    estimates = next(computed, None) or [_estimate(order) for order in orders]
    measuring = was_measuring and _measure_unknown(orders, estimates)
    if (case.clips, case.plan) != (page_case.clips, page_case.plan) or (was_measuring and not measuring):
        # Rerun the whole page: its other parts show the change too, and polling starts or stops.
        st.rerun()
    for number, (column, preset) in enumerate(zip(st.columns(len(PRESETS)), PRESETS, strict=True)):
        with column, st.container(border=True, height="stretch"):
            _preset_card(
                case, preset, orders[number] if orders else None, estimates[number] if orders else None, measuring
            )
    current = _current_estimate(case, dict(zip((order.key for order in orders), estimates, strict=True)))
    if current and all(preset.apply(case.plan) != case.plan for preset in PRESETS):
        st.markdown(
            f"**Custom settings:** {case.plan.video.fps:g} frames per second, detector input "
            f"{case.plan.detect.size:d} px; {escape(current.description)}."
        )
    if current and current.is_known:
        st.caption(escape(current.basis))


def _preset_card(
    case: Case, preset: Preset, order: Order | None, estimate: RunEstimate | None, measuring: bool
) -> None:
    chosen = preset.apply(case.plan) == case.plan
    st.markdown(f"**{preset.name}**" + (" :blue-badge[:material/check: selected]" if chosen else ""))
    if order is not None and _done(order):
        st.markdown(":material/check: **already done**")
    elif estimate is not None:
        duration_text = estimate.description if estimate.is_known else "measuring…" if measuring else "unknown"
        st.markdown(f":material/timer: **{escape(duration_text)}**")
    st.caption(f"{preset.description} {preset.fps:g} frames per second at {preset.size:d} px.")
    st.button(
        "Selected" if chosen else f"Select {preset.name}",
        key=f"preset {preset.name}",
        disabled=chosen,
        on_click=_choose,
        args=(preset,),
        width="stretch",
    )


def _done(order: Order) -> bool:
    try:
        return services().jobs.get(order.key).state == "done"
    except StoreError:
        return False


@saving("The choice of settings")
def _choose(preset: Preset) -> None:
    change_case(lambda case: replace(case, plan=preset.apply(case.plan)), f"settings: {preset.name}")


def _orders(case: Case) -> list[Order]:
    """An order for each preset; an empty list where the case cannot be run, which the page explains elsewhere."""
    try:
        return [order_of(replace(case, plan=preset.apply(case.plan))) for preset in PRESETS]
    except SightlineError:
        return []


def _current_estimate(case: Case, of_presets: Mapping[str, RunEstimate | None]) -> RunEstimate | None:
    """The estimate for the settings of the case; `of_presets` has those for the presets, by the order's key."""
    if not of_presets:
        return None
    order = order_of(case)
    return of_presets[order.key] if order.key in of_presets else _estimate(order)


def _estimate(order: Order) -> RunEstimate | None:
    try:
        return estimate_run(order)
    except SightlineError:
        return None


def _measure_unknown(orders: list[Order], estimates: list[RunEstimate | None]) -> bool:
    """Measure where an estimate lacks a stage, the recommended preset first; returns whether that is in progress."""
    for estimate in estimates:
        unknown = [camera for camera, expected in (estimate.cameras if estimate else {}).items() if expected.unknown]
        if unknown:
            return start_measurement([orders[1], orders[0], orders[2]], unknown[0])
    return False
