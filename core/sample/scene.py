"""The whole plan of a sample: cameras, plaza, people and their paths, with promises that hold for every seed.

The pictures overlap in part; what else is promised stands in `promises`, and `planning` draws the paths. Owns the order
of the draws from the seed, and draws anew where a plan breaks a promise. Refuses to know pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from core.errors import SettingsError
from core.sample.people import Look, cast
from core.sample.planning import Planner
from core.sample.settings import SampleSettings
from core.sample.things import Plaza, plaza_of
from core.sample.views import View, views_of
from core.sample.walks import Walk

_PLANS = 24  # that are tried for one seed


@dataclass(frozen=True, eq=False)
class Scene:
    settings: SampleSettings
    views: list[View]
    plaza: Plaza
    looks: list[Look]
    walks: list[Walk]


@lru_cache(maxsize=4)
def scene_of(settings: SampleSettings) -> Scene:
    """The plan for these settings, always the same."""
    for attempt in range(_PLANS):
        views = views_of(settings, attempt)
        generator = np.random.default_rng([settings.seed, 3, attempt])
        plaza = plaza_of(settings, [view.position[:2] for view in views], attempt)
        looks = cast(settings.people, np.random.default_rng([settings.seed, 4]))
        walks = Planner(settings, views, plaza, looks, generator).walks()
        if walks is not None:
            return Scene(settings, views, plaza, looks, walks)
    raise SettingsError("no such footage could be planned", "Try another seed, fewer people or more seconds.")
