"""Crops as pictures: read one at a time when they are needed, heads covered, made smaller for a page.

A crop is read again for each use, so that no more than one is in memory however many there are.
"""

from __future__ import annotations

import cv2
import numpy as np

from core.canvas import fitted
from core.crops import jpeg
from core.errors import StoreError
from core.gallery.heads import blurred
from core.gallery.sightings import Crop
from core.types import Image

_AGAIN = "Run the analysis again, then export."


def jpeg_of(crop: Crop, blur: bool) -> bytes:
    """The crop at full size: its own bytes, or made anew with the head covered (and whatever else they held gone)."""
    if not blur:
        content, _ = _decoded(crop)
        return content
    return jpeg(picture_of(crop, blur), 92)


def picture_of(crop: Crop, blur: bool) -> Image:
    """The crop as BGR."""
    _, bgr = _decoded(crop)
    return blurred(bgr, crop.head) if blur else bgr


def small_jpeg(bgr: Image, width: int, height: int) -> bytes:
    """A JPEG that fits into width x height pixels; what is smaller keeps its size."""
    return jpeg(fitted(bgr, width, height, grow=False), 82)


def _decoded(crop: Crop) -> tuple[bytes, Image]:
    if isinstance(crop.jpeg, bytes):
        content = crop.jpeg
    else:
        try:
            content = crop.jpeg.read_bytes()
        except OSError as fault:
            raise StoreError(f"The picture {crop.jpeg} cannot be read ({fault.strerror})", _AGAIN) from fault
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if content[:2] == b"\xff\xd8" else None
    if bgr is None:
        raise StoreError(f"The picture of frame {crop.frame} is damaged or no JPEG", _AGAIN)
    return content, np.asarray(bgr, np.uint8)
