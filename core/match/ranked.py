"""Who else each tracklet may be: those most like it among other people, and the two crops that are most alike.

Works in blocks of rows: beside the similarities themselves little memory is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.match.people import Identities
from core.match.rules import FREE, Reasons
from core.types import Floats, Ints, Table

BEST = 5
BLOCK = 512
_NUMBERS = 1 << 22
"""So many numbers of crops' vectors are looked at together."""


@dataclass(frozen=True, eq=False)
class Ranked(Table):
    """Each tracklet's (`row`) most similar ones of other people (`other`), `place` 1 the first, ordered by both.

    `why` says what forbids the pair. `margin` is how much more alike the tracklet is to its own person (NaN: alone).
    """

    row: Ints
    place: Ints
    other: Ints
    similarity: Floats
    why: Reasons
    margin: Floats

    def __post_init__(self) -> None:
        whole, single = (np.int64, ()), (np.float32, ())
        self._settle(row=whole, place=whole, other=whole, similarity=single, why=(np.uint8, ()), margin=single)


def rank(similarity: Floats, why: Reasons, found: Identities, best: int = BEST) -> Ranked:
    """The `best` of each tracklet, whether or not anything forbids them, and after them, where fewer than `best` of
    these are free, the next free ones. Of equals the lower row is first."""
    n = len(similarity)
    other, alike = np.zeros((n, 2 * best), np.int64), np.full((n, 2 * best), -np.inf, np.float32)
    for at in range(0, n, BLOCK):
        rows = slice(at, at + BLOCK)
        left = np.where(found.person[rows, None] == found.person[None], -np.inf, similarity[rows])
        each, free = np.arange(len(left)), np.zeros(len(left), np.int64)
        for place in range(2 * best):
            if place == best:
                left[why[rows] != FREE] = -np.inf
            other[rows, place] = first = left.argmax(1)
            alike[rows, place] = np.where((place < best) | (free < best), left[each, first], -np.inf)
            free += why[rows][each, first] == FREE
            left[each, first] = -np.inf
    row, at_place = np.nonzero(np.isfinite(alike))
    chosen, value = other[row, at_place], alike[row, at_place]
    return Ranked(row, at_place + 1, chosen, value, why[row, chosen], found.similarity[row] - value)


def most_alike(one: Ints, other: Ints, of: Ints, vector: NDArray[np.floating[Any]]) -> tuple[Ints, Ints, Floats]:
    """For each pair of tracklets (m,), which crop of either is most like one of the other's, and how much.

    `of` (c,) is the tracklet of each crop, `vector` (c, d) has unit norm; every tracklet needs a crop. The two crops
    are the same whichever tracklet is named first.
    """
    low, high = np.minimum(one, other), np.maximum(one, other)
    pairs, back = np.unique(np.stack([low, high], axis=1), axis=0, return_inverse=True)
    count = np.bincount(of, minlength=pairs.max(initial=0) + 1)
    if (count[pairs] == 0).any():
        raise ValueError("most_alike: a tracklet has no crop")
    by_tracklet, begin = np.argsort(of, kind="stable"), np.cumsum(count) - count
    most = int(count[pairs].max(initial=1))
    crops, value = np.empty_like(pairs), np.empty(len(pairs), np.float32)
    step = max(1, _NUMBERS // (most * max(vector.shape[1], most)))
    for at in range(0, len(pairs), step):
        rows = slice(at, at + step)
        # Where a tracklet has fewer, its first one stands again: of equals the first is taken.
        place = np.arange(most) * (np.arange(most) < count[pairs[rows], None])
        mine = by_tracklet[begin[pairs[rows], None] + place]
        left, right = (vector[mine[:, side]].astype(np.float32) for side in (0, 1))
        alike = (left @ right.transpose(0, 2, 1)).reshape(len(mine), -1)
        best, each = alike.argmax(1), np.arange(len(mine))
        crops[rows] = np.stack([mine[each, 0, best // most], mine[each, 1, best % most]], axis=1)
        value[rows] = alike[each, best]
    back = back.ravel()
    swapped = (one > other)[:, None]
    found = np.where(swapped, crops[back][:, ::-1], crops[back])
    return found[:, 0], found[:, 1], np.clip(value[back], -1, 1)
