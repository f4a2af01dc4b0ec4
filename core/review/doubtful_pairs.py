"""Which pairs of tracks a user should check first: their groups would join or part at a slightly different threshold.

Within a person these are the two groups that the merge tree joined last; between two people, the people themselves. A
pair is the more doubtful, the closer the similarity of the two groups is to the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.base.types import Ints
from core.review.session import ReviewSession
from core.runs import TrackKey
from core.vision.match import FREE, most_similar_crops


@dataclass(frozen=True)
class DoubtfulPair:
    """The two most similar tracks of two groups, `first` being the one seen first; `rows` are their rows.

    `similarity` is that of the groups, and `together` whether they are one person now. `crops` are the rows of the two
    most similar crops, and `crop_similarity` is theirs. `unsure` pairs were looked at, but the user could not tell.
    """

    first: TrackKey
    second: TrackKey
    rows: tuple[int, int]
    similarity: float
    together: bool
    crops: tuple[int, int]
    crop_similarity: float
    unsure: bool


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows of the tracklets of two groups, their similarity, and its distance from the threshold."""

    first: Ints
    second: Ints
    similarity: float
    margin: float
    together: bool


def most_doubtful_pairs(session: ReviewSession, limit: int) -> tuple[DoubtfulPair, ...]:
    """The `limit` most doubtful pairs at the session's threshold, one pair for two groups at most; unsure ones last."""
    unsure_pairs = session.review.state.unsure
    count = limit + len(unsure_pairs)
    ranked = sorted(
        [*_groups_within_people(session, count), *_groups_between_people(session, count)],
        key=lambda groups: groups.margin,
    )
    pairs = [(groups, _most_similar_rows(session, groups)) for groups in ranked]
    unsure = [frozenset(session.track_keys[row] for row in rows) in unsure_pairs for _, rows in pairs]
    order = sorted(range(len(pairs)), key=lambda index: unsure[index])[:limit]
    rows = np.array([pairs[index][1] for index in order], np.int64).reshape(-1, 2)
    crops = most_similar_crops(rows[:, 0], rows[:, 1], session.evidence.crops.row, session.evidence.crop_features)
    first_crop, second_crop, crop_similarity = (column.tolist() for column in crops)
    return tuple(
        DoubtfulPair(
            session.track_keys[a],
            session.track_keys[b],
            (a, b),
            pairs[index][0].similarity,
            pairs[index][0].together,
            (first_crop[place], second_crop[place]),
            crop_similarity[place],
            unsure[index],
        )
        for place, (index, (a, b)) in enumerate(zip(order, rows.tolist(), strict=True))
    )


def _groups_within_people(session: ReviewSession, limit: int) -> Iterator[_Groups]:
    """The two groups that joined last in each person, nearest to the threshold first, without joins by the user."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    tree, threshold = session.match.tree, session.match.threshold
    person = session.people.person
    join_count = int(np.searchsorted(-tree.level, -np.float32(threshold), "right"))
    last_join = np.full(person.max(initial=0) + 1, -1)
    np.maximum.at(last_join, person[tree.leaf_a[:join_count]], np.arange(join_count))
    joins = last_join[last_join >= 0]
    joins = joins[np.isfinite(tree.level[joins])]
    for join in np.sort(joins)[::-1][:limit].tolist():
        rows = np.flatnonzero(person == person[tree.leaf_a[join]])
        earlier = np.flatnonzero(person[tree.leaf_a[:join]] == person[tree.leaf_a[join]])
        ends = np.searchsorted(rows, (tree.leaf_a[earlier], tree.leaf_b[earlier]))
        links = coo_matrix((np.ones(len(earlier)), (ends[0], ends[1])), shape=(len(rows), len(rows)))
        label = connected_components(links, directed=False)[1]
        in_first = label == label[np.searchsorted(rows, tree.leaf_a[join])]
        level = float(tree.level[join])
        yield _Groups(rows[in_first], rows[~in_first], level, abs(level - threshold), True)


def _groups_between_people(session: ReviewSession, limit: int) -> Iterator[_Groups]:
    """Pairs of people whom nothing rules out as one, nearest to the threshold first.

    The similarity of two people is the mean over all pairs of their tracks.
    """
    from scipy.sparse import csr_matrix

    person, threshold = session.people.person, session.match.threshold
    if not len(person):
        return
    group = np.unique(person, return_inverse=True)[1]
    size = np.bincount(group).astype(np.float32)
    member = csr_matrix((np.ones(len(group), np.float32), (group, np.arange(len(group)))))
    similarity = np.where(session.match.why == FREE, session.match.similarity, np.float32(-np.inf))
    means = (member @ (member @ similarity).T) / (size[:, None] * size)
    margin = np.abs(means - np.float32(threshold))
    number = np.arange(len(size))
    margin[number[:, None] >= number] = np.inf
    # The nearest pairs of the rows are all different, so none of the `limit` nearest pairs has a larger margin than the
    # last of `limit` rows.
    largest = np.sort(margin.min(axis=1))[min(limit, len(size)) - 1] if limit else -np.inf
    near = np.argwhere((margin <= largest) & np.isfinite(margin))
    for a, b in near[np.argsort(margin[near[:, 0], near[:, 1]], kind="stable")][:limit].tolist():
        yield _Groups(
            np.flatnonzero(group == a), np.flatnonzero(group == b), float(means[a, b]), float(margin[a, b]), False
        )


def _most_similar_rows(session: ReviewSession, groups: _Groups) -> tuple[int, int]:
    similarity = session.match.similarity[np.ix_(groups.first, groups.second)]
    in_first, in_second = divmod(int(similarity.argmax()), len(groups.second))
    a, b = int(groups.first[in_first]), int(groups.second[in_second])
    return (a, b) if session.rank[a] < session.rank[b] else (b, a)
