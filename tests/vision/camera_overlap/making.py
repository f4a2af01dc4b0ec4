"""A square seen by two cameras: people walk on it, and each camera sees boxes with their feet on the ground."""

import numpy as np

from core.base.types import Tracklets, Tracks
from core.vision.camera_overlap import Walks, walks_of

SIZE = 960, 540
STEP = 0.1
# From metres on the ground to pixels: one camera from the south, one from the east. The last row is the depth.
SOUTH = np.array([[900.0, 480.0, 0.0], [0.0, 200.0, 5400.0], [0.0, 1.0, 9.0]])
EAST = np.array([[-300.0, 900.0, 4000.0], [-200.0, 0.0, 8400.0], [-1.0, 0.0, 22.0]])
# The square turned by half, so that a camera in the south becomes one in the north.
TURNED = np.array([[-1.0, 0.0, 10.0], [0.0, -1.0, 10.0], [0.0, 0.0, 1.0]])

Path = np.ndarray  # (ticks, 2) metres, one place each tenth of a second


def paths(people: int, seconds: float, seed: int = 0, still: bool = False) -> list[Path]:
    """Smooth wanderings over ten metres by ten; nobody goes far in a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(0, seconds, STEP)
    found = []
    for _ in range(people):
        centre, phase = rng.uniform(3, 7, 2), rng.uniform(0, 2 * np.pi, 4)
        speed, far = rng.uniform(0.15, 0.6, 2), rng.uniform(1.0, 3.0, 2) * (0 if still else 1)
        wave = np.stack([np.sin(speed[k] * time + phase[k]) * far[k] for k in (0, 1)], axis=1)
        found.append(centre + wave)
    return found


def seen(camera: np.ndarray, walked: list[Path], noise: float = 0.0, seed: int = 1, late: float = 0.0) -> Tracks:
    """Each path as a track (1, 2, ...) of a camera whose clip begins `late` seconds after the others'."""
    rng = np.random.default_rng(seed)
    rows = []
    for number, path in enumerate(walked, 1):
        x, y, depth = camera @ np.column_stack([path, np.ones(len(path))]).T
        tall = 1700 / depth
        feet = np.stack([x / depth, y / depth], axis=1) + rng.normal(0, noise, (len(path), 2)) * tall[:, None]
        for tick, ((left, bottom), high) in enumerate(zip(feet, tall, strict=True)):
            seconds = round(tick * STEP - late, 3)
            if seconds >= 0:
                rows.append((tick, seconds, number, left - high / 6, bottom - high, left + high / 6, bottom))
    table = np.array(sorted(rows))
    ones = np.ones(len(table))
    return Tracks(table[:, 0], table[:, 1], table[:, 2], table[:, 3:], ones, ones)  # type: ignore[arg-type]


def square(
    *cameras: Tracks, offsets: tuple[float, ...] = (0.0, 0.0), looks: np.ndarray | None = None
) -> tuple[Tracklets, Walks]:
    """Tracklets and walks of the cameras; `looks` (n, d) are those of all tracks, each its own where there are none."""
    parts, walks, first = [], [Walks.empty()], 0
    for number, (tracks, offset) in enumerate(zip(cameras, offsets, strict=True)):
        names = np.unique(tracks.track)
        spans = np.array([tracks.seconds[tracks.track == name][[0, -1]] + offset for name in names])
        vectors = np.eye(32)[names]
        parts.append(Tracklets(np.full(len(names), number), names, spans[:, 0], spans[:, 1], vectors))
        walks.append(walks_of(tracks, SIZE, offset, first))
        first += len(names)
    found = Tracklets.concatenate(parts)
    if looks is not None:
        found = Tracklets(found.camera, found.track, found.start, found.end, looks)
    return found, Walks.concatenate(walks)
