"""The light of the plaza: sun, sky, what the ground throws back, and where the sun reaches the ground between things.

Owns the sun's place and all colours of light. Refuses to know pictures and people; their shadows belong to the stage.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from core.sample.meeting import blocked
from core.sample.surfaces import sampled
from core.sample.things import Plaza
from core.sample.views import Reals

SUN = np.array([0.45, -0.30, 0.84])
SUNLIGHT = np.array([0.56, 0.60, 0.64])
SKYLIGHT = np.array([0.50, 0.48, 0.45])
GROUNDLIGHT = np.array([0.22, 0.23, 0.25])
GROUND, PER_METRE = 24, 32
_SUNWARD = SUN / np.linalg.norm(SUN)


def lit(normal: Reals) -> Reals:
    """Light that falls on a surface, BGR: sun, sky from above, and what the ground throws back."""
    sun = np.clip((normal @ (SUN / np.linalg.norm(SUN)) + 0.25) / 1.25, 0, None)[..., None]
    up = (normal[..., 2:] + 1) / 2
    found: Reals = sun * SUNLIGHT + up * SKYLIGHT + (1 - up) * GROUNDLIGHT
    return found


def on_ground(points: Reals, plaza: Plaza) -> Reals:
    """Light (n, 3) on points of the ground, BGR, less where things take the sun away."""
    place = [((points[:, n] + GROUND) * PER_METRE).astype(np.float32) for n in (0, 1)]
    sun = sampled(sunshine(plaza), *place)
    up = np.array([0, 0, 1])
    found: Reals = SUNLIGHT * ((_SUNWARD @ up + 0.25) / 1.25) * sun[:, None] + SKYLIGHT
    return found


@lru_cache(maxsize=2)
def sunshine(plaza: Plaza) -> Reals:
    """How much sun reaches the ground, 0 to 1, from above: PER_METRE cells a metre, GROUND metres each way."""
    size = 2 * GROUND * PER_METRE
    sun = np.ones((size, size), np.float32)
    slope = float(np.hypot(*_SUNWARD[:2]) / _SUNWARD[2])
    for thing in plaza.things:
        reach = max(thing.size[:2]) * 1.5 + (thing.middle[2] + thing.size[2]) * slope * (thing.surface != "house")
        low, high = (
            np.clip((np.array(thing.middle[:2]) + side * reach + GROUND) * PER_METRE, 0, size).astype(int)
            for side in (-1, 1)
        )
        if (high <= low).any() or thing.surface == "house":
            continue
        x, y = (np.arange(a, b, dtype=np.float32) / PER_METRE - GROUND for a, b in zip(low, high, strict=True))
        points = np.stack([*(m.ravel() for m in np.meshgrid(x, y)), np.zeros(len(x) * len(y), np.float32)], 1)
        taken = blocked(thing, points, _SUNWARD) * (0.8 if thing.surface == "leaves" else 1.0)
        sun[low[1] : high[1], low[0] : high[0]] *= 1 - taken.reshape(len(y), len(x)).astype(np.float32)
    found: Reals = cv2.GaussianBlur(sun, (0, 0), 1.5)
    return found
