"""Brings crops to a model's size. Colour, scale and mean are left to the runtime, which does them faster.

OpenCV's linear or cubic interpolation, as the convention says. Neither smooths before it reduces, unlike Pillow's.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from core.types import Image
from core.weights import InputConvention

METHODS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


def stack(crops: Sequence[Image], convention: InputConvention) -> Image:
    """BGR crops (height, width, 3) of any size -> one array (n, height, width, 3), uint8 BGR."""
    size = (convention.width, convention.height)
    batch = np.empty((len(crops), convention.height, convention.width, 3), np.uint8)
    for row, crop in zip(batch, crops, strict=True):
        if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape[2] != 3 or crop.size == 0:
            raise ValueError(f"expected a crop (height, width, 3) of uint8, got {crop.shape} of {crop.dtype}")
        cv2.resize(crop, size, dst=row, interpolation=METHODS[convention.resize])
    return batch
