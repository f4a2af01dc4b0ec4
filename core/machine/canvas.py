"""Pictures: a page to draw on with Pillow (text, lines, boxes, pictures), in pixels from the top left; and pictures of
any origin, decoded. Their size is read from the header first, since a few bytes may claim any size.

The bundled font has Latin, Greek, Cyrillic and CJK. A character that it lacks is drawn as an empty box."""

from __future__ import annotations

import io
import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from core.base.errors import ClipError
from core.base.limits import PICTURE_PIXELS
from core.base.types import Image

Colour = tuple[int, int, int]
"""Blue, green, red."""
INK, FAINT, RULE, BACK, WHITE = (45, 40, 36), (95, 90, 85), (222, 220, 218), (240, 239, 238), (255, 255, 255)
FONT = Path(__file__).with_name("fonts") / "wqy-microhei.ttf"
_BOLD_STROKE = 0.025  # of the font size, added on each side of a stroke
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_SMALLER = "Make it smaller, or cut out the part that you need."
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class Canvas:
    """A page of `width` x `height` pixels."""

    def __init__(self, width: int, height: int, colour: Colour = WHITE) -> None:
        self.width, self.height = width, height
        # Pillow calls the channels red, green and blue; here they are BGR from the first to the last step.
        self._page = Pillow.new("RGB", (width, height), colour)
        self._draw = ImageDraw.Draw(self._page)

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size: float = 12,
        colour: Colour = INK,
        *,
        bold: bool = False,
        align: str = "left",
    ) -> None:
        """`text` on the base line `y`; `align` says whether `x` is its "left" end, "middle" or "right" end."""
        anchor = f"{align[0]}s"
        stroke = size * _BOLD_STROKE if bold else 0
        self._draw.text((x, y), _printable(text), colour, _font(size), anchor, stroke_width=stroke)

    def rule(self, y: float, left: float, right: float) -> None:
        self._draw.line([(left, y), (right, y)], RULE, 1)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: Colour, weight: int = 1) -> None:
        self._draw.line([start, end], colour, weight)

    def box(self, x: int, y: int, width: int, height: int, colour: Colour) -> None:
        """A filled rectangle."""
        self._draw.rectangle([x, y, x + width - 1, y + height - 1], colour)

    def picture(self, bgr: Image, x: int, y: int, width: int, height: int) -> None:
        """`bgr` centred in the rectangle on grey, as large as fits."""
        self.box(x, y, width, height, BACK)
        fitted = fit_image(bgr, width, height)
        down, across = (height - fitted.shape[0]) // 2, (width - fitted.shape[1]) // 2
        self._page.paste(Pillow.fromarray(np.ascontiguousarray(fitted)), (x + across, y + down))

    def frame(self, x: int, y: int, width: int, height: int, colour: Colour, weight: int = 2) -> None:
        """A border around the rectangle, just outside it."""
        corners = [x - weight, y - weight, x + width + weight - 1, y + height + weight - 1]
        self._draw.rectangle(corners, outline=colour, width=weight)

    def as_image(self) -> Image:
        return np.array(self._page, np.uint8)


def fit_image(bgr: Image, width: int, height: int, grow: bool = True) -> Image:
    """`bgr` scaled to fit into width x height, proportions kept; without `grow`, never enlarged."""
    import cv2

    scale = min(width / bgr.shape[1], height / bgr.shape[0], np.inf if grow else 1.0)
    size = (max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(bgr, size, interpolation=interpolation), np.uint8)


def text_width(text: str, size: float) -> float:
    return float(_font(size).getlength(_printable(text)))


def shorten(text: str, width: float, size: float) -> str:
    """`text`, cut with an ellipsis where it is wider than `width` pixels.

    >>> shorten("入口", 100, 12), shorten("入口" * 20, 50, 12)
    ('入口', '入口入…')
    """
    if text_width(text, size) <= width:
        return text
    while text and text_width(f"{text}{_ELLIPSIS}", size) > width:
        text = text[:-1]
    return f"{text}{_ELLIPSIS}"


@lru_cache(maxsize=64)
def _font(size: float) -> ImageFont.FreeTypeFont:
    """The font at `size`. Basic layout gives the same pixels on every machine, and serves all scripts of the font."""
    return ImageFont.truetype(str(FONT), size, layout_engine=ImageFont.Layout.BASIC)


def _printable(text: str) -> str:
    """Composed characters (NFC), which the font has, and a space for each control character.

    >>> _printable("Tu\\u0308r\\n1") == "Tür 1"
    True
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in composed)


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
    try:
        with Pillow.open(io.BytesIO(content), formats=_FORMATS) as picture:
            width, height = picture.size
        if width * height <= PICTURE_PIXELS:
            return True
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        pass
    # Where Ultralytics is loaded, Pillow looks for another package before it says that it knows no such format.
    except (EOFError, ImportError, OSError, OverflowError, SyntaxError, ValueError, Warning):
        return False
    raise ClipError(f"{name} has more pixels than the {PICTURE_PIXELS:,} that are taken", _SMALLER)
