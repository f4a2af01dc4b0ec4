"""Heads that cannot be told: averaged over a few coarse cells, then blurred, with soft edges.

Owns where the head is taken to be and how it is covered. Refuses to look for faces: where nobody says where the head
is, the whole width of the top of the picture is covered, and a second person in the background stays as they are.

Crops as pictures: read one at a time when they are needed, heads covered, made smaller for a page.

A crop is read again for each use, so that no more than one is in memory however many there are."""

from __future__ import annotations

import cv2
import numpy as np

from core.base.errors import StoreError
from core.base.types import Image
from core.machine.canvas import fit_image
from core.runs import Crop
from core.vision.images import jpeg
from core.vision.mot import Doubles

TOP = 0.25
"""Share of a standing person's box that the head lies in: of 108 boxes of detectors, looked at one by one, the chin
lies above 0.20 in five of six and above 0.25 in all but four: an umbrella, a seat, much air overhead."""
TOP_OF_WIDTH = 0.5
"""And no less than this share of the width: where legs are out of sight, the head fills more of the box."""
ROUND = 1.45
"""The oval around a known head, relative to it: its corners lie inside, with a little room."""
CELLS = 3
"""Cells from the top of a covered region to its bottom: a head is two or three of them high."""
SOFT = 0.16
"""How far the edge fades out, relative to the region's height; all of it lies outside the region."""


def blur_head(bgr: Image, head: tuple[float, float, float, float] | None = None) -> Image:
    """`bgr` with the head covered: the oval around `head` (xyxy pixels), or else the top of the picture."""
    height, width = bgr.shape[:2]
    cover, cell = (
        _oval_mask(height, width, head) if head and _overlaps_picture(head, height, width) else _top_mask(height, width)
    )
    grid = (max(1, round(width / cell)), max(1, round(height / cell)))
    coarse = cv2.resize(
        cv2.resize(bgr, grid, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_NEAREST
    )
    smooth = cv2.GaussianBlur(coarse, (0, 0), max(0.6, cell * 0.45))
    share = cover[..., None]
    return np.asarray(np.rint(bgr * (1 - share) + smooth * share), np.uint8)


def _overlaps_picture(head: tuple[float, float, float, float], height: int, width: int) -> bool:
    """Whether any of `head` lies in the picture; if not, it says nothing about where the head is."""
    x1, y1, x2, y2 = head
    return x1 < width and x2 > 0 and y1 < height and y2 > 0


def _top_mask(height: int, width: int) -> tuple[Doubles, float]:
    """1 in the top part of the picture, fading to 0 below it; and the size of a cell."""
    depth = min(max(height * TOP, width * TOP_OF_WIDTH), float(height))
    below = (np.arange(height, dtype=np.float64) + 0.5 - depth) / max(1.0, depth * SOFT)
    return np.tile(_fade(below)[:, None], (1, width)), max(2.0, depth / CELLS)


def _oval_mask(height: int, width: int, head: tuple[float, float, float, float]) -> tuple[Doubles, float]:
    """1 in an oval around the head, fading to 0 outside it; and the size of a cell."""
    x1, y1, x2, y2 = head
    rows, columns = np.mgrid[:height, :width] + 0.5
    half = ((y2 - y1) / 2 * ROUND, (x2 - x1) / 2 * ROUND)
    away = np.hypot((rows - (y1 + y2) / 2) / half[0], (columns - (x1 + x2) / 2) / half[1])
    return _fade((away - 1) / (2 * SOFT)), max(2.0, (y2 - y1) / CELLS)


def _fade(distance: Doubles) -> Doubles:
    """1 up to 0, 0 from 1 on, smooth between."""
    t = 1 - np.clip(distance, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)


_REMEDY = "Run the analysis again, then export."


def full_size_jpeg(crop: Crop, blur: bool) -> bytes:
    """The crop at full size: its own bytes, or made anew with the head covered (and whatever else they held gone)."""
    if not blur:
        content, _ = _read_crop(crop)
        return content
    return jpeg(load_picture(crop, blur), 92)


def load_picture(crop: Crop, blur: bool) -> Image:
    """The crop as BGR."""
    _, bgr = _read_crop(crop)
    return blur_head(bgr, crop.head) if blur else bgr


def thumbnail_jpeg(bgr: Image, width: int, height: int) -> bytes:
    """A JPEG that fits into width x height pixels; what is smaller keeps its size."""
    return jpeg(fit_image(bgr, width, height, grow=False), 82)


def _read_crop(crop: Crop) -> tuple[bytes, Image]:
    if isinstance(crop.jpeg, bytes):
        content = crop.jpeg
    else:
        try:
            content = crop.jpeg.read_bytes()
        except OSError as fault:
            raise StoreError(f"The picture {crop.jpeg} cannot be read ({fault.strerror})", _REMEDY) from fault
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content[:2] == b"\xff\xd8" else None
    if bgr is None:
        raise StoreError(f"The picture of frame {crop.frame} is damaged or no JPEG", _REMEDY)
    return content, np.asarray(bgr, np.uint8)
