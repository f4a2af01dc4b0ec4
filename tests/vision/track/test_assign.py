import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.vision.track import assign, iou_matrix

boxes = st.lists(
    st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 40)] * 2).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    min_size=1,
    max_size=6,
).map(lambda rows: np.array(rows, np.float64))


@given(boxes, boxes)
def test_overlap_is_symmetric_and_bounded(one: np.ndarray, other: np.ndarray) -> None:
    shared = iou_matrix(one, other)
    np.testing.assert_array_equal(shared, iou_matrix(other, one).T)
    assert ((shared >= 0) & (shared <= 1)).all()
    np.testing.assert_allclose(np.diag(iou_matrix(one, one)), 1)


def test_overlap_by_hand() -> None:
    square, right_half, apart, flat = [0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]
    shared = iou_matrix(np.array([square]), np.array([square, right_half, apart, flat]))
    np.testing.assert_allclose(shared, [[1, 50 / 150, 0, 0]])


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.2, 0.5, 0.9]))
def test_assignment_is_one_to_one_under_the_limit_and_cheapest(seed: int, n: int, m: int, limit: float) -> None:
    cost = np.random.default_rng(seed).random((n, m)).round(3)
    rows, columns = assign(cost, limit)
    assert len(set(rows)) == len(rows) and len(set(columns)) == len(columns)
    assert (cost[rows, columns] <= limit).all()

    def price(pairs: list[tuple[int, int]]) -> float:
        over = limit + 1e-5
        return sum(min(cost[r, c], over) for r, c in pairs) + over * (min(n, m) - len(pairs))

    every = (
        list(zip(rs, cs, strict=True))
        for rs in itertools.combinations(range(n), min(n, m))
        for cs in itertools.permutations(range(m), min(n, m))
    )
    assert price(list(zip(rows, columns, strict=True))) <= min(map(price, every)) + 1e-9


def test_a_cost_at_the_limit_is_allowed() -> None:
    assert len(assign(np.array([[0.5]]), 0.5)[0]) == 1
    assert len(assign(np.array([[np.inf]]), 0.5)[0]) == 0
