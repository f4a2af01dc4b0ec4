"""Which pairs of tracks a person should look at first: those that a little more or less likeness would join or part.

In a person it is the last join that made it, between two people one that nearly happened. Both are as doubtful as the
likeness of the two sides is close to the threshold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from core.base.types import Ints
from core.review.history import TrackKey
from core.review.session import Desk
from core.vision.match import FREE, most_similar_crops


@dataclass(frozen=True)
class Doubt:
    """Two tracks, by name and by row: of all those of two sides, the most alike.

    `similarity` is how alike the two sides are, `together` whether they are one person now. `crops` are rows of the
    evidence's crops, the two most alike, and `alike` is how much. Of `unsure` ones somebody could not tell.
    """

    one: TrackKey
    other: TrackKey
    rows: tuple[int, int]
    similarity: float
    together: bool
    crops: tuple[int, int]
    alike: float
    unsure: bool


@dataclass(frozen=True, eq=False)
class _Sides:
    """Rows of tracklets of two groups, how alike these are, and how far from the threshold that is."""

    one: Ints
    other: Ints
    similarity: float
    off: float
    together: bool


def doubts(desk: Desk, most: int) -> tuple[Doubt, ...]:
    """The `most` doubtful pairs at the desk's threshold, at most one of any two groups; unsure ones come last."""
    hesitated = desk.review.said.unsure
    ranked = sorted(
        [*_within(desk, most + len(hesitated)), *_between(desk, most + len(hesitated))], key=lambda one: one.off
    )
    pairs = [(sides, _most_alike(desk, sides)) for sides in ranked]
    unsure = [frozenset(desk.sights[row] for row in rows) in hesitated for _, rows in pairs]
    first = sorted(range(len(pairs)), key=lambda at: unsure[at])[:most]
    rows = np.array([pairs[at][1] for at in first], np.int64).reshape(-1, 2)
    crops = most_similar_crops(rows[:, 0], rows[:, 1], desk.evidence.crops.row, desk.evidence.crop_features)
    one, other, alike = (column.tolist() for column in crops)
    return tuple(
        Doubt(
            desk.sights[a],
            desk.sights[b],
            (a, b),
            pairs[at][0].similarity,
            pairs[at][0].together,
            (one[place], other[place]),
            alike[place],
            unsure[at],
        )
        for place, (at, (a, b)) in enumerate(zip(first, rows.tolist(), strict=True))
    )


def _within(desk: Desk, most: int) -> Iterator[_Sides]:
    """The two sides that joined last in each person, nearest to the threshold first, but for joins that were said."""
    tree, threshold = desk.match.tree, desk.match.threshold
    person = desk.people.person
    done = int(np.searchsorted(-tree.level, -np.float32(threshold), "right"))
    last = np.full(person.max(initial=0) + 1, -1)
    np.maximum.at(last, person[tree.one[:done]], np.arange(done))
    joins = last[last >= 0]
    joins = joins[np.isfinite(tree.level[joins])]
    for join in np.sort(joins)[::-1][:most].tolist():
        rows = np.flatnonzero(person == person[tree.one[join]])
        before = np.flatnonzero(person[tree.one[:join]] == person[tree.one[join]])
        ends = np.searchsorted(rows, (tree.one[before], tree.other[before]))
        links = coo_matrix((np.ones(len(before)), (ends[0], ends[1])), shape=(len(rows), len(rows)))
        label = connected_components(links, directed=False)[1]
        mine = label == label[np.searchsorted(rows, tree.one[join])]
        level = float(tree.level[join])
        yield _Sides(rows[mine], rows[~mine], level, abs(level - threshold), True)


def _between(desk: Desk, most: int) -> Iterator[_Sides]:
    """Two people who could be one and are nearly alike enough, nearest to the threshold first."""
    person, threshold = desk.people.person, desk.match.threshold
    if not len(person):
        return
    group = np.unique(person, return_inverse=True)[1]
    size = np.bincount(group).astype(np.float32)
    member = csr_matrix((np.ones(len(group), np.float32), (group, np.arange(len(group)))))
    alike = np.where(desk.match.why == FREE, desk.match.similarity, np.float32(-np.inf))
    means = (member @ (member @ alike).T) / (size[:, None] * size)
    off = np.abs(means - np.float32(threshold))
    place = np.arange(len(size))
    off[place[:, None] >= place] = np.inf
    # Each row's nearest is a pair of its own, so no pair that is asked for lies beyond the last of so many of them.
    beyond = np.sort(off.min(axis=1))[min(most, len(size)) - 1] if most else -np.inf
    near = np.argwhere((off <= beyond) & np.isfinite(off))
    for a, b in near[np.argsort(off[near[:, 0], near[:, 1]], kind="stable")][:most].tolist():
        yield _Sides(
            np.flatnonzero(group == a), np.flatnonzero(group == b), float(means[a, b]), float(off[a, b]), False
        )


def _most_alike(desk: Desk, sides: _Sides) -> tuple[int, int]:
    alike = desk.match.similarity[np.ix_(sides.one, sides.other)]
    one, other = divmod(int(alike.argmax()), len(sides.other))
    a, b = int(sides.one[one]), int(sides.other[other])
    # Whoever was seen first stands on the left.
    return (a, b) if desk.rank[a] < desk.rank[b] else (b, a)
