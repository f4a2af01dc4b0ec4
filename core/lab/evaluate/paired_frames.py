"""Counts that add up: what every measure keeps of a clip, so that several clips are scored by adding.

Truth and result laid side by side, frame by frame: the one input of every measure.

This room decides which rows count. Truth marked with `conf` 0 does not. Where the truth names classes (MOTChallenge
from 2016 on), only pedestrians (class 1) count, and a result that lies on something merely like a pedestrian is
neither right nor wrong: it is taken out first. Without classes everything counts. Classes of results are not read.
People of whom too little is visible can be left out in the same way."""

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
    """A measure's counts. Fields of two clips add to the fields of both together."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def share_of(part: Any, *rest: Any) -> Any:
    """`part` as a share of the sum of all arguments, element by element; 0 where there is nothing to share.

    >>> share(3, 1), share(0, 0)
    (0.75, 0.0)
    """
    whole = sum(rest, part)
    shares = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=np.asarray(whole) > 0)
    return shares if np.ndim(shares) else float(shares)


MIN_IOU = 0.5  # overlap from which two boxes are taken for the same person
EPSILON = float(np.finfo(np.float64).eps)
PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)  # on a vehicle, standing still for ever, likeness, reflection


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame in which both sides have boxes: who is there (dense numbers), and `iou` (truths, results)."""

    truths: Ints
    results: Ints
    iou: Doubles


@dataclass(frozen=True, eq=False)
class Overlap:
    """A clip, ready to be measured. `truth_boxes` and `result_boxes` hold how many boxes each identity has.

    `truth_ids` and `result_ids` say whom the dense numbers stand for: the ids of the rows, rising.
    """

    frames: tuple[Frame, ...]
    truth_boxes: Ints
    result_boxes: Ints
    truth_ids: Ints
    result_ids: Ints


def overlap(truth: MotRows, result: MotRows, scale: float, visible: float = 0.0) -> Overlap:
    """Both sides as the protocol sees them; `scale` multiplies the truth's pixels.

    Who is visible by less than the share `visible` need not be found, and whoever finds them is not wrong.
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
        Frame(truths[ours], results[theirs], iou(truth_xyxy[ours], result.xyxy[theirs]))
        for ours, theirs in _shared_frames(truth.frame, result.frame)
    )
    return Overlap(frames, truth_boxes, result_boxes, truth_ids, result_ids)


def iou(ours: Doubles, theirs: Doubles) -> Doubles:
    """Intersection over union of every pair of boxes, (n, 4) and (m, 4) to (n, m); 0 for a box without area."""
    left_top = np.maximum(ours[:, None, :2], theirs[None, :, :2])
    right_bottom = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    both = np.maximum(right_bottom - left_top, 0).prod(axis=2)
    either = _area(ours)[:, None] + _area(theirs)[None, :] - both
    shares: Doubles = np.divide(both, either, out=np.zeros_like(both), where=(both > 0) & (either > EPSILON))
    return shares


def best_matching(worth: Doubles) -> tuple[Ints, Ints]:
    """Rows and columns of the one-to-one matching of most worth; pairs worth nothing are left out."""
    rows, columns = linear_sum_assignment(worth, maximize=True)
    kept = worth[rows, columns] > EPSILON
    return rows[kept], columns[kept]


def in_frame_order(side: str, rows: MotRows) -> MotRows:
    """Rows by frame, in the file's order within one; nobody may be in two places at once. `side` is for the error."""
    twice = duplicate_rows(rows.frame, rows.id)
    if len(twice):
        first = twice[0]
        raise TruthError(
            f"The {side} has id {rows.id[first]} twice in frame {rows.frame[first] + 1}",
            "Each id may have one box in a frame; files of bare detections have no ids and cannot be scored.",
        )
    return rows[np.argsort(rows.frame, kind="stable")]


def duplicate_rows(frame: Ints, who: Ints) -> Ints:
    """Rows, by frame, that put somebody into a frame for whom another row follows there; empty where nobody is."""
    by_who = np.lexsort((who, frame))
    twice = (np.diff(frame[by_who]) == 0) & (np.diff(who[by_who]) == 0)
    return np.asarray(by_who[:-1][twice], np.int64)


def _area(xyxy: Doubles) -> Doubles:
    area: Doubles = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
    return area


def _shared_frames(ours: Ints, theirs: Ints) -> list[tuple[slice, slice]]:
    """Where each frame that both sides have lies in the one and in the other, both in order."""
    shared = np.intersect1d(ours, theirs)
    bounds = [np.searchsorted(side, shared, where) for side in (ours, theirs) for where in ("left", "right")]
    return [(slice(a, b), slice(c, d)) for a, b, c, d in zip(*(bound.tolist() for bound in bounds), strict=True)]


def _on_distractor(truth: MotRows, distracts: Bools, truth_xyxy: Doubles, result: MotRows) -> Bools:
    """Which results the best matching to all of the truth, of whatever class, puts on a distractor."""
    out = np.zeros(len(result), np.bool_)
    for ours, theirs in _shared_frames(truth.frame, result.frame) if distracts.any() else ():
        worth = iou(truth_xyxy[ours], result.xyxy[theirs])
        worth[worth < MIN_IOU - EPSILON] = 0
        rows, columns = best_matching(worth)
        out[theirs.start + columns[distracts[ours][rows]]] = True
    return out
