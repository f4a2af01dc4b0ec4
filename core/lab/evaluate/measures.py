"""The three families of tracking measures: CLEAR MOT, identity (IDF1) and HOTA, each from one clip's overlaps.

CLEAR MOT (Bernardin and Stiefelhagen, 2008): are people found, precisely, and does each keep one id? A pair that was
matched in the frame before stays matched while it overlaps enough; the rest is matched for the greatest overlap.

Identity (Ristani and others, 2016): for how much of the clip does each person have one and the same id? Every person
is paired with at most one result for the whole clip, so that the pairs share as many boxes as possible.

HOTA (Luiten and others, 2020): detection and association weighed alike, averaged over 19 overlap thresholds. Boxes are
matched once per frame, for overlap times how well the two tracks agree over the whole clip; each threshold then keeps
the matches that overlap enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.base.types import Ints
from core.lab.evaluate.paired_frames import EPSILON, MIN_IOU, Counts, Frame, Overlap, best_matching, share_of
from core.vision.mot import Doubles

NOBODY = -1
_CONTINUITY_BONUS = 1000.0  # outweighs any gain in overlap from ending a match
_MOSTLY, _PARTLY = 0.8, 0.2


@dataclass(frozen=True, eq=False)
class ClearMot(Counts):
    """Boxes matched, wrong and missed; id switches; fragmentations; people by the share of them that is tracked."""

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
        """1 minus all errors per true box: negative where errors outnumber the boxes; 0 where there is no truth."""
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
    previous = np.full(people, NOBODY)  # in the last frame in which both sides had boxes
    last_result = np.full(people, NOBODY)  # in the last frame in which the person was matched
    matched_frames, starts = np.zeros(people, np.int64), np.zeros(people, np.int64)
    switches, overlap_sum = 0, 0.0
    for frame in clip.frames:
        truths, results, ious = _match_clear(frame, previous)
        switches += int(((last_result[truths] != NOBODY) & (last_result[truths] != results)).sum())
        overlap_sum += float(ious.sum())
        matched_frames[truths] += 1
        starts[truths] += previous[truths] == NOBODY
        last_result[truths] = results
        previous[:] = NOBODY
        previous[truths] = results
    matches = int(matched_frames.sum())
    tracked_share = matched_frames / np.maximum(1, clip.truth_boxes)
    mostly, at_all = int((tracked_share > _MOSTLY).sum()), int((tracked_share >= _PARTLY).sum())
    return ClearMot(
        tp=matches,
        fp=int(clip.result_boxes.sum()) - matches,
        fn=int(clip.truth_boxes.sum()) - matches,
        switches=switches,
        fragmentations=int(np.maximum(starts - 1, 0).sum()),
        mostly_tracked=mostly,
        partly_tracked=at_all - mostly,
        mostly_lost=people - at_all,
        overlap=overlap_sum,
    )


def _match_clear(frame: Frame, previous: Ints) -> tuple[Ints, Ints, Doubles]:
    """The people matched in this frame, the result matched to each, and their overlap; each (n,)."""
    continues = previous[frame.truths][:, None] == frame.results[None, :]
    weight = np.where(frame.iou < MIN_IOU - EPSILON, 0, _CONTINUITY_BONUS * continues + frame.iou)
    rows, columns = best_matching(weight)
    return frame.truths[rows], frame.results[columns], frame.iou[rows, columns]


@dataclass(frozen=True, eq=False)
class Identity(Counts):
    """Boxes under the right id (tp), result boxes under a wrong one (fp), and true boxes without the right one (fn)."""

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
    shared_boxes = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = np.nonzero(frame.iou >= MIN_IOU)
        shared_boxes[frame.truths[rows], frame.results[columns]] += 1
    # Every shared box saves two errors, so the pairing with the most shared boxes has the fewest errors.
    matches = int(shared_boxes[linear_sum_assignment(shared_boxes, maximize=True)].sum())
    return Identity(matches, int(clip.result_boxes.sum()) - matches, int(clip.truth_boxes.sum()) - matches)


ALPHAS = np.arange(0.05, 0.99, 0.05)


@dataclass(frozen=True, eq=False)
class Hota(Counts):
    """Per threshold (19,): boxes matched, wrong, missed; and sums over the matches of association and of overlap."""

    tp: Ints
    fp: Ints
    fn: Ints
    agreement: Doubles
    agreement_recall: Doubles
    agreement_precision: Doubles
    overlap: Doubles

    def figures(self) -> dict[str, float]:
        """HOTA and its parts under their published names, 0 to 1; LocA is 1 where nothing is matched."""
        matches = np.maximum(1, self.tp)
        detection, association = share_of(self.tp, self.fp, self.fn), self.agreement / matches
        per_threshold = {
            "HOTA": np.sqrt(detection * association),
            "DetA": detection,
            "AssA": association,
            "DetRe": share_of(self.tp, self.fn),
            "DetPr": share_of(self.tp, self.fp),
            "AssRe": self.agreement_recall / matches,
            "AssPr": self.agreement_precision / matches,
            "LocA": np.where(self.tp > 0, self.overlap / matches, 1.0),
        }
        return {name: float(figure.mean()) for name, figure in per_threshold.items()}


def hota(clip: Overlap) -> Hota:
    truths, results, ious = _match_hota(clip)
    rows = [_association_at(alpha, clip, truths, results, ious) for alpha in ALPHAS]
    columns: list[Any] = [np.array(column) for column in zip(*rows, strict=True)]
    tp, *sums = columns
    return Hota(tp, int(clip.result_boxes.sum()) - tp, int(clip.truth_boxes.sum()) - tp, *sums)


def _match_hota(clip: Overlap) -> tuple[Ints, Ints, Doubles]:
    """All matches of the clip: person, result and overlap of each, (m,)."""
    agreement = _agreement(clip)
    truths, results, ious = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0)]
    for frame in clip.frames:
        weight = agreement[frame.truths[:, None], frame.results] * frame.iou
        rows, columns = linear_sum_assignment(weight, maximize=True)
        truths.append(frame.truths[rows])
        results.append(frame.results[columns])
        ious.append(frame.iou[rows, columns])
    return np.concatenate(truths), np.concatenate(results), np.concatenate(ious)


def _agreement(clip: Overlap) -> Doubles:
    """How well each person and each result agree over the clip, before matching: (people, results), 0 to 1.

    The overlap of a pair counts in proportion to the overlaps that both have with anybody in the frame.
    """
    shared = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)))
    for frame in clip.frames:
        union = frame.iou.sum(0)[None, :] + frame.iou.sum(1)[:, None] - frame.iou
        weight = np.divide(frame.iou, union, out=np.zeros_like(union), where=union > EPSILON)
        shared[frame.truths[:, None], frame.results] += weight
    agreement: Doubles = shared / (clip.truth_boxes[:, None] + clip.result_boxes[None, :] - shared)
    return agreement


def _association_at(
    alpha: float, clip: Overlap, truths: Ints, results: Ints, ious: Doubles
) -> tuple[int, float, float, float, float]:
    """Matches at one threshold, and their sums of association (Jaccard, recall, precision) and of overlap."""
    matched = ious >= alpha - EPSILON
    shape = (len(clip.truth_boxes), len(clip.result_boxes))
    shared = np.bincount(truths[matched] * shape[1] + results[matched], minlength=shape[0] * shape[1]).reshape(shape)
    people, tracks = np.nonzero(shared)
    pair_matches = shared[people, tracks]
    truth_boxes, result_boxes = clip.truth_boxes[people], clip.result_boxes[tracks]
    squares = pair_matches * pair_matches  # each match of a pair counts with the association of the pair
    return (
        int(matched.sum()),
        float((squares / (truth_boxes + result_boxes - pair_matches)).sum()),
        float((squares / truth_boxes).sum()),
        float((squares / result_boxes).sum()),
        float(ious[matched].sum()),
    )
