"""Made-up runs: people with a look of their own, seen by several cameras at made-up times."""

import numpy as np

from core.base.types import Floats, Ints, Tracklets


def run(seed: int, people: int = 12, cameras: int = 3, noise: float = 0.5, width: int = 64) -> tuple[Tracklets, Ints]:
    """Everybody visits every camera once, for 10 of 60 seconds; returns the tracklets and who each of them is."""
    rng = np.random.default_rng(seed)
    look = rng.standard_normal((people, width))
    who = np.repeat(np.arange(people), cameras)
    camera = np.tile(np.arange(cameras), people)
    start = rng.uniform(0, 50, len(who))
    vector = unit(look[who] + noise * rng.standard_normal((len(who), width)))
    return Tracklets(camera, who + 1, start, start + 10, vector), who


def unit(vector: np.ndarray) -> Floats:
    return np.asarray(vector / np.linalg.norm(vector, axis=1, keepdims=True), np.float32)
