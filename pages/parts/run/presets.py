"""How long a run of an order would take on this machine, and what that rests on; measured first where nobody knows.

How thorough a run is, as three cards: each with the time that it would take for these clips on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core.base.errors import SightlineError, StoreError
from core.base.text import duration
from core.machine.artifacts import Store
from core.machine.device import backend
from core.runs import Camera, Networks, Recipe
from core.runs.estimate import Expected, Rates, expect, whole_run
from core.vision.regions import from_json
from core.workspace import clip_of, services
from core.workspace.cases import Case, Plan
from core.workspace.jobs import Order, Source, order_of
from pages.parts.shell.format import count
from pages.parts.shell.open_case import change, the_case

KEPT_SECONDS = 20


@dataclass(frozen=True)
class Foretold:
    """By camera, those left out whose clip cannot be read; and the seconds that a run needs besides."""

    cameras: Mapping[str, Expected]
    besides: float

    @property
    def known(self) -> bool:
        return all(one.whole is not None for one in self.cameras.values())

    @property
    def seconds(self) -> float:
        """Of the whole run: models are opened once."""
        opening: dict[str, float] = {}
        for one in self.cameras.values():
            opening.update(one.opening)
        return sum(one.whole or 0.0 for one in self.cameras.values()) + sum(opening.values()) + self.besides

    @property
    def words(self) -> str:
        """
        >>> Foretold({}, 4.0).words
        'about 4 s'
        """
        return f"about {duration(max(1.0, self.seconds))}" if self.known else "unknown"

    @property
    def basis(self) -> str:
        """What it rests on, in a sentence."""
        done = [one for one in self.cameras.values() if "detect" in one.done]
        of = count(len(self.cameras), "clip")
        left = f" Of {of}, {len(done)} already processed and not counted." if done else ""
        tried = any(one.tried for one in self.cameras.values())
        rests = "a short trial on these clips" if tried else "earlier runs on this computer"
        return f"Estimated from {rests}.{left}"


def foretell(order: Order) -> Foretold:
    """What the order would cost now. `WeightsError` where a model is not here."""
    rates, store = Rates(), Store(peeks=True)
    networks = Networks.named(order.detector, order.embedder, backend("auto"))
    recipe = Recipe(order.video, order.detect, track=order.track)
    found = {}
    for source in order.sources:
        try:
            found[source.camera] = _expected(source, recipe, networks, rates, store)
        except SightlineError:
            # It will be said of the clip itself when its turn comes; no other is kept from its estimate.
            continue
    return Foretold(found, whole_run(rates))


@st.cache_data(ttl=KEPT_SECONDS, max_entries=50, show_spinner=False)
def foretold_lately(key: str, _order: Order) -> Foretold:
    """The same, for whoever asks every second. `key` is the order's."""
    return foretell(_order)


def _expected(source: Source, recipe: Recipe, networks: Networks, rates: Rates, store: Store) -> Expected:
    clip = clip_of(source.path)
    camera = Camera(source.camera, Path(source.path), span=source.span)
    regions = from_json(source.regions) if source.regions else None
    return expect(clip, camera, recipe, networks, rates, store, regions)


def measuring(orders: list[Order], unknown: str) -> bool:
    """Measure all orders on the clip of camera `unknown`, in the background; whether that is at work now."""
    if any(job.live for job in services().jobs.all()):
        return False
    order = orders[0]
    path = next(source.path for source in order.sources if source.camera == unknown)
    at = [f"--at={one.detect.size}@{one.video.fps:g}" for one in orders]
    return services().trials.begin([path, f"--weights={order.detector}", f"--features={order.embedder}", *at])


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
