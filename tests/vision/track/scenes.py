"""A builder of small scenes: people as straight walks, boxes as a detector would give them."""

import numpy as np

from core.base.types import Detections, Features, Timeline

RATE = 10.0


def timeline(frames: int, rate: float = RATE) -> Timeline:
    number = np.arange(frames)
    return Timeline(number, number / rate)


def walk(
    frames: range,
    start: tuple[float, float],
    speed: tuple[float, float],
    score: float = 0.9,
    size: tuple[int, int] = (20, 50),
) -> list[tuple[float, ...]]:
    """Rows (frame, x1, y1, x2, y2, score) of one person; the box's corner begins at `start`, `speed` is per frame."""
    first = frames[0]
    rows = []
    for f in frames:
        x, y = start[0] + speed[0] * (f - first), start[1] + speed[1] * (f - first)
        rows.append((f, x, y, x + size[0], y + size[1], score))
    return rows


def detections(*people: list[tuple[float, ...]]) -> Detections:
    rows = np.array(sorted((r for p in people for r in p), key=lambda r: r[0]), np.float64).reshape(-1, 6)
    return Detections(rows[:, 0], rows[:, 1:5], rows[:, 5])


def features(vectors: np.ndarray, at: np.ndarray | None = None) -> Features:
    rows = np.arange(len(vectors)) if at is None else at
    return Features(rows, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
