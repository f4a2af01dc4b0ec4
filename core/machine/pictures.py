"""Pictures of any origin, decoded: their size is read from the header before, since a few bytes may claim any size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from core.base.errors import ClipError
from core.base.limits import PICTURE_PIXELS
from core.base.types import Image

_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_SMALLER = "Make it smaller, or cut out the part that you need."


def read_picture(file: Path) -> Image:
    """The picture in a file as BGR (height, width, 3); of length 0 where it cannot be decoded."""
    try:
        return decode_picture(file.read_bytes(), file.name)
    except OSError as error:
        raise ClipError(f"{file.name} cannot be read ({error.strerror})", "Check the file and its rights.") from error


def decode_picture(content: bytes, name: str) -> Image:
    """As `read_picture`, of the content of a file called `name`; `ClipError` where it has too many pixels."""
    import cv2

    bgr = None
    if _has_size(content, name):
        try:
            bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error as fault:
            raise ClipError(f"{name} is a picture that cannot be decoded", "Save it again.") from fault
    return np.empty((0, 0, 3), np.uint8) if bgr is None else np.asarray(bgr, np.uint8)


def _has_size(content: bytes, name: str) -> bool:
    """Whether the header says how large the picture is; `ClipError` where it is too large."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
        if width * height <= PICTURE_PIXELS:
            return True
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        pass
    except (EOFError, OSError, OverflowError, SyntaxError, ValueError, Warning):
        return False
    raise ClipError(f"{name} has more pixels than the {PICTURE_PIXELS:,} that are taken", _SMALLER)
