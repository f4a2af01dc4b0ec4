"""Changes that a camera could have made: pictures mirrored, moved, turned, recoloured, blurred, half hidden.

Which pictures meet in a batch: some people, and several pictures of each (PK).

What is left of an epoch when only one person's pictures remain is left out of it: there would be nobody to tell from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from core.base.errors import SettingsError
from core.base.types import Image, Ints, Seconds
from core.lab.training.data import Crops


@dataclass(frozen=True)
class Augmentation:
    """Chances are shares of pictures; the rest says how far a change may go.

    `shift` and `zoom` are shares of the picture's size, `rotate` degrees, `light` grey levels (of 255), `contrast` and
    `colour` the relative change of all channels and of each, `blur` and `coarse` chances of a soft or a coarse picture,
    `grey` of one without colour, `erase` of a hidden patch of up to `patch` of the area.
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
            raise SettingsError("a chance is a share between 0 and 1", "Give 0.1 for one picture in ten.")


NO_AUGMENTATION = Augmentation(*[0.0] * 12)


def augment(pictures: Image, rules: Augmentation, rng: np.random.Generator) -> Image:
    """(n, height, width, 3) uint8 -> the same, changed; the generator's state decides everything."""
    changed = np.empty_like(pictures)
    # Drawn in one go, so that switching one change off leaves the others as they were.
    for out, picture, u in zip(changed, pictures, rng.random((len(pictures), 21)), strict=True):
        out[:] = _erase(_soften(_recolour(_move(picture, rules, u), rules, u[5:]), rules, u[12:]), rules, u[15:])
    return changed


def _symmetric(u: float, far: float) -> float:
    return (2 * u - 1) * far


def _move(picture: Image, rules: Augmentation, u: Seconds) -> Image:
    height, width = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), _symmetric(u[0], rules.rotate), 1 + _symmetric(u[1], rules.zoom))
    turn[:, 2] += _symmetric(u[2], rules.shift) * width, _symmetric(u[3], rules.shift) * height
    if u[4] < rules.flip:
        turn = turn @ np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    moved = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _recolour(picture: Image, rules: Augmentation, u: Seconds) -> Image:
    if u[0] < rules.grey:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    gain = (1 + _symmetric(u[1], rules.contrast)) * (1 + (2 * u[2:5] - 1) * rules.colour)
    middle = 128 + _symmetric(u[5], rules.light)
    table = (np.arange(256)[:, None] - 128) * gain + middle
    return np.asarray(cv2.LUT(picture, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8)


def _soften(picture: Image, rules: Augmentation, u: Seconds) -> Image:
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


def _erase(picture: Image, rules: Augmentation, u: Seconds) -> Image:
    if u[0] >= rules.erase:
        return picture
    height, width = picture.shape[:2]
    area, shape = (0.02 + u[1] * max(rules.patch - 0.02, 0)) * height * width, 0.4 + 2.1 * u[2]
    tall, wide = min(height, round((area * shape) ** 0.5)), min(width, round((area / shape) ** 0.5))
    top, left = int(u[3] * (height - tall + 1)), int(u[4] * (width - wide + 1))
    # Like a thing in front of the person: of the picture's own mean colour, or grey.
    picture[top : top + tall, left : left + wide] = picture.mean((0, 1)) if u[5] < 0.5 else 124
    return picture


class PictureSource(Protocol):
    """An array of pictures, or what rows of pictures can be drawn from like one."""

    def __getitem__(self, rows: Ints) -> Image: ...


def sample_batches(crops: Crops, people: int, pictures: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Rows of each batch of one epoch: everybody comes about as often as they have pictures."""
    turns: list[Ints] = []
    for person in crops.people:
        rows = np.flatnonzero(crops.person == person)
        rows = rng.permutation(np.resize(rng.permutation(rows), -(-len(rows) // pictures) * pictures))
        turns += list(rows.reshape(-1, pictures))
    waiting = [turns[i] for i in rng.permutation(len(turns))]
    while waiting:
        batch: list[Ints] = []
        rest: list[Ints] = []
        seen: set[int] = set()
        for place, turn in enumerate(waiting):
            if len(batch) == people:
                rest += waiting[place:]
                break
            who = int(crops.person[turn[0]])
            (rest if who in seen else batch).append(turn)
            seen.add(who)
        # A last batch of a few people has too few strangers to learn from.
        if len(batch) < min(people, 2):
            return
        yield np.concatenate(batch)
        waiting = rest


def prefetch_batches(
    pictures: PictureSource, batches: list[Ints], rules: Augmentation, seed: tuple[int, ...], finished: int | None = None
) -> Iterator[tuple[Ints, Image]]:
    """Each batch's rows and changed pictures, one batch ahead in a thread; step i draws from (seed, i) alone.

    Rows from `finished` on were changed already and stay as they are.
    """

    def make(step: int) -> tuple[Ints, Image]:
        rows = batches[step]
        batch, rng = pictures[rows], np.random.default_rng((*seed, step))
        if finished is None:
            return rows, augment(batch, rules, rng)
        raw = rows < finished
        batch[raw] = augment(batch[raw], rules, rng)
        return rows, batch

    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(make, 0) if batches else None
        for step in range(len(batches)):
            made = following.result() if following else make(step)
            following = thread.submit(make, step + 1) if step + 1 < len(batches) else None
            yield made
