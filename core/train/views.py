"""What a teacher is shown: copies of crops in other light and colours, turned, coarse, one's coat over another's legs.

A student learns most from a teacher who speaks of the very picture that the student sees (Beyer and others, 2022): so
copies are changed once, the teacher looks at them, and the student sees them as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.embed import Embedder
from core.errors import SettingsError
from core.progress import Progress
from core.train.augment import Augment, augment
from core.train.data import read_picture, resized
from core.types import Floats, Image

SEEN = (256, 128)  # what a teacher looks at: most want this size, and a student's is no larger
AT_ONCE = 256


SWAP, LEGS, BLEND = 0.25, 0.25, 0.1
"""Chances that a copy has its colours swapped, wears another's legs, or that another shines through it."""
CHANGES = Augment(light=35, contrast=0.35, colour=0.2, blur=0.15, coarse=0.25, erase=0.15)


def views(
    paths: NDArray[np.object_], times: int, size: tuple[int, int], teacher: Embedder, seed: int, progress: Progress
) -> tuple[Image, Floats]:
    """`times` copies of each picture at (height, width), and what the teacher says about each, (n * times, d)."""
    if times < 1:
        raise SettingsError("a crop is copied once at least", "Give 1 or more.")
    rng = np.random.default_rng((seed, 3))
    order = np.concatenate([rng.permutation(len(paths)) for _ in range(times)])
    made = np.empty((len(order), *size, 3), np.uint8)
    said = [np.empty((0, teacher.dimension), np.float32)]
    progress.begin("views", len(order))
    for at in range(0, len(order), AT_ONCE):
        rows = order[at : at + AT_ONCE]
        copies = _changed(np.stack([resized(read_picture(path), *SEEN) for path in paths[rows]]), rng)
        said.append(teacher.embed(list(copies)))
        for out, copy in zip(made[at : at + AT_ONCE], copies, strict=True):
            out[:] = resized(copy, *size)
        progress.at(at + len(rows))
    return made, np.concatenate(said)


def _changed(pictures: Image, rng: np.random.Generator) -> Image:
    """Each picture may take legs, or a shine, from the one before it in the batch."""
    n, height = len(pictures), pictures.shape[1]
    chance, cut, shine = rng.random((3, n, 1, 1, 1))
    other = np.roll(pictures, 1, axis=0)
    below = np.arange(height).reshape(1, height, 1, 1) >= (0.4 + 0.3 * cut) * height
    mixed = np.where((chance < LEGS) & below, other, pictures)
    blended = (chance >= LEGS) & (chance < LEGS + BLEND)
    share = np.where(blended, 0.2 + 0.3 * shine, 0).astype(np.float32)
    mixed = np.rint(mixed * (1 - share) + other * share).astype(np.uint8)
    for row in np.flatnonzero(rng.random(n) < SWAP):
        mixed[row] = mixed[row][..., rng.permutation(3)]
    return augment(mixed, CHANGES, rng)
