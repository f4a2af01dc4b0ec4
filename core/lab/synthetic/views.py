"""The cameras: where they stand, where they look, and what their sensors do to a picture.

World coordinates are metres, z up, the plaza around the origin. Pictures are WIDTH x HEIGHT, x right, y down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.lab.synthetic.settings import HEIGHT, WIDTH, SampleSettings

Reals = NDArray[Any]
_OFFSETS = (0.0, 0.52, 1.24, 0.2, 0.9, 1.6, 0.36, 1.08)
_ANGLES = (215.0, 325.0, 90.0)


@dataclass(frozen=True)
class View:
    """One camera. `offset` is the time of the plaza, in seconds, that its first frame shows; `balance` is BGR gains."""

    name: str
    position: tuple[float, float, float]
    yaw: float
    pitch: float
    focal: float
    fps: int
    offset: float
    exposure: float
    balance: tuple[float, float, float]
    lift: float
    vignette: float
    blur: float
    noise: float
    crf: int

    @cached_property
    def axes(self) -> Reals:
        """Rows: right, up, forward."""
        cy, sy, cp, sp = np.cos(self.yaw), np.sin(self.yaw), np.cos(self.pitch), np.sin(self.pitch)
        return np.array([[sy, -cy, 0.0], [-cy * sp, -sy * sp, cp], [cy * cp, sy * cp, sp]])

    def project(self, points: Reals) -> Reals:
        """(..., 3) metres -> (..., 3): x and y in pixels, depth in metres along the view (negative: behind)."""
        local = (points - np.array(self.position)) @ self.axes.T
        depth = local[..., 2]
        scale = self.focal / np.where(np.abs(depth) < 1e-3, 1e-3, depth)
        return np.stack([WIDTH / 2 + local[..., 0] * scale, HEIGHT / 2 - local[..., 1] * scale, depth], -1)

    def frame_count(self, seconds: float) -> int:
        return round(seconds * self.fps)


def views_of(settings: SampleSettings, attempt: int = 0) -> list[View]:
    """The cameras, spread around the plaza. Each looks a little past the middle: pictures overlap only in part."""
    generator = np.random.default_rng([settings.seed, 1, attempt])
    angles = _ANGLES if settings.cameras == 3 else np.arange(settings.cameras) * 360 / settings.cameras + 215
    # The more cameras, the narrower their view, so that some ground is seen by one camera only, and some by none.
    zoom = 1 + 0.16 * max(0, settings.cameras - 3)
    return [_view(n, float(angle), zoom, generator) for n, angle in enumerate(angles)]


def _view(number: int, degrees: float, zoom: float, generator: np.random.Generator) -> View:
    angle = np.radians(degrees + generator.uniform(-7, 7))
    distance = generator.uniform(10.6, 11.6)
    x, y, z = (
        distance * np.cos(angle),
        distance * np.sin(angle),
        (3.3, 4.4, 5.4)[number % 3] + generator.uniform(-0.25, 0.25),
    )
    yaw_offset = (0.16, -0.12, 0.26)[number % 3] + generator.uniform(-0.04, 0.04)
    warmth = (1.14, 0.87, 1.02)[number % 3] + generator.uniform(-0.03, 0.03)
    return View(
        name=f"cam{number + 1}",
        position=(float(x), float(y), float(z)),
        yaw=float(angle + np.pi + yaw_offset),
        pitch=-float(np.radians((15.5, 19.0, 22.0)[number % 3] + generator.uniform(-1, 1))),
        focal=float(((720, 750, 810)[number % 3] + generator.uniform(-20, 20)) * zoom),
        fps=int(generator.choice([15, 20])) if number % 3 == 2 else 25,
        offset=_OFFSETS[number],
        exposure=(1.28, 1.42, 1.08)[number % 3] + float(generator.uniform(-0.04, 0.04)),
        balance=(float(2 - warmth), 1.0, float(warmth)),
        lift=(4.0, 10.0, 0.0)[number % 3],
        vignette=float(generator.uniform(0.12, 0.3)),
        blur=(0.5, 0.7, 0.6)[number % 3],
        noise=(2.2, 3.4, 4.2)[number % 3],
        crf=(23, 25, 26)[number % 3],
    )
