"""The body of a person: lofts around bones, standing upright, arms down; their measures, and the bones that move them.

Body coordinates in metres: x to the right, y forward, z up. The tables describe a person TALL metres tall; `parts_of`
adapts them to a person's height, build and clothes. A loft is a stack of rings. All parts share one grid (parts, RINGS,
AROUND + 1, 3), whose last column repeats the first, so that they are posed, lit and projected in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.lab.synthetic.people import Person
from core.lab.synthetic.views import Reals

TALL = 1.75

# The stations of a loft, a row each: height, sideways, forward, half width, half depth.
TORSO = [
    (0.90, 0, 0, 0.09, 0.06), (0.895, 0, 0, 0.158, 0.110), (0.98, 0, 0, 0.156, 0.112), (1.08, 0, 0, 0.141, 0.104),
    (1.20, 0, 0.004, 0.150, 0.112), (1.30, 0, 0.004, 0.163, 0.119), (1.37, 0, 0, 0.168, 0.112),
    (1.415, 0, -0.004, 0.163, 0.096), (1.445, 0, -0.008, 0.130, 0.078), (1.465, 0, -0.01, 0.090, 0.068),
    (1.49, 0, -0.01, 0.060, 0.060),
]  # fmt: skip
HIPS = [
    (0.77, 0, 0, 0.04, 0.04), (0.80, 0, 0, 0.11, 0.085), (0.87, 0, -0.008, 0.160, 0.118),
    (0.92, 0, -0.004, 0.150, 0.106), (1.05, 0, 0, 0.125, 0.088), (1.06, 0, 0, 0.05, 0.04),
]  # fmt: skip
LEG = [
    (0.93, 0.092, 0, 0.05, 0.05), (0.90, 0.092, 0, 0.078, 0.088), (0.84, 0.092, 0, 0.088, 0.097),
    (0.70, 0.089, 0.004, 0.077, 0.083), (0.55, 0.088, 0.004, 0.063, 0.067), (0.48, 0.088, 0.004, 0.058, 0.060),
    (0.38, 0.087, -0.010, 0.056, 0.062), (0.20, 0.086, -0.008, 0.046, 0.050), (0.09, 0.085, -0.006, 0.041, 0.047),
    (0.075, 0.085, -0.006, 0.02, 0.02),
]  # fmt: skip
ARM = [
    (1.440, 0.150, -0.004, 0.012, 0.012), (1.432, 0.160, -0.004, 0.030, 0.034), (1.40, 0.173, 0, 0.047, 0.052),
    (1.33, 0.185, 0, 0.048, 0.054), (1.20, 0.195, 0, 0.042, 0.046), (1.14, 0.198, 0, 0.039, 0.042),
    (1.06, 0.200, 0, 0.038, 0.041), (0.95, 0.203, 0, 0.031, 0.034), (0.895, 0.204, 0, 0.027, 0.03),
    (0.89, 0.204, 0, 0.01, 0.01),
]  # fmt: skip
HAND = [
    (0.905, 0.208, 0, 0.012, 0.014), (0.88, 0.208, 0, 0.020, 0.028), (0.83, 0.206, 0.006, 0.021, 0.040),
    (0.78, 0.204, 0.010, 0.019, 0.034), (0.735, 0.200, 0.014, 0.013, 0.022), (0.725, 0.2, 0.014, 0.004, 0.006),
]  # fmt: skip
NECK = [(1.43, 0, -0.012, 0.07, 0.066), (1.48, 0, -0.008, 0.056, 0.058), (1.57, 0, 0, 0.053, 0.058)]
SKULL = [
    (1.512, 0, 0.045, 0.010, 0.015), (1.52, 0, 0.035, 0.034, 0.046), (1.55, 0, 0.018, 0.055, 0.076),
    (1.59, 0, 0.008, 0.067, 0.091), (1.64, 0, 0, 0.074, 0.098), (1.69, 0, -0.004, 0.073, 0.095),
    (1.722, 0, -0.006, 0.060, 0.078), (1.742, 0, -0.006, 0.036, 0.046), (1.75, 0, -0.006, 0.006, 0.008),
]  # fmt: skip
NOSE = [(1.575, 0, 0.096, 0.004, 0.004), (1.588, 0, 0.1, 0.014, 0.018), (1.61, 0, 0.095, 0.010, 0.012),
        (1.64, 0, 0.09, 0.004, 0.006)]  # fmt: skip
LONG_HAIR = [
    (1.735, 0, -0.02, 0.03, 0.04), (1.70, 0, -0.030, 0.077, 0.080), (1.62, 0, -0.045, 0.088, 0.075),
    (1.50, 0, -0.060, 0.086, 0.058), (1.40, 0, -0.078, 0.088, 0.045), (1.34, 0, -0.09, 0.07, 0.03),
    (1.33, 0, -0.09, 0.02, 0.01),
]  # fmt: skip
BUN = [(1.65, 0, -0.10, 0.01, 0.01), (1.665, 0, -0.115, 0.035, 0.03), (1.69, 0, -0.12, 0.045, 0.042),
       (1.72, 0, -0.115, 0.035, 0.03), (1.735, 0, -0.11, 0.01, 0.01)]  # fmt: skip
PEAK = [(1.668, 0, 0.09, 0.02, 0.02), (1.671, 0, 0.09, 0.080, 0.105), (1.682, 0, 0.075, 0.070, 0.085),
        (1.685, 0, 0.07, 0.01, 0.01)]  # fmt: skip
SKIRT = [
    (0.52, 0, 0, 0.09, 0.08), (0.515, 0, 0, 0.212, 0.172), (0.62, 0, 0, 0.203, 0.160), (0.80, 0, -0.004, 0.184, 0.138),
    (0.92, 0, -0.004, 0.166, 0.122), (1.06, 0, 0, 0.142, 0.103), (1.065, 0, 0, 0.05, 0.04),
]  # fmt: skip
BACKPACK = [(1.06, 0, -0.17, 0.04, 0.03), (1.075, 0, -0.185, 0.125, 0.075), (1.20, 0, -0.195, 0.142, 0.09),
            (1.36, 0, -0.18, 0.130, 0.070), (1.43, 0, -0.15, 0.085, 0.045), (1.44, 0, -0.15, 0.02, 0.02)]  # fmt: skip
SHOULDER_BAG = [
    (0.79, 0.215, -0.03, 0.02, 0.06), (0.80, 0.215, -0.03, 0.045, 0.145), (0.95, 0.210, -0.03, 0.045, 0.150),
    (1.02, 0.20, -0.03, 0.030, 0.125), (1.03, 0.2, -0.03, 0.01, 0.06),
]  # fmt: skip
HANDBAG = [(0.44, 0.208, 0.01, 0.03, 0.08), (0.45, 0.208, 0.01, 0.055, 0.14), (0.58, 0.208, 0.01, 0.050, 0.135),
           (0.66, 0.208, 0.01, 0.025, 0.11), (0.665, 0.208, 0.01, 0.012, 0.015),
           (0.76, 0.206, 0.01, 0.008, 0.01)]  # fmt: skip
# A shoe lies along y: its rows are forward, sideways, height of the middle, half width, half height.
SHOE = [(-0.085, 0.085, 0.04, 0.01, 0.012), (-0.075, 0.085, 0.046, 0.034, 0.042), (-0.02, 0.085, 0.052, 0.039, 0.052),
        (0.05, 0.087, 0.043, 0.046, 0.043), (0.12, 0.089, 0.032, 0.049, 0.032), (0.17, 0.089, 0.026, 0.040, 0.026),
        (0.19, 0.089, 0.024, 0.012, 0.012)]  # fmt: skip

RINGS, AROUND = 16, 18
PELVIS, CHEST, HEAD, ARM_BONES, FOREARM, THIGH, SHIN, FOOT = (
    0,
    1,
    2,
    3,
    5,
    7,
    9,
    11,
)  # of each pair the right one; the left one has the next number
BONES = 13

# The joint around which each bone turns, for a person of TALL metres.
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
    """One loft: `points` (RINGS, AROUND + 1, 3) at rest. Each moves with `bone`, and by its `bend_share` (0 to 1, shape
    (RINGS, AROUND + 1)) with `bent_bone` instead."""

    name: str
    points: Reals
    bone: int
    bent_bone: int
    bend_share: Reals


def parts_of(person: Person) -> list[Part]:
    """All parts of a person, at their height and girth."""
    return list(_parts(person))


def _parts(person: Person) -> Iterator[Part]:
    girth, hip_factor = person.girth, person.hips
    slack = {"t-shirt": 0.0, "shirt": 0.004, "jacket": 0.011, "hoodie": 0.013, "coat": 0.013}[person.top]
    scale = person.height / TALL
    torso = _widen(TORSO, girth, slack)
    torso[:4, 3] *= hip_factor
    if person.top in ("jacket", "hoodie"):
        torso[:2, 0] -= 0.06
    yield _part("torso", torso, scale, PELVIS, CHEST, (0.98, 1.18), 2.5)
    hips = _widen(HIPS, girth * hip_factor, 0.002)
    yield _part("hips", hips, scale, PELVIS, PELVIS, None, 2.3)
    if person.bottom == "skirt" or person.top == "coat":
        skirt = _widen(SKIRT, girth * hip_factor, 0.026 if person.top == "coat" else 0.010)
        name = "coat tails" if person.top == "coat" else "skirt"
        for side in (0, 1):
            yield _half(_part(name, skirt, scale, PELVIS, THIGH + side, (0.92, 0.50), 2.2), side)
    for side in (0, 1):
        yield from _limbs(person, side, scale, slack)
    yield _part("neck", _widen(NECK, (1 + girth) / 2, 0), scale, CHEST, HEAD, (1.47, 1.52), 2.0)
    yield _part("head", np.array(SKULL), scale, HEAD, HEAD, None, 2.1)
    yield _part("nose", np.array(NOSE), scale, HEAD, HEAD, None, 2.0)
    yield from _hair(person, scale)
    if person.bag == "backpack":
        backpack = np.array(BACKPACK) - np.array([0, 0, slack + 0.11 * (girth - 1), 0, 0])
        yield _part("bag", backpack, scale, CHEST, CHEST, None, 3.5)
    if person.bag == "shoulder bag":
        shoulder_bag = np.array(SHOULDER_BAG) + np.array([0, 0.16 * (girth - 1) + slack, 0, 0, 0])
        yield _part("bag", shoulder_bag, scale, PELVIS, PELVIS, None, 3.5)


def _limbs(person: Person, side: int, scale: float, slack: float) -> Iterator[Part]:
    girth, mirror = person.girth, np.array([1, -1 if side else 1, 1, 1, 1])
    leg = _widen(LEG, (1 + girth) / 2, 0.0 if person.bottom in ("skirt", "shorts") else 0.006)
    if person.bottom in ("trousers", "jeans"):
        leg[6:9, 3:] += [[0.002], [0.008], [0.012]] if person.bottom == "trousers" else [[0.0], [0.004], [0.007]]
    if person.bottom == "shorts":
        leg[1:5, 3:] += [[0.006], [0.012], [0.018], [0.02]]
    arm = _widen(ARM, (1 + girth) / 2, slack * 0.7)
    outward = np.array([0, 0.17 * (girth - 1) + 0.5 * slack, 0, 0, 0])
    yield _part("leg", leg * mirror, scale, THIGH + side, SHIN + side, (0.53, 0.43), 2.0)
    yield _part("shoe", np.array(SHOE) * mirror, scale, FOOT + side, FOOT + side, None, 2.6, lying=True)
    yield _part("arm", (arm + outward) * mirror, scale, ARM_BONES + side, FOREARM + side, (1.19, 1.09), 2.0)
    yield _part("hand", (np.array(HAND) + outward) * mirror, scale, FOREARM + side, FOREARM + side, None, 2.2)
    if person.bag == "handbag" and side == 0:
        yield _part("bag", np.array(HANDBAG) + outward, scale, FOREARM, FOREARM, None, 3.5)


def _hair(person: Person, scale: float) -> Iterator[Part]:
    shell = np.array(SKULL)[3:]
    shell[:, 3:] += 0.011
    shell[:, 2] -= 0.006
    shell[:, 0] += np.linspace(0, 0.016, len(shell))
    if person.hair == "long":
        yield _part("hair tail", np.array(LONG_HAIR), scale, HEAD, HEAD, None, 2.2)
    if person.hair == "bun":
        yield _part("hair tail", np.array(BUN), scale, HEAD, HEAD, None, 2.0)
    if person.hair == "cap":
        yield _part("cap peak", np.array(PEAK), scale, HEAD, HEAD, None, 2.0)
    if person.hair != "bald":
        yield _part("hair", shell, scale, HEAD, HEAD, None, 2.1)


def _widen(stations: Sequence[tuple[float, ...]], factor: float, slack: float) -> Reals:
    widened = np.array(stations)
    widened[:, 3:] = widened[:, 3:] * factor + slack
    return widened


def _part(
    name: str,
    stations: Reals,
    scale: float,
    bone: int,
    bent_bone: int,
    bend_heights: tuple[float, float] | None,
    power: float,
    lying: bool = False,
) -> Part:
    points = _loft(stations, power, lying)
    bend_share = np.zeros(points.shape[:2])
    if bend_heights is not None:
        bend_share = np.clip((points[..., 2] - bend_heights[0]) / (bend_heights[1] - bend_heights[0]), 0, 1)
        bend_share = bend_share * bend_share * (3 - 2 * bend_share)
    return Part(name, points * scale, bone, bent_bone, bend_share)


def _half(part: Part, side: int) -> Part:
    """The right or left half of a skirt, which follows the leg on its side; the halves meet in the middle."""
    points = part.points.copy()
    outward = np.clip(points[..., 0] * (-1 if side else 1), -0.004, None)
    points[..., 0] = outward * (-1 if side else 1)
    return Part(part.name, points, part.bone, part.bent_bone, part.bend_share * 0.75 * np.clip(outward / 0.12, 0.25, 1))


def _loft(stations: Reals, power: float, lying: bool) -> Reals:
    """(RINGS, AROUND + 1, 3): superellipses of that power around the stations, evenly spaced along the outline."""
    steps = np.diff(stations[:, [0, 3, 4]], axis=0)
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(steps, axis=1))])
    at = np.linspace(0, along[-1], RINGS)
    z, x, y, a, b = (np.interp(at, along, stations[:, n])[:, None] for n in range(5))
    width, depth = _outline(float(a.mean()), float(b.mean()), power)
    width, depth = width * np.abs(a), depth * np.abs(b)
    # A shoe's rings stand upright: its table holds forward, sideways, height.
    middle = (x, z, y) if lying else (x, y, z)
    offset = (width, 0 * depth, depth) if lying else (width, depth, 0 * depth)
    return np.stack([np.broadcast_to(m + o, depth.shape) for m, o in zip(middle, offset, strict=True)], -1)


def _outline(a: float, b: float, power: float) -> tuple[Reals, Reals]:
    """AROUND + 1 points of a superellipse with half axes 1, evenly spaced once it is scaled by `a` and `b`."""
    turn = np.linspace(0, 2 * np.pi, 721)
    x, y = np.cos(turn), np.sin(turn)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    x, y = x * radius, y * radius
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x * a), np.diff(y * b)))])
    at = np.linspace(0, along[-1], AROUND + 1)
    return np.interp(at, along, x), np.interp(at, along, y)
