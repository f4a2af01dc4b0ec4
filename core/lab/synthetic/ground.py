"""The empty plaza as one camera sees it: surfaces, light, and the backdrop over which people are drawn.

Surfaces (stone, bark, planks, leaves, house fronts) are made of one sheet of noise. Light is the sun, the sky and what
the ground reflects; the shadows of props are taken from it, while those of people are drawn with them. For the backdrop
the ray of every pixel is intersected with every prop, once per camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from core.lab.synthetic.props import FAR, Plaza, Prop, blocks_ray, ray_intersection, to_local
from core.lab.synthetic.settings import HEIGHT, WIDTH
from core.lab.synthetic.views import Reals, View

SUN = np.array([0.45, -0.30, 0.84])
SUNLIGHT = np.array([0.56, 0.60, 0.64])
SKYLIGHT = np.array([0.50, 0.48, 0.45])
GROUNDLIGHT = np.array([0.22, 0.23, 0.25])
GROUND, PER_METRE = 24, 32
SUN_DIRECTION = SUN / np.linalg.norm(SUN)
BACKDROP_SUPERSAMPLING = 2


def surface_colour(prop: Prop, points: Reals, direction: Reals, normal: Reals, seed: int) -> tuple[Reals, Reals]:
    """Colour (n, 3) of a prop at `points`, and whether it exists there (n,): leaves have gaps."""
    exists = np.ones(len(points), bool)
    local = to_local(prop, points)
    shade = 1 + 0.06 * noise(local[:, 0] + local[:, 1], local[:, 2], 14, seed)
    colour = np.ones((len(points), 3), np.float32) * np.array(prop.colour, np.float32)
    if prop.surface == "leaves":
        x, y, z = local.T
        leaf = (noise(x, y, 34, seed) + noise(y, z, 34, seed + 3) + noise(z, x, 34, seed + 6)) * 0.6
        tuft = (noise(x, y, 9, seed) + noise(y, z, 9, seed + 4) + noise(z, x, 9, seed + 5)) * 0.6
        edge = np.abs((normal * direction).sum(1))
        exists = leaf + 0.6 * tuft > -0.75 - 0.5 * edge
        shade = np.clip(0.82 + 0.28 * leaf + 0.16 * tuft, 0.25, 1.6)
        colour = colour * np.stack([np.ones_like(tuft), 1 + 0.05 * tuft, 1 + 0.12 * tuft], 1)
    if prop.surface in ("stone", "bark"):
        shade = shade + 0.05 * noise(local[:, 0] - local[:, 1], local[:, 2], 3, seed + 2)
    if prop.surface == "planks":
        shade = shade * np.where((local[:, 1] + local[:, 2]) % 0.11 < 0.012, 0.55, 1)
    if prop.surface == "house":
        colour, shade = _house_front(prop, local, normal, colour, shade)
    shade = shade * np.clip(0.72 + points[:, 2] * 0.9, 0.72, 1)
    return np.clip(colour * shade[:, None], 0, 1), exists


def _house_front(prop: Prop, local: Reals, normal: Reals, colour: Reals, shade: Reals) -> tuple[Reals, Reals]:
    """Colour and shade of a house: rows of windows, shop windows and doors below, a plinth and a cornice."""
    along = np.where(np.abs(local[:, 0]) > prop.size[0] - 0.02, local[:, 1], local[:, 0])
    height = local[:, 2] + prop.size[2]
    column, row = (along + 100) % 2.1, (height - 0.4) % 2.9
    frame = (column > 0.5) & (column < 1.6) & (row > 0.9) & (row < 2.4) & (height > 3.0)
    glass = frame & (np.abs(column - 1.05) > 0.05) & (column > 0.57) & (column < 1.53) & (row > 0.97) & (row < 2.33)
    shop = (height < 2.6) & (height > 0.5) & (((along + 100) % 4.2) > 0.5)
    bar = shop & ((((along + 100) % 4.2) - 0.5) % 1.23 < 0.06)
    gleam = 0.5 + 0.5 * noise(along, height, 0.8, 5)
    colour = colour.copy()
    colour[frame] = (0.72, 0.74, 0.75)
    sky = np.array([0.36, 0.32, 0.28], np.float32)
    for pane in (glass, shop & ~bar):
        colour[pane] = sky * (0.45 + 0.35 * gleam[pane, None])
    colour[bar] = (0.16, 0.17, 0.18)
    colour[(height > 2.6) & (height < 3.0)] *= 0.82
    shade = np.where((height < 0.5) | (height > 2 * prop.size[2] - 0.3), shade * 0.78, shade)
    brick = ((height % 0.16) < 0.014) & ~shop & ~frame
    return colour, np.where(brick, shade * 0.93, shade)


def noise(x: Reals, y: Reals, scale: float, seed: int) -> Reals:
    """Smooth noise with mean 0 and deviation about 1 at points of a plane; `scale` bumps per metre."""
    return sample_bilinear(_field(), (x * scale * 2 + seed * 37.7) % 512, (y * scale * 2 + seed * 71.3) % 512)


@lru_cache(maxsize=1)
def _field() -> Reals:
    field = np.random.default_rng(9).standard_normal((512, 512)).astype(np.float32)
    field = cv2.GaussianBlur(np.tile(field, (3, 3)), (0, 0), 1.2)[512:1025, 512:1025]
    found: Reals = field / field.std()
    return found


def sample_bilinear(field: Reals, x: Reals, y: Reals) -> Reals:
    """`field` at columns x and rows y (n,), interpolated bilinearly."""
    pad = -len(x) % 4096
    columns, rows = (np.pad(w.astype(np.float32), (0, pad)).reshape(-1, 4096) for w in (x, y))
    found: Reals = cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return found.ravel()[: len(x)]


def surface_light(normal: Reals) -> Reals:
    """Light that falls on surfaces with these normals (..., 3), BGR: sun, sky from above, reflection of the ground."""
    sun = np.clip((normal @ (SUN / np.linalg.norm(SUN)) + 0.25) / 1.25, 0, None)[..., None]
    up = (normal[..., 2:] + 1) / 2
    found: Reals = sun * SUNLIGHT + up * SKYLIGHT + (1 - up) * GROUNDLIGHT
    return found


def ground_light(points: Reals, plaza: Plaza) -> Reals:
    """Light (n, 3) on points of the ground, BGR, less where props block the sun."""
    place = [((points[:, n] + GROUND) * PER_METRE).astype(np.float32) for n in (0, 1)]
    sun = sample_bilinear(sunshine(plaza), *place)
    up = np.array([0, 0, 1])
    found: Reals = SUNLIGHT * ((SUN_DIRECTION @ up + 0.25) / 1.25) * sun[:, None] + SKYLIGHT
    return found


@lru_cache(maxsize=2)
def sunshine(plaza: Plaza) -> Reals:
    """Map of the sun on the ground, 0 to 1: PER_METRE cells per metre, GROUND metres each way from the middle."""
    size = 2 * GROUND * PER_METRE
    sun = np.ones((size, size), np.float32)
    slope = float(np.hypot(*SUN_DIRECTION[:2]) / SUN_DIRECTION[2])
    for prop in plaza.props:
        reach = max(prop.size[:2]) * 1.5 + (prop.middle[2] + prop.size[2]) * slope * (prop.surface != "house")
        low, high = (
            np.clip((np.array(prop.middle[:2]) + side * reach + GROUND) * PER_METRE, 0, size).astype(int)
            for side in (-1, 1)
        )
        if (high <= low).any() or prop.surface == "house":
            continue
        x, y = (np.arange(a, b, dtype=np.float32) / PER_METRE - GROUND for a, b in zip(low, high, strict=True))
        points = np.stack([*(m.ravel() for m in np.meshgrid(x, y)), np.zeros(len(x) * len(y), np.float32)], 1)
        blocked = blocks_ray(prop, points, SUN_DIRECTION) * (0.8 if prop.surface == "leaves" else 1.0)
        sun[low[1] : high[1], low[0] : high[0]] *= 1 - blocked.reshape(len(y), len(x)).astype(np.float32)
    found: Reals = cv2.GaussianBlur(sun, (0, 0), 1.5)
    return found


@dataclass(frozen=True, eq=False)
class Backdrop:
    """`bgr` (h, w, 3), 0 to 1; `depth` (h, w) of props along the view in metres, infinite on ground and sky."""

    bgr: Reals
    depth: Reals


def draw_backdrop(plaza: Plaza, view: View, seed: int) -> Backdrop:
    """The empty plaza in this view, drawn at BACKDROP_SUPERSAMPLING times the size and averaged."""
    rays = _rays(view)
    start = np.array(view.position, np.float32)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        distance = np.where(rays[:, 2] < -1e-3, -start[2] / rays[:, 2], FAR).astype(np.float32)
        is_ground = distance < FAR
        bgr = _sky(rays, seed)
        bgr[is_ground] = _paving(start + rays[is_ground] * distance[is_ground, None], distance[is_ground], plaza, seed)
        standing = np.zeros(len(rays), bool)
        for number, prop in enumerate(plaza.props):
            rows = _pixels_of(prop, view)
            hit, normal = ray_intersection(prop, start, rays[rows])
            nearer = np.flatnonzero(hit < distance[rows])
            if not len(nearer):
                continue
            rows, hit, normal = rows[nearer], hit[nearer], normal[nearer]
            colour, exists = surface_colour(prop, start + rays[rows] * hit[:, None], rays[rows], normal, seed + number)
            rows = rows[exists]
            standing[rows] = True
            bgr[rows], distance[rows] = colour[exists] * surface_light(normal[exists]), hit[exists]
    depth = np.where(standing, distance * (rays @ view.axes[2].astype(np.float32)), np.inf)
    fine = bgr.reshape(HEIGHT * BACKDROP_SUPERSAMPLING, WIDTH * BACKDROP_SUPERSAMPLING, 3)
    small = cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return Backdrop(
        small,
        depth.reshape(HEIGHT, BACKDROP_SUPERSAMPLING, WIDTH, BACKDROP_SUPERSAMPLING)[:, 0, :, 0].astype(np.float32),
    )


def _rays(view: View) -> Reals:
    """The rays of all fine pixels, row by row: (pixels, 3) float32 unit vectors."""
    x = (np.arange(WIDTH * BACKDROP_SUPERSAMPLING) + 0.5) / BACKDROP_SUPERSAMPLING - WIDTH / 2
    y = (np.arange(HEIGHT * BACKDROP_SUPERSAMPLING) + 0.5) / BACKDROP_SUPERSAMPLING - HEIGHT / 2
    right, up, forward = view.axes
    rays = (x[None, :, None] * right - y[:, None, None] * up + view.focal * forward).reshape(-1, 3).astype(np.float32)
    found: Reals = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return found


def _pixels_of(prop: Prop, view: View) -> Reals:
    """Numbers of the fine pixels that a prop can cover: those of its bounding box in the picture."""
    a, b, c = prop.size
    half_width = max(a, b) if prop.kind != "box" else float(np.hypot(a, b))
    grid = np.linspace(-1, 1, 25 if prop.surface == "house" else 2)
    corners = np.stack(np.meshgrid(grid * half_width, grid * half_width, (-c, c)), -1).reshape(-1, 3) + prop.middle
    projected = view.project(corners)
    projected = projected[projected[:, 2] > 0.1]
    if not len(projected):
        return np.empty(0, np.int64)
    low, high = np.floor(projected[:, :2].min(0)) - 1, np.ceil(projected[:, :2].max(0)) + 1
    left, right = np.clip([low[0], high[0]], 0, WIDTH).astype(int) * BACKDROP_SUPERSAMPLING
    top, bottom = np.clip([low[1], high[1]], 0, HEIGHT).astype(int) * BACKDROP_SUPERSAMPLING
    rows: Reals = (
        np.arange(top, bottom)[:, None] * (WIDTH * BACKDROP_SUPERSAMPLING) + np.arange(left, right)[None, :]
    ).ravel()
    return rows


def _paving(points: Reals, distance: Reals, plaza: Plaza, seed: int) -> Reals:
    """Colour (n, 3) of the ground: slabs with joints, bands and stains, in the light that falls there."""
    x, y = points[:, 0], points[:, 1]
    soft = np.clip(1.25 - distance / 22, 0.12, 1)
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
