"""Truth and result side by side, frame by frame: the input of every measure, and the counts that measures add up.

Decides which rows count. Truth marked with `conf` 0 does not. Where the truth names classes (MOTChallenge from 2016
on), only pedestrians (class 1) count, and a result that lies on something merely like a pedestrian (a distractor) is
removed first, so that it is neither right nor wrong. Without classes everything counts. Classes of results are not
read. People who are visible by less than a given share can be left out in the same way."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.base.errors import SettingsError, TruthError
from core.base.types import Bools, Ints
from core.vision.mot import NO_CLASS, Doubles, MotRows


@dataclass(frozen=True, eq=False)
class Counts:
    """The counts of a measure. Adding those of two clips gives the counts of both together."""

    def __add__(self, more: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(more, f.name) for f in fields(self)})


def share_of(part: Any, *others: Any) -> Any:
    """`part` as a share of the sum of all arguments, element by element; 0 where the sum is 0.

    >>> share_of(3, 1), share_of(0, 0)
    (0.75, 0.0)
    """
    total = sum(others, part)
    shares = np.divide(part, total, out=np.zeros(np.shape(total)), where=np.asarray(total) > 0)
    return shares if np.ndim(shares) else float(shares)


MIN_IOU = 0.5  # IoU from which two boxes are taken for the same person
EPSILON = float(np.finfo(np.float64).eps)
PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)  # on a vehicle, standing still for ever, likeness, reflection


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame in which both sides have boxes: identities as rows of `Overlap`'s ids, and `iou` (truths, results)."""

    truths: Ints
    results: Ints
    iou: Doubles


@dataclass(frozen=True, eq=False)
class Overlap:
    """A clip, ready to be measured. `truth_ids` (t,) and `result_ids` (r,) are its identities, rising.

    `truth_boxes` (t,) and `result_boxes` (r,) say how many boxes each has.
    """

    frames: tuple[Frame, ...]
    truth_boxes: Ints
    result_boxes: Ints
    truth_ids: Ints
    result_ids: Ints


def overlap(truth: MotRows, result: MotRows, scale: float, visible: float = 0.0) -> Overlap:
    """Both sides as the protocol sees them; coordinates of the truth are multiplied by `scale`.

    People visible by less than the share `visible` need not be found, and a result on one of them is not wrong.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise SettingsError(f"scale is {scale:g}", "Give the width of the clip divided by that of the truth.")
    truth, result = in_frame_order("truth", truth), in_frame_order("result", result)
    truth_xyxy = truth.xyxy * scale
    distracts = np.isin(truth.cls, DISTRACTORS) | (truth.visibility < visible)
    result = result[~_on_distractor(truth, distracts, truth_xyxy, result)]
    counts = (truth.conf != 0) & np.isin(truth.cls, (NO_CLASS, PEDESTRIAN)) & ~distracts
    truth, truth_xyxy = truth[counts], truth_xyxy[counts]
    truth_ids, truths, truth_boxes = np.unique(truth.id, return_inverse=True, return_counts=True)
    result_ids, results, result_boxes = np.unique(result.id, return_inverse=True, return_counts=True)
    frames = tuple(
        Frame(truths[truth_rows], results[result_rows], iou(truth_xyxy[truth_rows], result.xyxy[result_rows]))
        for truth_rows, result_rows in _shared_frames(truth.frame, result.frame)
    )
    return Overlap(frames, truth_boxes, result_boxes, truth_ids, result_ids)


def iou(first: Doubles, second: Doubles) -> Doubles:
    """Intersection over union of every pair of boxes, (n, 4) and (m, 4) to (n, m); 0 for a box without area."""
    left_top = np.maximum(first[:, None, :2], second[None, :, :2])
    right_bottom = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = np.maximum(right_bottom - left_top, 0).prod(axis=2)
    union = _area(first)[:, None] + _area(second)[None, :] - intersection
    shares: Doubles = np.divide(
        intersection, union, out=np.zeros_like(intersection), where=(intersection > 0) & (union > EPSILON)
    )
    return shares


def best_matching(weight: Doubles) -> tuple[Ints, Ints]:
    """Rows and columns of the one-to-one matching with the greatest total weight; pairs of weight 0 are left out."""
    rows, columns = linear_sum_assignment(weight, maximize=True)
    positive = weight[rows, columns] > EPSILON
    return rows[positive], columns[positive]


def in_frame_order(side: str, rows: MotRows) -> MotRows:
    """Rows by frame, in the file's order within one. `TruthError`, naming `side`, where an id is in a frame twice."""
    duplicates = duplicate_rows(rows.frame, rows.id)
    if len(duplicates):
        first = duplicates[0]
        raise TruthError(
            f"The {side} has id {rows.id[first]} twice in frame {rows.frame[first] + 1}",
            "An id may have only one box in a frame. Files of bare detections have no ids and cannot be scored.",
        )
    return rows[np.argsort(rows.frame, kind="stable")]


def duplicate_rows(frame: Ints, ids: Ints) -> Ints:
    """Rows, by frame, whose id has a further row in the same frame; empty where there is none."""
    order = np.lexsort((ids, frame))
    repeated = (np.diff(frame[order]) == 0) & (np.diff(ids[order]) == 0)
    return np.asarray(order[:-1][repeated], np.int64)


def _area(xyxy: Doubles) -> Doubles:
    area: Doubles = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    return area


def _shared_frames(truth_frames: Ints, result_frames: Ints) -> list[tuple[slice, slice]]:
    """The slices of both sides, each in frame order, for every frame that both have."""
    shared = np.intersect1d(truth_frames, result_frames)
    bounds = [
        np.searchsorted(side, shared, where) for side in (truth_frames, result_frames) for where in ("left", "right")
    ]
    return [(slice(a, b), slice(c, d)) for a, b, c, d in zip(*(bound.tolist() for bound in bounds), strict=True)]


def _on_distractor(truth: MotRows, distracts: Bools, truth_xyxy: Doubles, result: MotRows) -> Bools:
    """Which results are matched to a distractor when all of the truth, of whatever class, is matched; (n,)."""
    on_distractor = np.zeros(len(result), np.bool_)
    for truth_rows, result_rows in _shared_frames(truth.frame, result.frame) if distracts.any() else ():
        weight = iou(truth_xyxy[truth_rows], result.xyxy[result_rows])
        weight[weight < MIN_IOU - EPSILON] = 0
        rows, columns = best_matching(weight)
        on_distractor[result_rows.start + columns[distracts[truth_rows][rows]]] = True
    return on_distractor
