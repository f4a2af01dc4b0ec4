"""HOTA (Luiten and others, 2020): finding people and keeping them apart, weighed alike, over 19 overlap thresholds.

Boxes are matched once per frame, for overlap times how well the two tracks agree over the whole clip; each threshold
then keeps the matches that overlap enough. All figures are means over the thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.mot import Doubles
from core.score.overlap import TINY, Overlap
from core.score.sums import Sums, share
from core.types import Ints

ALPHAS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, eq=False)
class Hota(Sums):
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
        found, kept = share(self.tp, self.fp, self.fn), self.agreement / matches
        per_threshold = {
            "HOTA": np.sqrt(found * kept),
            "DetA": found,
            "AssA": kept,
            "DetRe": share(self.tp, self.fn),
            "DetPr": share(self.tp, self.fp),
            "AssRe": self.agreement_recall / matches,
            "AssPr": self.agreement_precision / matches,
            "LocA": np.where(self.tp > 0, self.overlap / matches, 1.0),
        }
        return {name: float(figure.mean()) for name, figure in per_threshold.items()}


def hota(clip: Overlap) -> Hota:
    who, given, ious = _match(clip)
    rows = [_at(alpha, clip, who, given, ious) for alpha in ALPHAS]
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    tp, *sums = columns
    return Hota(tp, int(clip.result_boxes.sum()) - tp, int(clip.truth_boxes.sum()) - tp, *sums)


def _match(clip: Overlap) -> tuple[Ints, Ints, Doubles]:
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
        ours = np.divide(frame.iou, rivals, out=np.zeros_like(rivals), where=rivals > TINY)
        together[frame.truths[:, None], frame.results] += ours
    agreement: Doubles = together / (clip.truth_boxes[:, None] + clip.result_boxes[None, :] - together)
    return agreement


def _at(alpha: float, clip: Overlap, who: Ints, given: Ints, ious: Doubles) -> tuple[int, float, float, float, float]:
    """Matches at one threshold, and over them: association as Jaccard, recall and precision, and overlap."""
    kept = ious >= alpha - TINY
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
