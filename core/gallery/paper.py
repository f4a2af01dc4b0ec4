"""A sheet of white paper: words, pictures and lines, drawn at twice the size and reduced, which smooths every edge."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

from core.gallery.pictures import fitted
from core.types import Image

Colour = tuple[int, int, int]
INK, FAINT, RULE, BACK = (45, 40, 36), (95, 90, 85), (222, 220, 218), (240, 239, 238)
_FINE = 2
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Paper:
    """Measures are in points from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bgr = np.full((height * _FINE, width * _FINE, 3), 255, np.uint8)

    def text(self, words: str, x: float, y: float, size: float = 12, colour: Colour = INK, bold: bool = False) -> None:
        """`words` (ASCII) on the line `y`."""
        scale, weight = size * _FINE / 28, 2 + 2 * bold
        at = (round(x * _FINE), round(y * _FINE))
        cv2.putText(self._bgr, words, at, _FONT, scale, colour, weight, cv2.LINE_AA)

    def rule(self, y: float, left: float, right: float) -> None:
        ends = [(round(x * _FINE), round(y * _FINE)) for x in (left, right)]
        cv2.line(self._bgr, ends[0], ends[1], RULE, _FINE)

    def picture(self, bgr: Image, x: int, y: int, width: int, height: int) -> None:
        """`bgr` as large as fits into the rectangle, in its middle, on grey."""
        place = self._bgr[y * _FINE : (y + height) * _FINE, x * _FINE : (x + width) * _FINE]
        place[:] = BACK
        shown = fitted(bgr, width * _FINE, height * _FINE)
        down, across = ((a - b) // 2 for a, b in zip(place.shape[:2], shown.shape[:2], strict=True))
        place[down : down + shown.shape[0], across : across + shown.shape[1]] = shown

    def frame(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """A border two points wide, just outside the rectangle."""
        corners = [(round((x - 1) * _FINE), round((y - 1) * _FINE))]
        corners.append((round((x + width + 1) * _FINE) - 1, round((y + height + 1) * _FINE) - 1))
        cv2.rectangle(self._bgr, corners[0], corners[1], colour, 2 * _FINE)

    def finished(self) -> Image:
        return np.asarray(cv2.resize(self._bgr, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)


def width_of(words: str, size: float) -> float:
    return float(cv2.getTextSize(words, _FONT, size / 28, 1)[0][0])


def drawable(name: str, instead: str) -> str:
    """`name` in the letters that the font has, or `instead` where too little of it is left.

    >>> drawable("Türe-2", "camera 1"), drawable("入口", "camera 1")
    ('Ture-2', 'camera 1')
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return plain if 2 * len(plain) > len(name) else instead


def shortened(words: str, width: float, size: float) -> str:
    """`words`, cut to fit."""
    if width_of(words, size) <= width:
        return words
    while words and width_of(f"{words}..", size) > width:
        words = words[:-1]
    return f"{words}.."
