"""CLEAR MOT (Bernardin and Stiefelhagen, 2008): are people found, precisely, and does each keep one number?

A pair that was matched in the frame before stays matched while it overlaps enough; the rest is matched for most
overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.mot import Doubles
from core.score.overlap import ENOUGH, TINY, Frame, Overlap, matched
from core.score.sums import Sums, share
from core.types import Ints

NOBODY = -1
_STAY = 1000.0  # outweighs any gain in overlap that ending a match could bring
_MOSTLY, _PARTLY = 0.8, 0.2


@dataclass(frozen=True, eq=False)
class Clear(Sums):
    """Boxes matched, wrong and missed; numbers that changed; tracks that broke off; people by how much is held."""

    tp: int
    fp: int
    fn: int
    switches: int
    fragmentations: int
    mostly_tracked: int
    partly_tracked: int
    mostly_lost: int
    overlap: float

    @property
    def mota(self) -> float:
        """1 less all errors per box of truth: below 0 where errors outnumber them; 0 where there is no truth."""
        truth = self.tp + self.fn
        return (self.tp - self.fp - self.switches) / truth if truth else 0.0

    @property
    def motp(self) -> float:
        """Mean overlap of matched boxes."""
        return self.overlap / max(1, self.tp)

    @property
    def recall(self) -> float:
        return float(share(self.tp, self.fn))

    @property
    def precision(self) -> float:
        return float(share(self.tp, self.fp))


def clear(clip: Overlap) -> Clear:
    people = len(clip.truth_boxes)
    before = np.full(people, NOBODY)  # in the last frame that both sides had boxes in
    last = np.full(people, NOBODY)  # whenever it was
    held, starts = np.zeros(people, np.int64), np.zeros(people, np.int64)
    switches, covered = 0, 0.0
    for frame in clip.frames:
        who, given, ious = _match(frame, before)
        switches += int(((last[who] != NOBODY) & (last[who] != given)).sum())
        covered += float(ious.sum())
        held[who] += 1
        starts[who] += before[who] == NOBODY
        last[who] = given
        before[:] = NOBODY
        before[who] = given
    matches = int(held.sum())
    holding = held / np.maximum(1, clip.truth_boxes)
    mostly, at_all = int((holding > _MOSTLY).sum()), int((holding >= _PARTLY).sum())
    return Clear(
        tp=matches,
        fp=int(clip.result_boxes.sum()) - matches,
        fn=int(clip.truth_boxes.sum()) - matches,
        switches=switches,
        fragmentations=int(np.maximum(starts - 1, 0).sum()),
        mostly_tracked=mostly,
        partly_tracked=at_all - mostly,
        mostly_lost=people - at_all,
        overlap=covered,
    )


def _match(frame: Frame, before: Ints) -> tuple[Ints, Ints, Doubles]:
    """The people matched in this frame, the result each was given, and their overlap."""
    stays = before[frame.truths][:, None] == frame.results[None, :]
    worth = np.where(frame.iou < ENOUGH - TINY, 0, _STAY * stays + frame.iou)
    rows, columns = matched(worth)
    return frame.truths[rows], frame.results[columns], frame.iou[rows, columns]
