"""The people who walk the plaza: build, clothes, hair, bag and manner of walking of each. Colours are BGR, 0 to 1."""

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
    """One person. `height` and `stride` in metres, `speed` in metres per second; `girth` and `hips` are factors of an
    average build; `texture` is the seed of the folds of their clothes."""

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


def draw_people(count: int, generator: np.random.Generator) -> list[Person]:
    """`count` people in different clothes; only the first two dress alike, and differ a little in build and bag."""
    upper_of, lower_of = _even_choice(len(UPPERS), count, generator), _even_choice(len(LOWERS), count, generator)
    top_of, pattern_of = _even_choice(len(TOPS), count, generator), _even_choice(len(PATTERNS), count, generator)
    hair_of, bottom_of = _even_choice(len(HAIRSTYLES), count, generator), _even_choice(len(BOTTOMS), count, generator)
    bag_of = _even_choice(len(BAGS), count, generator)
    people = []
    for n in range(count):
        height = float(generator.uniform(1.55, 1.95))
        speed = float(generator.uniform(1.05, 1.5))
        people.append(
            Person(
                height=height,
                girth=float(generator.uniform(0.9, 1.18)),
                hips=float(generator.uniform(0.94, 1.12)),
                top=TOPS[top_of[n]],
                bottom="trousers" if TOPS[top_of[n]] == "coat" else BOTTOMS[bottom_of[n]],
                upper=_vary_colour(UPPERS[upper_of[n]], generator),
                lower=_vary_colour(LOWERS[lower_of[n]], generator),
                second=_vary_colour(UPPERS[(upper_of[n] + 3) % len(UPPERS)], generator),
                pattern=PATTERNS[pattern_of[n]],
                shoes=SHOES[int(generator.integers(len(SHOES)))],
                bag=BAGS[bag_of[n]],
                bag_colour=_vary_colour(UPPERS[int(generator.integers(len(UPPERS)))], generator),
                hair=HAIRSTYLES[hair_of[n]],
                hair_colour=HAIRS[int(generator.integers(len(HAIRS)))],
                skin=SKINS[int(generator.choice(4, p=(0.4, 0.25, 0.2, 0.15)))],
                speed=speed,
                stride=height * (0.52 + 0.2 * speed),
                arm_swing=float(generator.uniform(0.6, 1.2)),
                texture=int(generator.integers(2**31)),
            )
        )
    people[1] = _dressed_like(people[0], people[1])
    return people


def _dressed_like(model: Person, double: Person) -> Person:
    """`double` in the clothes of `model`, with another build, a walk of their own and a slightly darker bag."""
    height = model.height - 0.06 if model.height > 1.7 else model.height + 0.06
    return replace(
        model,
        height=height,
        girth=model.girth * (0.94 if model.girth > 1.02 else 1.06),
        bag_colour=(model.bag_colour[0] * 0.8, model.bag_colour[1] * 0.8, model.bag_colour[2] * 0.8),
        speed=double.speed,
        stride=height * (0.52 + 0.2 * double.speed),
        arm_swing=double.arm_swing,
        texture=double.texture,
    )


def _even_choice(kinds: int, count: int, generator: np.random.Generator) -> list[int]:
    """`count` numbers below `kinds`, each about equally often, in random order."""
    rounds = [generator.permutation(kinds) for _ in range(-(-count // kinds))]
    return [int(kind) for kind in np.concatenate(rounds)[:count]]


def _vary_colour(colour: Colour, generator: np.random.Generator) -> Colour:
    blue, green, red = np.clip(np.array(colour) * generator.uniform(0.85, 1.15, 3), 0.03, 0.9).tolist()
    return blue, green, red
