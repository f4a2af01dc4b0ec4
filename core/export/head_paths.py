"""The paths of heads through a film: what the finder sees in its pictures, one by one, is linked in time.

A film knows past and future. A candidate that fits to others shortly before and after is a head although its score is
low, and one that is seen in a single picture is none; where a head is missed for a moment it was between its places;
and its box, smoothed over neighbouring pictures, is more exact than each of theirs. So less is covered, and more heads
are. Nothing here knows of people: two whose paths are mixed up where they meet are covered all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.base.types import Floats, Ints, Seconds, Table
from core.vision.heads import FoundHeads
from core.vision.mot import Doubles
from core.vision.track import iou_matrix

LOOK_SECONDS = 0.08
"""Time between the pictures of a film in which heads are looked for: they move by less than their size meanwhile."""
LOST_SECONDS = 0.5
"""How long a head may be missed before its path ends."""
SMOOTH_SECONDS = 0.3
"""How far before and after a moment the places of a head are used for its box at that moment."""
SURE_SECONDS = 0.25
"""How far before and after a moment the scores of a head are averaged; pictures in which it is missed count as 0."""
STEADY = 2e-4
"""Square seconds by which a path of few candidates is rather taken to rest than to move."""
FOLLOWED_SECONDS = 0.3
"""How long a head is followed before it is first found and after it is last found."""
RECENT = 5
"""How many of its last candidates say how surely, and in which direction, a path goes on."""
SAME = 0.2
"""IoU from which a candidate may be where a path leads."""


@dataclass(frozen=True, eq=False)
class FollowedHeads(Table):
    """Heads in the pictures of a film, ordered by `row`, the picture: boxes in its pixels, and how sure each is: the
    mean of its scores about that time."""

    row: Ints
    xyxy: Floats
    score: Floats

    def __post_init__(self) -> None:
        self._validate_columns(row=(np.int64, ()), xyxy=(np.float32, (4,)), score=(np.float32, ()))


class _Path:
    """The candidates of one head: when, where, and with what score."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.xyxy: list[Floats] = []
        self.score: list[float] = []
        self.speed = np.zeros(4, np.float32)
        self.trust = 0.0

    def add(self, seconds: float, xyxy: Floats, score: float) -> None:
        self.seconds.append(seconds)
        self.xyxy.append(xyxy)
        self.score.append(score)
        self.trust = sum(self.score[-RECENT:])
        first = max(0, len(self.seconds) - RECENT)
        if first < len(self.seconds) - 1:
            moved = (xyxy - self.xyxy[first]) / (seconds - self.seconds[first])
            self.speed = np.tile((moved[:2] + moved[2:]) / 2, 2)

    def leads_to(self, seconds: float) -> Floats:
        """The box at a moment shortly after the last candidate, moved on as the last few have moved."""
        return self.xyxy[-1] + self.speed * (seconds - self.seconds[-1])


def rows_to_look_at(film: Seconds) -> Ints:
    """The pictures of a film, given by their times, in which heads are looked for."""
    rows: list[int] = []
    for row, seconds in enumerate(film.tolist()):
        if not rows or seconds >= film[rows[-1]] + LOOK_SECONDS - 1e-3:
            rows.append(row)
    return np.array(rows, np.int64)


def follow_heads(seconds: Seconds, found: Sequence[FoundHeads], film: Seconds, least: float) -> FollowedHeads:
    """The heads in the pictures at the times `film`, from those `found` at the rising times `seconds`. A path whose
    score, averaged about any of its times, is never `least` is left out."""
    none = np.empty(0)
    parts = [FollowedHeads(none, np.empty((0, 4)), none)]  # type: ignore[arg-type]
    for path in _link(seconds, found):
        when = np.array(path.seconds)
        mean_score = _mean_score(when, np.array(path.score), seconds)
        if mean_score.max() >= least:
            parts.append(_followed(path, _bridged(when, mean_score), film))
    joined = FollowedHeads.concatenate(parts)
    return joined[np.argsort(joined.row, kind="stable")]


