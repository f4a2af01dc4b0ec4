"""The strip of stills that stands for a clip, and what its pictures are like: looked at once per clip, by digest.

<cache>/strips/<digest>.jpg     the stills side by side
                <digest>.json   their seconds, and what was measured
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np

from core.crops import jpeg
from core.folders import cache_dir, write_atomically
from core.types import Clip, Image
from core.video.checks import Measures, measure
from core.video.glimpses import Glimpse, glimpses

STILLS = 6
_LANDSCAPE, _PORTRAIT = (3, 320), (6, 160)
"""Stills side by side, and the width of each in pixels."""
_GAP = 4
_QUALITY = 82
_FORMAT = 1


@dataclass(frozen=True)
class Strip:
    """`picture` is a JPEG of stills taken at `seconds` of the clip, row by row; each was measured."""

    picture: Path
    seconds: tuple[float, ...]
    measures: tuple[Measures, ...]


def strip_of(clip: Clip) -> Strip | None:
    """The clip's strip, made where it is not there yet; nothing where no picture can be had."""
    picture = cache_dir() / "strips" / f"{clip.digest}.jpg"
    if (known := _known(picture)) is not None:
        return known
    seen = glimpses(clip, STILLS)
    if not seen:
        return None
    strip = Strip(picture, tuple(round(g.seconds, 3) for g in seen), tuple(measure(g.bgr) for g in seen))
    write_atomically(picture, jpeg(_sheet(clip, seen), _QUALITY))
    about = {"format": _FORMAT, "seconds": strip.seconds, "measures": [asdict(one) for one in strip.measures]}
    # Last: a strip counts when it is described.
    write_atomically(picture.with_suffix(".json"), json.dumps(about).encode())
    return strip


def _known(picture: Path) -> Strip | None:
    try:
        about = json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))
        if about["format"] != _FORMAT or not picture.is_file():
            return None
        return Strip(picture, tuple(about["seconds"]), tuple(Measures(**one) for one in about["measures"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sheet(clip: Clip, seen: Sequence[Glimpse]) -> Image:
    """The stills in rows on a grey ground."""
    across, width = _LANDSCAPE if clip.width >= clip.height else _PORTRAIT
    height = max(2, round(width * clip.height / clip.width))
    across, rows = min(across, len(seen)), -(-len(seen) // across)
    sheet = np.full((rows * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, 3), 128, np.uint8)
    for number, glimpse in enumerate(seen):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = cv2.resize(glimpse.bgr, (width, height), interpolation=cv2.INTER_AREA)
    return sheet
