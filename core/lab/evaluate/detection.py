"""How well a detector finds people: average precision at an IoU of 0.5 (AP50), as PASCAL VOC computes it since 2010.

All boxes of all pictures are ranked by score. Each is matched to the unmatched true box of its picture that it overlaps
most, if the IoU is 0.5 or more. AP is the area under the curve of precision over recall, with precision made monotone.
True boxes whose `counts` is False need not be found, and a detection matched to one is neither right nor wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.base.types import Bools, Floats
from core.lab.evaluate.paired_frames import MIN_IOU, iou
from core.vision.mot import Doubles


@dataclass(frozen=True, eq=False)
class PictureDetections:
    """One picture: its true boxes (n, 4), which of them count (n,), and detections (m, 4) with scores (m,)."""

    truth: Doubles
    counts: Bools
    xyxy: Floats
    score: Floats


def average_precision(pictures: Sequence[PictureDetections], min_iou: float = MIN_IOU) -> float:
    """AP, 0 to 1; 0 where there is nobody to find."""
    people = sum(int(picture.counts.sum()) for picture in pictures)
    scores, correct_by_picture = (
        zip(*(_judge(picture, min_iou) for picture in pictures), strict=True) if pictures else ((), ())
    )
    score, correct = np.concatenate([np.empty(0), *scores]), np.concatenate([np.empty(0, bool), *correct_by_picture])
    if not people or not len(score):
        return 0.0
    hits = np.cumsum(correct[np.argsort(-score, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / people])
    return float((np.diff(recall) * falling).sum())


def recall_at(pictures: Sequence[PictureDetections], conf: float, min_iou: float = MIN_IOU) -> float:
    """The share of people found by boxes with a score of at least `conf`."""
    people = sum(int(picture.counts.sum()) for picture in pictures)
    found = 0
    for picture in pictures:
        score, correct = _judge(picture, min_iou)
        found += int(correct[score >= conf].sum())
    return found / people if people else 0.0


def _judge(picture: PictureDetections, min_iou: float) -> tuple[Doubles, Bools]:
    """Scores of the boxes that are judged, highest first, and which of them are correct."""
    order = np.argsort(-picture.score, kind="stable")
    overlap = iou(picture.xyxy[order].astype(np.float64), picture.truth)
    free = np.ones(len(picture.truth), bool)
    judged, correct = np.ones(len(order), bool), np.zeros(len(order), bool)
    if not overlap.size:
        return picture.score[order].astype(np.float64), correct
    for row, shares in enumerate(overlap):
        # True boxes that count come before those that do not.
        best = int(np.argmax(np.where(free & (shares >= min_iou), shares + picture.counts, -1)))
        if not free[best] or shares[best] < min_iou:
            continue
        judged[row], correct[row] = picture.counts[best], picture.counts[best]
        free[best] = not picture.counts[best]
    return picture.score[order][judged].astype(np.float64), correct[judged]
