"""A picture of what a detector gets wrong: people it missed, and what it took for people, each in its surroundings.

Of each kind the gravest are kept while the pictures go by: the tallest missed, the surest mistaken.
"""

from __future__ import annotations

import heapq

import cv2
import numpy as np

from core.canvas import FAINT, Canvas
from core.mot import Doubles
from core.score import iou
from core.train.plots import WRONG
from core.types import Floats, Image

MOST = 8
SURE, SAME = 0.25, 0.5
"""Boxes from this score up count, and are of somebody from this overlap on."""
_TILE = 150


class Failures:
    def __init__(self) -> None:
        self._missed: list[tuple[float, int, Image]] = []
        self._taken: list[tuple[float, int, Image]] = []
        self._seen = 0

    def add(self, picture: Image, truth: Doubles, xyxy: Floats, score: Floats) -> None:
        """A picture (BGR) with where people are, and what was found, in its pixels."""
        sure = score >= SURE
        alike = iou(truth, np.asarray(xyxy[sure], np.float64))
        for box in truth[alike.max(axis=1, initial=0) < SAME]:
            self._keep(self._missed, float(box[3] - box[1]), picture, box)
        # Whoever is a little beside somebody was found, if badly: only what lies on nobody was taken for a person.
        nobody = alike.max(axis=0, initial=0) < SAME / 5
        for box, sureness in zip(xyxy[sure][nobody], score[sure][nobody], strict=True):
            self._keep(self._taken, float(sureness), picture, box)

    def _keep(self, kept: list[tuple[float, int, Image]], weight: float, picture: Image, box: Doubles | Floats) -> None:
        self._seen += 1
        if len(kept) == MOST and weight <= kept[0][0]:
            return
        one = weight, -self._seen, _around(picture, np.asarray(box, np.float64))
        heapq.heappush(kept, one) if len(kept) < MOST else heapq.heapreplace(kept, one)

    def sheet(self) -> Image:
        across, down = _TILE + 12, _TILE + 34
        canvas = Canvas(14 + across * MOST, 34 + 2 * (down + 26))
        rows = (
            ("Missed, the tallest first: height in pixels", self._missed, "{:.0f}"),
            ("Mistaken for a person, the surest first: score", self._taken, "{:.2f}"),
        )
        for number, (title, tiles, form) in enumerate(rows):
            y = 40 + number * (down + 26)
            canvas.text(title if tiles else f"{title.split(',')[0]}: nothing", 14, y - 12, 15)
            for place, (weight, _, tile) in enumerate(sorted(tiles, key=lambda tile: (-tile[0], -tile[1]))):
                x = 14 + place * across
                canvas.picture(tile, x, y, _TILE, _TILE)
                canvas.text(form.format(weight), x + _TILE / 2, y + _TILE + 17, 12, FAINT, align="middle")
        return canvas.finished()


def _around(picture: Image, box: Doubles) -> Image:
    """The box, marked, in a square of what is around it."""
    side = max(16.0, 1.4 * float((box[2:] - box[:2]).max()))
    scale = 2 * _TILE / side
    left, top = (box[:2] + box[2:]) / 2 - side / 2
    moved = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    tile = cv2.warpAffine(picture, moved, (2 * _TILE, 2 * _TILE), flags=cv2.INTER_LINEAR, borderValue=(200, 200, 200))
    x1, y1, x2, y2 = ((box - (left, top, left, top)) * scale).round().astype(int).tolist()
    return np.asarray(cv2.rectangle(tile, (x1, y1), (x2, y2), WRONG, 3), np.uint8)
