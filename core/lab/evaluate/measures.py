"""CLEAR MOT (Bernardin and Stiefelhagen, 2008): are people found, precisely, and does each keep one number?

A pair that was matched in the frame before stays matched while it overlaps enough; the rest is matched for most
overlap.

Identity measures (Ristani and others, 2016): how much of the clip is each person under one and the same number?

Every person is paired with at most one result for the whole clip, so that the pairs share as many boxes as possible.

HOTA (Luiten and others, 2020): finding people and keeping them apart, weighed alike, over 19 overlap thresholds.

Boxes are matched once per frame, for overlap times how well the two tracks agree over the whole clip; each threshold
then keeps the matches that overlap enough. All figures are means over the thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.base.types import Ints
from core.lab.evaluate.paired_frames import MIN_IOU, EPSILON, Frame, Overlap, Counts, best_matching, share_of
from core.vision.mot import Doubles

NOBODY = -1
_CONTINUITY_BONUS = 1000.0  # outweighs any gain in overlap that ending a match could bring
_MOSTLY, _PARTLY = 0.8, 0.2


@dataclass(frozen=True, eq=False)
class ClearMot(Counts):
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
        return float(share_of(self.tp, self.fn))

    @property
    def precision(self) -> float:
        return float(share_of(self.tp, self.fp))


def clear_mot(clip: Overlap) -> ClearMot:
    people = len(clip.truth_boxes)
    before = np.full(people, NOBODY)  # in the last frame that both sides had boxes in
    last = np.full(people, NOBODY)  # whenever it was
    held, starts = np.zeros(people, np.int64), np.zeros(people, np.int64)
    switches, covered = 0, 0.0
    for frame in clip.frames:
        who, given, ious = _match_clear(frame, before)
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
    return ClearMot(
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


def _match_clear(frame: Frame, before: Ints) -> tuple[Ints, Ints, Doubles]:
    """The people matched in this frame, the result each was given, and their overlap."""
    stays = before[frame.truths][:, None] == frame.results[None, :]
    worth = np.where(frame.iou < MIN_IOU - EPSILON, 0, _CONTINUITY_BONUS * stays + frame.iou)
    rows, columns = best_matching(worth)
    return frame.truths[rows], frame.results[columns], frame.iou[rows, columns]


@dataclass(frozen=True, eq=False)
class Identity(Counts):
    """Boxes under the right number, results under a wrong one, and truth that no right number covers."""

    tp: int
    fp: int
    fn: int

    @property
    def f1(self) -> float:
        return float(share_of(2 * self.tp, self.fp, self.fn))

    @property
    def precision(self) -> float:
        return float(share_of(self.tp, self.fp))

    @property
    def recall(self) -> float:
        return float(share_of(self.tp, self.fn))


def identity(clip: Overlap) -> Identity:
    together = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = np.nonzero(frame.iou >= MIN_IOU)
        together[frame.truths[rows], frame.results[columns]] += 1
    # Errors fall by two with every shared box, whoever the pair, so the pairing of most shared boxes has fewest errors.
    right = int(together[linear_sum_assignment(together, maximize=True)].sum())
    return Identity(right, int(clip.result_boxes.sum()) - right, int(clip.truth_boxes.sum()) - right)


ALPHAS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, eq=False)
class Hota(Counts):
    """Per threshold (19,): boxes matched, wrong, missed; and over the matches, sums of association and of overlap."""

    tp: Ints
    fp: Ints
    fn: Ints
    agreement: Doubles
    agreement_recall: Doubles
    agreement_precision: Doubles
    overlap: Doubles

    def figures(self) -> dict[str, float]:
        """HOTA and its parts under their published names, 0 to 1; LocA is 1 where nothing was matched."""
        matches = np.maximum(1, self.tp)
        found, kept = share_of(self.tp, self.fp, self.fn), self.agreement / matches
        per_threshold = {
            "HOTA": np.sqrt(found * kept),
            "DetA": found,
            "AssA": kept,
            "DetRe": share_of(self.tp, self.fn),
            "DetPr": share_of(self.tp, self.fp),
            "AssRe": self.agreement_recall / matches,
            "AssPr": self.agreement_precision / matches,
            "LocA": np.where(self.tp > 0, self.overlap / matches, 1.0),
        }
        return {name: float(figure.mean()) for name, figure in per_threshold.items()}


def hota(clip: Overlap) -> Hota:
    who, given, ious = _match_hota(clip)
    rows = [_association_at(alpha, clip, who, given, ious) for alpha in ALPHAS]
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    tp, *sums = columns
    return Hota(tp, int(clip.result_boxes.sum()) - tp, int(clip.truth_boxes.sum()) - tp, *sums)


def _match_hota(clip: Overlap) -> tuple[Ints, Ints, Doubles]:
    """All matches of the clip: person, result and overlap of each."""
    agreement = _agreement(clip)
    who, given, ious = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for frame in clip.frames:
        worth = agreement[frame.truths[:, None], frame.results] * frame.iou
        rows, columns = linear_sum_assignment(worth, maximize=True)
        who.append(frame.truths[rows])
        given.append(frame.results[columns])
        ious.append(frame.iou[rows, columns])
    return np.concatenate(who), np.concatenate(given), np.concatenate(ious)


def _agreement(clip: Overlap) -> Doubles:
    """How well each person and each result agree over the clip, 0 to 1, before anything is matched (n, m).

    A pair's overlap counts in proportion to what the two share with others in the frame.
    """
    together = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)))
    for frame in clip.frames:
        rivals = frame.iou.sum(0)[None, :] + frame.iou.sum(1)[:, None] - frame.iou
        ours = np.divide(frame.iou, rivals, out=np.zeros_like(rivals), where=rivals > EPSILON)
        together[frame.truths[:, None], frame.results] += ours
    agreement: Doubles = together / (clip.truth_boxes[:, None] + clip.result_boxes[None, :] - together)
    return agreement


def _association_at(alpha: float, clip: Overlap, who: Ints, given: Ints, ious: Doubles) -> tuple[int, float, float, float, float]:
    """Matches at one threshold, and over them: association as Jaccard, recall and precision, and overlap."""
    kept = ious >= alpha - EPSILON
    shape = (len(clip.truth_boxes), len(clip.result_boxes))
    shared = np.bincount(who[kept] * shape[1] + given[kept], minlength=shape[0] * shape[1]).reshape(shape)
    people, results = np.nonzero(shared)
    both = shared[people, results]
    ours, theirs = clip.truth_boxes[people], clip.result_boxes[results]
    squares = both * both  # each of a pair's matches is worth the pair's association
    return (
        int(kept.sum()),
        float((squares / (ours + theirs - both)).sum()),
        float((squares / ours).sum()),
        float((squares / theirs).sum()),
        float(ious[kept].sum()),
    )
