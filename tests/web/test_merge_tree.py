"""The tree's cut in the browser: the same groups as Python's, at every threshold, ties and float32 included."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.base.types import Ints
from core.vision.match import FREE, REJECTED, MergeTree, grow_merge_tree
from tests.web.running import Node

MODULE = "gallery/merge_tree.js"
CUT = """
const { MergeTree } = await load("gallery/merge_tree.js");
const tree = new MergeTree(count, left, right, level);
return thresholds.map((threshold) => tree.cut(threshold));
"""
MERGES = """
const { MergeTree } = await load("gallery/merge_tree.js");
const tree = new MergeTree(count, left, right, level);
return thresholds.map((threshold) => tree.mergesAt(threshold));
"""
GROUPS = """
const { MergeTree } = await load("gallery/merge_tree.js");
return new MergeTree(count, left, right, level).groupsAt(threshold, order);
"""
JOINED = 2.0
"""How the route writes the level of those whom the user joined."""


def sent(tree: MergeTree) -> dict[str, Any]:
    """The tree as the route for people sends it: levels of single precision as decimal numbers."""
    level = np.where(np.isfinite(tree.level), tree.level, JOINED)
    return {"count": tree.count, "left": tree.leaf_a.tolist(), "right": tree.leaf_b.tolist(), "level": level.tolist()}


def chain(levels: list[float], count: int | None = None) -> dict[str, Any]:
    """Row 0 joins 1, then 1 joins 2, and so on."""
    merges = range(len(levels))
    return {
        "count": len(levels) + 1 if count is None else count,
        "left": list(merges),
        "right": [row + 1 for row in merges],
        "level": levels,
    }


def by_lowest_row(label: list[int]) -> list[int]:
    """Groups named by the lowest row in them, as Python names them."""
    return [label.index(root) for root in label]


def random_tree(seed: int, count: int, forbidden: float, joined: int, steps: int) -> MergeTree:
    """Of `count` sightings: a share of pairs that must not join, some that the user joined; few `steps` make ties."""
    rng = np.random.default_rng(seed)
    similarity = np.triu(np.round(rng.random((count, count)) * steps) / steps, 1).astype(np.float32)
    bundle = np.arange(count)
    for _ in range(joined):
        a, b = rng.integers(0, count, 2)
        bundle[bundle == bundle[b]] = bundle[a]
    why = np.where(np.triu(rng.random((count, count)) < forbidden, 1), REJECTED, FREE).astype(np.uint8)
    why = np.maximum(why, why.T)
    why[bundle[:, None] == bundle[None]] = FREE
    return grow_merge_tree(similarity + similarity.T, why, bundle)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 100_000),
    count=st.integers(1, 30),
    forbidden=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    joined=st.integers(0, 6),
    steps=st.sampled_from([3, 20, 1_000_000]),
)
def test_every_cut_is_that_of_python(
    web: Node, seed: int, count: int, forbidden: float, joined: int, steps: int
) -> None:
    tree = random_tree(seed, count, forbidden, joined, steps)
    finite = tree.level[np.isfinite(tree.level)].astype(float).tolist()
    thresholds = [-1.0, 0.0, 0.3, 0.5, 1.0, *finite, *(level + 1e-9 for level in finite)]
    found = web.run(CUT, **sent(tree), thresholds=thresholds)
    for threshold, label in zip(thresholds, found, strict=True):
        assert by_lowest_row(label) == tree.cut(threshold).tolist(), threshold


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 100_000), count=st.integers(2, 25))
def test_a_higher_threshold_never_joins_more(web: Node, seed: int, count: int) -> None:
    thresholds = [0.1, 0.3, 0.5, 0.7, 0.9]
    found = web.run(CUT, **sent(random_tree(seed, count, 0.2, 2, 50)), thresholds=thresholds)
    for low, high in pairwise(found):
        for a in range(count):
            for b in range(a):
                assert high[a] != high[b] or low[a] == low[b]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 100_000))
def test_pairs_that_must_not_join_never_do(web: Node, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = np.full((8, 8), 0.9, np.float32)
    why = np.full((8, 8), FREE, np.uint8)
    a, b = rng.choice(8, 2, replace=False)
    why[a, b] = why[b, a] = REJECTED
    (label,) = web.run(CUT, **sent(grow_merge_tree(similarity, why, np.arange(8))), thresholds=[-1.0])
    assert label[a] != label[b]
    assert len(set(label)) == 2


def test_those_whom_the_user_joined_are_one_at_every_threshold(web: Node) -> None:
    similarity, why = np.zeros((4, 4), np.float32), np.full((4, 4), FREE, np.uint8)
    tree = sent(grow_merge_tree(similarity, why, np.array([0, 1, 0, 1])))
    for label in web.run(CUT, **tree, thresholds=[0.5, 1.0]):
        assert by_lowest_row(label) == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("threshold", "merges"),
    [(0.95, 0), (0.9, 1), (0.7, 2), (0.6999, 2), (0.5, 3), (0.49, 3), (-1.0, 3)],
)
def test_a_merge_at_the_threshold_holds(web: Node, threshold: float, merges: int) -> None:
    assert web.run(MERGES, **chain([0.9, 0.7, 0.5]), thresholds=[threshold]) == [merges]


@pytest.mark.parametrize("threshold", [0.1, 0.2, 0.3, 0.52, 0.7, 1 / 3])
def test_thresholds_are_compared_in_single_precision(web: Node, threshold: float) -> None:
    """A level that was this very threshold before it became single precision is still at it."""
    level = float(np.float32(threshold))
    assert web.run(MERGES, **chain([level]), thresholds=[threshold]) == [1]
    above = float(np.nextafter(np.float32(threshold), np.float32(2)))
    assert web.run(MERGES, **chain([level]), thresholds=[above]) == [0]


def test_levels_that_are_equal_hold_or_fall_together(web: Node) -> None:
    tied = chain([0.8, 0.6, 0.6, 0.6, 0.4])
    assert web.run(MERGES, **tied, thresholds=[0.61, 0.6, 0.59, 0.4]) == [1, 4, 4, 5]


def test_nobody_is_no_group(web: Node) -> None:
    assert web.run(CUT, count=0, left=[], right=[], level=[], thresholds=[0.5]) == [[]]
    assert web.run(GROUPS, count=0, left=[], right=[], level=[], threshold=0.5, order=[]) == []


def test_a_single_sighting_is_a_group(web: Node) -> None:
    assert web.run(GROUPS, count=1, left=[], right=[], level=[], threshold=0.5, order=[0]) == [[0]]


def test_groups_and_their_rows_follow_the_order(web: Node) -> None:
    tree = {"count": 5, "left": [0, 1], "right": [4, 3], "level": [0.9, 0.8]}
    assert web.run(GROUPS, **tree, threshold=0.5, order=[3, 2, 4, 0, 1]) == [[3, 1], [2], [4, 0]]
    assert web.run(GROUPS, **tree, threshold=0.85, order=[4, 3, 2, 1, 0]) == [[4, 0], [3], [2], [1]]


def test_merges_of_whole_groups_by_any_of_their_rows(web: Node) -> None:
    """A merge names a row of each group, not the group's first one."""
    tree = {"count": 6, "left": [0, 2, 1], "right": [1, 3, 3], "level": [0.9, 0.8, 0.7]}
    (label,) = web.run(CUT, **tree, thresholds=[0.7])
    assert by_lowest_row(label) == [0, 0, 0, 0, 4, 5]


