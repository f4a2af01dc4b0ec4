"""The things that stand on the plaza and around it: boxes, posts and leafy balls, told as numbers.

Owns where they stand for a seed, and which of them people must walk around. Knows no pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.sample.people import Colour
from core.sample.settings import SampleSettings

GREEN: Colour = (0.15, 0.36, 0.26)
DARK: Colour = (0.05, 0.10, 0.07)
STONE: Colour = (0.52, 0.57, 0.60)
WOOD: Colour = (0.20, 0.33, 0.48)
METAL: Colour = (0.20, 0.21, 0.20)


@dataclass(frozen=True)
class Thing:
    """`kind` box, post or ball. `size`: half extents in metres; of a post radius, radius, half height."""

    kind: str
    middle: tuple[float, float, float]
    size: tuple[float, float, float]
    colour: Colour
    surface: str = "plain"
    turn: float = 0.0


@dataclass(frozen=True)
class Plaza:
    """Everything that stands still. `round` is what to walk around: x, y, radius (n, 3)."""

    things: tuple[Thing, ...]
    round: tuple[tuple[float, float, float], ...]


def plaza_of(settings: SampleSettings, cameras: list[tuple[float, float]], attempt: int = 0) -> Plaza:
    """The plaza of a seed: the same kinds of things at places and in colours of its own."""
    generator = np.random.default_rng([settings.seed, 2, attempt])
    things: list[Thing] = []
    places: list[tuple[float, float, float]] = []
    for kind in ("pillar", "pillar", "planter", "planter", "bench", "bench", "lamp", "lamp", "bin"):
        x, y = _place(places, cameras, generator)
        reach = {"pillar": 0.45, "planter": 1.0, "bench": 1.1, "lamp": 0.2, "bin": 0.4}[kind]
        places.append((x, y, reach))
        things += _thing(kind, x, y, float(generator.uniform(0, np.pi)), generator)
    return Plaza((*things, *_around(generator)), tuple(places))


def _place(
    taken: list[tuple[float, float, float]], cameras: list[tuple[float, float]], generator: np.random.Generator
) -> tuple[float, float]:
    """Somewhere on the plaza, away from the other things and not right before a camera."""
    clearance = 6.0 if len(cameras) <= 4 else 4.6
    for _ in range(1000):
        away, angle = 8.5 * np.sqrt(generator.uniform(0.04, 1)), generator.uniform(0, 2 * np.pi)
        x, y = float(away * np.cos(angle)), float(away * np.sin(angle))
        clear = all(np.hypot(x - a, y - b) > 2.9 for a, b, _ in taken)
        if clear and all(np.hypot(x - a, y - b) > clearance for a, b in cameras):
            return x, y
    raise RuntimeError("no room is left on the plaza")


def _thing(kind: str, x: float, y: float, turn: float, generator: np.random.Generator) -> list[Thing]:
    match kind:
        case "pillar":
            colour = _near(STONE, generator)
            return [
                Thing("post", (x, y, 1.6), (0.27, 0.27, 1.6), colour, "stone"),
                Thing("box", (x, y, 0.12), (0.38, 0.38, 0.12), colour, "stone", turn),
                Thing("box", (x, y, 3.25), (0.38, 0.38, 0.09), colour, "stone", turn),
            ]
        case "planter":
            bush = [
                Thing("ball", (x + a * np.cos(turn), y + a * np.sin(turn), 0.78), (0.42, 0.42, 0.34), GREEN, "leaves")
                for a in (-0.42, 0.0, 0.42)
            ]
            bush += [Thing("ball", (*one.middle[:2], 0.74), (0.40, 0.40, 0.32), DARK) for one in bush]
            return [Thing("box", (x, y, 0.3), (0.85, 0.45, 0.3), _near(STONE, generator), "stone", turn), *bush]
        case "bench":
            across = (-np.sin(turn), np.cos(turn))
            back = Thing(
                "box", (x + 0.24 * across[0], y + 0.24 * across[1], 0.68), (0.9, 0.03, 0.17), WOOD, "planks", turn
            )
            legs = [
                Thing("box", (x + a * np.cos(turn), y + a * np.sin(turn), 0.2), (0.05, 0.22, 0.2), METAL, "plain", turn)
                for a in (-0.7, 0.7)
            ]
            return [Thing("box", (x, y, 0.43), (0.9, 0.24, 0.03), WOOD, "planks", turn), back, *legs]
        case "lamp":
            return [
                Thing("post", (x, y, 2.3), (0.06, 0.06, 2.3), METAL),
                Thing("post", (x, y, 0.25), (0.11, 0.11, 0.25), METAL),
                Thing("ball", (x, y, 4.7), (0.2, 0.2, 0.2), (0.85, 0.9, 0.92)),
            ]
        case _:
            return [Thing("post", (x, y, 0.45), (0.24, 0.24, 0.45), (0.20, 0.30, 0.16))]


def _around(generator: np.random.Generator) -> list[Thing]:
    """Houses on all sides, a row of trees before them."""
    found = []
    walls: list[Colour] = [(0.50, 0.58, 0.66), (0.38, 0.44, 0.58), (0.60, 0.62, 0.62), (0.44, 0.54, 0.60)]
    for n, side in enumerate(generator.permutation(4)):
        angle = n * np.pi / 2
        for k, along in enumerate((-17.0, 0.0, 17.0)):
            away, tall = 23 + generator.uniform(-1, 1), generator.uniform(4.5, 7.5)
            x, y = away * np.cos(angle) - along * np.sin(angle), away * np.sin(angle) + along * np.cos(angle)
            colour = _near(walls[(side + k) % 4], generator)
            found.append(Thing("box", (x, y, tall / 2), (3, 8.4, tall / 2), colour, "house", angle))
    for angle in np.arange(0, 2 * np.pi, np.pi / 7) + generator.uniform(0, 0.3):
        away = generator.uniform(16.2, 18)
        x, y, tall = away * np.cos(angle), away * np.sin(angle), generator.uniform(2.0, 2.6)
        found.append(Thing("post", (x, y, tall / 2), (0.14, 0.14, tall / 2), (0.14, 0.19, 0.24), "bark"))
        for _ in range(4):
            dx, dy, dz = generator.uniform(-0.8, 0.8, 3)
            size = generator.uniform(0.9, 1.3)
            middle = (float(x + dx), float(y + dy), float(tall + 0.8 + dz))
            found.append(Thing("ball", middle, (size, size, size * 0.8), GREEN, "leaves"))
            found.append(Thing("ball", middle, (size * 0.9, size * 0.9, size * 0.7), DARK))
    return found


def _near(colour: Colour, generator: np.random.Generator) -> Colour:
    blue, green, red = (np.array(colour) * generator.uniform(0.85, 1.15) * generator.uniform(0.96, 1.04, 3)).tolist()
    return blue, green, red
