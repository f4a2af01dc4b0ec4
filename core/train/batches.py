"""Which pictures meet in a batch: some people, and several pictures of each (PK).

What is left of an epoch when only one person's pictures remain is left out of it: there would be nobody to tell from.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from core.train.augment import Augment, augment
from core.train.data import Crops
from core.types import Image, Ints


class Pictures(Protocol):
    """An array of pictures, or what rows of pictures can be drawn from like one."""

    def __getitem__(self, rows: Ints) -> Image: ...


def schedule(crops: Crops, people: int, pictures: int, rng: np.random.Generator) -> Iterator[Ints]:
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


def prepared(
    pictures: Pictures, batches: list[Ints], rules: Augment, seed: tuple[int, ...], finished: int | None = None
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
