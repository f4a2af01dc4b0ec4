"""Pictures with boxes of people around them, in YOLO's layout: read, and a detector judged by them.

`images/x.jpg` belongs to `labels/x.txt`: a line per person, `class x y width height`, centre and size as shares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from core.detect import Detector
from core.errors import SettingsError
from core.mot import Doubles
from core.progress import Progress
from core.score import Found, average_precision, recall_at
from core.train.data import read_picture
from core.train.failures import Failures
from core.types import PICTURES, Image

TRAINABLE = PICTURES - {".pgm", ".ppm"}
"""Fewer kinds than elsewhere: Ultralytics, which learns from these folders, passes over the others."""


def labelled(images: Path) -> Iterator[tuple[Path, Image, Doubles]]:
    """Each picture below `images` (BGR) with its boxes (n, 4) in pixels, by name."""
    for path in sorted(p for p in images.rglob("*") if p.suffix.lower() in TRAINABLE):
        picture = read_picture(path)
        yield path, picture, read_labels(labels_of(path), picture.shape[1], picture.shape[0])


def labels_of(path: Path) -> Path:
    """
    >>> labels_of(Path("set/images/val/a.jpg")).as_posix()
    'set/labels/val/a.txt'
    """
    parts = list(path.parts)
    places = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not places:
        raise SettingsError(f"{path} lies below no folder `images`", "Name the folder images/ of a YOLO data set.")
    parts[places[-1]] = "labels"
    return Path(*parts).with_suffix(".txt")


def read_labels(path: Path, width: int, height: int) -> Doubles:
    """(n, 4) boxes in pixels; a picture without a file has nobody in it."""
    if not path.is_file():
        return np.empty((0, 4))
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    try:
        if any(len(row) != 5 for row in rows):
            raise ValueError
        if any(int(row[0]) for row in rows):
            raise SettingsError(f"{path} names other classes than 0", "Only people count here: take the others out.")
        table = np.array([[float(cell) for cell in row[1:]] for row in rows], np.float64).reshape(-1, 4)
    except ValueError as fault:
        raise SettingsError(f"{path} is no YOLO label file", "Expected: class x y width height, as shares.") from fault
    centre, side = table[:, :2], table[:, 2:]
    return np.concatenate([centre - side / 2, centre + side / 2], axis=1) * (width, height, width, height)


def write_labels(xyxy: Doubles, width: int, height: int) -> str:
    """The lines of a label file."""
    centre = (xyxy[:, :2] + xyxy[:, 2:]) / 2 / (width, height)
    side = (xyxy[:, 2:] - xyxy[:, :2]) / (width, height)
    return "".join(f"0 {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for (x, y), (w, h) in zip(centre, side, strict=True))


def judge_detector(
    images: Path, detector: Detector, progress: Progress, failures: Failures | None = None
) -> dict[str, float]:
    """`ap50`, `recall` (of boxes from 0.25 up), and how many `pictures` and `boxes` that was taken from.

    `failures` hears of everything that was found and was not.
    """
    found = []
    pictures = sum(1 for path in images.rglob("*") if path.suffix.lower() in TRAINABLE) if images.is_dir() else 0
    if not pictures:
        raise SettingsError(f"{images} holds no pictures", "Name the folder images/... of a YOLO data set.")
    progress.begin("detect", pictures)
    for number, (_, picture, truth) in enumerate(labelled(images), 1):
        height, width = picture.shape[:2]
        wide, high = detector.fit(width, height)
        method = cv2.INTER_AREA if wide < width else cv2.INTER_LINEAR
        boxes = next(iter(detector.detect([np.asarray(cv2.resize(picture, (wide, high), interpolation=method))])))
        scale = np.array((width / wide, height / high) * 2, np.float32)
        found.append(Found(truth, np.ones(len(truth), bool), boxes.xyxy * scale, boxes.score))
        if failures:
            failures.add(picture, truth, boxes.xyxy * scale, boxes.score)
        progress.at(number)
    people = sum(len(one.truth) for one in found)
    sums = {"ap50": average_precision(found), "recall": recall_at(found, 0.25)}
    return {**sums, "pictures": float(pictures), "boxes": float(people)}
