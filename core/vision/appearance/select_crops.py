"""Which boxes of each track are worth a crop: first without pixels, then by how sharp the few that were cut out are.

    rows = candidate_boxes(tracks, width, height)      look at these, and only at these
    time_shares(tracks.track[rows])                    and keep the best of each share of their track's time
    quality(fitness(tracks, width, height)[rows], sharpness, tracks.track[rows])

A good box is tall, complete, not covered by others, and detected with confidence; its crop is sharp. No track is left
without a crop: where all are bad the best is kept, and its quality says so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Floats, Image, Ints, Tracks

FULL_HEIGHT_PX = 128
"""Pixels from which a box is high enough: those of Market-1501's crops, from which most embedders learn."""
OCCLUDED_SHARE = 0.3
"""Share of a box at which another one spoils it: a quarter halves its fitness, half leaves little."""
CUT_OFF_FACTOR = 0.4
"""Fitness of a box that the picture's edge cuts off."""
INTERPOLATED_FACTOR = 0.1
"""Fitness of a box where nobody was detected and the gap was filled in."""
ZERO_CONFIDENCE_FACTOR = 0.2
"""Fitness of a box of which the detector was not sure at all."""
MIN_RELATIVE_FITNESS = 0.5
"""Share of the best fitness in its track that a candidate needs."""
HALF_SHARPNESS = 20.0
"""Sharpness that counts half: nearly all crops of real people have more, blurred ones less."""
MAX_SHARES, CROPS_PER_SHARE = 8, 3
"""Each track's time is divided into at most so many shares, and so many boxes are tried in each."""
NO_OBJECTS: Ints = np.empty(0, np.int64)
_EDGE = 0.005  # of the picture's height: a box that comes so close is likely cut off, detectors stop short of edges

Numbers = NDArray[np.floating[Any]]


def candidate_boxes(
    tracks: Tracks,
    width: int,
    height: int,
    most: int = MAX_SHARES,
    tries: int = CROPS_PER_SHARE,
    objects: Ints = NO_OBJECTS,
) -> Ints:
    """Rows of `tracks` to look at, rising: of each track `tries` from each of `most` equal shares of its fitting boxes.

    `width` and `height` are the picture's, in pixels. The shares follow time, and the tries of a share do so too, so
    that they are not three pictures of one moment. A track of few boxes has as many shares as boxes, and always one.
    `objects` are as in `fitness`.
    """
    fit = fitness(tracks, width, height, objects)
    rows = np.flatnonzero(fit >= MIN_RELATIVE_FITNESS * _group_maximum(fit, tracks.track))
    parts = time_shares(time_shares(tracks.track[rows], most), tries)
    return np.asarray(rows[_best_of_each_group(parts, fit[rows])])


def fitness(tracks: Tracks, width: int, height: int, objects: Ints = NO_OBJECTS) -> Floats:
    """How good each row's box is, 0 to 1, as far as that can be said without pixels: a product of five parts.

    size         height of what lies in the picture, against `FULL_HEIGHT_PX`
    complete     1, or `CUT_OFF_FACTOR` where the picture's edge cuts it off
    unoccluded   falls with the share that another box of the frame covers, 1 to 0
    confidence   the detector's score, from `ZERO_CONFIDENCE_FACTOR` to 1
    detected     1, or `INTERPOLATED_FACTOR` where a gap was filled in

    Tracks whose numbers are among `objects` are probably things, and cover nobody.
    """
    inside = np.clip(tracks.xyxy.reshape(-1, 2, 2), 0, (width, height))
    visible = inside[:, 1] - inside[:, 0]
    size = np.where((visible >= 1).all(axis=1), np.clip(visible[:, 1] / FULL_HEIGHT_PX, 0, 1), 0)
    unoccluded = np.exp(-((occlusion(tracks, ~np.isin(tracks.track, objects)) / OCCLUDED_SHARE) ** 2))
    confidence = ZERO_CONFIDENCE_FACTOR + (1 - ZERO_CONFIDENCE_FACTOR) * np.clip(tracks.score, 0, 1)
    complete = np.where(is_inside_picture(tracks.xyxy, width, height), 1, CUT_OFF_FACTOR)
    detected = np.where(tracks.detected, 1, INTERPOLATED_FACTOR)
    return np.asarray(size * complete * unoccluded * confidence * detected, np.float32)


