"""Where straight lines meet things: how far along a ray a thing begins and which way it faces there, or whether at all.

Owns the geometry of boxes, posts and balls. Refuses to know cameras, colours and light.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from core.sample.things import Thing
from core.sample.views import Reals

FAR = 1e6


def meet(thing: Thing, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    """How far from `start` along each of `rays` (n, 3) the thing begins (FAR: never), and the way it faces there."""
    return _MEET[thing.kind](thing, start, rays)


def _box(thing: Thing, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    c, s = np.cos(thing.turn), np.sin(thing.turn)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
    origin, way = turn @ (start - np.array(thing.middle, np.float32)), rays @ turn.T
    near, far = np.full(len(way), 1e-3, np.float32), np.full(len(way), FAR, np.float32)
    face = np.zeros(len(way), np.int8)
    for axis, size in enumerate(thing.size):
        step = way[:, axis]
        one, other = (-size - origin[axis]) / step, (size - origin[axis]) / step
        enter = np.minimum(one, other)
        far = np.minimum(far, np.maximum(one, other))
        face = np.where(enter > near, np.int8(axis), face)
        near = np.maximum(near, enter)
    hit = np.where(near < far, near, FAR).astype(np.float32)
    normal = np.zeros_like(way)
    rows = np.flatnonzero(hit < FAR)
    normal[rows, face[rows]] = -np.sign(way[rows, face[rows]])
    return hit, normal @ turn


def _post(thing: Thing, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    (x, y, z), (radius, _, half) = thing.middle, thing.size
    px, py, pz = start[0] - x, start[1] - y, start[2] - z
    a = rays[:, 0] ** 2 + rays[:, 1] ** 2
    b = px * rays[:, 0] + py * rays[:, 1]
    root = b * b - a * (px * px + py * py - radius * radius)
    side = (-b - np.sqrt(root)) / a
    high = pz + side * rays[:, 2]
    hit = np.where((root > 0) & (side > 1e-3) & (np.abs(high) <= half), side, FAR)
    lid = (half - pz) / rays[:, 2]
    on_lid = (px + lid * rays[:, 0]) ** 2 + (py + lid * rays[:, 1]) ** 2 < radius * radius
    capped = on_lid & (lid > 1e-3) & (lid < hit)
    normal = np.stack([(px + side * rays[:, 0]) / radius, (py + side * rays[:, 1]) / radius, 0 * side], 1)
    normal[capped] = (0, 0, 1)
    return np.where(capped, lid, hit), normal


def _ball(thing: Thing, start: Reals, rays: Reals) -> tuple[Reals, Reals]:
    size = np.array(thing.size, np.float32)
    origin, way = (start - np.array(thing.middle, np.float32)) / size, rays / size
    a, b = (way * way).sum(1), way @ origin
    root = b * b - a * ((origin * origin).sum() - 1)
    near = (-b - np.sqrt(root)) / a
    hit = np.where((root > 0) & (near > 1e-3), near, FAR)
    normal = (origin + way * near[:, None]) / size
    return hit, normal / np.linalg.norm(normal, axis=1, keepdims=True)


_MEET: dict[str, Callable[[Thing, Reals, Reals], tuple[Reals, Reals]]] = {"box": _box, "post": _post, "ball": _ball}


def local_to(thing: Thing, points: Reals) -> Reals:
    """Points as seen from the thing's middle and turn."""
    c, s = np.cos(thing.turn), np.sin(thing.turn)
    found: Reals = (points - np.array(thing.middle, np.float32)) @ np.array(
        [[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32
    ).T
    return found


def blocked(thing: Thing, points: Reals, way: Reals) -> Reals:
    """Whether a ray from each of `points` (n, 3) along `way` (3,) meets the thing."""
    local = local_to(thing, points)
    c, s = np.cos(thing.turn), np.sin(thing.turn)
    way = np.array([c * way[0] + s * way[1], -s * way[0] + c * way[1], way[2]], np.float32)
    size = np.array(thing.size, np.float32)
    if thing.kind == "box":
        enter, leave = (-np.sign(way) * size - local) / way, (np.sign(way) * size - local) / way
        return np.asarray((enter.max(1) < leave.min(1)) & (leave.min(1) > 0))
    if thing.kind == "ball":
        local, way = local / size, way / size
        middle = -(local @ way) / (way @ way)
        return np.asarray(((local + middle[:, None] * way) ** 2).sum(1) < 1)
    flat = way[:2] @ way[:2]
    middle = -(local[:, :2] @ way[:2]) / flat
    high = local[:, 2] + middle * way[2]
    close = ((local[:, :2] + middle[:, None] * way[:2]) ** 2).sum(1) < size[0] ** 2
    return np.asarray(close & (np.abs(high) < size[2]))
