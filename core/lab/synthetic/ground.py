"""What things look like close by: stone, bark, planks, leaves and house fronts, all made of one sheet of noise.

Owns colours before light, and the noise. Refuses to know light, cameras and where things stand in the picture.

The light of the plaza: sun, sky, what the ground throws back, and where the sun reaches the ground between things.

Owns the sun's place and all colours of light. Refuses to know pictures and people; their shadows belong to the stage.

The empty plaza as one camera sees it: paving, things, houses, trees, sky, with the shadows of all that stands.

Every pixel's ray is met with every thing, once per camera; people are drawn over the result. Knows no people."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from core.lab.synthetic.props import FAR, Plaza, Prop, blocks_ray, to_local, ray_intersection
from core.lab.synthetic.settings import HEIGHT, WIDTH
from core.lab.synthetic.views import Reals, View


def surface_colour(thing: Prop, points: Reals, way: Reals, normal: Reals, seed: int) -> tuple[Reals, Reals]:
    """Colour of a thing where it is met, and whether it is there (leaves have gaps)."""
    there = np.ones(len(points), bool)
    local = to_local(thing, points)
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
        colour, shade = _house_front(thing, local, normal, colour, shade)
    shade = shade * np.clip(0.72 + points[:, 2] * 0.9, 0.72, 1)
    return np.clip(colour * shade[:, None], 0, 1), there


def _house_front(thing: Prop, local: Reals, normal: Reals, colour: Reals, shade: Reals) -> tuple[Reals, Reals]:
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
    return sample_bilinear(_field(), (x * scale * 2 + seed * 37.7) % 512, (y * scale * 2 + seed * 71.3) % 512)


@lru_cache(maxsize=1)
def _field() -> Reals:
    field = np.random.default_rng(9).standard_normal((512, 512)).astype(np.float32)
    field = cv2.GaussianBlur(np.tile(field, (3, 3)), (0, 0), 1.2)[512:1025, 512:1025]
    found: Reals = field / field.std()
    return found


def sample_bilinear(field: Reals, x: Reals, y: Reals) -> Reals:
    """`field` at columns x and rows y (n,), between its cells."""
    pad = -len(x) % 4096
    columns, rows = (np.pad(w.astype(np.float32), (0, pad)).reshape(-1, 4096) for w in (x, y))
    found: Reals = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.ravel()[: len(x)]


SUN = np.array([0.45, -0.30, 0.84])
SUNLIGHT = np.array([0.56, 0.60, 0.64])
SKYLIGHT = np.array([0.50, 0.48, 0.45])
GROUNDLIGHT = np.array([0.22, 0.23, 0.25])
GROUND, PER_METRE = 24, 32
_SUNWARD = SUN / np.linalg.norm(SUN)


def surface_light(normal: Reals) -> Reals:
    """Light that falls on a surface, BGR: sun, sky from above, and what the ground throws back."""
    sun = np.clip((normal @ (SUN / np.linalg.norm(SUN)) + 0.25) / 1.25, 0, None)[..., None]
    up = (normal[..., 2:] + 1) / 2
    found: Reals = sun * SUNLIGHT + up * SKYLIGHT + (1 - up) * GROUNDLIGHT
    return found


def ground_light(points: Reals, plaza: Plaza) -> Reals:
    """Light (n, 3) on points of the ground, BGR, less where things take the sun away."""
    place = [((points[:, n] + GROUND) * PER_METRE).astype(np.float32) for n in (0, 1)]
    sun = sample_bilinear(sunshine(plaza), *place)
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
        taken = blocks_ray(thing, points, _SUNWARD) * (0.8 if thing.surface == "leaves" else 1.0)
        sun[low[1] : high[1], low[0] : high[0]] *= 1 - taken.reshape(len(y), len(x)).astype(np.float32)
    found: Reals = cv2.GaussianBlur(sun, (0, 0), 1.5)
    return found


SUPERSAMPLING = 2


@dataclass(frozen=True, eq=False)
class Backdrop:
    """`bgr` (h, w, 3) 0 to 1; `depth` (h, w) along the view of what stands (not the ground), else infinite."""

    bgr: Reals
    depth: Reals


def draw_backdrop(plaza: Plaza, view: View, seed: int) -> Backdrop:
    rays = _rays(view)
    start = np.array(view.position, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        away = np.where(rays[:, 2] < -1e-3, -start[2] / rays[:, 2], FAR).astype(np.float32)
        floor = away < FAR
        bgr = _sky(rays, seed)
        bgr[floor] = _paving(start + rays[floor] * away[floor, None], away[floor], plaza, seed)
        standing = np.zeros(len(rays), bool)
        for number, thing in enumerate(plaza.things):
            rows = _pixels_of(thing, view)
            hit, normal = ray_intersection(thing, start, rays[rows])
            met = np.flatnonzero(hit < away[rows])
            if not len(met):
                continue
            rows, hit, normal = rows[met], hit[met], normal[met]
            colour, there = surface_colour(thing, start + rays[rows] * hit[:, None], rays[rows], normal, seed + number)
            rows = rows[there]
            standing[rows] = True
            bgr[rows], away[rows] = colour[there] * surface_light(normal[there]), hit[there]
    depth = np.where(standing, away * (rays @ view.axes[2].astype(np.float32)), np.inf)
    fine = bgr.reshape(HEIGHT * SUPERSAMPLING, WIDTH * SUPERSAMPLING, 3)
    small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return Backdrop(small, depth.reshape(HEIGHT, SUPERSAMPLING, WIDTH, SUPERSAMPLING)[:, 0, :, 0].astype(np.float32))


def _rays(view: View) -> Reals:
    """(pixels, 3) float32, of length 1."""
    x = (np.arange(WIDTH * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - WIDTH / 2
    y = (np.arange(HEIGHT * SUPERSAMPLING) + 0.5) / SUPERSAMPLING - HEIGHT / 2
    right, up, forward = view.axes
    rays = (x[None, :, None] * right - y[:, None, None] * up + view.focal * forward).reshape(-1, 3).astype(np.float32)
    found: Reals = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return found


def _pixels_of(thing: Prop, view: View) -> Reals:
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
    left, right = np.clip([low[0], high[0]], 0, WIDTH).astype(int) * SUPERSAMPLING
    top, bottom = np.clip([low[1], high[1]], 0, HEIGHT).astype(int) * SUPERSAMPLING
    rows: Reals = (np.arange(top, bottom)[:, None] * (WIDTH * SUPERSAMPLING) + np.arange(left, right)[None, :]).ravel()
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
    found: Reals = colour * ground_light(points, plaza)
    return found


def _sky(rays: Reals, seed: int) -> Reals:
    up = np.clip(rays[:, 2], 0, 1)[:, None]
    cloud = noise(rays[:, 0] / (up[:, 0] + 0.3), rays[:, 1] / (up[:, 0] + 0.3), 2.5, seed + 3)[:, None]
    blue = np.array([0.92, 0.84, 0.76], np.float32) - up * np.array([0.1, 0.35, 0.6], np.float32)
    found: Reals = np.clip(blue + 0.05 * cloud, 0, 1).astype(np.float32)
    return found