def _link(seconds: Seconds, found: Sequence[FoundHeads]) -> list[_Path]:
    """All candidates as paths: the surest paths choose first, among those that are where they lead."""
    ended: list[_Path] = []
    live: list[_Path] = []
    for when, heads in zip(seconds.tolist(), found, strict=True):
        ended += [path for path in live if when - path.seconds[-1] > LOST_SECONDS]
        live = [path for path in live if when - path.seconds[-1] <= LOST_SECONDS]
        is_free = np.ones(len(heads), bool)
        for path, row in _pairs(live, when, heads):
            live[path].add(when, heads.xyxy[row], float(heads.score[row]))
            is_free[row] = False
        for row in np.flatnonzero(is_free).tolist():
            live.append(_Path())
            live[-1].add(when, heads.xyxy[row], float(heads.score[row]))
    return ended + live


def _pairs(paths: Sequence[_Path], seconds: float, heads: FoundHeads) -> list[tuple[int, int]]:
    if not paths or not len(heads):
        return []
    overlap = iou_matrix(np.stack([path.leads_to(seconds) for path in paths]), heads.xyxy)
    trust = np.array([path.trust for path in paths])
    value = np.where(overlap >= SAME, overlap * heads.score * trust[:, None], 0)
    pairs = []
    while value.max() > 0:
        path, row = np.unravel_index(int(value.argmax()), value.shape)
        pairs.append((int(path), int(row)))
        value[path], value[:, row] = 0, 0
    return pairs


def _followed(path: _Path, confidence: Doubles, film: Seconds) -> FollowedHeads:
    """A path in each picture of the film, for a short time beyond both ends as well."""
    when = np.array(path.seconds)
    xyxy, speed = _smoothed(when, np.array(path.xyxy, np.float64), np.array(path.score))
    first, last = np.searchsorted(film, [when[0] - FOLLOWED_SECONDS - 1e-6, when[-1] + FOLLOWED_SECONDS + 1e-6])
    at = film[first:last]
    beyond = np.minimum(at - when[0], 0)[:, None] * speed[0] + np.maximum(at - when[-1], 0)[:, None] * speed[-1]
    return FollowedHeads(
        np.arange(first, last),
        (_interpolate(at, when, xyxy) + np.tile(beyond, 2)).astype(np.float32),
        np.interp(at, when, confidence).astype(np.float32),
    )


def _smoothed(when: Seconds, found: Doubles, score: Doubles) -> tuple[Doubles, Doubles]:
    """The boxes of a path at its own times, each from a line through its neighbours, weighted by score and nearness;
    and the speed of the middle."""
    reach = int(SMOOTH_SECONDS / LOOK_SECONDS) + 1
    near = np.arange(len(when))[:, None] + np.arange(-reach, reach + 1)
    inside = (near >= 0) & (near < len(when))
    near = np.clip(near, 0, len(when) - 1)
    off = when[near] - when[:, None]
    weight = inside * score[near] ** 2 * np.clip(1 - np.abs(off / SMOOTH_SECONDS) ** 3, 0, None) ** 3
    weight = (weight / weight.sum(axis=1, keepdims=True))[..., None]
    mean = (weight[..., 0] * off).sum(axis=1, keepdims=True)
    from_mean = (off - mean)[..., None]
    average = (weight * found[near]).sum(axis=1)
    varies = (weight * from_mean**2).sum(axis=1) + STEADY
    moved = (weight * from_mean * (found[near] - average[:, None])).sum(axis=1) / varies
    speed = (moved[:, :2] + moved[:, 2:]) / 2
    return average - mean * np.tile(speed, 2), speed


def _mean_score(when: Seconds, score: Doubles, looked: Seconds) -> Doubles:
    """The mean score about each time of a path, over all pictures that were looked at."""
    sums = np.concatenate([[0], np.cumsum(score)])
    own, all_ = (
        np.searchsorted(times, [when - SURE_SECONDS - 1e-6, when + SURE_SECONDS + 1e-6]) for times in (when, looked)
    )
    return np.asarray((sums[own[1]] - sums[own[0]]) / (all_[1] - all_[0]))


def _bridged(when: Seconds, score: Doubles) -> Doubles:
    """As sure as shortly before or after; and a head that is sure before and after is as sure between."""
    begin, end = np.searchsorted(when, [when - SURE_SECONDS - 1e-6, when + SURE_SECONDS + 1e-6])
    near = np.array([score[first:last].max() for first, last in zip(begin, end, strict=True)])
    return np.minimum(np.maximum.accumulate(near), np.maximum.accumulate(near[::-1])[::-1])


def _interpolate(at: Seconds, when: Seconds, columns: Doubles) -> Doubles:
    return np.stack([np.interp(at, when, column) for column in columns.T], axis=1)
