"""What things look like close by: stone, bark, planks, leaves and house fronts, all made of one sheet of noise.

Owns colours before light, and the noise. Refuses to know light, cameras and where things stand in the picture.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from core.sample.meeting import local_to
from core.sample.things import Thing
from core.sample.views import Reals


def surface_of(thing: Thing, points: Reals, way: Reals, normal: Reals, seed: int) -> tuple[Reals, Reals]:
    """Colour of a thing where it is met, and whether it is there (leaves have gaps)."""
    there = np.ones(len(points), bool)
    local = local_to(thing, points)
    shade = 1 + 0.06 * noise(local[:, 0] + local[:, 1], local[:, 2], 14, seed)
    colour = np.ones((len(points), 3), np.float32) * np.array(thing.colour, np.float32)
    if thing.surface == "leaves":
        x, y, z = local.T
        leaf = (noise(x, y, 34, seed) + noise(y, z, 34, seed + 3) + noise(z, x, 34, seed + 6)) * 0.6
        tuft = (noise(x, y, 9, seed) + noise(y, z, 9, seed + 4) + noise(z, x, 9, seed + 5)) * 0.6
        edge = np.abs((normal * way).sum(1))
        there = leaf + 0.6 * tuft > -0.75 - 0.5 * edge
        shade = np.clip(0.82 + 0.28 * leaf + 0.16 * tuft, 0.25, 1.6)
        colour = colour * np.stack([np.ones_like(tuft), 1 + 0.05 * tuft, 1 + 0.12 * tuft], 1)
    if thing.surface in ("stone", "bark"):
        shade = shade + 0.05 * noise(local[:, 0] - local[:, 1], local[:, 2], 3, seed + 2)
    if thing.surface == "planks":
        shade = shade * np.where((local[:, 1] + local[:, 2]) % 0.11 < 0.012, 0.55, 1)
    if thing.surface == "house":
        colour, shade = _front(thing, local, normal, colour, shade)
    shade = shade * np.clip(0.72 + points[:, 2] * 0.9, 0.72, 1)
    return np.clip(colour * shade[:, None], 0, 1), there


def _front(thing: Thing, local: Reals, normal: Reals, colour: Reals, shade: Reals) -> tuple[Reals, Reals]:
    """A house's wall: windows in rows, shop windows and doors below, a plinth, a cornice."""
    along = np.where(np.abs(local[:, 0]) > thing.size[0] - 0.02, local[:, 1], local[:, 0])
    high = local[:, 2] + thing.size[2]
    across, up = (along + 100) % 2.1, (high - 0.4) % 2.9
    frame = (across > 0.5) & (across < 1.6) & (up > 0.9) & (up < 2.4) & (high > 3.0)
    glass = frame & (np.abs(across - 1.05) > 0.05) & (across > 0.57) & (across < 1.53) & (up > 0.97) & (up < 2.33)
    shop = (high < 2.6) & (high > 0.5) & (((along + 100) % 4.2) > 0.5)
    bar = shop & ((((along + 100) % 4.2) - 0.5) % 1.23 < 0.06)
    gleam = 0.5 + 0.5 * noise(along, high, 0.8, 5)
    colour = colour.copy()
    colour[frame] = (0.72, 0.74, 0.75)
    sky = np.array([0.36, 0.32, 0.28], np.float32)
    for pane in (glass, shop & ~bar):
        colour[pane] = sky * (0.45 + 0.35 * gleam[pane, None])
    colour[bar] = (0.16, 0.17, 0.18)
    colour[(high > 2.6) & (high < 3.0)] *= 0.82
    shade = np.where((high < 0.5) | (high > 2 * thing.size[2] - 0.3), shade * 0.78, shade)
    brick = ((high % 0.16) < 0.014) & ~shop & ~frame
    return colour, np.where(brick, shade * 0.93, shade)


def noise(x: Reals, y: Reals, scale: float, seed: int) -> Reals:
    """Smooth noise around 0, about 1 wide, over a plane; `scale` bumps a metre."""
    return sampled(_field(), (x * scale * 2 + seed * 37.7) % 512, (y * scale * 2 + seed * 71.3) % 512)


@lru_cache(maxsize=1)
def _field() -> Reals:
    field = np.random.default_rng(9).standard_normal((512, 512)).astype(np.float32)
    field = cv2.GaussianBlur(np.tile(field, (3, 3)), (0, 0), 1.2)[512:1025, 512:1025]
    found: Reals = field / field.std()
    return found


def sampled(field: Reals, x: Reals, y: Reals) -> Reals:
    """`field` at columns x and rows y (n,), between its cells."""
    pad = -len(x) % 4096
    columns, rows = (np.pad(w.astype(np.float32), (0, pad)).reshape(-1, 4096) for w in (x, y))
    found: Reals = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.ravel()[: len(x)]
