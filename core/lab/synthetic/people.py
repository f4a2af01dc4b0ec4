"""Who walks the plaza: build, clothes, hair, bag and manner of walking of each person. Knows no shapes and no pixels.

Colours are BGR, 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Colour = tuple[float, float, float]

SKINS: tuple[Colour, ...] = ((0.56, 0.66, 0.84), (0.46, 0.58, 0.76), (0.32, 0.43, 0.60), (0.19, 0.27, 0.40))
HAIRS: tuple[Colour, ...] = (
    (0.05, 0.05, 0.06),
    (0.08, 0.12, 0.18),
    (0.14, 0.22, 0.34),
    (0.30, 0.48, 0.62),
    (0.36, 0.38, 0.40),
)
SHOES: tuple[Colour, ...] = ((0.06, 0.06, 0.07), (0.75, 0.75, 0.74), (0.12, 0.17, 0.26), (0.30, 0.26, 0.24))
UPPERS: tuple[Colour, ...] = (
    (0.16, 0.14, 0.62),
    (0.52, 0.30, 0.12),
    (0.12, 0.12, 0.13),
    (0.80, 0.80, 0.78),
    (0.22, 0.42, 0.20),
    (0.24, 0.15, 0.10),
    (0.40, 0.39, 0.38),
    (0.42, 0.20, 0.42),
    (0.17, 0.17, 0.19),
    (0.20, 0.32, 0.46),
    (0.30, 0.52, 0.70),
    (0.26, 0.20, 0.10),
)
LOWERS: tuple[Colour, ...] = (
    (0.34, 0.22, 0.14),
    (0.09, 0.09, 0.10),
    (0.30, 0.40, 0.50),
    (0.36, 0.36, 0.36),
    (0.48, 0.36, 0.26),
    (0.18, 0.24, 0.22),
)
TOPS = ("t-shirt", "shirt", "jacket", "hoodie", "coat")
BOTTOMS = ("trousers", "jeans", "shorts", "skirt")
PATTERNS = ("plain", "stripes", "two-tone", "check")
BAGS = ("none", "backpack", "shoulder bag", "handbag")
HAIRSTYLES = ("short", "long", "bun", "bald", "cap")


@dataclass(frozen=True)
class Person:
    """One person. `height` in metres; `girth` and `hips` are factors of a middling build; `stride` in metres."""

    height: float
    girth: float
    hips: float
    top: str
    bottom: str
    upper: Colour
    lower: Colour
    second: Colour
    pattern: str
    shoes: Colour
    bag: str
    bag_colour: Colour
    hair: str
    hair_colour: Colour
    skin: Colour
    speed: float
    stride: float
    arm_swing: float
    texture: int


def draw_people(people: int, generator: np.random.Generator) -> list[Person]:
    """Everyone, told apart by clothes; the first two are dressed alike and differ a little in build and bag."""
    tops, bottoms = _even_choice(len(UPPERS), people, generator), _even_choice(len(LOWERS), people, generator)
    kinds, patterns = _even_choice(len(TOPS), people, generator), _even_choice(len(PATTERNS), people, generator)
    styles, legs = _even_choice(len(HAIRSTYLES), people, generator), _even_choice(len(BOTTOMS), people, generator)
    bags = _even_choice(len(BAGS), people, generator)
    looks = []
    for n in range(people):
        height = float(generator.uniform(1.55, 1.95))
        speed = float(generator.uniform(1.05, 1.5))
        looks.append(
            Person(
                height=height,
                girth=float(generator.uniform(0.9, 1.18)),
                hips=float(generator.uniform(0.94, 1.12)),
                top=TOPS[kinds[n]],
                bottom="trousers" if TOPS[kinds[n]] == "coat" else BOTTOMS[legs[n]],
                upper=_vary_colour(UPPERS[tops[n]], generator),
                lower=_vary_colour(LOWERS[bottoms[n]], generator),
                second=_vary_colour(UPPERS[(tops[n] + 3) % len(UPPERS)], generator),
                pattern=PATTERNS[patterns[n]],
                shoes=SHOES[int(generator.integers(len(SHOES)))],
                bag=BAGS[bags[n]],
                bag_colour=_vary_colour(UPPERS[int(generator.integers(len(UPPERS)))], generator),
                hair=HAIRSTYLES[styles[n]],
                hair_colour=HAIRS[int(generator.integers(len(HAIRS)))],
                skin=SKINS[int(generator.choice(4, p=(0.4, 0.25, 0.2, 0.15)))],
                speed=speed,
                stride=height * (0.52 + 0.2 * speed),
                arm_swing=float(generator.uniform(0.6, 1.2)),
                texture=int(generator.integers(2**31)),
            )
        )
    looks[1] = _dressed_like(looks[0], looks[1])
    return looks


def _dressed_like(one: Person, other: Person) -> Person:
    """`other` in the clothes of `one`, with a build and a walk of their own, and a slightly darker bag."""
    height = one.height - 0.06 if one.height > 1.7 else one.height + 0.06
    return replace(
        one,
        height=height,
        girth=one.girth * (0.94 if one.girth > 1.02 else 1.06),
        bag_colour=(one.bag_colour[0] * 0.8, one.bag_colour[1] * 0.8, one.bag_colour[2] * 0.8),
        speed=other.speed,
        stride=height * (0.52 + 0.2 * other.speed),
        arm_swing=other.arm_swing,
        texture=other.texture,
    )


def _even_choice(kinds: int, people: int, generator: np.random.Generator) -> list[int]:
    """As even a spread of `kinds` over `people` as there can be, in random order."""
    rounds = [generator.permutation(kinds) for _ in range(-(-people // kinds))]
    return [int(kind) for kind in np.concatenate(rounds)[:people]]


def _vary_colour(colour: Colour, generator: np.random.Generator) -> Colour:
    blue, green, red = np.clip(np.array(colour) * generator.uniform(0.85, 1.15, 3), 0.03, 0.9).tolist()
    return blue, green, red
