"""Identity switches within a track, found by a second camera that saw the same ground.

A track that stays near one track of the other camera (its partner), and later near a different one while the first is
seen elsewhere, has switched to another person in between, or those two have swapped. Every track that changes partners
like this is cut, unless a third camera shows it with one partner all the time. Parts that were cut without need are
joined again by appearance and position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.base.types import Bools, Ints, Tracklets
from core.vision.camera_overlap.footpaths import TICK_SECONDS, Numbers, Walks, common_ticks, feet_of
from core.vision.camera_overlap.search import CameraOverlap, distance_by_tick, pairs_in_view

NEAR, FAR = 0.4, 0.8
"""Distances in body heights: below `NEAR` two are at one place, above `FAR` they certainly are not."""
MIN_TICKS = 12
"""How many ticks it takes to be a partner, or to be elsewhere."""
FILTER_TICKS = 7
"""Width of the median filter over distances: a box cut off for a moment must not count as a step aside."""

Moment = tuple[int, float]
"""A row of the tracklets, and seconds on the common clock."""
_Distances = tuple[Ints, Numbers]
"""Rising ticks, and the distance at each of them in body heights."""


class _Spell(NamedTuple):
    """A time that a track spent near one partner, from its first to its last tick."""

    partner: int
    first: int
    last: int


def find_identity_swaps(tracklets: Tracklets, walks: Walks, overlaps: Sequence[CameraOverlap]) -> list[Moment]:
    """The moments at which tracklets went on as somebody else, in order of row and time."""
    begin = walks.begins(len(tracklets))
    spells: dict[int, list[tuple[int, _Spell]]] = defaultdict(list)
    changes: list[tuple[int, int, float]] = []
    for number, overlap in enumerate(overlaps):
        for row, partners in _partners(tracklets, walks, begin, overlap).items():
            spells_of_row, ticks = _partner_changes(partners)
            spells[row] += [(number, spell) for spell in spells_of_row]
            changes += [(row, number, tick) for tick in ticks]
    return sorted(
        {
            (row, round(tick * TICK_SECONDS, 3))
            for row, number, tick in changes
            if not any(by != number and _lasts_through(spell, tick) for by, spell in spells[row])
        }
    )


def _partners(tracklets: Tracklets, walks: Walks, begin: Ints, overlap: CameraOverlap) -> dict[int, list[_Distances]]:
    """For each tracklet that was near tracklets of the other camera, its distances from each of these."""
    partners: dict[int, list[_Distances]] = defaultdict(list)
    for i, j in pairs_in_view(tracklets, overlap):
        here, there = common_ticks(walks, begin, i, j, overlap.shift)
        distance = _median_filter(distance_by_tick(overlap, feet_of(walks, here, there)))
        if (distance < NEAR).sum() >= MIN_TICKS:
            partners[i].append((walks.tick[here], distance))
            partners[j].append((walks.tick[there], distance))
    return partners


def _lasts_through(spell: _Spell, tick: float) -> bool:
    """Whether a partner stays from well before a moment until well after it: then this track did not switch."""
    return spell.first + MIN_TICKS <= tick <= spell.last - MIN_TICKS


def _median_filter(distance: Numbers) -> Numbers:
    if not len(distance):
        return distance
    padded = np.pad(distance, FILTER_TICKS // 2, mode="edge")
    return np.asarray(np.median(sliding_window_view(padded, FILTER_TICKS), axis=1))


def _partner_changes(partners: list[_Distances]) -> tuple[list[_Spell], list[float]]:
    """The spells of a track with its partners, and the ticks at which it changes from one partner to the next.

    A change counts where either of the two partners is seen elsewhere while the track is near the other.
    """
    first = min(int(tick[0]) for tick, _ in partners)
    length = max(int(tick[-1]) for tick, _ in partners) - first + 1
    distance = np.full((len(partners), length), np.nan)
    for row, (tick, values) in zip(distance, partners, strict=True):
        row[tick - first] = values
    with np.errstate(invalid="ignore"):
        near, far = distance < NEAR, distance > FAR
    partner = np.where(near.sum(axis=0) == 1, near.argmax(axis=0), -1)
    spells = _spells(partner)
    changes = []
    for a, b in pairwise(spells):
        if _is_elsewhere(far, partner, a.partner, b.partner) or _is_elsewhere(far, partner, b.partner, a.partner):
            changes.append(first + (a.last + b.first) / 2)
    return [_Spell(spell.partner, first + spell.first, first + spell.last) for spell in spells], changes


def _spells(partner: Ints) -> list[_Spell]:
    """The spells that are long enough, in order; `partner` is the only one near at each tick, or -1."""
    at = np.flatnonzero(partner >= 0)
    begin = np.flatnonzero(np.diff(partner[at], prepend=-1))
    spells: list[_Spell] = []
    for a, b in pairwise([*begin.tolist(), len(at)]):
        if b - a < MIN_TICKS:
            continue
        now = int(partner[at[a]])
        if spells and spells[-1].partner == now:
            spells[-1] = spells[-1]._replace(last=int(at[b - 1]))
        else:
            spells.append(_Spell(now, int(at[a]), int(at[b - 1])))
    return spells


def _is_elsewhere(far: Bools, partner: Ints, a: int, b: int) -> bool:
    """Whether `a` is certainly at another place while `b` is the partner."""
    return int((far[a] & (partner == b)).sum()) >= MIN_TICKS
