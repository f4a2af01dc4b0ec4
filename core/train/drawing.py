"""Paper and axes for the lab's pictures, drawn with OpenCV at twice the size and reduced, which smooths every edge.

Owns the paper (`Canvas`), the axes (`Plot`), and the look of both: colours that colour-blind people tell apart too, and
marks that differ in shape. Refuses to know what is drawn; measures in, BGR out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.mot import Doubles
from core.types import Image

Colour = tuple[int, int, int]
INK, FAINT, GRID, PAPER = (60, 55, 50), (125, 120, 115), (232, 230, 228), (255, 255, 255)
OTHERS = (205, 202, 200)
RIGHT, WRONG = (96, 158, 0), (30, 60, 213)
COLOURS: tuple[Colour, ...] = (
    *((178, 114, 0), (0, 94, 213), (115, 158, 0), (167, 121, 204), (0, 159, 230), (180, 80, 110)),
    *((60, 60, 60), (233, 180, 86), (70, 130, 120), (90, 60, 160), (40, 100, 60), (50, 50, 190)),
)
# Corners, turn, and how far every other corner is drawn in (a star), of each camera's mark.
SHAPES = ((40, 0, 1.0), (4, 45, 1.0), (3, -90, 1.0), (4, 0, 1.0), (3, 90, 1.0), (10, -90, 0.45))
_FINE = 2


class Canvas:
    """White paper of `width` x `height` points; every measure is in points, from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bgr = np.full((height * _FINE, width * _FINE, 3), 255, np.uint8)

    def text(self, words: str, x: float, y: float, colour: Colour = INK, size: float = 12, align: float = 0) -> None:
        """`words` (ASCII) on the line `y`; they end at `x` with `align` 1 and have it in their middle with 0.5."""
        scale, weight, font = size * _FINE / 28, 2 if size > 13 else 1, cv2.FONT_HERSHEY_SIMPLEX
        (width, _), _ = cv2.getTextSize(words, font, scale, weight)
        at = (round(x * _FINE - width * align), round(y * _FINE))
        cv2.putText(self._bgr, words, at, font, scale, colour, weight, cv2.LINE_AA)

    def line(self, x: ArrayLike, y: ArrayLike, colour: Colour, weight: float = 1.5) -> None:
        cv2.polylines(self._bgr, [self._corners(x, y)], False, colour, max(1, round(weight * _FINE)), cv2.LINE_AA)

    def area(self, x: ArrayLike, y: ArrayLike, colour: Colour, cover: float = 1.0) -> None:
        """The polygon of these corners, filled; what lies below shines through where `cover` is less than 1."""
        over = self._bgr.copy()
        cv2.fillPoly(over, [self._corners(x, y)], colour, cv2.LINE_AA)
        cv2.addWeighted(over, cover, self._bgr, 1 - cover, 0, dst=self._bgr)

    def mark(self, x: float, y: float, colour: Colour, shape: int = 0, radius: float = 3.2) -> None:
        """A filled mark with a white rim; shapes 0 to 5 differ, later ones repeat."""
        corners, turn, inner = SHAPES[shape % len(SHAPES)]
        angle = np.deg2rad(turn) + np.arange(corners) * 2 * np.pi / corners
        reach = radius * np.where(np.arange(corners) % 2, inner, 1)
        points = self._corners(x + reach * np.cos(angle), y + reach * np.sin(angle))
        cv2.fillPoly(self._bgr, [points], colour, cv2.LINE_AA)
        cv2.polylines(self._bgr, [points], True, PAPER, 1, cv2.LINE_AA)

    def paste(self, picture: Image, x: int, y: int, width: int, height: int) -> None:
        size = (width * _FINE, height * _FINE)
        smooth = cv2.INTER_AREA if picture.shape[0] > size[1] else cv2.INTER_CUBIC
        part = self._bgr[y * _FINE : (y + height) * _FINE, x * _FINE : (x + width) * _FINE]
        part[:] = cv2.resize(picture, size, interpolation=smooth)

    def frame(self, x: int, y: int, width: int, height: int, colour: Colour, weight: int) -> None:
        """A border of `weight` points around the rectangle, outside it."""
        wide, high = width + 2 * weight, height + 2 * weight
        outer = self._bgr[(y - weight) * _FINE :, (x - weight) * _FINE :][: high * _FINE, : wide * _FINE]
        inside = np.zeros(outer.shape[:2], bool)
        inside[weight * _FINE : -weight * _FINE, weight * _FINE : -weight * _FINE] = True
        outer[~inside] = colour

    def finished(self) -> Image:
        return np.asarray(cv2.resize(self._bgr, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)

    def _corners(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.int32]:
        both = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=-1)
        return np.rint(both * _FINE).astype(np.int32)


