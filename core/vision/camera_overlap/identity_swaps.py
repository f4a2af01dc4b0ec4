"""Identity switches within a track, found by a second camera that saw the same ground.

A track that stays near one track of the other camera (its partner), and later near a different one while the first is
seen elsewhere, has switched to another person in between, or those two have swapped. Every track that changes partners
like this is cut, unless a third camera shows it with one partner all the time. Parts that were cut without need are
joined again by appearance and position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.base.types import Bools, Ints, Tracklets
from core.vision.camera_overlap.footpaths import TICK_SECONDS, Numbers, Walks, at_once, feet_of
from core.vision.camera_overlap.search import CameraOverlap, steps, together

NEAR, FAR = 0.4, 0.8
"""Distances in body heights: below `NEAR` two are at one place, above `FAR` they certainly are not."""
SURE_TICKS = 12
"""How many ticks it takes to be a partner, or to be elsewhere."""
SMOOTH = 7
"""Width of the median filter over distances, in ticks: a box cut off for a moment must not count as a step aside."""

Moment = tuple[int, float]
_Spell = tuple[int, int, int]
"""A partner, and the first and last tick with them."""


def find_identity_swaps(tracklets: Tracklets, walks: Walks, found: Sequence[CameraOverlap]) -> list[Moment]:
    """Rows of tracklets and the moments, on the common clock, at which they went on as somebody else; in order."""
    begin = walks.begins(len(tracklets))
    spells: dict[int, list[tuple[int, _Spell]]] = defaultdict(list)
    changes: list[tuple[int, int, float]] = []
    for number, overlap in enumerate(found):
        partners: dict[int, dict[int, tuple[Ints, Numbers]]] = defaultdict(dict)
        for i, j in together(tracklets, overlap):
            here, there = at_once(walks, begin, i, j, overlap.shift)
            apart = _smooth(steps(overlap, feet_of(walks, here, there)))
            if (apart < NEAR).sum() >= SURE_TICKS:
                partners[i][j] = walks.tick[here], apart
                partners[j][i] = walks.tick[there], apart
        for row, others in partners.items():
            its, ticks = _changes(list(others.values()))
            spells[row] += [(number, spell) for spell in its]
            changes += [(row, number, tick) for tick in ticks]
    return sorted(
        {
            (row, round(tick * TICK_SECONDS, 3))
            for row, number, tick in changes
            if not any(other != number and _through(spell, tick) for other, spell in spells[row])
        }
    )


def _through(spell: _Spell, tick: float) -> bool:
    """Whether a partner stays from well before a moment until well after it: then this track did not switch."""
    _, first, last = spell
    return first + SURE_TICKS <= tick <= last - SURE_TICKS


def _smooth(apart: Numbers) -> Numbers:
    if not len(apart):
        return apart
    padded = np.pad(apart, SMOOTH // 2, mode="edge")
    return np.asarray(np.median(sliding_window_view(padded, SMOOTH), axis=1))


def _changes(others: list[tuple[Ints, Numbers]]) -> tuple[list[_Spell], list[float]]:
    """The spells of a track with its partners, and the ticks at which it changes from one of them to another, one of
    whom is elsewhere at the other's time."""
    first = min(int(tick[0]) for tick, _ in others)
    length = max(int(tick[-1]) for tick, _ in others) - first + 1
    apart = np.full((len(others), length), np.nan)
    for row, (tick, distance) in zip(apart, others, strict=True):
        row[tick - first] = distance
    with np.errstate(invalid="ignore"):
        near, far = apart < NEAR, apart > FAR
    alone = np.where(near.sum(axis=0) == 1, near.argmax(axis=0), -1)
    spells = _spells(alone)
    changes = []
    for (one, _, last), (other, begins, _) in pairwise(spells):
        if _elsewhere(far, alone, one, other) or _elsewhere(far, alone, other, one):
            changes.append(first + (last + begins) / 2)
    return [(partner, first + begins, first + last) for partner, begins, last in spells], changes


def _spells(alone: Ints) -> list[_Spell]:
    """Each spell with a partner that is sure, in order."""
    at = np.flatnonzero(alone >= 0)
    begin = np.flatnonzero(np.diff(alone[at], prepend=-1))
    spells: list[_Spell] = []
    for a, b in pairwise([*begin.tolist(), len(at)]):
        if b - a < SURE_TICKS:
            continue
        partner = int(alone[at[a]])
        if spells and spells[-1][0] == partner:
            spells[-1] = partner, spells[-1][1], int(at[b - 1])
        else:
            spells.append((partner, int(at[a]), int(at[b - 1])))
    return spells


def _elsewhere(far: Bools, alone: Ints, one: int, other: int) -> bool:
    """Whether `one` is surely elsewhere while `other` is the partner."""
    return int((far[one] & (alone == other)).sum()) >= SURE_TICKS
