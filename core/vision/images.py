"""Encoding pictures."""

from __future__ import annotations

from core.base.types import Image


def jpeg(bgr: Image, quality: int) -> bytes:
    """A BGR picture (height, width, 3) as a JPEG file; `quality` from 1 to 100."""
    import cv2

    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
