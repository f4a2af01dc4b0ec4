"""The body of a person as lofts: rings of points around the bones, standing upright, arms down.

Body coordinates in metres: x to the right, y forward, z up. All parts share one grid (parts, RINGS, AROUND + 1),
whose last column repeats the first, so that they are posed, lit and projected in one go.
Owns shapes and which bone moves what; refuses to know colours, the gait and the picture. The numbers behind the
shapes stand in `measures`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.sample import measures
from core.sample.people import Look
from core.sample.views import Reals

RINGS, AROUND = 16, 18
PELVIS, CHEST, HEAD, ARM, FOREARM, THIGH, SHIN, FOOT = 0, 1, 2, 3, 5, 7, 9, 11  # the left one follows the right one
BONES = 13

# Where each bone turns, for a person of `measures.TALL` metres.
JOINTS = np.array(
    [
        (0, 0, 0.92), (0, 0, 1.07), (0, -0.01, 1.49),
        (0.170, 0, 1.40), (-0.170, 0, 1.40), (0.198, 0, 1.14), (-0.198, 0, 1.14),
        (0.092, 0, 0.91), (-0.092, 0, 0.91), (0.088, 0, 0.48), (-0.088, 0, 0.48),
        (0.085, 0, 0.08), (-0.085, 0, 0.08),
    ]
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part:
    """One loft: `points` (RINGS, AROUND + 1, 3) at rest; it moves with `near`, and by `share` (0..1) with `far`."""

    name: str
    points: Reals
    near: int
    far: int
    share: Reals


def parts_of(look: Look) -> list[Part]:
    """All parts of a person, at their own height and girth."""
    return list(_parts(look))


def _parts(look: Look) -> Iterator[Part]:
    g, h = look.girth, look.hips
    loose = {"t-shirt": 0.0, "shirt": 0.004, "jacket": 0.011, "hoodie": 0.013, "coat": 0.013}[look.top]
    scale = look.height / measures.TALL
    torso = _widened(measures.TORSO, g, loose)
    torso[:4, 3] *= h
    if look.top in ("jacket", "hoodie"):
        torso[:2, 0] -= 0.06
    yield _part("torso", torso, scale, PELVIS, CHEST, (0.98, 1.18), 2.5)
    hips = _widened(measures.HIPS, g * h, 0.002)
    yield _part("hips", hips, scale, PELVIS, PELVIS, None, 2.3)
    if look.bottom == "skirt" or look.top == "coat":
        skirt = _widened(measures.SKIRT, g * h, 0.026 if look.top == "coat" else 0.010)
        name = "coat tails" if look.top == "coat" else "skirt"
        for side in (0, 1):
            yield _half(_part(name, skirt, scale, PELVIS, THIGH + side, (0.92, 0.50), 2.2), side)
    for side in (0, 1):
        yield from _limbs(look, side, scale, loose)
    yield _part("neck", _widened(measures.NECK, (1 + g) / 2, 0), scale, CHEST, HEAD, (1.47, 1.52), 2.0)
    yield _part("head", np.array(measures.SKULL), scale, HEAD, HEAD, None, 2.1)
    yield _part("nose", np.array(measures.NOSE), scale, HEAD, HEAD, None, 2.0)
    yield from _hair(look, scale)
    if look.bag == "backpack":
        backpack = np.array(measures.BACKPACK) - np.array([0, 0, loose + 0.11 * (g - 1), 0, 0])
        yield _part("bag", backpack, scale, CHEST, CHEST, None, 3.5)
    if look.bag == "shoulder bag":
        shoulder_bag = np.array(measures.SHOULDER_BAG) + np.array([0, 0.16 * (g - 1) + loose, 0, 0, 0])
        yield _part("bag", shoulder_bag, scale, PELVIS, PELVIS, None, 3.5)


def _limbs(look: Look, side: int, scale: float, loose: float) -> Iterator[Part]:
    g, mirror = look.girth, np.array([1, -1 if side else 1, 1, 1, 1])
    leg = _widened(measures.LEG, (1 + g) / 2, 0.0 if look.bottom in ("skirt", "shorts") else 0.006)
    if look.bottom in ("trousers", "jeans"):
        leg[6:9, 3:] += [[0.002], [0.008], [0.012]] if look.bottom == "trousers" else [[0.0], [0.004], [0.007]]
    if look.bottom == "shorts":
        leg[1:5, 3:] += [[0.006], [0.012], [0.018], [0.02]]
    arm = _widened(measures.ARM, (1 + g) / 2, loose * 0.7)
    out = np.array([0, 0.17 * (g - 1) + 0.5 * loose, 0, 0, 0])
    yield _part("leg", leg * mirror, scale, THIGH + side, SHIN + side, (0.53, 0.43), 2.0)
    yield _part("shoe", np.array(measures.SHOE) * mirror, scale, FOOT + side, FOOT + side, None, 2.6, lying=True)
    yield _part("arm", (arm + out) * mirror, scale, ARM + side, FOREARM + side, (1.19, 1.09), 2.0)
    yield _part("hand", (np.array(measures.HAND) + out) * mirror, scale, FOREARM + side, FOREARM + side, None, 2.2)
    if look.bag == "handbag" and side == 0:
        yield _part("bag", np.array(measures.HANDBAG) + out, scale, FOREARM, FOREARM, None, 3.5)


def _hair(look: Look, scale: float) -> Iterator[Part]:
    shell = np.array(measures.SKULL)[3:]
    shell[:, 3:] += 0.011
    shell[:, 2] -= 0.006
    shell[:, 0] += np.linspace(0, 0.016, len(shell))
    if look.hair == "long":
        yield _part("hair tail", np.array(measures.LONG_HAIR), scale, HEAD, HEAD, None, 2.2)
    if look.hair == "bun":
        yield _part("hair tail", np.array(measures.BUN), scale, HEAD, HEAD, None, 2.0)
    if look.hair == "cap":
        yield _part("cap peak", np.array(measures.PEAK), scale, HEAD, HEAD, None, 2.0)
    if look.hair != "bald":
        yield _part("hair", shell, scale, HEAD, HEAD, None, 2.1)


def _widened(stations: Sequence[tuple[float, ...]], factor: float, more: float) -> Reals:
    found = np.array(stations)
    found[:, 3:] = found[:, 3:] * factor + more
    return found


def _part(
    name: str,
    stations: Reals,
    scale: float,
    near: int,
    far: int,
    bend: tuple[float, float] | None,
    power: float,
    lying: bool = False,
) -> Part:
    points = _loft(stations, power, lying)
    share = np.zeros(points.shape[:2])
    if bend is not None:
        share = np.clip((points[..., 2] - bend[0]) / (bend[1] - bend[0]), 0, 1)
        share = share * share * (3 - 2 * share)
    return Part(name, points * scale, near, far, share)


def _half(part: Part, side: int) -> Part:
    """The right or left half of a skirt, that follows its own leg; both meet in the middle."""
    points = part.points.copy()
    outward = np.clip(points[..., 0] * (-1 if side else 1), -0.004, None)
    points[..., 0] = outward * (-1 if side else 1)
    return Part(part.name, points, part.near, part.far, part.share * 0.75 * np.clip(outward / 0.12, 0.25, 1))


def _loft(stations: Reals, power: float, lying: bool) -> Reals:
    """(RINGS, AROUND + 1, 3): superellipses around the stations, evenly spread along the outline."""
    steps = np.diff(stations[:, [0, 3, 4]], axis=0)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    at = np.linspace(0, along[-1], RINGS)
    z, x, y, a, b = (np.interp(at, along, stations[:, n])[:, None] for n in range(5))
    across, deep = _outline(float(a.mean()), float(b.mean()), power)
    across, deep = across * np.abs(a), deep * np.abs(b)
    # A shoe's rings stand upright: its table holds forward, sideways, height.
    middle = (x, z, y) if lying else (x, y, z)
    offset = (across, 0 * deep, deep) if lying else (across, deep, 0 * deep)
    return np.stack([np.broadcast_to(m + o, deep.shape) for m, o in zip(middle, offset, strict=True)], -1)


def _outline(a: float, b: float, power: float) -> tuple[Reals, Reals]:
    """AROUND + 1 points around a superellipse of half axes 1, evenly spread where it is scaled by `a` and `b`."""
    turn = np.linspace(0, 2 * np.pi, 721)
    x, y = np.cos(turn), np.sin(turn)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    x, y = x * radius, y * radius
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x * a), np.diff(y * b)))])
    at = np.linspace(0, along[-1], AROUND + 1)
    return np.interp(at, along, x), np.interp(at, along, y)
