"""What several of these tests look at: a short default sample, drawn once, and the share of boxes that overlap."""

from functools import lru_cache

import numpy as np

from core.lab.synthetic import CameraRenderer, RenderedFrame, SampleSettings, scene_of
from core.vision.mot import Doubles

SHORT = SampleSettings(seconds=12.0)


@lru_cache(maxsize=16)
def stage_of(settings: SampleSettings, camera: int) -> CameraRenderer:
    scene = scene_of(settings)
    return CameraRenderer(scene, scene.views[camera])


@lru_cache(maxsize=6)
def shots(settings: SampleSettings, camera: int, every_seconds: float) -> tuple[RenderedFrame, ...]:
    """Frames of one camera, so many seconds apart."""
    stage = stage_of(settings, camera)
    step = max(1, round(every_seconds * stage.view.fps))
    return tuple(stage.render(frame) for frame in range(0, stage.view.frame_count(settings.seconds), step))


def overlap(one: Doubles, other: Doubles) -> Doubles:
    """Intersection over union of boxes (n, 4) and (m, 4)."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (one, other)]
    found: Doubles = both / (areas[0][:, None] + areas[1][None, :] - both)
    return found