def quality(fit: Floats, sharpness: Numbers, track: Ints) -> Floats:
    """How good crops are, 0 to 1: the fitness of their boxes, times their sharpness by itself and within their track.

    All (n,), a row for each crop that was looked at. By itself, what is sharper than `HALF_SHARPNESS` loses little, or
    plain coats would lose to patterned ones; within a track, a crop has the square root of its share of the sharpest.
    """
    sharpness = np.asarray(sharpness, np.float64)
    by_itself = sharpness / (sharpness + HALF_SHARPNESS)
    best = np.maximum(_group_maximum(sharpness, track), 1e-6)
    return np.asarray(fit * by_itself * np.sqrt(sharpness / best), np.float32)


def time_shares(track: Ints, most: int = MAX_SHARES) -> Ints:
    """Which share of its track's time each row from `candidate_boxes` lies in.

    The numbers of shares rise with track, then with time. Each track has `most` shares that are equally large, or as
    many as it has rows.

    >>> time_shares(np.array([7, 7, 3, 7, 7]), 2).tolist()
    [2, 2, 0, 3, 3]
    """
    if most < 1:
        raise ValueError(f"expected most of 1 or more, got {most}")
    _, index, count = np.unique(track, return_inverse=True, return_counts=True)
    order = np.argsort(index, kind="stable")
    place = np.empty(len(index), np.int64)
    place[order] = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    return np.asarray(index * most + place * np.minimum(most, count)[index] // count[index])


def sharpness_of(crop: Image) -> float:
    """How much fine detail a BGR crop has: the variance of its Laplacian, grey, at 64 x 128 (near and far alike).

    A crop of one colour has 0. Detail that the dark swallows is gone too: what is dark must be sharper to pass.
    """
    import cv2

    grey = cv2.cvtColor(cv2.resize(crop, (64, 128), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return float(cv2.Laplacian(grey, cv2.CV_64F).var())


def occlusion(tracks: Tracks, covers: Bools | None = None) -> Floats:
    """The largest share of each box that one other box of its frame covers, of those that `covers` (n,) selects."""
    share = np.zeros(len(tracks), np.float32)
    for rows in np.split(np.arange(len(tracks)), np.flatnonzero(np.diff(tracks.frame)) + 1):
        box = tracks.xyxy[rows]
        low = np.maximum(box[:, None, :2], box[None, :, :2])
        high = np.minimum(box[:, None, 2:], box[None, :, 2:])
        common = np.clip(high - low, 0, None).prod(axis=2)
        area = np.diagonal(common).copy()
        np.fill_diagonal(common, 0)
        if covers is not None:
            common[:, ~covers[rows]] = 0
        share[rows] = common.max(axis=1, initial=0) / np.maximum(area, 1e-6)
    return share


def is_inside_picture(xyxy: Floats, width: int, height: int) -> Bools:
    """Which boxes (n, 4) keep clear of the edges of a picture of `width` x `height` pixels, so that nobody is cut."""
    x1, y1, x2, y2 = xyxy.T
    edge = _EDGE * height
    return np.asarray((x1 >= edge) & (y1 >= edge) & (x2 <= width - edge) & (y2 <= height - edge))


def _best_of_each_group(group: Ints, value: Floats) -> Ints:
    """The row with the largest value of each group, rising; the first of equals."""
    order = np.lexsort((-value, group))
    first = np.flatnonzero(np.diff(group[order], prepend=-1))
    return np.sort(order[first])


def _group_maximum(value: Numbers, group: Ints) -> Numbers:
    """The largest value (none below 0) of each row's group, (n,)."""
    names, place = np.unique(group, return_inverse=True)
    most = np.zeros(len(names), value.dtype)
    np.maximum.at(most, place, value)
    return np.asarray(most[place])
