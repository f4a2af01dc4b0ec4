"""Which pairs of tracks a user should compare: the most doubtful ones of a run, and those most like one person.

A pair is doubtful where its groups would join or part at a slightly different threshold. Within a person these are the
two groups that the merge tree joined last; between two people, the people themselves. A pair is the more doubtful, the
closer the similarity of the two groups is to the threshold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from core.base.types import Ints
from core.review.session import ReviewSession
from core.runs import TrackKey
from core.vision.match import FREE, most_similar_crops


@dataclass(frozen=True)
class DoubtfulPair:
    """The two most similar tracks of two groups; `rows` are their rows. `first` is the one seen first, or the one of
    the person whose lookalikes were asked for.

    `similarity` is that of the groups, and `together` whether they are one person now. `crops` are the rows of the two
    most similar crops, and `crop_similarity` is theirs. `unsure` pairs were looked at, but the user could not tell. Not
    `joinable`: other tracks of the two people rule out that all of them are one.
    """

    first: TrackKey
    second: TrackKey
    rows: tuple[int, int]
    similarity: float
    together: bool
    crops: tuple[int, int]
    crop_similarity: float
    unsure: bool
    joinable: bool = True


@dataclass(frozen=True, eq=False)
class _Groups:
    """Rows of the tracklets of two groups, their similarity, and its distance from the threshold."""

    first: Ints
    second: Ints
    similarity: float
    margin: float
    together: bool
    joinable: bool = True


def most_doubtful_pairs(session: ReviewSession, limit: int) -> tuple[DoubtfulPair, ...]:
    """The `limit` most doubtful pairs at the session's threshold, one pair for two groups at most; unsure ones last."""
    count = limit + len(session.review.state.unsure)
    ranked = sorted(
        [*_groups_within_people(session, count), *_groups_between_people(session, count)],
        key=lambda groups: groups.margin,
    )
    rows = [sorted(_most_similar_rows(session, groups), key=lambda row: session.rank[row]) for groups in ranked]
    return _to_pairs(session, ranked, rows, limit)


def find_lookalikes(session: ReviewSession, person: int, limit: int) -> tuple[DoubtfulPair, ...]:
    """The `limit` people with sightings most similar to a person, of those sightings that nothing rules out as the
    person's; best first, unsure pairs last. The first track of each pair is the person's.

    A person some of whose sightings are ruled out is there with the others: they may be grouped wrongly.
    """
    people, match = session.people.person, session.match
    own = np.flatnonzero(people == person)
    could_be = (match.why[own] == FREE).all(axis=0) & (people != person)
    rows = np.flatnonzero(could_be)
    numbers, group = np.unique(people[rows], return_inverse=True)
    means = np.bincount(group, match.similarity[own].mean(axis=0)[rows]) / np.bincount(group)
    best = np.argsort(-means, kind="stable")[: limit + len(session.review.state.unsure)]
    ranked = [
        _Groups(
            own,
            rows[group == place],
            float(means[place]),
            abs(float(means[place]) - match.threshold),
            together=False,
            joinable=bool(could_be[people == numbers[place]].all()),
        )
        for place in best.tolist()
    ]
    return _to_pairs(session, ranked, [_most_similar_rows(session, groups) for groups in ranked], limit)


def _to_pairs(
    session: ReviewSession, ranked: Sequence[_Groups], rows: Sequence[Sequence[int]], limit: int
) -> tuple[DoubtfulPair, ...]:
    """The first `limit` pairs, unsure ones last, each with the crops that are most alike."""
    unsure_pairs = session.review.state.unsure
    unsure = [frozenset(session.track_keys[row] for row in pair) in unsure_pairs for pair in rows]
    order = sorted(range(len(ranked)), key=lambda index: unsure[index])[:limit]
    pairs = np.array([rows[index] for index in order], np.int64).reshape(-1, 2)
    crops = most_similar_crops(pairs[:, 0], pairs[:, 1], session.evidence.crops.row, session.evidence.crop_features)
    first_crop, second_crop, crop_similarity = (column.tolist() for column in crops)
    return tuple(
        DoubtfulPair(
            session.track_keys[a],
            session.track_keys[b],
            (a, b),
            ranked[index].similarity,
            ranked[index].together,
            (first_crop[place], second_crop[place]),
            crop_similarity[place],
            unsure[index],
            ranked[index].joinable,
        )
        for place, (index, (a, b)) in enumerate(zip(order, pairs.tolist(), strict=True))
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
    """The most similar two rows, one of the first group and one of the second."""
    similarity = session.match.similarity[np.ix_(groups.first, groups.second)]
    in_first, in_second = divmod(int(similarity.argmax()), len(groups.second))
    return int(groups.first[in_first]), int(groups.second[in_second])
