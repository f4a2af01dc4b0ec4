"""`--travel A-B=SECONDS`: how long it takes at least to go from one camera to another, checked before anything runs."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from itertools import permutations

from core.errors import SettingsError
from core.people import Way


def add_travel(p: argparse.ArgumentParser) -> None:
    p.add_argument(
        "--travel",
        action="append",
        default=[],
        metavar="A-B=SECONDS",
        help="nobody comes from camera A to B, or back, in less (0: they may see the same place)",
    )


def ways_of(words: Sequence[str], cameras: Iterable[str]) -> tuple[Way, ...]:
    """What the flags say; a camera's name may hold a `-` itself."""
    known = list(cameras)
    ways: dict[frozenset[str], Way] = {}
    for word in words:
        pair, _, seconds = word.rpartition("=")
        fits = [(one, other) for one, other in permutations(known, 2) if f"{one}-{other}" == pair]
        if not fits:
            raise SettingsError(
                f"--travel {word} names no two cameras of this run",
                f"Write --travel {'-'.join((known * 2)[:2]) or 'A-B'}=20. Cameras: {', '.join(known)}.",
            )
        if len(fits) > 1:
            read = " or ".join(f"{one} to {other}" for one, other in fits)
            raise SettingsError(f"--travel {word} can mean {read}", "Run with other names: --name CAM=CLIP.")
        if frozenset(fits[0]) in ways:
            raise SettingsError(
                f"--travel {word}: this way was named before, or the way back", "Leave one of them out."
            )
        ways[frozenset(fits[0])] = Way(*fits[0], _seconds(word, seconds))
    return tuple(ways.values())


def _seconds(word: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"--travel {word} says no time", "Give seconds, 0 or more: --travel gate-hall=20.")
    return seconds
