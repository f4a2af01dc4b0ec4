"""How well boxes find people: average precision at an overlap of 0.5 (AP50), as PASCAL VOC takes it since 2010.

All boxes of all pictures are ranked by score; each takes the free truth of its picture that it overlaps most, if by
half or more. AP is the area below the curve of precision over recall, precision made to fall only. Truth with a
`counts` of False is neither asked for nor held against who finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.base.types import Bools, Floats
from core.lab.evaluate.paired_frames import MIN_IOU, iou
from core.vision.mot import Doubles


@dataclass(frozen=True, eq=False)
class PictureDetections:
    """One picture: the people in it (n, 4) and which of them count, and what was found (m, 4) with scores (m,)."""

    truth: Doubles
    counts: Bools
    xyxy: Floats
    score: Floats


def average_precision(pictures: Sequence[PictureDetections], least: float = MIN_IOU) -> float:
    """0 to 1; 0 where there is nobody to find."""
    people = sum(int(picture.counts.sum()) for picture in pictures)
    scores, right = zip(*(_judge(picture, least) for picture in pictures), strict=True) if pictures else ((), ())
    score, hit = np.concatenate([np.empty(0), *scores]), np.concatenate([np.empty(0, bool), *right])
    if not people or not len(score):
        return 0.0
    hits = np.cumsum(hit[np.argsort(-score, kind="stable")])
    precision = hits / np.arange(1, len(hits) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    recall = np.concatenate([[0.0], hits / people])
    return float((np.diff(recall) * falling).sum())


def recall_at(pictures: Sequence[PictureDetections], conf: float, least: float = MIN_IOU) -> float:
    """The share of people who are found by boxes of at least `conf`."""
    people = sum(int(picture.counts.sum()) for picture in pictures)
    found = 0
    for picture in pictures:
        score, hit = _judge(picture, least)
        found += int(hit[score >= conf].sum())
    return found / people if people else 0.0


def _judge(picture: PictureDetections, least: float) -> tuple[Doubles, Bools]:
    """Scores of the boxes that are judged, best first, and which of them are right."""
    order = np.argsort(-picture.score, kind="stable")
    overlap = iou(picture.xyxy[order].astype(np.float64), picture.truth)
    free = np.ones(len(picture.truth), bool)
    judged, right = np.ones(len(order), bool), np.zeros(len(order), bool)
    if not overlap.size:
        return picture.score[order].astype(np.float64), right
    for row, shares in enumerate(overlap):
        # Truth that does not count gives way to truth that does.
        best = int(np.argmax(np.where(free & (shares >= least), shares + picture.counts, -1)))
        if not free[best] or shares[best] < least:
            continue
        judged[row], right[row] = picture.counts[best], picture.counts[best]
        free[best] = not picture.counts[best]
    return picture.score[order][judged].astype(np.float64), right[judged]
