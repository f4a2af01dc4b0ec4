"""Where each tracklet's feet were, at ticks of a clock that all cameras share, and when two were seen at once.

The clock has a tick every `TICK_SECONDS`. Places and heights are in widths of the picture, so that cameras of any
resolution can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints, Table, Tracks

Numbers = NDArray[np.float64]

TICK_SECONDS = 0.1
MAX_GAP_SECONDS = 0.5
"""Gaps without a box that are longer than this are not interpolated: the place of the feet is unknown there."""
BORDER_PX = 4.0
"""Boxes within this many pixels of the left, right or lower border may be cut off, with the feet outside."""
MIN_TICKS = 10
"""A pair of tracklets seen together for fewer ticks is left out."""
SAMPLES = 24
"""Of the ticks at which a pair was seen together, this many are used, evenly spaced."""


@dataclass(frozen=True, eq=False)
class Walks(Table):
    """One row per tick of each tracklet, ordered by (row, tick) without holes: `row` of the tracklet, place of the feet
    (NaN where unknown) and height of the box, both in widths of the picture."""

    row: Ints
    tick: Ints
    feet: Floats
    tall: Floats

    def __post_init__(self) -> None:
        self._validate_columns(row=(np.int64, ()), tick=(np.int64, ()), feet=(np.float32, (2,)), tall=(np.float32, ()))

    @classmethod
    def empty(cls) -> Walks:
        none = np.empty(0)
        return cls(none, none, np.empty((0, 2)), none)  # type: ignore[arg-type]

    def begins(self, count: int) -> Ints:
        """Where each of `count` tracklets begins, with the end appended: (count + 1,)."""
        return np.searchsorted(self.row, np.arange(count + 1))


@dataclass(frozen=True, eq=False)
class Feet:
    """Where the feet of two tracklets were at the same moments, (..., 2), and how tall both looked, (...).

    `here` and `tall_here` are measured in the first camera's picture, `there` and `tall_there` in the second's.
    """

    here: Numbers
    there: Numbers
    tall_here: Numbers
    tall_there: Numbers

    def __getitem__(self, rows: Any) -> Feet:
        return Feet(self.here[rows], self.there[rows], self.tall_here[rows], self.tall_there[rows])


@dataclass(frozen=True, eq=False)
class Meetings:
    """Pairs of tracklets of two cameras that were seen at the same time.

    `row_a` and `row_b` (k,) are the rows of the tracklets, `ticks` (k,) the number of ticks at which both were seen,
    and `feet` (k, SAMPLES, ...) their feet at `SAMPLES` of those ticks.
    """

    row_a: Ints
    row_b: Ints
    ticks: Ints
    feet: Feet

    def __len__(self) -> int:
        return len(self.row_a)

    def __getitem__(self, rows: Any) -> Meetings:
        return Meetings(self.row_a[rows], self.row_b[rows], self.ticks[rows], self.feet[rows])


def walks_of(tracks: Tracks, size: tuple[int, int], offset: float, first_row: int = 0) -> Walks:
    """The walks of one camera, whose tracks become rows from `first_row` on, in order of their numbers.

    `size` is the picture's (width, height); `offset` is how many seconds its clip began after the common clock.
    """
    ordered = tracks[np.lexsort((tracks.frame, tracks.track))]
    begin = np.flatnonzero(np.diff(ordered.track, prepend=-1))
    parts = [Walks.empty()]
    for number, (a, b) in enumerate(pairwise([*begin.tolist(), len(ordered)])):
        parts.append(_walk(ordered[a:b], size, offset, first_row + number))
    return Walks.concatenate(parts)


def _walk(track: Tracks, size: tuple[int, int], offset: float, row: int) -> Walks:
    """The walk of one track, ordered by time."""
    width, height = size
    seconds = track.seconds + offset
    left, top, right, bottom = track.xyxy.astype(np.float64).T
    # Times from a container are not exact, and a box at 0.3 s is at tick 3.
    first, last = np.ceil(seconds[0] / TICK_SECONDS - 1e-6), np.floor(seconds[-1] / TICK_SECONDS + 1e-6)
    tick = np.arange(int(first), int(last) + 1)
    now = tick * TICK_SECONDS
    feet = np.stack([np.interp(now, seconds, side) for side in ((left + right) / 2, bottom)], axis=1)
    after = np.clip(np.searchsorted(seconds, now - 1e-6), 0, len(seconds) - 1)
    before = np.maximum(after - 1, 0)
    cut_off = (left < BORDER_PX) | (right > width - BORDER_PX) | (bottom > height - BORDER_PX)
    in_gap = seconds[after] - seconds[before] > MAX_GAP_SECONDS
    feet[in_gap | cut_off[after] | cut_off[before]] = np.nan
    tall = np.interp(now, seconds, bottom - top)
    return Walks(
        np.full(len(tick), row), tick, *(lengths.astype(np.float32) / np.float32(width) for lengths in (feet, tall))
    )


def meetings(walks: Walks, begin: Ints, pairs: Iterable[tuple[int, int]], shift: int) -> Meetings:
    """Those of `pairs` (rows of tracklets) that are seen together with the second clock put forward by `shift` ticks.

    `begin` is what `Walks.begins` returned.
    """
    counts: list[tuple[int, int, int]] = []
    samples: list[tuple[Ints, Ints]] = []
    for i, j in pairs:
        here, there = common_ticks(walks, begin, i, j, shift)
        if len(here) >= MIN_TICKS:
            at = np.linspace(0, len(here) - 1, SAMPLES).round().astype(int)
            counts.append((i, j, len(here)))
            samples.append((here[at], there[at]))
    table = np.array(counts, np.int64).reshape(-1, 3)
    rows = np.array(samples, np.int64).reshape(-1, 2, SAMPLES)
    return Meetings(table[:, 0], table[:, 1], table[:, 2], feet_of(walks, rows[:, 0], rows[:, 1]))


def common_ticks(walks: Walks, begin: Ints, i: int, j: int, shift: int) -> tuple[Ints, Ints]:
    """The rows of `walks` of tracklets i and j at the ticks at which the places of both are known."""
    (a, a_end), (b, b_end) = begin[i : i + 2], begin[j : j + 2]
    if a == a_end or b == b_end:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first_a, first_b = walks.tick[a], walks.tick[b] + shift
    low, high = max(first_a, first_b), min(first_a + a_end - a, first_b + b_end - b)
    here = np.arange(low - first_a, max(high, low) - first_a) + a
    there = here + (b - a) + (first_a - first_b)
    both = np.isfinite(walks.feet[here, 0]) & np.isfinite(walks.feet[there, 0])
    return here[both], there[both]


def feet_of(walks: Walks, here: Ints, there: Ints) -> Feet:
    """The feet at two sets of rows of `walks`, which have the same shape."""
    columns = walks.feet[here], walks.feet[there], walks.tall[here], walks.tall[there]
    return Feet(*(column.astype(np.float64) for column in columns))
