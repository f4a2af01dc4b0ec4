"""The textures of a body's parts: BGR, 0 to 1, with folds, patterns, a face and a hairline.

A fourth channel says where the part exists (1) and where it is cut away (0). Rows follow the loft, columns go around
it: column 0 is the right side, and a quarter of the way round is the front."""

from __future__ import annotations

import cv2
import numpy as np

from core.lab.synthetic.body import TALL, Part
from core.lab.synthetic.people import Person
from core.lab.synthetic.views import Reals

ROWS, COLUMNS = 96, 96


def textures_of(person: Person, parts: list[Part]) -> list[Reals]:
    """(ROWS, COLUMNS, 4) for each part."""
    generator = np.random.default_rng(person.texture)
    return [_texture(person, part, generator) for part in parts]


def _texture(person: Person, part: Part, generator: np.random.Generator) -> Reals:
    heights = np.interp(np.linspace(0, 1, ROWS), np.linspace(0, 1, len(part.points)), part.points[:, 0, 2])
    z = (heights * TALL / person.height)[:, None] * np.ones((1, COLUMNS))
    # Share of the way round from the front, -0.5 to 0.5 (both the back); positive towards the person's left.
    u = (np.arange(COLUMNS) / COLUMNS - 0.25 + 0.5) % 1 - 0.5 + 0 * z
    colour = np.ones((ROWS, COLUMNS, 4))
    colour[..., :3], folds = _paint(person, part, z, u)
    colour[..., :3] *= _folds(generator, folds)[..., None]
    if part.name == "hair":
        line = 1.60 + 0.095 * np.clip(1.35 - 4.2 * np.abs(u), 0, 1)
        colour[..., 3] = z > line
    return np.clip(colour, 0.015, 1).astype(np.float32)


def _paint(person: Person, part: Part, z: Reals, u: Reals) -> tuple[Reals, float]:
    """The colours (ROWS, COLUMNS, 3) of a part without folds, and the strength of its folds."""
    plain = np.ones((*z.shape, 3))
    match part.name:
        case "torso":
            return _torso(person, z, u), 0.16
        case "coat tails":
            return plain * person.upper, 0.14
        case "arm":
            return _sleeve(person, z), 0.16
        case "hips" | "skirt":
            return plain * person.lower, 0.12
        case "leg":
            return _leg(person, z, u), 0.10 if person.bottom == "skirt" else 0.16
        case "shoe":
            return _shoe(person, part), 0.06
        case "head":
            return _face(person, z, u), 0.03
        case "hand" | "neck" | "nose":
            return plain * person.skin, 0.03
        case "cap peak":
            return plain * person.second, 0.05
        case "hair":
            return plain * (person.second if person.hair == "cap" else person.hair_colour), 0.25
        case "bag":
            return _bag(person, z), 0.10
    return plain * person.hair_colour, 0.25


def _torso(person: Person, z: Reals, u: Reals) -> Reals:
    colour = _cloth(person, z, u)
    if person.top in ("jacket", "coat"):
        is_open = np.abs(u) < 0.035 + 0.05 * np.clip((z - 1.05) / 0.4, 0, 1)
        colour[is_open] = person.second
        colour[np.abs(np.abs(u) - 0.05 - 0.05 * np.clip((z - 1.05) / 0.4, 0, 1)) < 0.012] *= 0.6
    if person.top == "hoodie":
        colour[np.abs(u) < 0.008] *= 0.5
        colour[(np.abs(np.abs(u) - 0.11) < 0.012) & (z < 1.1)] *= 0.6
    if person.top == "shirt":
        colour[np.abs(u) < 0.01] *= 0.75
    colour[z > 1.455] *= 0.85
    if person.top in ("t-shirt", "shirt"):
        colour[(z > 1.465 - 0.03 * (np.abs(u) < 0.1))] = person.skin
    if person.bag == "backpack":
        colour[(np.abs(np.abs(u) - 0.13) < 0.025) & (z > 1.15)] = np.array(person.bag_colour) * 0.7
    if person.bag == "shoulder bag":
        # From the left shoulder, across front and back, to the right hip.
        band = np.abs((1.42 - z) / 0.46 - (0.28 - np.where(np.abs(u) < 0.25, u, np.sign(u) * 0.5 - u)) / 0.5) < 0.06
        colour[band] = np.array(person.bag_colour) * 0.7
    return colour


def _sleeve(person: Person, z: Reals) -> Reals:
    colour = _cloth(person, z, np.ones_like(z))
    if person.top == "t-shirt":
        colour[z < 1.22] = person.skin
        colour[np.abs(z - 1.225) < 0.006] *= 0.7
    colour[z < 0.915] = person.skin
    return colour


