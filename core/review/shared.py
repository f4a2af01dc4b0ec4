"""Which tracks of two results of one camera show the same people: told by the boxes that they share.

A box is shared where two of one frame cover each other by half or more, each the other's best. Owns the counting;
refuses to say what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.types import Ints, Table, Tracks

LEAST = 0.5
"""Overlap (IoU) from which two boxes of one frame are the same person's."""
_PAIRS = 1 << 21
"""So many pairs of boxes are looked at together."""


@dataclass(frozen=True, eq=False)
class Shared(Table):
    """One row per pair of tracks that share `boxes`; `of_one` and `of_other` are all the boxes that each has."""

    one: Ints
    other: Ints
    boxes: Ints
    of_one: Ints
    of_other: Ints

    def __post_init__(self) -> None:
        whole = (np.int64, ())
        self._settle(one=whole, other=whole, boxes=whole, of_one=whole, of_other=whole)


def shared(one: Tracks, other: Tracks) -> Shared:
    """Every pair that shares a box, by both numbers."""
    rows, others = same_boxes(one, other)
    pairs, boxes = np.unique(np.stack([one.track[rows], other.track[others]], axis=1), axis=0, return_counts=True)
    return Shared(pairs[:, 0], pairs[:, 1], boxes, _sizes(one.track, pairs[:, 0]), _sizes(other.track, pairs[:, 1]))


def same_boxes(one: Tracks, other: Tracks) -> tuple[Ints, Ints]:
    """The rows of both whose boxes are the same; none is named twice."""
    parts = [np.empty((2, 0), np.int64)]
    begin, end = np.searchsorted(other.frame, one.frame, "left"), np.searchsorted(other.frame, one.frame, "right")
    upto = np.cumsum(end - begin)
    at = 0
    while at < len(one):
        # Whole frames only: the best of a box is looked for among all of its frame.
        stop = max(int(np.searchsorted(upto, (upto[at - 1] if at else 0) + _PAIRS)), at + 1)
        stop = int(np.searchsorted(one.frame, one.frame[min(stop, len(one)) - 1], "right"))
        parts.append(_best(one, other, np.arange(at, stop), begin[at:stop], end[at:stop]))
        at = stop
    rows, others = np.concatenate(parts, axis=1)
    return rows, others


def _best(one: Tracks, other: Tracks, rows: Ints, begin: Ints, end: Ints) -> Ints:
    """Pairs of rows (2, k), each the other's best, that overlap enough."""
    count = end - begin
    left = np.repeat(rows, count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    a, b = one.xyxy[left].astype(np.float64), other.xyxy[right].astype(np.float64)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    whole = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - common
    overlap = common / np.maximum(whole, 1e-9)
    enough = np.flatnonzero(overlap >= LEAST)
    left, right, overlap = left[enough], right[enough], overlap[enough]
    mutual = np.zeros(len(left), np.int64)
    for names in (left, right):
        # The first of equals, in the order of rows.
        order = np.lexsort((left, right, -overlap, names))
        mutual[order[np.flatnonzero(np.diff(names[order], prepend=-1))]] += 1
    return np.stack([left[mutual == 2], right[mutual == 2]])


def _sizes(track: Ints, named: Ints) -> Ints:
    numbers, count = np.unique(track, return_counts=True)
    return count[np.searchsorted(numbers, named)]
