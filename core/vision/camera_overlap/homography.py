"""Homographies between two pictures of one flat ground: through four places, fitted to many, and how well one fits.

A homography is a (3, 3) matrix, given up to a factor; functions take several of them as (k, 3, 3). Places are (..., 2).
Distances are in body heights: an error of a pixel is large far from the camera and small close by."""

from __future__ import annotations

import numpy as np

from core.vision.camera_overlap.footpaths import Feet, Numbers

MAX_DISTANCE = 99.0
"""In body heights; also the distance of a place beyond the horizon."""
USUAL_DISTANCE = 0.1
"""How far feet are usually off, in body heights: what is much farther off pulls less."""


def homographies_through(here: Numbers, there: Numbers) -> Numbers:
    """The homographies (k, 3, 3) that take four places each (k, 4, 2) to four others; those of no solution are left
    out."""
    x, y, u, v = here[..., 0], here[..., 1], there[..., 0], there[..., 1]
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, ones, zeros, zeros, zeros, -u * x, -u * y], axis=-1)
    lower = np.stack([zeros, zeros, zeros, x, y, ones, -v * x, -v * y], axis=-1)
    left, right = np.concatenate([upper, lower], axis=1), np.concatenate([u, v], axis=1)
    solvable = np.abs(np.linalg.det(left)) > 1e-12
    homographies = np.ones((int(solvable.sum()), 9))
    homographies[:, :8] = np.linalg.solve(left[solvable], right[solvable][..., None])[..., 0]
    return homographies.reshape(-1, 3, 3)


def fit_homography(feet: Feet, start: Numbers, rounds: int = 3) -> Numbers:
    """The homography (3, 3) that fits all places best, from a first guess; places far off it hardly count."""
    homography = start
    for _ in range(rounds):
        weight = 1 / (1 + (distances(homography[None], feet)[0].ravel() / USUAL_DISTANCE) ** 2)
        homography = _least_squares(feet.here.reshape(-1, 2), feet.there.reshape(-1, 2), weight)
    return homography


def _least_squares(here: Numbers, there: Numbers, weight: Numbers) -> Numbers:
    """By singular values, in coordinates in which both clouds of places have their middle at 0 and spread 1: otherwise
    the places far from the origin would decide (Hartley, 1997)."""
    normalize_here, normalize_there = _normalization(here, weight), _normalization(there, weight)
    x, y = project(normalize_here[None], here)[0].T
    u, v = project(normalize_there[None], there)[0].T
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    upper = np.stack([x, y, ones, zeros, zeros, zeros, -u * x, -u * y, -u], axis=-1)
    lower = np.stack([zeros, zeros, zeros, x, y, ones, -v * x, -v * y, -v], axis=-1)
    rows = np.concatenate([upper, lower]) * np.tile(np.sqrt(weight), 2)[:, None]
    normalized = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 3)
    return np.asarray(np.linalg.inv(normalize_there) @ normalized @ normalize_here)


def _normalization(places: Numbers, weight: Numbers) -> Numbers:
    """The similarity transform (3, 3) that puts the weighted middle of places (n, 2) at 0 and their spread at 1."""
    share = weight / weight.sum()
    middle = share @ places
    spread = max(float(np.sqrt(share @ ((places - middle) ** 2).sum(axis=1))), 1e-9)
    return np.array([[1 / spread, 0, -middle[0] / spread], [0, 1 / spread, -middle[1] / spread], [0, 0, 1]])


def project(homographies: Numbers, places: Numbers) -> Numbers:
    """Places (..., 2) in the other picture, for each of the homographies (k, 3, 3): (k, ..., 2)."""
    homogeneous = np.concatenate([places.reshape(-1, 2), np.ones((places.size // 2, 1))], axis=1)
    with np.errstate(all="ignore"):
        there = homogeneous @ np.swapaxes(homographies, -1, -2)
        return np.asarray((there[..., :2] / there[..., 2:]).reshape(len(homographies), *places.shape))


def inverse(homographies: Numbers) -> Numbers:
    """The inverse of each homography (k, 3, 3), up to a factor, which does not matter; of a degenerate one too."""
    a, b, c = homographies[:, 0], homographies[:, 1], homographies[:, 2]
    return np.stack([np.cross(b, c), np.cross(c, a), np.cross(a, b)], axis=-1)


def distances(homographies: Numbers, feet: Feet) -> Numbers:
    """How many body heights feet are apart, in the picture where it is more, for each of the homographies (k, 3, 3)."""
    with np.errstate(all="ignore"):
        there = np.linalg.norm(project(homographies, feet.here) - feet.there, axis=-1) / feet.tall_there
        here = np.linalg.norm(project(inverse(homographies), feet.there) - feet.here, axis=-1) / feet.tall_here
    worst = np.maximum(here, there)
    return np.where(np.isfinite(worst), np.minimum(worst, MAX_DISTANCE), MAX_DISTANCE)
