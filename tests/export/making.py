"""Small galleries: drawn people with fine stripes, so that a test can tell what was blurred."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from core.base.types import Image
from core.runs import Crop, Gallery, Sighting

UNSAFE = {
    1: "../../x",
    2: "<script>alert('you & me')</script>",
    3: "\N{WAVING HAND SIGN} line\nbreak \ud800",
    4: "ü" * 300,
}
ABOUT: dict[str, Any] = {
    "clips": {"cam1": {"digest": "ab" * 32}, "cam2": {"digest": "cd" * 32}},
    "settings": {"match": {"threshold": 0.62}},
    "decisions": [{"kind": "confirm", "person": 1}],
}


def striped(seed: int, height: int = 96, width: int = 40) -> Image:
    """Noise on coloured clothes: detail everywhere."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), random.integers(60, 196, 3), np.float64)
    return np.clip(picture + random.normal(0, 30, (height, width, 1)), 0, 255).astype(np.uint8)


def jpeg(seed: int) -> bytes:
    return bytes(cv2.imencode(".jpg", striped(seed), [cv2.IMWRITE_JPEG_QUALITY, 95])[1])


def seen(camera: str, track: int, person: int, start: float = 10.0, crops: int = 2, **more: Any) -> Sighting:
    cut = tuple(Crop(start + i, round(25 * (start + i)), jpeg(100 * track + i)) for i in range(crops))
    values = {"similarity": 0.8125, "upper": "red", "lower": "dark blue", "crops": cut, **more}
    return Sighting(camera, track, person, start, start + 7.25, **values)


def some(**more: Any) -> Gallery:
    """Two people in two cameras, and one alone."""
    sightings = (
        seen("cam2", 17, 1, 83.4, status="confirmed"),
        seen("cam1", 3, 1),
        seen("cam1", 4, 2, 20.0, status="doubtful"),
        seen("cam2", 1, 2, 5.0),
        seen("cam2", 9, 3, similarity=math.nan, status="alone", upper="", lower=""),
    )
    return Gallery(sightings, **{"about": ABOUT, "notes": ("cam3 could not be read",), **more})


def loose() -> Gallery:
    """Two people in two cameras, of whom there are pictures and no times."""

    def pictures(first: int, count: int) -> tuple[Crop, ...]:
        return tuple(Crop(math.nan, number, jpeg(number)) for number in range(first, first + count))

    def brought(camera: str, track: int, person: int, crops: tuple[Crop, ...]) -> Sighting:
        return Sighting(camera, track, person, math.nan, math.nan, 0.75, crops=crops)

    return Gallery(
        (
            brought("cam1", 2, 1, pictures(3, 3)),
            brought("cam2", 1, 1, pictures(1, 1)),
            brought("cam1", 1, 1, pictures(1, 2)),
            brought("cam2", 2, 2, ()),
        )
    )


def mot(folder: Path) -> dict[str, Path]:
    """The tracks of two cameras, the second one's empty."""
    paths = {camera: folder / f"{camera}.txt" for camera in ("cam1", "cam2")}
    paths["cam1"].write_text("1,3,10.00,10.00,40.00,96.00,0.9000,-1,-1,-1\n")
    paths["cam2"].write_text("")
    return paths


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewritten(path: Path, change: dict[str, bytes | None]) -> None:
    """The zip with some entries changed or added, and those that are None left out."""
    content = {**unpacked(path), **change}
    with zipfile.ZipFile(path, "w") as file:
        for name, value in content.items():
            if value is not None:
                file.writestr(name, value)
