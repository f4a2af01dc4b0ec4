"""Means over all pairs, as somebody would take them who has time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Floats, Ints
from core.vision.match import group_similarity, similarity_to_groups
from core.vision.match import similarity as groups


def some(seed: int, count: int) -> tuple[Floats, np.ndarray, Ints]:
    """Similarities, reasons and groups of 0 to k - 1, all by chance."""
    rng = np.random.default_rng(seed)
    half = np.tril(rng.uniform(-1, 1, (count, count))).astype(np.float32)
    forbidden = np.tril(rng.random((count, count)) < 0.1)
    group = np.unique(rng.integers(0, max(count // 2, 1), count), return_inverse=True)[1]
    return half + np.tril(half, -1).T, (forbidden | forbidden.T).astype(np.uint8), group


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else np.nan


@pytest.fixture(params=[2, 512])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are looked at together: fewer than there are, and more."""
    monkeypatch.setattr(groups, "BLOCK", request.param)


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize("count", [0, 1, 2, 9, 14])
def test_they_are_the_means_over_all_pairs(count: int) -> None:
    similarity, why, group = some(count, count)
    rows, people = range(count), range(len(np.unique(group)))
    means, forbidden = similarity_to_groups(similarity, why, group)
    one = [[mean([similarity[i, j] for j in rows if group[j] == g and j != i]) for g in people] for i in rows]
    np.testing.assert_allclose(means, np.array(one).reshape(means.shape), atol=1e-6)
    bad = [[any(why[i, j] for j in rows if group[j] == g) for g in people] for i in rows]
    assert forbidden.tolist() == bad
    found = group_similarity(similarity, group)
    pairs = [(i, j) for i in rows for j in rows if i != j]
    two = [
        [mean([similarity[i, j] for i, j in pairs if (group[i], group[j]) == (g, h)]) for h in people] for g in people
    ]
    np.testing.assert_allclose(found, np.array(two).reshape(found.shape), atol=1e-6)


@given(st.integers(0, 200), st.integers(1, 40))
def test_how_alike_two_people_are_does_not_depend_on_who_is_asked(seed: int, count: int) -> None:
    similarity, _, group = some(seed, count)
    found = group_similarity(similarity, group)
    np.testing.assert_array_equal(found, found.T)
    assert (np.isnan(np.diagonal(found)) == (np.bincount(group) == 1)).all() and np.isfinite(found).sum() >= (
        found.size - len(found)
    )


@given(st.integers(0, 50), st.integers(1, 30))
def test_the_order_of_tracklets_does_not_matter(seed: int, count: int) -> None:
    similarity, _, group = some(seed, count)
    order = np.random.default_rng(seed).permutation(count)
    shuffled = group_similarity(similarity[np.ix_(order, order)], group[order])
    np.testing.assert_allclose(shuffled, group_similarity(similarity, group), atol=1e-6)
