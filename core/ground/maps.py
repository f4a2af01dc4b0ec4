"""Homographies between two pictures of one ground: through four places, through many, and how badly one fits."""

from __future__ import annotations

import numpy as np

from core.ground.walks import Feet, Numbers

FAR = 99.0
"""In body heights; also what a place beyond the horizon is worth."""
USUAL = 0.1
"""How far feet are usually off, in body heights: what is much farther off pulls less."""


def through(here: Numbers, there: Numbers) -> Numbers:
    """The maps (k, 3, 3) that take four places each (k, 4, 2) to four others; those of no solution are left out."""
    x, y, u, v = here[..., 0], here[..., 1], there[..., 0], there[..., 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, one, none, none, none, -u * x, -u * y], axis=-1)
    lower = np.stack([none, none, none, x, y, one, -v * x, -v * y], axis=-1)
    left, right = np.concatenate([upper, lower], axis=1), np.concatenate([u, v], axis=1)
    good = np.abs(np.linalg.det(left)) > 1e-12
    found = np.ones((int(good.sum()), 9))
    found[:, :8] = np.linalg.solve(left[good], right[good][..., None])[..., 0]
    return found.reshape(-1, 3, 3)


def fitted(feet: Feet, start: Numbers, rounds: int = 3) -> Numbers:
    """The map (3, 3) that fits all places best, from a first guess; places far off it hardly count."""
    found = start
    for _ in range(rounds):
        weight = 1 / (1 + (misses(found[None], feet)[0].ravel() / USUAL) ** 2)
        found = _least_squares(feet.here.reshape(-1, 2), feet.there.reshape(-1, 2), weight)
    return found


def _least_squares(here: Numbers, there: Numbers, weight: Numbers) -> Numbers:
    """By singular values, in coordinates in which both clouds of places have their middle at 0 and spread 1: otherwise
    the places far from the origin would decide (Hartley, 1997)."""
    to_here, to_there = _centred(here, weight), _centred(there, weight)
    (x, y), (u, v) = (moved(to[None], places)[0].T for to, places in ((to_here, here), (to_there, there)))
    one, none = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, one, none, none, none, -u * x, -u * y, -u], axis=-1)
    lower = np.stack([none, none, none, x, y, one, -v * x, -v * y, -v], axis=-1)
    rows = np.concatenate([upper, lower]) * np.tile(np.sqrt(weight), 2)[:, None]
    found = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 3)
    return np.asarray(np.linalg.inv(to_there) @ found @ to_here)


def _centred(places: Numbers, weight: Numbers) -> Numbers:
    share = weight / weight.sum()
    middle = share @ places
    spread = max(float(np.sqrt(share @ ((places - middle) ** 2).sum(axis=1))), 1e-9)
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def moved(found: Numbers, places: Numbers) -> Numbers:
    """Places (..., 2) in the other picture, for each of the maps (k, 3, 3): (k, ..., 2)."""
    flat = np.concatenate([places.reshape(-1, 2), np.ones((places.size // 2, 1))], axis=1)
    with np.errstate(all="ignore"):
        there = flat @ np.swapaxes(found, -1, -2)
        return np.asarray((there[..., :2] / there[..., 2:]).reshape(len(found), *places.shape))


def inverse(found: Numbers) -> Numbers:
    """That of each map (k, 3, 3), up to a factor, which a homography does not mind; of a degenerate one too."""
    a, b, c = found[:, 0], found[:, 1], found[:, 2]
    return np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-1)


def misses(found: Numbers, feet: Feet) -> Numbers:
    """How far feet are apart in body heights, in the picture where it is more, for each of the maps (k, 3, 3)."""
    with np.errstate(all="ignore"):
        there = np.linalg.norm(moved(found, feet.here) - feet.there, axis=-1) / feet.tall_there
        here = np.linalg.norm(moved(inverse(found), feet.there) - feet.here, axis=-1) / feet.tall_here
    worst = np.maximum(here, there)
    return np.where(np.isfinite(worst), np.minimum(worst, FAR), FAR)