class Plot(Canvas):
    """A canvas with a title, two axes named (x, y, right) and, where `right` is given, a second scale on that side."""

    def __init__(
        self,
        title: str,
        x: tuple[float, float],
        y: tuple[float, float],
        names: tuple[str, str, str] = ("", "", ""),
        right: tuple[float, float] | None = None,
    ) -> None:
        super().__init__(880, 560)
        self._box = (70, 96, self.width - (70 if right else 30), self.height - 56)
        self._ranges = {"x": _wide(x), "y": _wide(y), "right": _wide(right or y)}
        left, top, far, bottom = self._box
        self.text(title, left, 28, size=15)
        for value in ticks(*self._ranges["y"]):
            at = self.at([value], "y")[0]
            self.line([left, far], [at, at], GRID, 1)
            self.text(_figure(value), left - 8, at + 4, FAINT, 11, 1)
        for value in ticks(*self._ranges["x"]):
            self.text(_figure(value), self.at([value], "x")[0], bottom + 18, FAINT, 11, 0.5)
        for value in ticks(*self._ranges["right"]) if right else ():
            self.text(_figure(value), far + 8, self.at([value], "right")[0] + 4, FAINT, 11)
        self.line([left, far], [bottom, bottom], FAINT, 1)
        for name, at_x, at_y, align in (
            (names[0], (left + far) / 2, bottom + 40, 0.5),
            (names[1], left, top - 12, 0),
            (names[2], far, top - 12, 1),
        ):
            self.text(name, at_x, at_y, INK, 12, align)

    def at(self, values: ArrayLike, axis: Literal["x", "y", "right"]) -> Doubles:
        """Where `values` of an axis lie on the paper."""
        left, top, far, bottom = self._box
        low, high = self._ranges[axis]
        share = (np.asarray(values, np.float64) - low) / (high - low)
        return np.asarray(left + share * (far - left) if axis == "x" else bottom - share * (bottom - top), np.float64)

    def upright(self, x: float, words: str) -> None:
        """A dashed line at `x` with words beside it."""
        left, top, far, bottom = self._box
        at = float(self.at([x], "x")[0])
        for y in range(top, bottom, 9):
            self.line([at, at], [y, min(y + 5, bottom)], INK, 1)
        late = at > (left + far) / 2
        self.text(words, at + (-8 if late else 8), top + 14, INK, 12, float(late))

    def legend(self, entries: Sequence[tuple[str, Colour, int]]) -> None:
        """Names with their colour and shape, in up to two lines below the title."""
        x, y = float(self._box[0]), 48
        for name, colour, shape in entries:
            wide = 24 + 7 * len(name)
            if x + wide > self.width:
                x, y = float(self._box[0]), y + 18
            self.mark(x + 5, y - 4, colour, shape, 4.5)
            self.text(name, x + 14, y, INK, 11)
            x += wide


def ticks(low: float, high: float, about: int = 6) -> Doubles:
    """Round values from `low` to `high`, steps of 1, 2 or 5.

    >>> ticks(0, 1).tolist()
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / about
    unit = 10.0 ** np.floor(np.log10(rough))
    step = unit * next(s for s in (1, 2, 5, 10) if s * unit >= rough * 0.999)
    numbers = np.arange(np.ceil(low / step - 1e-9), np.floor(high / step + 1e-9) + 1)
    return np.asarray(np.round(numbers * step, 10) + 0.0, np.float64)  # no minus zero


def _wide(limits: tuple[float, float]) -> tuple[float, float]:
    """Never empty: a single value gets room on both sides."""
    low, high = float(limits[0]), float(limits[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _figure(value: float) -> str:
    return f"{value:,.10g}"
