"""How thorough a run is, as three cards: each with the time that it would take for these clips on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from core.cases import Case, Plan
from core.errors import SightlineError, StoreError
from core.jobs import Order, order_of
from pages.parts.case import change, the_case
from pages.parts.foretelling import Foretold, foretell, measuring
from pages.parts.services import services

EVERY_SECONDS = 1.5


@dataclass(frozen=True)
class Preset:
    name: str
    words: str
    fps: float
    size: int

    def of(self, plan: Plan) -> Plan:
        """The plan with this preset's rate and size, and all else as it is."""
        return replace(plan, video=replace(plan.video, fps=self.fps), detect=replace(plan.detect, size=self.size))


PRESETS = (
    Preset("Quick", "A first look. May miss small or fast-moving people.", 5.0, 480),
    Preset("Balanced", "Recommended for most recordings.", 10.0, 640),
    Preset("Thorough", "Also finds small and distant people.", 15.0, 960),
)


def preset_cards() -> None:
    """The cards; they refresh while something is being measured."""
    case = the_case()
    orders = _orders(case)
    waits = _measuring(orders, [_foretold(order) for order in orders])
    st.fragment(_cards, run_every=EVERY_SECONDS if waits else None)(case, waits)


def _cards(drawn: Case, waited: bool) -> None:
    """`drawn` is the case as the rest of the page shows it."""
    case = the_case()
    orders = _orders(case)
    foretold = [_foretold(order) for order in orders]
    waits = waited and _measuring(orders, foretold)
    if (case.clips, case.plan) != (drawn.clips, drawn.plan) or (waited and not waits):
        # One full run of the page: other parts of it show what was changed too, here or in another tab, and the
        # polling begins or ends.
        st.rerun()
    for number, (column, preset) in enumerate(zip(st.columns(len(PRESETS)), PRESETS, strict=True)):
        with column, st.container(border=True, height="stretch"):
            _card(case, preset, orders[number] if orders else None, foretold[number] if orders else None, waits)
    own = _foretold(order_of(case)) if orders else None
    if own and all(preset.of(case.plan) != case.plan for preset in PRESETS):
        st.markdown(
            f"**Custom settings:** {case.plan.video.fps:g} frames per second, detector input "
            f"{case.plan.detect.size} px; {own.words}."
        )
    if own and own.known:
        st.caption(own.basis)


def _card(case: Case, preset: Preset, order: Order | None, foretold: Foretold | None, waits: bool) -> None:
    chosen = preset.of(case.plan) == case.plan
    st.markdown(f"**{preset.name}**" + (" :blue-badge[:material/check: selected]" if chosen else ""))
    if order is not None and _done(order):
        st.markdown(":material/check: **already done**")
    elif foretold is not None:
        time = foretold.words if foretold.known else "measuring…" if waits else "unknown"
        st.markdown(f":material/timer: **{time}**")
    st.caption(f"{preset.words} {preset.fps:g} frames per second at {preset.size} px.")
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
        return services().jobs.look(order.key).state == "done"
    except StoreError:
        return False


def _choose(preset: Preset) -> None:
    change(lambda case: replace(case, plan=preset.of(case.plan)), f"settings: {preset.name}")


def _orders(case: Case) -> list[Order]:
    """An order for each preset; none where one cannot be made, which is said elsewhere."""
    try:
        return [order_of(replace(case, plan=preset.of(case.plan))) for preset in PRESETS]
    except SightlineError:
        return []


def _foretold(order: Order) -> Foretold | None:
    try:
        return foretell(order)
    except SightlineError:
        return None


def _measuring(orders: list[Order], foretold: list[Foretold | None]) -> bool:
    """Measure on a clip of which something is not known, first what is likeliest to be chosen; whether that goes on."""
    for one in foretold:
        unknown = [camera for camera, expected in (one.cameras if one else {}).items() if expected.unknown]
        if unknown:
            return measuring([orders[1], orders[0], orders[2]], unknown[0])
    return False
