"""A small picture of one person: of all the points on their surface the nearest one wins each pixel.

Pictures are made at SHARP times the size and averaged, so that edges are soft. Owns how points become pixels; refuses
to know bodies, clothes and light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from core.sample.settings import HEIGHT, WIDTH
from core.sample.views import Reals

SHARP = 2


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels `left`.., `top`.. of the picture: `bgr` (h, w, 3) times cover, `cover` (h, w) 0 to 1, `depth` (h, w).

    `inside` is the share of the whole figure that lies in the picture.
    """

    left: int
    top: int
    bgr: Reals
    cover: Reals
    depth: Reals
    inside: float


def nearest(points: Reals, colours: Reals, size: tuple[int, int], whole: bool) -> Reals | None:
    """(height, width, 5) fine pixels: colour, there or not, depth; None where no point faces the camera in them.

    `points` (n, 7): x, y, depth, how far it faces the camera, light; `colours` (n, 4). With `whole` all lie inside.
    """
    height, width = size
    front = np.flatnonzero(points[:, 3] > 0)
    points = points[front]
    x, y = points[:, 0].astype(np.int32), points[:, 1].astype(np.int32)
    if not whole:
        kept = np.flatnonzero((points[:, 0] >= 0) & (x < width) & (points[:, 1] >= 0) & (y < height))
        points, front, x, y = points[kept], front[kept], x[kept], y[kept]
    if not len(front):
        return None
    depth = points[:, 2]
    far = float(depth.max())
    steps = ((far - depth) * (65535 / max(far - float(depth.min()), 1e-6))).astype(np.uint16)
    order = np.argsort(steps, kind="stable")
    winner = np.full(width * height, -1, np.int32)
    winner[(y * width + x)[order]] = order
    there = winner >= 0
    won = winner[there]
    sheet = np.zeros((width * height, 5), np.float32)
    sheet[there, :3] = colours[front[won], :3] * points[won, 4:]
    sheet[there, 3] = 1
    sheet[there, 4] = depth[won]
    return sheet.reshape(height, width, 5)


def averaged(sheet: Reals, left: int, top: int, share_inside: float) -> Patch:
    """From fine pixels (colour, there or not, depth) to the pixels of the picture."""
    size = (sheet.shape[1] // SHARP, sheet.shape[0] // SHARP)
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(sheet[..., 3], cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    cover = cv2.resize(closed, size, interpolation=cv2.INTER_AREA)
    share = 1 / np.maximum(small[..., 3], 1e-6) * (small[..., 3] > 0)
    return Patch(left, top, small[..., :3] * (share * cover)[..., None], cover, small[..., 4] * share, share_inside)


def inside(screen: Reals, facing: Reals) -> float:
    """The share of the surface turned to the camera that lies in the picture, by its area there."""
    xy = screen[:, :-1, :-1, :2]
    if xy.min() >= 0 and xy[..., 0].max() < WIDTH and xy[..., 1].max() < HEIGHT:
        return 1.0
    down, around = screen[:, 1:, :-1, :2] - xy, screen[:, :-1, 1:, :2] - xy
    area = np.abs(down[..., 0] * around[..., 1] - down[..., 1] * around[..., 0]) * (facing[:, :-1, :-1] > 0)
    within = (xy >= 0).all(-1) & (xy[..., 0] < WIDTH) & (xy[..., 1] < HEIGHT)
    return float((area * within).sum() / max(area.sum(), 1e-9))
