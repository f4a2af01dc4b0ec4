"""How long a run of a clip will take on this machine, stage by stage, and what that rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.pipeline import Camera, Networks, Recipe, ahead, planned
from core.regions import Regions
from core.speed.noting import MODELLED, kind_of, opening_of
from core.speed.rates import Rate, Rates
from core.store import Store
from core.types import Clip

STAGES = ("detect", "embed", "track", "crops")
"""In the order of the work."""


@dataclass(frozen=True)
class Expected:
    """Of one clip: frames to look at, seconds that each stage still needs (those unknown are left out), the seconds to
    open the models, which are needed once for all clips, and which stages are done already.
    """

    frames: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    opening: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    tried: bool = False

    @property
    def whole(self) -> float | None:
        """Seconds of all stages, without the opening; None where one of them is unknown."""
        return None if self.unknown else sum(self.seconds.values())


def expect(
    clip: Clip,
    camera: Camera,
    recipe: Recipe,
    networks: Networks,
    rates: Rates,
    store: Store,
    regions: Regions | None = None,
) -> Expected:
    """What a run of this clip would cost now. `tried` says that a figure is of a trial, and of no run."""
    timeline, _ = planned(clip, camera, recipe)
    frames, shares = ahead(clip, camera, recipe, networks, store, regions)
    seconds, opening, unknown, tried = {}, {}, [], False
    for stage in _stages(networks):
        left = 1 - shares.get(stage, 0.0)
        if left <= 0:
            continue
        kind = kind_of(stage, clip, timeline, recipe, networks)
        rate = rates.nearest(kind)
        if rate is None:
            unknown.append(stage)
            continue
        seconds[stage] = rate.each * frames * left
        tried = tried or rate.basis == "trial"
        opening.update(_opening(stage, rates.nearest(opening_of(kind))))
    done = tuple(stage for stage, share in shares.items() if share >= 1)
    return Expected(frames, seconds, opening, tuple(unknown), done, tried)


def _stages(networks: Networks) -> list[str]:
    return [stage for stage in STAGES if MODELLED[stage] != "embedder" or networks.embedder_model is not None]


def _opening(stage: str, rate: Rate | None) -> dict[str, float]:
    return {stage: rate.seconds} if rate else {}
