"""The pictures of an export: crops are read when they are needed, their heads blurred, and made smaller for a page.

A head is averaged over a few coarse cells and then blurred with soft edges, so that the face cannot be recognised. The
crop says where the head is; where it does not, the top of the picture is covered over its whole width. No face detector
runs: a second person in the background is not blurred. A crop is read again for each use, so that only one is in
memory.
"""

from __future__ import annotations

import numpy as np

from core.base.errors import StoreError
from core.base.types import Image
from core.machine.canvas import fit_image
from core.runs import Crop
from core.vision.mot import Doubles
from core.vision.video import jpeg

TOP = 0.25
"""Share of a standing person's box that holds the head. In 108 boxes of detectors, inspected by eye, the chin lies
above 0.20 in five of six and above 0.25 in all but four: an umbrella, a seat, much space above the head."""
TOP_OF_WIDTH = 0.5
"""At least this share of the box width is covered: where legs are out of sight, the head fills more of the box."""
ROUND = 1.45
"""Size of the oval around a known head, relative to the head's box, whose corners lie inside the oval."""
CELLS = 3
"""Cells from the top of a covered region to its bottom: a head is two or three of them high."""
SOFT = 0.16
"""How far the edge fades out, relative to the region's height; all of it lies outside the region."""
_REMEDY = "Run the analysis again, then export."


def full_size_jpeg(crop: Crop, blur: bool) -> bytes:
    """The crop at full size: its own bytes, or a new JPEG with the head blurred and no metadata."""
    if not blur:
        content, _ = _read_crop(crop)
        return content
    return jpeg(load_picture(crop, blur), 92)


def load_picture(crop: Crop, blur: bool) -> Image:
    """The crop as BGR, with the head blurred if `blur`."""
    _, bgr = _read_crop(crop)
    return blur_head(bgr, crop.head) if blur else bgr


def thumbnail_jpeg(bgr: Image, width: int, height: int) -> bytes:
    """A JPEG that fits into width x height pixels; a smaller picture keeps its size."""
    return jpeg(fit_image(bgr, width, height, grow=False), 82)


def blur_head(bgr: Image, head: tuple[float, float, float, float] | None = None) -> Image:
    """`bgr` with the head blurred: the oval around `head` (xyxy pixels), or else the top of the picture."""
    import cv2

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
    """Whether any of `head` lies in the picture; otherwise it does not say where the head is."""
    x1, y1, x2, y2 = head
    return x1 < width and x2 > 0 and y1 < height and y2 > 0


def _top_mask(height: int, width: int) -> tuple[Doubles, float]:
    """A mask (height, width) that is 1 in the top of the picture and fades to 0 below; and the size of a cell."""
    depth = min(max(height * TOP, width * TOP_OF_WIDTH), float(height))
    below = (np.arange(height, dtype=np.float64) + 0.5 - depth) / max(1.0, depth * SOFT)
    return np.tile(_fade(below)[:, None], (1, width)), max(2.0, depth / CELLS)


def _oval_mask(height: int, width: int, head: tuple[float, float, float, float]) -> tuple[Doubles, float]:
    """A mask (height, width) that is 1 in an oval around the head and fades to 0 outside; and the size of a cell."""
    x1, y1, x2, y2 = head
    rows, columns = np.mgrid[:height, :width] + 0.5
    half = ((y2 - y1) / 2 * ROUND, (x2 - x1) / 2 * ROUND)
    away = np.hypot((rows - (y1 + y2) / 2) / half[0], (columns - (x1 + x2) / 2) / half[1])
    return _fade((away - 1) / (2 * SOFT)), max(2.0, (y2 - y1) / CELLS)


def _fade(distance: Doubles) -> Doubles:
    """A smooth step from 1 at distance 0 down to 0 at distance 1."""
    t = 1 - np.clip(distance, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float64)


def _read_crop(crop: Crop) -> tuple[bytes, Image]:
    import cv2

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
