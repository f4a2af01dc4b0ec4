"""The empty plaza as one camera sees it: paving, things, houses, trees, sky, with the shadows of all that stands.

Every pixel's ray is met with every thing, once per camera; people are drawn over the result. Knows no people.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sample.light import lit, on_ground
from core.sample.meeting import FAR, meet
from core.sample.settings import HEIGHT, WIDTH
from core.sample.surfaces import noise, surface_of
from core.sample.things import Plaza, Thing
from core.sample.views import Reals, View

FINE = 2


@dataclass(frozen=True, eq=False)
class Backdrop:
    """`bgr` (h, w, 3) 0 to 1; `depth` (h, w) along the view of what stands (not the ground), else infinite."""

    bgr: Reals
    depth: Reals


def backdrop(plaza: Plaza, view: View, seed: int) -> Backdrop:
    rays = _rays(view)
    start = np.array(view.position, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        away = np.where(rays[:, 2] < -1e-3, -start[2] / rays[:, 2], FAR).astype(np.float32)
        floor = away < FAR
        bgr = _sky(rays, seed)
        bgr[floor] = _paving(start + rays[floor] * away[floor, None], away[floor], plaza, seed)
        standing = np.zeros(len(rays), bool)
        for number, thing in enumerate(plaza.things):
            rows = _rows(thing, view)
            hit, normal = meet(thing, start, rays[rows])
            met = np.flatnonzero(hit < away[rows])
            if not len(met):
                continue
            rows, hit, normal = rows[met], hit[met], normal[met]
            colour, there = surface_of(thing, start + rays[rows] * hit[:, None], rays[rows], normal, seed + number)
            rows = rows[there]
            standing[rows] = True
            bgr[rows], away[rows] = colour[there] * lit(normal[there]), hit[there]
    depth = np.where(standing, away * (rays @ view.axes[2].astype(np.float32)), np.inf)
    fine = bgr.reshape(HEIGHT * FINE, WIDTH * FINE, 3)
    small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return Backdrop(small, depth.reshape(HEIGHT, FINE, WIDTH, FINE)[:, 0, :, 0].astype(np.float32))


def _rays(view: View) -> Reals:
    """(pixels, 3) float32, of length 1."""
    x = (np.arange(WIDTH * FINE) + 0.5) / FINE - WIDTH / 2
    y = (np.arange(HEIGHT * FINE) + 0.5) / FINE - HEIGHT / 2
    right, up, forward = view.axes
    rays = (x[None, :, None] * right - y[:, None, None] * up + view.focal * forward).reshape(-1, 3).astype(np.float32)
    found: Reals = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return found


def _rows(thing: Thing, view: View) -> Reals:
    """The fine pixels that a thing can cover: the picture of the box around it."""
    a, b, c = thing.size
    wide = max(a, b) if thing.kind != "box" else float(np.hypot(a, b))
    grid = np.linspace(-1, 1, 25 if thing.surface == "house" else 2)
    corners = np.stack(np.meshgrid(grid * wide, grid * wide, (-c, c)), -1).reshape(-1, 3) + thing.middle
    seen = view.project(corners)
    seen = seen[seen[:, 2] > 0.1]
    if not len(seen):
        return np.empty(0, np.int64)
    low, high = np.floor(seen[:, :2].min(0)) - 1, np.ceil(seen[:, :2].max(0)) + 1
    left, right = np.clip([low[0], high[0]], 0, WIDTH).astype(int) * FINE
    top, bottom = np.clip([low[1], high[1]], 0, HEIGHT).astype(int) * FINE
    rows: Reals = (np.arange(top, bottom)[:, None] * (WIDTH * FINE) + np.arange(left, right)[None, :]).ravel()
    return rows


def _paving(points: Reals, away: Reals, plaza: Plaza, seed: int) -> Reals:
    """Slabs of three tones with joints between, stains, and the shadows of things."""
    x, y = points[:, 0], points[:, 1]
    soft = np.clip(1.25 - away / 22, 0.12, 1)
    row = np.floor(y / 0.6)
    column = np.floor((x + 0.3 * (row % 2)) / 0.6)
    tone = np.sin(column * 12.9898 + row * 78.233 + seed) * 43758.547
    tone = (tone - np.floor(tone)) - 0.5
    joint = np.minimum(y % 0.6, (x + 0.3 * (row % 2)) % 0.6) < 0.022
    band = (np.abs(x % 6.0 - 3) > 2.7) | (np.abs(y % 6.0 - 3) > 2.7)
    shade = 1 + 0.10 * tone * soft + 0.05 * noise(x, y, 9, seed) * soft + 0.05 * noise(x, y, 0.7, seed + 1)
    shade = shade * np.where(joint, 1 - 0.22 * soft, 1) * np.where(band, 0.84, 1)
    colour = np.array([0.47, 0.50, 0.52], np.float32) * shade[:, None]
    found: Reals = colour * on_ground(points, plaza)
    return found


def _sky(rays: Reals, seed: int) -> Reals:
    up = np.clip(rays[:, 2], 0, 1)[:, None]
    cloud = noise(rays[:, 0] / (up[:, 0] + 0.3), rays[:, 1] / (up[:, 0] + 0.3), 2.5, seed + 3)[:, None]
    blue = np.array([0.92, 0.84, 0.76], np.float32) - up * np.array([0.1, 0.35, 0.6], np.float32)
    found: Reals = np.clip(blue + 0.05 * cloud, 0, 1).astype(np.float32)
    return found
