"""One person in a picture: the posed body, lit, as a small patch of colour, cover and depth.

Points are spread over every loft as densely as the picture needs. Of the points that fall on a fine pixel the nearest
one wins. Fine pixels, SUPERSAMPLING times as many each way, are averaged, so that edges are soft."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core.lab.synthetic.body import AROUND, RINGS, Part, parts_of
from core.lab.synthetic.clothes import textures_of
from core.lab.synthetic.ground import surface_light
from core.lab.synthetic.people import Person
from core.lab.synthetic.settings import HEIGHT, WIDTH
from core.lab.synthetic.views import Reals, View
from core.lab.synthetic.walking import BodyState, pose

SUPERSAMPLING = 2
POINT_DENSITY = 1.1  # points per fine pixel, each way
MIN_DEPTH = 0.1  # metres in front of the camera's plane, from which on a person is drawn


@dataclass(frozen=True, eq=False)
class Patch:
    """Pixels from `left` and `top` on: `bgr` (h, w, 3) times cover, `cover` (h, w) 0 to 1, `depth` (h, w) in metres.

    `share_in_picture` is the share of the whole figure that lies in the picture, 0 to 1.
    """

    left: int
    top: int
    bgr: Reals
    cover: Reals
    depth: Reals
    share_in_picture: float


def rasterise(points: Reals, colours: Reals, size: tuple[int, int], all_inside: bool) -> Reals | None:
    """(height, width, 5) fine pixels: colour, covered (1) or not, depth; None where no point faces the camera.

    `points` (n, 7): x, y, depth, facing (above 0: to the camera), light (3); `colours` (n, 4). `all_inside` says that
    no point lies outside of the picture, which saves the check.
    """
    height, width = size
    front = np.flatnonzero(points[:, 3] > 0)
    points = points[front]
    x, y = points[:, 0].astype(np.int32), points[:, 1].astype(np.int32)
    if not all_inside:
        inside = np.flatnonzero((points[:, 0] >= 0) & (x < width) & (points[:, 1] >= 0) & (y < height))
        points, front, x, y = points[inside], front[inside], x[inside], y[inside]
    if not len(front):
        return None
    depth = points[:, 2]
    far = float(depth.max())
    steps = ((far - depth) * (65535 / max(far - float(depth.min()), 1e-6))).astype(np.uint16)
    order = np.argsort(steps, kind="stable")
    winner = np.full(width * height, -1, np.int32)
    winner[(y * width + x)[order]] = order
    is_covered = winner >= 0
    winners = winner[is_covered]
    sheet = np.zeros((width * height, 5), np.float32)
    sheet[is_covered, :3] = colours[front[winners], :3] * points[winners, 4:]
    sheet[is_covered, 3] = 1
    sheet[is_covered, 4] = depth[winners]
    return sheet.reshape(height, width, 5)


def downsample(sheet: Reals, left: int, top: int, share_inside: float) -> Patch:
    """From fine pixels (colour, covered, depth) to pixels of the picture."""
    size = (sheet.shape[1] // SUPERSAMPLING, sheet.shape[0] // SUPERSAMPLING)
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA)
    closed = cv2.morphologyEx(sheet[..., 3], cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    cover = cv2.resize(closed, size, interpolation=cv2.INTER_AREA)
    weight = 1 / np.maximum(small[..., 3], 1e-6) * (small[..., 3] > 0)
    return Patch(left, top, small[..., :3] * (weight * cover)[..., None], cover, small[..., 4] * weight, share_inside)


def share_in_picture(screen: Reals, facing: Reals) -> float:
    """The share of the surface that faces the camera and lies in the picture, by projected area."""
    xy = screen[:, :-1, :-1, :2]
    if xy.min() >= 0 and xy[..., 0].max() < WIDTH and xy[..., 1].max() < HEIGHT:
        return 1.0
    down, around = screen[:, 1:, :-1, :2] - xy, screen[:, :-1, 1:, :2] - xy
    area = np.abs(down[..., 0] * around[..., 1] - down[..., 1] * around[..., 0]) * (facing[:, :-1, :-1] > 0)
    within = (xy >= 0).all(-1) & (xy[..., 0] < WIDTH) & (xy[..., 1] < HEIGHT)
    return float((area * within).sum() / max(area.sum(), 1e-9))


@dataclass(frozen=True, eq=False)
class Figure:
    """A person ready to be drawn. Shapes and textures are made on first use and kept."""

    person: Person

    @cached_property
    def parts(self) -> list[Part]:
        return parts_of(self.person)

    @cached_property
    def _points(self) -> Reals:
        points = np.stack([part.points for part in self.parts])
        found: Reals = np.concatenate([points, np.ones((*points.shape[:3], 1))], -1).astype(np.float32)
        return found

    @cached_property
    def _bend_share(self) -> Reals:
        found: Reals = np.stack([part.bend_share for part in self.parts])[..., None].astype(np.float32)
        return found

    @cached_property
    def _bones(self) -> tuple[list[int], list[int]]:
        return [part.bone for part in self.parts], [part.bent_bone for part in self.parts]

    @cached_property
    def _outward(self) -> Reals:
        """1 or -1 for each part: the side of its grid that is the outside."""
        points = self._points[..., :3]
        out = points - points.mean((1, 2), keepdims=True)
        found: Reals = np.sign((_normals(points) * out).sum((1, 2, 3)))[:, None, None, None]
        return found

    @cached_property
    def _textures(self) -> list[Reals]:
        return textures_of(self.person, self.parts)

    @cached_property
    def _resized_textures(self) -> dict[tuple[int, int, int], Reals]:
        return {}

    @cached_property
    def _shade(self) -> Reals:
        """Less light where little of the sky is seen: between the legs, under arms and chin, at the hem."""
        shade = np.ones(self._points.shape[:3])
        for n, part in enumerate(self.parts):
            x, z = part.points[..., 0], part.points[..., 2] / self.person.height
            if part.name == "leg":
                inner = np.clip(1 - np.abs(x) / 0.07, 0, 1) * np.clip((z - 0.1) / 0.35, 0, 1)
                shade[n] = (1 - 0.45 * inner) * np.where(z > 0.46, 0.75, 1)
            if part.name == "torso":
                side = np.clip(np.abs(x) / 0.17 - 0.75, 0, 0.25) * 4
                shade[n] = 1 - 0.4 * side * (z < 0.78)
            if part.name == "arm":
                shade[n] = 1 - 0.3 * np.clip(1 - (np.abs(x) - 0.15) / 0.06, 0, 1) * (z < 0.78)
            if part.name == "neck":
                shade[n] = 0.62
            if part.name == "head":
                shade[n] = 0.75 + 0.25 * np.clip((z - 0.865) / 0.04, 0, 1)
        return shade[..., None]

    def body(self, state: BodyState) -> Reals:
        """The posed body in world coordinates, (parts, RINGS, AROUND + 1, 3)."""
        bones = pose(self.person, state).astype(np.float32)
        bones_of_parts, bent_bones = self._bones
        points = self._points @ bones[bones_of_parts][:, None].transpose(0, 1, 3, 2)
        moved = self._points @ bones[bent_bones][:, None].transpose(0, 1, 3, 2)
        found: Reals = points + self._bend_share * (moved - points)
        return found

    def draw(self, body: Reals, view: View) -> Patch | None:
        """The person as seen by `view`; None where no part of them lies in the picture."""
        screen = view.project(body)
        if screen[..., 2].min() < MIN_DEPTH:
            return None
        low, high = screen[..., :2].min((0, 1, 2)), screen[..., :2].max((0, 1, 2))
        left, top = (max(0, int(np.floor(v)) - 1) for v in low)
        right, bottom = (min(size, int(np.ceil(v)) + 2) for v, size in zip(high, (WIDTH, HEIGHT), strict=True))
        if right <= left or bottom <= top:
            return None
        return self._patch(body, screen, view, (left, top, right, bottom))

    def _patch(self, body: Reals, screen: Reals, view: View, box: tuple[int, int, int, int]) -> Patch | None:
        left, top, right, bottom = box
        width, height = (right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING
        normal = _normals(body) * self._outward
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-12
        facing = (normal * (np.array(view.position) - body)).sum(-1)
        grid = np.empty((*screen.shape[:3], 7), np.float32)
        grid[..., :2] = (screen[..., :2] - (left, top)) * SUPERSAMPLING
        grid[..., 2], grid[..., 3], grid[..., 4:] = screen[..., 2], facing, surface_light(normal) * self._shade
        points, colours = self._spread(grid)
        all_inside = screen[..., :2].min() > 0 and screen[..., 0].max() < WIDTH and screen[..., 1].max() < HEIGHT
        sheet = rasterise(points, colours, (height, width), bool(all_inside))
        return None if sheet is None else downsample(sheet, left, top, share_in_picture(screen, facing))

    def _spread(self, grid: Reals) -> tuple[Reals, Reals]:
        """Points all over the body, as dense as needed: (n, 7) from the grid, and colours (n, 4) from the textures."""
        down = np.hypot(*np.moveaxis(np.diff(grid[..., :2], axis=1), -1, 0)).max((1, 2)) * RINGS
        around = np.hypot(*np.moveaxis(np.diff(grid[..., :2], axis=2), -1, 0)).max((1, 2)) * (AROUND + 1)
        points, colours = [], []
        for n, part_grid in enumerate(grid):
            rows, columns = (max(8, int(size * POINT_DENSITY + 7) // 8 * 8) for size in (down[n], around[n]))
            spread = cv2.resize(part_grid, (columns, rows), interpolation=cv2.INTER_LINEAR).reshape(-1, 7)
            key = (n, rows, columns)
            if key not in self._resized_textures:
                sized = cv2.resize(self._textures[n], (columns, rows), interpolation=cv2.INTER_LINEAR)
                self._resized_textures[key] = sized.reshape(-1, 4)
            colour = self._resized_textures[key]
            if self.parts[n].name == "hair":
                spread[colour[:, 3] < 0.5, 3] = -1
            points.append(spread)
            colours.append(colour)
        return np.concatenate(points), np.concatenate(colours)


def _normals(points: Reals) -> Reals:
    """Normals of the grids, of any length: cross products of the steps along and around the closed part."""
    along = np.empty_like(points)
    along[:, 1:-1] = points[:, 2:] - points[:, :-2]
    along[:, 0], along[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    around = np.empty_like(points)
    around[:, :, 1:-1] = points[:, :, 2:] - points[:, :, :-2]
    around[:, :, 0] = around[:, :, -1] = points[:, :, 1] - points[:, :, -2]
    (a, b, c), (d, e, f) = np.moveaxis(along, -1, 0), np.moveaxis(around, -1, 0)
    found: Reals = np.stack([b * f - c * e, c * d - a * f, a * e - b * d], -1)
    return found
