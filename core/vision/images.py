"""Encoding pictures."""

from __future__ import annotations

import cv2

from core.base.types import Image


def jpeg(bgr: Image, quality: int) -> bytes:
    """A BGR picture (height, width, 3) as a JPEG file; `quality` from 1 to 100."""
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
