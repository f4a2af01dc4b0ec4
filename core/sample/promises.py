"""What a sample promises of its people, and whether a path keeps it.

Two are dressed alike; two come into one camera's picture only; two meet, stand and talk; one leaves all pictures and
returns; everybody but the two is seen by at least two cameras. Owns who has which part, and when somebody counts as
seen. Judges by projection alone; refuses to draw paths, and knows no pixels.
"""

from __future__ import annotations

import numpy as np

from core.sample.settings import HEIGHT, WIDTH, SampleSettings
from core.sample.things import Plaza
from core.sample.views import Reals, View

ALIKE, ALONE, TALKERS, RETURNER = (0, 1), (2, 3), (4, 5), 6
LOOKED = 0.2  # seconds between the places that are checked
SMALL = 60  # pixels of height from which a person counts as seen
NEAREST = 4.2  # metres to a camera that sees them
_ROOM = np.array([(x, y, z) for x in (-0.6, 0.6) for y in (-0.6, 0.6) for z in (0.0, 1.0)])


def kept(who: int, xy: Reals, height: float, views: list[View], settings: SampleSettings) -> bool:
    """Whether places (n, 2) every LOOKED seconds keep the promise made about a person of that number."""
    touched, whole, close = seen_by(views, xy, height)
    if close.any():
        return False
    seen = _within_film(whole, views, settings).sum(1) * LOOKED
    if who in ALONE:
        return bool((touched.any(1).sum() == 1) and seen.max() >= 0.25 * settings.seconds)
    if (seen >= 1.2).sum() < 2:
        return False
    if who == RETURNER:
        return returns(np.asarray(touched.any(0)))
    return True


def seen_by(views: list[View], xy: Reals, height: float) -> tuple[Reals, Reals, Reals]:
    """For places (n, 2), each (cameras, n): as `in_view`, and whether a person there touches a picture too close."""
    touched, whole = (np.stack(flags) for flags in zip(*(in_view(v, xy, height) for v in views), strict=True))
    close = np.stack([np.hypot(*(xy - v.position[:2]).T) < NEAREST for v in views])
    return touched, whole, touched & close


def in_view(view: View, xy: Reals, height: float) -> tuple[Reals, Reals]:
    """For places (n, 2): whether a person there can touch the picture, and whether they are whole in it."""
    points = xy[:, None, :] * (1, 1) + _ROOM[None, :, :2]
    tall = np.broadcast_to(_ROOM[:, 2] * (height + 0.06), points.shape[:2])
    seen = view.project(np.concatenate([points, tall[..., None]], -1))
    before = seen[..., 2].min(1) > 0.1
    low, high = seen[..., :2].min(1), seen[..., :2].max(1)
    touches = before & (high > -8).all(1) & (low[:, 0] < WIDTH + 8) & (low[:, 1] < HEIGHT + 8)
    middle = view.project(np.stack([*xy.T, np.full(len(xy), height / 2)], 1))[:, 2]
    size = view.focal * height / np.maximum(middle, 0.1)
    whole = before & (low >= 0).all(1) & (high[:, 0] <= WIDTH) & (high[:, 1] <= HEIGHT) & (size >= SMALL)
    return touches, whole


def clear(plaza: Plaza, begin: Reals, end: Reals) -> Reals:
    """Whether ways from `begin` to `end` (n, 2) keep clear of everything that stands."""
    found: Reals = np.ones(len(begin), bool)
    for x, y, reach in plaza.round:
        way = end - begin
        share = (((x, y) - begin) * way).sum(1) / np.maximum((way * way).sum(1), 1e-9)
        nearest = begin + np.clip(share, 0, 1)[:, None] * way
        found &= np.hypot(nearest[:, 0] - x, nearest[:, 1] - y) > reach + 0.38
    return found


def _within_film(flags: Reals, views: list[View], settings: SampleSettings) -> Reals:
    """Flags (cameras, n) every LOOKED seconds, only where each camera was filming."""
    at = np.arange(flags.shape[1]) * LOOKED
    filming = np.stack([(at >= v.offset) & (at < v.offset + settings.seconds) for v in views])
    found: Reals = flags & filming
    return found


def returns(seen: Reals) -> bool:
    """Whether somebody seen at moments (every LOOKED seconds) is gone for a second and then seen again.

    >>> returns(np.array([1] * 5 + [0] * 5 + [1] * 5)), returns(np.array([0] * 5 + [1] * 5 + [0] * 5))
    (True, False)
    """
    rows = np.flatnonzero(np.asarray(seen) > 0)
    return bool(len(rows) > 1 and np.diff(rows).max() * LOOKED > 1.0)
