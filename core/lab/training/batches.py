"""The batches of a training: which pictures meet (PK sampling), and the augmentation of each.

A batch holds some people and several pictures of each. The end of an epoch in which only one person has pictures left
is dropped, because there would be no negative. Augmentation makes changes that a camera could have made: pictures
mirrored, moved, rotated, recoloured, blurred or partly hidden."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from core.base.errors import SettingsError
from core.base.types import Image, Ints
from core.lab.training.data import Crops
from core.vision.mot import Doubles


@dataclass(frozen=True)
class Augmentation:
    """How strongly pictures are changed. The field names are part of checkpoints.

    Probabilities from 0 to 1: `flip`, `blur`, `coarse` (low resolution), `grey` (no colour), `erase` (a hidden patch,
    of at most the share `patch` of the area). Largest changes: `shift` and `zoom` as shares of the size, `rotate` in
    degrees, `light` in grey levels (of 255), `contrast` of all channels and `colour` of each as shares.
    """

    flip: float = 0.5
    shift: float = 0.06
    zoom: float = 0.1
    rotate: float = 6.0
    light: float = 25.0
    contrast: float = 0.25
    colour: float = 0.1
    blur: float = 0.1
    coarse: float = 0.15
    grey: float = 0.05
    erase: float = 0.4
    patch: float = 0.25

    def __post_init__(self) -> None:
        if not all(0 <= p <= 1 for p in (self.flip, self.blur, self.coarse, self.grey, self.erase, self.patch)):
            raise SettingsError("probabilities of augmentation lie between 0 and 1", "Give 0.1 for one picture in ten.")


NO_AUGMENTATION = Augmentation(*[0.0] * 12)


def augment(pictures: Image, rules: Augmentation, rng: np.random.Generator) -> Image:
    """(n, height, width, 3) uint8 to the same, changed. All changes follow from the state of the generator."""
    changed = np.empty_like(pictures)
    # Drawn in one go, so that switching one change off leaves the others the same.
    for out, picture, u in zip(changed, pictures, rng.random((len(pictures), 21)), strict=True):
        out[:] = _erase(_soften(_recolour(_move(picture, rules, u), rules, u[5:]), rules, u[12:]), rules, u[15:])
    return changed


def _symmetric(u: float, reach: float) -> float:
    return (2 * u - 1) * reach


def _move(picture: Image, rules: Augmentation, u: Doubles) -> Image:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D(
        (width / 2, height / 2), _symmetric(u[0], rules.rotate), 1 + _symmetric(u[1], rules.zoom)
    )
    turn[:, 2] += _symmetric(u[2], rules.shift) * width, _symmetric(u[3], rules.shift) * height
    if u[4] < rules.flip:
        turn = turn @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    moved = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _recolour(picture: Image, rules: Augmentation, u: Doubles) -> Image:
    if u[0] < rules.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    gain = (1 + _symmetric(u[1], rules.contrast)) * (1 + (2 * u[2:5] - 1) * rules.colour)
    middle = 128 + _symmetric(u[5], rules.light)
    table = (np.arange(256)[:, None] - 128) * gain + middle
    return np.asarray(cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


def _soften(picture: Image, rules: Augmentation, u: Doubles) -> Image:
    if u[0] < rules.blur:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.5 + 1.5 * u[2]), np.uint8)
    if u[1] < rules.coarse:
        height, width = picture.shape[:2]
        share = 0.35 + 0.5 * u[2]
        small = cv2.resize(
            picture, (max(1, round(width * share)), max(1, round(height * share))), interpolation=cv2.INTER_AREA
        )
        return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    return picture


def _erase(picture: Image, rules: Augmentation, u: Doubles) -> Image:
    if u[0] >= rules.erase:
        return picture
    height, width = picture.shape[:2]
    area, shape = (0.02 + u[1] * max(rules.patch - 0.02, 0)) * height * width, 0.4 + 2.1 * u[2]
    patch_height, patch_width = min(height, round((area * shape) ** 0.5)), min(width, round((area / shape) ** 0.5))
    top, left = int(u[3] * (height - patch_height + 1)), int(u[4] * (width - patch_width + 1))
    # Like an object in front of the person, in the mean colour of the picture or in grey.
    picture[top : top + patch_height, left : left + patch_width] = picture.mean((0, 1)) if u[5] < 0.5 else 124
    return picture


class PictureSource(Protocol):
    """Anything that gives pictures (k, height, width, 3) uint8 BGR for row numbers (k,), such as an array."""

    def __getitem__(self, rows: Ints) -> Image: ...


def sample_batches(crops: Crops, people: int, pictures: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Rows of each batch of an epoch: `pictures` of each of `people`, who come as often as they have pictures."""
    groups: list[Ints] = []
    for person in crops.people:
        rows = np.flatnonzero(crops.person == person)
        rows = rng.permutation(np.resize(rng.permutation(rows), -(-len(rows) // pictures) * pictures))
        groups += list(rows.reshape(-1, pictures))
    waiting = [groups[i] for i in rng.permutation(len(groups))]
    while waiting:
        batch: list[Ints] = []
        later: list[Ints] = []
        people_in_batch: set[int] = set()
        for place, group in enumerate(waiting):
            if len(batch) == people:
                later += waiting[place:]
                break
            number = int(crops.person[group[0]])
            (later if number in people_in_batch else batch).append(group)
            people_in_batch.add(number)
        # A last batch with too few people has too few negatives to learn from.
        if len(batch) < min(people, 2):
            return
        yield np.concatenate(batch)
        waiting = later


def prefetch_batches(
    pictures: PictureSource,
    batches: list[Ints],
    rules: Augmentation,
    seed: tuple[int, ...],
    first_augmented: int | None = None,
) -> Iterator[tuple[Ints, Image]]:
    """Rows and augmented pictures of each batch, prepared one batch ahead in a thread; step i draws from (seed, i).

    Rows from `first_augmented` on are augmented already and stay as they are.
    """

    def make(step: int) -> tuple[Ints, Image]:
        rows = batches[step]
        batch, rng = pictures[rows], np.random.default_rng((*seed, step))
        if first_augmented is None:
            return rows, augment(batch, rules, rng)
        is_raw = rows < first_augmented
        batch[is_raw] = augment(batch[is_raw], rules, rng)
        return rows, batch

    with ThreadPoolExecutor(1) as thread:
        next_batch = thread.submit(make, 0) if batches else None
        for step in range(len(batches)):
            current = next_batch.result() if next_batch else make(step)
            next_batch = thread.submit(make, step + 1) if step + 1 < len(batches) else None
            yield current
