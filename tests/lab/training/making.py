"""Small people to learn: coloured figures, each in clothes of one's own, seen by two cameras of different light."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from core.base.types import Image


def person(who: int, camera: int, shot: int, height: int = 64, width: int = 32) -> Image:
    rng = np.random.default_rng((who, 7))
    coat, legs = rng.integers(30, 226, 3), rng.integers(30, 226, 3)
    noise = np.random.default_rng((who, camera, shot))
    picture = np.full((height, width, 3), 120 + 20 * camera, np.float64)
    left = width // 4 + noise.integers(-2, 3)
    picture[height // 8 : height // 2, left : left + width // 2] = coat
    picture[height // 2 : height - 4, left + 2 : left + width // 2 - 2] = legs
    light = 1 - 0.25 * camera
    return np.clip(picture * light + noise.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


def market(folder: Path, people: int, cameras: int = 2, shots: int = 3) -> Path:
    """A folder in Market-1501's layout."""
    folder.mkdir(parents=True)
    for who in range(1, people + 1):
        for camera in range(1, cameras + 1):
            for shot in range(shots):
                name = f"{who:04d}_c{camera}s1_{shot:06d}_00.png"
                cv2.imwrite(str(folder / name), person(who, camera, shot))
    return folder
