"""One camera's pictures of the plan: the empty plaza, shadows, people from far to near, the sensor; and the truth.

Every frame can be had by itself and is the same in any order. Refuses to know files and codecs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from core.mot import MotRows
from core.sample.figure import Figure
from core.sample.ground import Backdrop, backdrop
from core.sample.light import SUN
from core.sample.patch import Patch
from core.sample.scene import Scene
from core.sample.settings import HEIGHT, WIDTH
from core.sample.views import Reals, View
from core.types import Image

PEDESTRIAN = 1
_TAKEN = 0.5  # of the ground's light, by a person's shadow
_SPARE = 64  # pixels by which the sheet of noise is larger than the picture


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame: number from 0, BGR picture, and the truth: a row for each person in the picture (id from 1)."""

    frame: int
    bgr: Image
    rows: MotRows


@dataclass(frozen=True, eq=False)
class Stage:
    """One camera of a plan, ready to film. The empty plaza is drawn on first use."""

    scene: Scene
    view: View

    @cached_property
    def _figures(self) -> list[Figure]:
        return [Figure(look) for look in self.scene.looks]

    @cached_property
    def _empty(self) -> Backdrop:
        return backdrop(self.scene.plaza, self.view, self.scene.settings.seed)

    @cached_property
    def _gain(self) -> Reals:
        """What the sensor makes of light 0 to 1, (h, w, 3): exposure, white balance, darker corners."""
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        corners = 1 - self.view.vignette * (0.7 * x * x + 0.3 * y * y)
        found: Reals = (corners[..., None] * np.array(self.view.balance) * self.view.exposure * 255).astype(np.float32)
        return found

    @cached_property
    def _clean(self) -> Image:
        """The empty plaza through the sensor, without noise."""
        seen = cv2.GaussianBlur(self._empty.bgr * self._gain + self.view.lift, (0, 0), self.view.blur)
        return np.asarray(np.clip(seen, 0, 255), np.uint8)

    @cached_property
    def _noise(self) -> Reals:
        generator = np.random.default_rng([self.scene.settings.seed, 5, int(self.view.name[3:])])
        sheet = generator.standard_normal((HEIGHT + _SPARE, WIDTH + _SPARE, 3)).astype(np.float32)
        sheet = sheet + sheet.mean(2, keepdims=True)
        found: Reals = np.rint(cv2.GaussianBlur(sheet, (0, 0), 0.6) * self.view.noise).astype(np.int8)
        return found

    def shot(self, frame: int) -> Shot:
        picture, rows = self.clean(frame)
        generator = np.random.default_rng([self.scene.settings.seed, 6, int(self.view.name[3:]), frame])
        top, left = generator.integers(0, _SPARE, 2)
        noisy = cv2.add(picture, self._noise[top : top + HEIGHT, left : left + WIDTH], dtype=cv2.CV_8U)
        return Shot(frame, np.asarray(noisy, np.uint8), rows)

    def clean(self, frame: int, people: bool = True) -> tuple[Image, MotRows]:
        """The frame before the sensor's noise; without people it is the empty plaza."""
        picture = self._clean.copy()
        seconds = self.view.offset + frame / self.view.fps
        drawn: list[tuple[float, int, Patch]] = []
        for number, (figure, walk) in enumerate(zip(self._figures, self.scene.walks, strict=True)):
            moment = walk.at(seconds)
            middle = np.array([moment.x, moment.y, 0.9])
            if not people or not self._near(middle):
                continue
            body = figure.body(moment)
            self._shadow(picture, body)
            patch = figure.drawn(body, self.view)
            if patch is not None:
                drawn.append((float(self.view.project(middle)[2]), number, patch))
        return picture, self._people(picture, frame, sorted(drawn, key=lambda one: -one[0]))

    def _near(self, middle: Reals) -> bool:
        """Whether somebody, or their shadow, could be in the picture: a body is posed only then."""
        x, y, depth = self.view.project(middle)
        spare = 2.2 * self.view.focal / max(float(depth), 0.3)
        return bool(depth > 0.3 and -spare < x < WIDTH + spare and -spare < y < HEIGHT + spare)

    def _shadow(self, picture: Image, body: Reals) -> None:
        ground = body[:, ::3, ::3].copy()
        ground[..., :2] -= SUN[:2] / SUN[2] * ground[..., 2:]
        ground[..., 2] = 0
        seen = self.view.project(ground)
        if seen[..., 2].min() < 0.3:
            return
        low, high = seen[..., :2].min((0, 1, 2)) - 6, seen[..., :2].max((0, 1, 2)) + 6
        left, top = (max(0, int(v)) for v in low)
        right, bottom = (min(size, int(v)) for v, size in zip(high, (WIDTH, HEIGHT), strict=True))
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.float32)
        corners = np.rint((seen[..., :2] - (left, top)) * 16).astype(np.int32).reshape(len(seen), -1, 2)
        for part in corners:
            cv2.fillConvexPoly(mask, cv2.convexHull(part), 1.0, cv2.LINE_AA, 4)
        mask = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.012 * self.view.focal / float(seen[..., 2].mean())))
        mask *= _TAKEN * np.isinf(self._empty.depth[top:bottom, left:right])
        window = picture[top:bottom, left:right]
        window[:] = (window - self.view.lift) * (1 - mask[..., None]) + self.view.lift

    def _people(self, picture: Image, frame: int, drawn: list[tuple[float, int, Patch]]) -> MotRows:
        """Draw people from far to near; what each covers in the end tells how much of them is seen."""
        owner = np.zeros((HEIGHT, WIDTH), np.int16)
        boxes: list[tuple[int, float, int, int, int, int]] = []
        for _, number, patch in drawn:
            height, width = patch.cover.shape
            place = np.s_[patch.top : patch.top + height, patch.left : patch.left + width]
            before = self._empty.depth[place] >= patch.depth
            light = self._gain[place] * patch.bgr + self.view.lift * patch.cover[..., None]
            soft = cv2.GaussianBlur(np.dstack([light, patch.cover]), (0, 0), self.view.blur)
            soft *= before[..., None]
            window = picture[place]
            window[:] = np.clip(window * (1 - soft[..., 3:]) + soft[..., :3], 0, 255)
            body = patch.cover >= 0.5
            owner[place][body & before] = number + 1
            rows, columns = np.flatnonzero(body.any(1)), np.flatnonzero(body.any(0))
            if len(rows) and patch.inside > 0:
                x1, y1 = patch.left + int(columns[0]), patch.top + int(rows[0])
                x2, y2 = patch.left + int(columns[-1]) + 1, patch.top + int(rows[-1]) + 1
                boxes.append((number + 1, float(body.sum() / patch.inside), x1, y1, x2, y2))
        boxes.sort()
        seen = [np.count_nonzero(owner[y1:y2, x1:x2] == who) / area for who, area, x1, y1, x2, y2 in boxes]
        return MotRows(
            frame=np.full(len(boxes), frame),
            id=np.array([box[0] for box in boxes], np.int64),
            xyxy=np.array([box[2:] for box in boxes], np.float64).reshape(-1, 4),
            conf=np.ones(len(boxes)),
            cls=np.full(len(boxes), PEDESTRIAN),
            visibility=np.array(seen),
        )
