"""One vector for each track: unit norm, no order, no scale, and little said by a crop that shows somebody else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.base.types import Floats, Ints
from core.vision.appearance import mean_vectors


def unit(rows: NDArray[np.float64]) -> Floats:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def crops(seed: int, people: int = 1, each: int = 8, noise: float = 0.06, width: int = 64) -> Floats:
    """(people * each, width): crops of people, of whom one person's have cosines of about 0.8 to each other."""
    rng = np.random.default_rng(seed)
    who = unit(rng.normal(size=(people, width)))
    return unit(np.repeat(who, each, axis=0) + rng.normal(0, noise, (people * each, width)))


def zeros(count: int) -> Ints:
    return np.zeros(count, np.int64)


def one(vectors: Floats, weights: Floats | list[float]) -> Floats:
    return mean_vectors(vectors, np.asarray(weights, np.float32), zeros(len(vectors)))[1][0]


anything = st.integers(0, 10_000)


@given(seed=anything, groups=st.lists(st.integers(-3, 3), min_size=1, max_size=30))
def test_a_unit_vector_for_each_group(seed: int, groups: list[int]) -> None:
    rng = np.random.default_rng(seed)
    vectors = unit(rng.normal(size=(len(groups), 5)))
    names, found = mean_vectors(vectors, rng.random(len(groups)).astype(np.float32), np.array(groups))
    assert names.tolist() == sorted(set(groups))
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(names)), abs=1e-6)


@given(seed=anything)
def test_order_does_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, weights, group = unit(rng.normal(size=(20, 6))), rng.integers(0, 3, 20) / 2, rng.integers(0, 4, 20)
    order = rng.permutation(20)
    names, found = mean_vectors(vectors, weights.astype(np.float32), group)
    again, shuffled = mean_vectors(vectors[order], weights[order].astype(np.float32), group[order])
    assert again.tolist() == names.tolist()
    assert shuffled == pytest.approx(found, abs=1e-6)


@given(seed=anything, scale=st.floats(1e-3, 1e3))
def test_the_scale_of_weights_does_not_matter_and_groups_have_their_own(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    vectors, weights, group = unit(rng.normal(size=(12, 6))), rng.random(12) + 0.01, np.arange(12) % 3
    scaled = np.where(group == 1, weights * scale, weights)
    found = mean_vectors(vectors, weights.astype(np.float32), group)[1]
    assert mean_vectors(vectors, scaled.astype(np.float32), group)[1] == pytest.approx(found, abs=1e-4)


@given(seed=anything)
def test_groups_do_not_disturb_each_other(seed: int) -> None:
    vectors = crops(seed, people=3, each=4)
    weights = np.random.default_rng(seed).random(12).astype(np.float32)
    found = mean_vectors(vectors, weights, np.repeat([5, 2, 9], 4))[1]
    for row, part in zip(found, (slice(4, 8), slice(0, 4), slice(8, 12)), strict=True):
        assert one(vectors[part], weights[part]) == pytest.approx(row, abs=1e-6)


@given(seed=anything)
def test_a_strange_crop_of_eight_moves_it_little(seed: int) -> None:
    """It pulls a fifth as far as on a plain mean, or less."""
    both = crops(seed, people=2)
    clean, mixed = both[:8], np.concatenate([both[:7], both[8:9]])
    without = one(clean[:7], [1] * 7)
    robust, plain = one(mixed, [1] * 8), unit(mixed.mean(axis=0))
    assert without @ robust > 0.998
    assert 1 - without @ robust < 0.2 * (1 - without @ plain)


@given(seed=anything)
def test_crops_of_one_person_are_hardly_told_apart(seed: int) -> None:
    clean = crops(seed)
    assert one(clean, [1] * 8) @ unit(clean.mean(axis=0)) > 0.998


@given(seed=anything)
def test_good_crops_count_for_more(seed: int) -> None:
    vectors = crops(seed, each=2)
    even, left = one(vectors, [1, 1]), one(vectors, [3, 1])
    assert even @ vectors[0] == pytest.approx(even @ vectors[1], abs=1e-5)
    assert left @ vectors[0] > even @ vectors[0] > left @ vectors[1]


@given(seed=anything)
def test_a_crop_without_weight_says_nothing(seed: int) -> None:
    vectors = crops(seed, people=2, each=4)
    assert one(vectors[:5], [1, 1, 1, 1, 0]) == pytest.approx(one(vectors[:4], [1] * 4), abs=1e-6)
    assert one(vectors[:4], [0] * 4) == pytest.approx(one(vectors[:4], [1] * 4), abs=1e-6)


E1, E2 = np.eye(3, dtype=np.float32)[:2]


@pytest.mark.parametrize(
    ("vectors", "weights", "expected"),
    [
        ([E1], [0.1], E1),
        ([E1], [0.0], E1),
        ([E1, E1, E1], [1, 2, 3], E1),
        ([E1, -E1], [2, 2.0001], -E1),  # they cancel: the heavier one
        ([E1, E2, -E1, -E2], [1, 1.0001, 1, 1], E2),  # all four do, too
        ([E1, -E1], [2, 1], E1),  # they do not
        ([E1, E2], [1, 1], (E1 + E2) / np.sqrt(2)),  # who is the stranger cannot be said
    ],
)
def test_small_groups(vectors: list[Floats], weights: list[float], expected: Floats) -> None:
    assert one(np.stack(vectors), weights) == pytest.approx(expected, abs=1e-3)


def test_which_of_two_opposites_counts_does_not_depend_on_their_order() -> None:
    assert one(np.stack([E1, -E1]), [1, 1]).tolist() == one(np.stack([-E1, E1]), [1, 1]).tolist()


def test_no_crops_no_means() -> None:
    names, found = mean_vectors(np.empty((0, 7), np.float32), np.empty(0, np.float32), zeros(0))
    assert names.shape == (0,) and found.shape == (0, 7)


@pytest.mark.parametrize(
    ("vectors", "weights", "group", "message"),
    [
        (np.ones((2, 3)), [1, 1], [0, 0], "unit norm"),
        (np.eye(2) * [[1], [np.nan]], [1, 1], [0, 0], "unit norm"),
        (np.eye(2), [1, -1], [0, 0], "0 or more"),
        (np.eye(2), [1, np.nan], [0, 0], "0 or more"),
        (np.eye(2), [1], [0, 0], "expected"),
        (np.eye(2), [1, 1], [0], "expected"),
        (np.ones(3), [1, 1, 1], [0, 0, 0], "expected"),
    ],
)
def test_misuse_is_refused(vectors: Floats, weights: list[float], group: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mean_vectors(vectors, np.array(weights, np.float32), np.array(group))
