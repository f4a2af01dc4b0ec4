"""Links, pairs of tracklets said to be one person: how many are right, and how many of all right ones are said?

A tracklet is the person of the truth on whom more than half of its matched boxes lie; boxes are matched one to one in
each frame, for most overlap, at an overlap of a half or more. A tracklet without a matched box, or with no more than
half of them on one person, is nobody: every link to it is wrong, and the truth asks for none. A tracklet all of whose
boxes the protocol took out (they lie on who is hidden, or on a distractor) is in no link at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.score.clear import NOBODY
from core.score.overlap import ENOUGH, TINY, Overlap, matched
from core.score.sums import Sums, share
from core.types import Bools, Ints


@dataclass(frozen=True, eq=False)
class Links(Sums):
    """Pairs that the result shows, those of them that are right, and all pairs of which the truth says so."""

    shown: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """0 where nothing is shown."""
        return float(share(self.right, self.shown - self.right))

    @property
    def recall(self) -> float:
        """0 where there is nothing to find."""
        return float(share(self.right, self.true - self.right))

    def figures(self) -> dict[str, float | int]:
        return {**vars(self), "precision": self.precision, "recall": self.recall}


def lies_on(clip: Overlap) -> Ints:
    """For each identity of the result (dense) the one of the truth (dense) that it is, or NOBODY."""
    shared = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = matched(np.where(frame.iou < ENOUGH - TINY, 0, frame.iou))
        shared[frame.truths[rows], frame.results[columns]] += 1
    if not len(shared):
        return np.full(len(clip.result_boxes), NOBODY)
    return np.where(2 * shared.max(axis=0) > shared.sum(axis=0), shared.argmax(axis=0), NOBODY)


def links(camera: Ints, person: Ints, true: Ints) -> tuple[Links, Links]:
    """Links across cameras, and all of them, returns within one camera included.

    All three are (n,), one number per tracklet: its camera, who the result and who the truth says it is (or NOBODY).
    """
    known = true != NOBODY
    every = _links(person, true, known)
    within = _links(_both(person, camera), _both(true, camera), known)
    return Links(every.shown - within.shown, every.right - within.right, every.true - within.true), every


def _links(person: Ints, true: Ints, known: Bools) -> Links:
    return Links(_pairs(person), _pairs(_both(person, true)[known]), _pairs(true[known]))


def _both(one: Ints, other: Ints) -> Ints:
    """A number for each pair of numbers."""
    return np.unique(np.stack([one, other]), axis=1, return_inverse=True)[1]


def _pairs(group: Ints) -> int:
    """How many pairs of rows are in one group.

    >>> _pairs(np.array([7, 7, 7, 8, 9, 9]))
    4
    """
    size = np.unique(group, return_counts=True)[1]
    return int((size * (size - 1) // 2).sum())
