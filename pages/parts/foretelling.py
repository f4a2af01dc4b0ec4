"""How long a run of an order would take on this machine, and what that rests on; measured first where nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.amounts import duration
from core.device import backend
from core.errors import SightlineError
from core.jobs import Order, Source
from core.pipeline import Camera, Networks, Recipe
from core.regions import from_json
from core.speed import Expected, Rates, expect, whole_run
from core.store import Store
from pages.parts.looking import clip_of
from pages.parts.services import services
from pages.parts.words import count

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
        return f"about {duration(max(1.0, self.seconds))}" if self.known else "not known yet"

    @property
    def basis(self) -> str:
        """What it rests on, in a sentence."""
        done = [one for one in self.cameras.values() if "detect" in one.done]
        of = count(len(self.cameras), "clip")
        left = f" Of {of}, {len(done)} looked at before: that is left out." if done else ""
        tried = any(one.tried for one in self.cameras.values())
        rests = "a trial of a few seconds on these clips" if tried else "runs that this machine has finished"
        return f"Measured by {rests}.{left}"


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
