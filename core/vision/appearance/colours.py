"""The colours of somebody's clothes above and below, in words and as a cue: the eleven basic colour terms of Berlin and
Kay.

The module has the prototypes of each colour and says where on a crop clothes are looked for. It does not correct a
camera's colours: a crop alone does not say whether the coat or the light is blue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Image

COLOURS = ("black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown")

# (lightness, chroma, hue in degrees) in CIELAB, our own, from how crops of real and of drawn people look: clothes are
# darker and paler there than in a paint box. In the dark, little chroma is enough for a hue: C/L is what one sees.
_PROTOTYPES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((3, 0, 0), (14, 0, 0), (14, 5, 60), (14, 5, 285), (5, 8, 285), (5, 8, 60)),
    "white": ((74, 0, 0), (94, 0, 0), (82, 8, 90), (84, 10, 270), (84, 12, 295)),
    "grey": ((34, 0, 0), (46, 0, 0), (58, 0, 0), (50, 5, 90), (50, 5, 265), (34, 5, 60), (34, 4, 270), (62, 5, 265)),
    "red": ((11, 22, 25), (24, 30, 25), (38, 48, 30), (46, 62, 32), (53, 100, 40), (52, 52, 22), (35, 36, 15)),
    "orange": ((62, 65, 55), (60, 70, 46), (72, 68, 65), (60, 48, 60), (43, 35, 60)),
    "yellow": ((88, 80, 98), (78, 60, 90), (86, 32, 100), (72, 32, 96), (65, 50, 90), (48, 42, 88)),
    "green": (
        *((82, 14, 160), (75, 45, 145), (75, 25, 165), (60, 14, 140), (55, 28, 115), (50, 45, 140), (45, 20, 120)),
        *((45, 18, 195), (40, 14, 165), (35, 25, 140), (35, 22, 110), (35, 12, 125), (22, 13, 160), (18, 15, 112)),
        (11, 14, 130),
    ),
    "blue": (
        *((78, 18, 235), (65, 22, 260), (55, 30, 235), (52, 12, 262), (45, 35, 275), (38, 13, 270), (35, 50, 295)),
        *((30, 65, 300), (30, 14, 225), (25, 26, 285), (25, 12, 255), (24, 12, 228), (15, 16, 282), (13, 11, 240)),
    ),
    "purple": (
        *((60, 30, 312), (48, 60, 314), (40, 45, 315), (38, 16, 325), (32, 70, 318), (30, 35, 340), (28, 25, 322)),
        (15, 18, 325),
    ),
    "pink": ((82, 18, 10), (75, 28, 0), (68, 28, 30), (65, 38, 12), (60, 50, 355), (52, 15, 20), (50, 22, 12)),
    "brown": (
        *((68, 20, 75), (55, 22, 68), (45, 27, 64), (42, 26, 78), (40, 32, 48), (32, 38, 60), (36, 13, 65)),
        *((32, 24, 55), (24, 15, 58), (13, 14, 55)),
    ),
}
_LIGHTNESS_WEIGHT = 0.7  # of a step of lightness against one of chroma: a coat's light varies more than its hue
_BLEND = 5.0  # colours this far from the middle between two terms belong to both
_SECOND_SHARE = 0.65  # of the first colour: with that share the second is named too

_ROWS, _COLUMNS = 80, 24  # the crop's size here: an even colour for the eye, patterns of a hand's breadth kept
_UPPER, _LOWER = slice(14, 38), slice(42, 68)  # rows: chest to belt, hips to shins
_SHIN_WEIGHT = 0.4  # the weight of the lowest row, hips have 1: shorts and skirts end above it
_COLUMN_SPREAD = 0.18  # of the width: spread of the columns' weights about the middle
_BACKGROUND_DISTANCE = 12.0  # colours this far from those at the crop's sides are likely the person's, nearer ones not
_BACKGROUND_LOSS = 0.9  # of its weight is lost to a pixel that looks like what is at the sides
_MIN_PERSON_SHARE = 0.35  # of the weight must be the person's; where less seems so, the clothes may reach the sides

Weights = NDArray[np.float32]


def colour_histogram(crop: Image) -> Floats:
    """The share of each of `COLOURS` in the upper and lower body of a BGR crop of any size: (2, 11), rows sum to 1."""
    import cv2

    if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
        raise ValueError(f"expected a crop (height, width, 3) of uint8, got {crop.shape} of {crop.dtype}")
    small = cv2.resize(crop, (_COLUMNS, _ROWS), interpolation=cv2.INTER_AREA)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab))
    upper, lower = lab[_UPPER], lab[_LOWER]
    row_weights = np.linspace(1, _SHIN_WEIGHT, len(lower), dtype=np.float32)
    return np.stack([_colour_shares(upper, np.ones(len(upper), np.float32)), _colour_shares(lower, row_weights)])


def average_histograms(histograms: Floats, weights: Floats) -> Floats:
    """One histogram (2, 11) of several (k, 2, 11), by their weights (k,); all alike where every weight is 0."""
    weight = np.asarray(weights, np.float64)
    if not len(histograms) or weight.shape != (len(histograms),) or not (weight >= 0).all():
        raise ValueError(f"expected a weight of 0 or more for each of at least one histogram, got {weight}")
    weight = weight if weight.any() else np.ones_like(weight)
    return np.asarray(np.tensordot(weight / weight.sum(), histograms, 1), np.float32)


def describe_colours(histogram: Floats) -> tuple[str, str]:
    """The colour of the upper and of the lower body: the strongest, with the second where that has nearly as much.

    >>> describe_colours(np.eye(11)[[7, 0]] + 0.7 * np.eye(11)[[1, 1]])
    ('blue and white', 'black and white')
    """
    upper, lower = (_colour_name(half) for half in histogram)
    return upper, lower


def _colour_name(half: Floats) -> str:
    first, second = np.argsort(-half, kind="stable")[:2]
    return COLOURS[first] + (f" and {COLOURS[second]}" if half[second] >= _SECOND_SHARE * half[first] else "")


def _colour_shares(lab: Floats, row_weights: Weights) -> Floats:
    """The share (11,) of each colour in a part of a crop (rows, columns, 3), with rows of these weights."""
    across = (np.arange(_COLUMNS, dtype=np.float32) + 0.5) / _COLUMNS - 0.5
    weight = row_weights[:, None] * np.exp(-((across / _COLUMN_SPREAD) ** 2) / 2)
    background = _background(lab)
    person = 1 - float((weight * background).sum() / weight.sum())
    weight = weight * (1 - _BACKGROUND_LOSS * min(1.0, person / _MIN_PERSON_SHARE) * background)
    shares = _memberships(lab.reshape(-1, 3)) @ weight.ravel()
    return np.asarray(shares / shares.sum(), np.float32)


def _background(lab: Floats) -> Floats:
    """How likely each pixel (rows, columns) is background, 0 to 1: the more alike it is to the sides of its row."""
    sides = np.stack([lab[:, :2].mean(axis=1), lab[:, -2:].mean(axis=1)], axis=1)
    difference = lab[:, None] - sides[:, :, None]
    square = np.einsum("rsck,rsck->rsc", difference, difference).min(axis=1)
    return np.asarray(np.exp(-square / (2 * _BACKGROUND_DISTANCE**2)))


def _points() -> Floats:
    """The prototypes of each colour as points (11, p, 3) of a space in which distances count.

    p is the largest number of prototypes; colours with fewer have the last one several times.
    """
    most = max(map(len, _PROTOTYPES.values()))
    rows = [(_PROTOTYPES[name] + _PROTOTYPES[name][-1:] * most)[:most] for name in COLOURS]
    lightness, chroma, hue = np.moveaxis(np.array(rows, np.float32), -1, 0)
    hue = np.radians(hue)
    return np.stack([_LIGHTNESS_WEIGHT * lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=-1)


_POINTS = _points()


def _memberships(lab: Floats) -> Floats:
    """How far each pixel (n, 3) belongs to each colour (11, n): by its nearest prototype of each, summing to 1."""
    point = lab * np.array([_LIGHTNESS_WEIGHT, 1, 1], np.float32)
    # The square of the pixel itself is left out: it is the same for all colours.
    square = (_POINTS**2).sum(axis=-1)[..., None] - 2 * _POINTS @ point.T
    nearest = square.min(axis=1)
    membership = np.exp((nearest.min(axis=0) - nearest) / (2 * _BLEND**2))
    return np.asarray(membership / membership.sum(axis=0))
