"""Picture sequences: a folder of pictures, or a pattern such as `img_%04d.jpg` or `img_*.png`, read as one clip.

Owns their order (natural: 2 before 10) and their decoding (EXIF orientation applied). Refuses to guess times:
the rate of a sequence is whatever the probe was told.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np

from core.errors import ClipError
from core.types import PICTURES, Clip, Image, Ints

CONTAINER = "pictures"


def is_sequence(path: Path) -> bool:
    """Whether `path` is a folder, or a pattern rather than a file."""
    return path.is_dir() or (not path.exists() and any(sign in path.name for sign in "%*?"))


def picture_files(path: Path) -> list[Path]:
    """The pictures of a folder or pattern in natural order; `ClipError` where there are none."""
    folder, pattern = (path, "*") if path.is_dir() else (path.parent, re.sub(r"%\d*d", "[0-9]*", path.name))
    try:
        found = [file for file in folder.glob(pattern) if file.suffix.lower() in PICTURES and file.name[0] != "."]
    except OSError as error:
        raise ClipError(f"{path} cannot be listed ({error.strerror})", "Check the folder and its rights.") from error
    if not found:
        raise ClipError(
            f"{path} holds no pictures", "Give a video file, or a folder that directly holds JPEG or PNG pictures."
        )
    return sorted(found, key=_natural)


def pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """(frame number, bgr) of the wanted frames; a damaged picture is left out, one of another size is refused."""
    files = picture_files(Path(clip.path))
    if len(files) != clip.frames:
        raise ClipError(f"{clip.path} changed while it was open", "Start the analysis again.")
    for number in wanted.tolist():
        bgr = decoded(files[number])
        if not len(bgr):
            continue
        if bgr.shape[:2] != (clip.height, clip.width):
            raise ClipError(
                f"{files[number].name} is {bgr.shape[1]}x{bgr.shape[0]}, the pictures before it are "
                f"{clip.width}x{clip.height}",
                "Keep pictures of one size in a folder.",
            )
        yield number, bgr


def decoded(file: Path) -> Image:
    """The picture as bgr (height, width, 3), or an array of length 0 where it cannot be decoded."""
    try:
        content = np.fromfile(file, np.uint8)
    except OSError as error:
        raise ClipError(f"{file.name} cannot be read ({error.strerror})", "Check the file and its rights.") from error
    bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    return np.empty((0, 0, 3), np.uint8) if bgr is None else np.asarray(bgr, np.uint8)


def _natural(file: Path) -> list[str | int]:
    """
    >>> sorted([Path("a10.png"), Path("a2.png")], key=_natural)[0].name
    'a2.png'
    """
    return [int(part) if part.isdigit() else part.casefold() for part in re.split(r"([0-9]+)", file.name)]
