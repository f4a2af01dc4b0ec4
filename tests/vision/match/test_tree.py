"""One merge tree: the same as always joining the best pair, whatever the order, and never across what is forbidden."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Floats, Ints
from core.vision.match import (
    FREE,
    JOINED,
    REJECTED,
    Contradiction,
    MergeTree,
    grow_merge_tree,
    must_link_groups,
    pair_counts,
)

N = 9


def greedy(similarity: Floats, forbidden: np.ndarray, bundle: Ints, threshold: float) -> set[frozenset[int]]:
    """Groups by brute force: of all pairs of groups that may join, the most alike join first."""
    groups = [frozenset(np.flatnonzero(bundle == b).tolist()) for b in np.unique(bundle)]
    while True:
        best, pair = threshold, None
        for a in range(len(groups)):
            for b in range(a + 1, len(groups)):
                rows = np.ix_(sorted(groups[a]), sorted(groups[b]))
                if not forbidden[rows].any() and similarity[rows].mean() >= best:
                    best, pair = float(similarity[rows].mean()), (a, b)
        if pair is None:
            return set(groups)
        a, b = pair
        groups = [*(g for i, g in enumerate(groups) if i not in pair), groups[a] | groups[b]]


def grouped(label: Ints) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(label == n).tolist()) for n in np.unique(label)}


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Floats, np.ndarray, Ints]:
    """Similarities, of which no two are the same, some pairs forbidden, some joined by the user."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    upper = np.triu(rng.random((N, N)), 1).astype(np.float32)
    cut = draw(st.sampled_from([0.0, 0.2, 0.5, 1.0]))
    forbidden = np.triu(rng.random((N, N)) < cut, 1)
    why = np.where(forbidden | forbidden.T, REJECTED, FREE).astype(np.uint8)
    same = []
    for one, other in draw(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=3)):
        try:
            must_link_groups(N, [*same, (one, other)], why)
        except Contradiction:
            continue
        same.append((one, other))
    return upper + upper.T, why, must_link_groups(N, same, why)


@given(scenes(), st.floats(-0.1, 1.1))
def test_it_is_the_tree_of_always_the_best_pair(scene: tuple[Floats, np.ndarray, Ints], threshold: float) -> None:
    similarity, why, bundle = scene
    tree = grow_merge_tree(similarity, why, bundle)
    # A threshold that no level comes close to: means differ by rounding.
    if len(tree.level) and np.abs(tree.level - threshold).min() < 1e-4:
        return
    assert grouped(tree.cut(threshold)) == greedy(similarity, why != FREE, bundle, threshold)


@given(scenes(), st.floats(-0.1, 1.1), st.floats(0, 0.5))
def test_a_higher_threshold_never_joins_more(scene: tuple[Floats, np.ndarray, Ints], low: float, more: float) -> None:
    tree = grow_merge_tree(*scene)
    below, above = grouped(tree.cut(low)), grouped(tree.cut(low + more))
    assert all(any(small <= large for large in below) for small in above)


@given(scenes(), st.permutations(range(N)), st.floats(-0.1, 1.1))
def test_the_order_of_rows_does_not_matter(
    scene: tuple[Floats, np.ndarray, Ints], order: list[int], threshold: float
) -> None:
    similarity, why, bundle = scene
    rows = np.array(order)
    tree = grow_merge_tree(similarity, why, bundle)
    if len(tree.level) and np.abs(tree.level - threshold).min() < 1e-4:
        return
    shuffled = grow_merge_tree(
        similarity[np.ix_(rows, rows)], why[np.ix_(rows, rows)], np.unique(bundle[rows], return_inverse=True)[1]
    )
    again = {frozenset(int(rows[i]) for i in group) for group in grouped(shuffled.cut(threshold))}
    assert again == grouped(tree.cut(threshold))


@given(scenes(), st.floats(-1.1, 1.1))
def test_what_is_forbidden_and_what_is_joined_holds_at_every_threshold(
    scene: tuple[Floats, np.ndarray, Ints], threshold: float
) -> None:
    similarity, why, bundle = scene
    label = grow_merge_tree(similarity, why, bundle).cut(threshold)
    assert not ((label[:, None] == label[None]) & (why != FREE)).any()
    assert all(len(np.unique(label[bundle == b])) == 1 for b in np.unique(bundle))


@given(scenes(), st.floats(-0.1, 1.1))
def test_every_group_stands_together_in_the_order(scene: tuple[Floats, np.ndarray, Ints], threshold: float) -> None:
    tree = grow_merge_tree(*scene)
    order = tree.order()
    assert sorted(order.tolist()) == list(range(N))
    label = tree.cut(threshold)
    assert 1 + np.count_nonzero(np.diff(label[order])) == len(np.unique(label))


@given(scenes())
def test_levels_fall_and_everybody_is_somebody(scene: tuple[Floats, np.ndarray, Ints]) -> None:
    tree = grow_merge_tree(*scene)
    assert (np.diff(tree.level[tree.level < JOINED]) <= 0).all()
    assert len(tree.cut(0.5)) == N
    label = tree.cut(0.5)
    assert (label[label] == label).all() and (label <= np.arange(N)).all()


def test_a_threshold_is_reached_by_what_equals_it() -> None:
    tree = MergeTree(3, np.array([0, 0]), np.array([1, 2]), np.array([0.7, 0.5], np.float32))
    assert tree.cut(0.7).tolist() == [0, 0, 2]
    assert tree.cut(0.7001).tolist() == [0, 1, 2]
    assert tree.cut(0.5).tolist() == [0, 0, 0]


@pytest.mark.parametrize("n", [0, 1])
def test_few_are_no_trouble(n: int) -> None:
    tree = grow_merge_tree(np.ones((n, n), np.float32), np.zeros((n, n), np.uint8), np.arange(n))
    assert tree.cut(0.5).tolist() == list(range(n))


@given(scenes())
def test_open_pairs_are_what_counting_finds(scene: tuple[Floats, np.ndarray, Ints]) -> None:
    similarity, why, bundle = scene
    tree = grow_merge_tree(similarity, why, bundle)
    could, within = pair_counts(tree, why)
    for merges in range(len(tree.level) + 1):
        first = MergeTree(N, tree.leaf_a[:merges], tree.leaf_b[:merges], np.zeros(merges, np.float32))
        groups = list(grouped(first.cut(-1)))
        pairs = [(a, b) for i, a in enumerate(groups) for b in groups[i + 1 :]]
        open_ones = [len(a) * len(b) for a, b in pairs if (why[np.ix_(sorted(a), sorted(b))] == FREE).all()]
        assert could[merges] == sum(open_ones)
        assert within[merges] == sum(len(g) * (len(g) - 1) // 2 for g in groups)