def _cloth(person: Person, z: Reals, u: Reals) -> Reals:
    colour = np.ones((*z.shape, 3)) * person.upper
    second = np.array(person.second)
    if person.pattern == "stripes":
        colour[(z % 0.085) < 0.034] = second
    if person.pattern == "two-tone":
        colour[z > 1.27] = second
    if person.pattern == "check":
        colour = colour * np.where((z % 0.1) < 0.05, 1.0, 0.72)[..., None]
        colour = colour * np.where(((u + 0.5) % 0.125) < 0.0625, 1.0, 0.72)[..., None] + 0.06 * second
    if person.pattern == "plain" and person.top in ("t-shirt", "hoodie"):
        colour[(np.abs(u) < 0.07) & (np.abs(z - 1.28) < 0.05)] = second
    return colour


def _leg(person: Person, z: Reals, u: Reals) -> Reals:
    colour = np.ones((*z.shape, 3)) * person.lower
    if person.bottom == "jeans":
        fade = np.exp(-((np.abs(u) / 0.14) ** 2)) * np.exp(-(((z - 0.68) / 0.2) ** 2))
        colour = colour * (1 + 0.4 * fade)[..., None]
    if person.bottom == "trousers":
        colour[np.abs(u) < 0.012] *= 1.15
    bare_below = {"shorts": 0.53, "skirt": 2.0}.get(person.bottom, 0.0)
    colour[z < bare_below] = person.skin
    if person.bottom in ("shorts", "skirt"):
        colour[z < 0.14] = np.array(person.shoes) * 0.5 + 0.2
    return colour


def _shoe(person: Person, part: Part) -> Reals:
    height = cv2.resize(part.points[:, :-1, 2].astype(np.float32), (COLUMNS, ROWS))
    colour = np.ones((ROWS, COLUMNS, 3)) * person.shoes
    colour[height < 0.022] = 0.55 if sum(person.shoes) < 1 else 0.35
    return colour


def _bag(person: Person, z: Reals) -> Reals:
    colour = np.ones((*z.shape, 3)) * person.bag_colour
    rows = np.linspace(0, 1, len(z))[:, None] + 0 * z
    colour[np.abs(rows - 0.62) < 0.02] *= 0.5
    colour[rows > 0.75] *= 0.8
    return colour


def _face(person: Person, z: Reals, u: Reals) -> Reals:
    colour = np.ones((*z.shape, 3)) * person.skin
    # Shares of the way round; an eye sits about 0.03 m from the middle of a head 0.075 m wide.
    for side in (-1, 1):
        eye = ((u - side * 0.072) / 0.036) ** 2 + ((z - 1.632) / 0.011) ** 2
        colour[eye < 1.6] *= 0.62
        colour[eye < 0.5] = (0.1, 0.1, 0.1)
        brow = (np.abs(u - side * 0.075) < 0.042) & (np.abs(z - 1.655) < 0.006)
        colour[brow] = np.array(person.hair_colour if person.hair != "bald" else (0.12, 0.14, 0.18)) * 0.8
    mouth = ((u / 0.05) ** 2 + ((z - 1.553) / 0.007) ** 2) < 1
    colour[mouth] *= (0.55, 0.5, 0.8)
    colour[(np.abs(u) < 0.05) & (np.abs(z - 1.578) < 0.005)] *= 0.75
    cheek = np.exp(-(((np.abs(u) - 0.1) / 0.05) ** 2) - ((z - 1.59) / 0.025) ** 2)
    found: Reals = colour * (1 + cheek[..., None] * np.array((-0.06, -0.06, 0.04)))
    return found


def _folds(generator: np.random.Generator, strength: float) -> Reals:
    """Brightness factors (ROWS, COLUMNS): broad creases along and across, and the fine grain of the weave."""
    broad = _noise(generator, 9, 5) + 0.6 * _noise(generator, 4, 11) + 0.4 * _noise(generator, 2.2, 2.2)
    found: Reals = 1 + strength * broad + 0.02 * generator.standard_normal((ROWS, COLUMNS))
    return found


def _noise(generator: np.random.Generator, down: float, across: float) -> Reals:
    """Smooth noise of variance 1, continuous around the part; `down` and `across` are its widths in cells."""
    field = np.tile(generator.standard_normal((ROWS, COLUMNS)), (1, 3))
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=across, sigmaY=down)[:, COLUMNS : 2 * COLUMNS]
    found: Reals = field / field.std()
    return found
