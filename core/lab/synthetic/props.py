"""The props of the plaza: boxes, posts and balls that stand on it and around it, and where rays meet them.

Where props stand follows from the seed. Some are obstacles, which people walk around."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.lab.synthetic.people import Colour
from core.lab.synthetic.settings import SampleSettings
from core.lab.synthetic.views import Reals

GREEN: Colour = (0.15, 0.36, 0.26)
DARK: Colour = (0.05, 0.10, 0.07)
STONE: Colour = (0.52, 0.57, 0.60)
WOOD: Colour = (0.20, 0.33, 0.48)
METAL: Colour = (0.20, 0.21, 0.20)
FAR = 1e6


@dataclass(frozen=True)
class Prop:
    """A box, post or ball (`kind`). `size` are half extents in metres; of a post: radius, radius, half height."""

    kind: str
    middle: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: Colour
    surface: str = "plain"
    turn: float = 0.0


@dataclass(frozen=True)
class Plaza:
    """Everything that stands still. `obstacles` are what people walk around, each as x, y and radius in metres."""

    props: tuple[Prop, ...]
    obstacles: tuple[tuple[float, float, float], ...]


def plaza_of(settings: SampleSettings, cameras: list[tuple[float, float]], attempt: int = 0) -> Plaza:
    """The plaza of a seed: always the same kinds of props, at places and in colours drawn from the seed."""
    generator = np.random.default_rng([settings.seed, 2, attempt])
    props: list[Prop] = []
    places: list[tuple[float, float, float]] = []
    for kind in ("pillar", "pillar", "planter", "planter", "bench", "bench", "lamp", "lamp", "bin"):
        x, y = _place(places, cameras, generator)
        reach = {"pillar": 0.45, "planter": 1.0, "bench": 1.1, "lamp": 0.2, "bin": 0.4}[kind]
        places.append((x, y, reach))
        props += _props_of(kind, x, y, float(generator.uniform(0, np.pi)), generator)
    return Plaza((*props, *_surroundings(generator)), tuple(places))


def _place(
    taken: list[tuple[float, float, float]], cameras: list[tuple[float, float]], generator: np.random.Generator
) -> tuple[float, float]:
    """A place on the plaza, away from the other props and not right in front of a camera."""
    clearance = 6.0 if len(cameras) <= 4 else 4.6
    for _ in range(1000):
        distance, angle = 8.5 * np.sqrt(generator.uniform(0.04, 1)), generator.uniform(0, 2 * np.pi)
        x, y = float(distance * np.cos(angle)), float(distance * np.sin(angle))
        is_free = all(np.hypot(x - a, y - b) > 2.9 for a, b, _ in taken)
        if is_free and all(np.hypot(x - a, y - b) > clearance for a, b in cameras):
            return x, y
    raise RuntimeError("no free place is left on the plaza")


def _props_of(kind: str, x: float, y: float, turn: float, generator: np.random.Generator) -> list[Prop]:
    match kind:
        case "pillar":
            colour = _vary_colour(STONE, generator)
            return [
                Prop("post", (x, y, 1.6), (0.27, 0.27, 1.6), colour, "stone"),
                Prop("box", (x, y, 0.12), (0.38, 0.38, 0.12), colour, "stone", turn),
                Prop("box", (x, y, 3.25), (0.38, 0.38, 0.09), colour, "stone", turn),
            ]
        case "planter":
            bush = [
                Prop("ball", (x + a * np.cos(turn), y + a * np.sin(turn), 0.78), (0.42, 0.42, 0.34), GREEN, "leaves")
                for a in (-0.42, 0.0, 0.42)
            ]
            bush += [Prop("ball", (*ball.middle[:2], 0.74), (0.40, 0.40, 0.32), DARK) for ball in bush]
            return [Prop("box", (x, y, 0.3), (0.85, 0.45, 0.3), _vary_colour(STONE, generator), "stone", turn), *bush]
        case "bench":
            across = (-np.sin(turn), np.cos(turn))
            back = Prop(
                "box", (x + 0.24 * across[0], y + 0.24 * across[1], 0.68), (0.9, 0.03, 0.17), WOOD, "planks", turn
            )
            legs = [
                Prop("box", (x + a * np.cos(turn), y + a * np.sin(turn), 0.2), (0.05, 0.22, 0.2), METAL, "plain", turn)
                for a in (-0.7, 0.7)
            ]
            return [Prop("box", (x, y, 0.43), (0.9, 0.24, 0.03), WOOD, "planks", turn), back, *legs]
        case "lamp":
            return [
                Prop("post", (x, y, 2.3), (0.06, 0.06, 2.3), METAL),
                Prop("post", (x, y, 0.25), (0.11, 0.11, 0.25), METAL),
                Prop("ball", (x, y, 4.7), (0.2, 0.2, 0.2), (0.85, 0.9, 0.92)),
            ]
        case _:
            return [Prop("post", (x, y, 0.45), (0.24, 0.24, 0.45), (0.20, 0.30, 0.16))]


def _surroundings(generator: np.random.Generator) -> list[Prop]:
    """Houses on all sides, a row of trees before them."""
    props = []
    walls: list[Colour] = [(0.50, 0.58, 0.66), (0.38, 0.44, 0.58), (0.60, 0.62, 0.62), (0.44, 0.54, 0.60)]
    for n, side in enumerate(generator.permutation(4)):
        angle = n * np.pi / 2
        for k, along in enumerate((-17.0, 0.0, 17.0)):
            distance, height = 23 + generator.uniform(-1, 1), generator.uniform(4.5, 7.5)
            x, y = distance * np.cos(angle) - along * np.sin(angle), distance * np.sin(angle) + along * np.cos(angle)
            colour = _vary_colour(walls[(side + k) % 4], generator)
            props.append(Prop("box", (x, y, height / 2), (3, 8.4, height / 2), colour, "house", angle))
    for angle in np.arange(0, 2 * np.pi, np.pi / 7) + generator.uniform(0, 0.3):
        distance = generator.uniform(16.2, 18)
        x, y, height = distance * np.cos(angle), distance * np.sin(angle), generator.uniform(2.0, 2.6)
        props.append(Prop("post", (x, y, height / 2), (0.14, 0.14, height / 2), (0.14, 0.19, 0.24), "bark"))
        for _ in range(4):
            dx, dy, dz = generator.uniform(-0.8, 0.8, 3)
            size = generator.uniform(0.9, 1.3)
            middle = (float(x + dx), float(y + dy), float(height + 0.8 + dz))
            props.append(Prop("ball", middle, (size, size, size * 0.8), GREEN, "leaves"))
            props.append(Prop("ball", middle, (size * 0.9, size * 0.9, size * 0.7), DARK))
    return props


def _vary_colour(colour: Colour, generator: np.random.Generator) -> Colour:
    blue, green, red = (np.array(colour) * generator.uniform(0.85, 1.15) * generator.uniform(0.96, 1.04, 3)).tolist()
    return blue, green, red


def ray_intersection(prop: Prop, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    """Distance (n,) from `start` along `rays` (n, 3) to the prop (FAR where missed), and its normals there (n, 3)."""
    return _INTERSECTIONS[prop.kind](prop, start, rays)


def _box(prop: Prop, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    c, s = np.cos(prop.turn), np.sin(prop.turn)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
    origin, direction = turn @ (start - np.array(prop.middle, np.float32)), rays @ turn.T
    near, far = np.full(len(direction), 1e-3, np.float32), np.full(len(direction), FAR, np.float32)
    face = np.zeros(len(direction), np.int8)
    for axis, size in enumerate(prop.size):
        step = direction[:, axis]
        first, second = (-size - origin[axis]) / step, (size - origin[axis]) / step
        enter = np.minimum(first, second)
        far = np.minimum(far, np.maximum(first, second))
        face = np.where(enter > near, np.int8(axis), face)
        near = np.maximum(near, enter)
    hit = np.where(near < far, near, FAR).astype(np.float32)
    normal = np.zeros_like(direction)
    rows = np.flatnonzero(hit < FAR)
    normal[rows, face[rows]] = -np.sign(direction[rows, face[rows]])
    return hit, normal @ turn


def _post(prop: Prop, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    (x, y, z), (radius, _, half) = prop.middle, prop.size
    px, py, pz = start[0] - x, start[1] - y, start[2] - z
    a = rays[:, 0] ** 2 + rays[:, 1] ** 2
    b = px * rays[:, 0] + py * rays[:, 1]
    root = b * b - a * (px * px + py * py - radius * radius)
    side = (-b - np.sqrt(root)) / a
    height = pz + side * rays[:, 2]
    hit = np.where((root > 0) & (side > 1e-3) & (np.abs(height) <= half), side, FAR)
    lid = (half - pz) / rays[:, 2]
    on_lid = (px + lid * rays[:, 0]) ** 2 + (py + lid * rays[:, 1]) ** 2 < radius * radius
    capped = on_lid & (lid > 1e-3) & (lid < hit)
    normal = np.stack([(px + side * rays[:, 0]) / radius, (py + side * rays[:, 1]) / radius, 0 * side], 1)
    normal[capped] = (0, 0, 1)
    return np.where(capped, lid, hit), normal


def _ball(prop: Prop, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    size = np.array(prop.size, np.float32)
    origin, direction = (start - np.array(prop.middle, np.float32)) / size, rays / size
    a, b = (direction * direction).sum(1), direction @ origin
    root = b * b - a * ((origin * origin).sum() - 1)
    near = (-b - np.sqrt(root)) / a
    hit = np.where((root > 0) & (near > 1e-3), near, FAR)
    normal = (origin + direction * near[:, None]) / size
    return hit, normal / np.linalg.norm(normal, axis=1, keepdims=True)


_INTERSECTIONS: dict[str, Callable[[Prop, Reals, Reals], tuple[Reals, Reals]]] = {
    "box": _box,
    "post": _post,
    "ball": _ball,
}


def to_local(prop: Prop, points: Reals) -> Reals:
    """Points (n, 3) in the prop's own coordinates: its middle is the origin, its turn undone."""
    c, s = np.cos(prop.turn), np.sin(prop.turn)
    found: Reals = (points - np.array(prop.middle, np.float32)) @ np.array(
        [[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32
    ).T
    return found


def blocks_ray(prop: Prop, points: Reals, direction: Reals) -> Reals:
    """Whether a ray from each of `points` (n, 3) along `direction` (3,) meets the prop; (n,)."""
    local = to_local(prop, points)
    c, s = np.cos(prop.turn), np.sin(prop.turn)
    direction = np.array(
        [c * direction[0] + s * direction[1], -s * direction[0] + c * direction[1], direction[2]], np.float32
    )
    size = np.array(prop.size, np.float32)
    if prop.kind == "box":
        enter, leave = (-np.sign(direction) * size - local) / direction, (np.sign(direction) * size - local) / direction
        return np.asarray((enter.max(1) < leave.min(1)) & (leave.min(1) > 0))
    if prop.kind == "ball":
        local, direction = local / size, direction / size
        nearest = -(local @ direction) / (direction @ direction)
        return np.asarray(((local + nearest[:, None] * direction) ** 2).sum(1) < 1)
    squared = direction[:2] @ direction[:2]
    nearest = -(local[:, :2] @ direction[:2]) / squared
    height = local[:, 2] + nearest * direction[2]
    within = ((local[:, :2] + nearest[:, None] * direction[:2]) ** 2).sum(1) < size[0] ** 2
    return np.asarray(within & (np.abs(height) < size[2]))