def test_a_merge_within_a_group_changes_nothing(web: Node) -> None:
    tree = {"count": 3, "left": [0, 1], "right": [1, 0], "level": [0.9, 0.8]}
    (label,) = web.run(CUT, **tree, thresholds=[0.0])
    assert by_lowest_row(label) == [0, 0, 2]


def test_a_long_chain_is_cut_in_time(web: Node) -> None:
    """Path halving keeps a hundred thousand merges short."""
    count = 100_000
    tree = {
        "count": count,
        "left": list(range(count - 1)),
        "right": list(range(1, count)),
        "level": [0.9] * (count - 1),
    }
    roots = web.run(
        CUT.replace("tree.cut(threshold)", "new Set(tree.cut(threshold)).size"), **tree, thresholds=[0.5, 1.0]
    )
    assert roots == [1, count]


def parents(web: Node, parent: list[int], row: int) -> tuple[int, list[int]]:
    body = 'const { rootOf } = await load("gallery/merge_tree.js"); return [rootOf(parent, row), parent];'
    root, after = web.run(body, parent=parent, row=row)
    return root, after


def test_the_root_of_a_root_is_itself(web: Node) -> None:
    assert parents(web, [0, 1, 2], 1) == (1, [0, 1, 2])


def test_finding_a_root_halves_the_path(web: Node) -> None:
    root, after = parents(web, [0, 0, 1, 2, 3], 4)
    assert root == 0
    assert after == [0, 0, 0, 2, 2]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 100_000), count=st.integers(1, 40), links=st.integers(0, 60))
def test_union_find_is_connected_components(web: Node, seed: int, count: int, links: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = rng.integers(0, count, (2, links))
    (label,) = web.run(
        CUT, count=count, left=left.tolist(), right=right.tolist(), level=[0.5] * links, thresholds=[0.5]
    )
    assert by_lowest_row(label) == components(count, left, right).tolist()


def components(count: int, left: Ints, right: Ints) -> Ints:
    """By painting: the lower name wins until nothing changes."""
    label = np.arange(count)
    for _ in range(count):
        for a, b in zip(left, right, strict=True):
            label[label == max(label[a], label[b])] = min(label[a], label[b])
    return label
