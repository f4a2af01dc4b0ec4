"""Vectors on a plane: one function for the app's map of looks and for the pictures of a training."""

import numpy as np
import pytest

from core.base.types import Floats
from core.vision.appearance import project


def groups(count: int, each: int) -> tuple[Floats, np.ndarray]:
    random = np.random.default_rng(0)
    which = np.repeat(np.arange(count), each)
    return (3 * np.eye(count)[which] + random.normal(0, 0.2, (count * each, count))).astype(np.float32), which


@pytest.mark.slow
@pytest.mark.parametrize("each", [10, 80])
def test_neighbours_stay_neighbours(each: int) -> None:
    vectors, which = groups(5, each)
    places, method = project(vectors)
    assert method == "t-SNE" and places.shape == (5 * each, 2)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (which[distance.argmin(1)] == which).mean() > 0.95
    np.testing.assert_array_equal(project(vectors)[0], places)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_of_a_few_the_principal_components(count: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((count, 16)).astype(np.float32)
    places, method = project(vectors)
    assert method == "principal components" and places.shape == (count, 2) and np.isfinite(places).all()


def test_principal_components_keep_what_differs_most() -> None:
    vectors = np.array([[0, 0, 1], [0, 2, 1], [0, 4, 1], [1, 2, 1]] * 3, np.float32)
    places, method = project(vectors, "principal components")
    assert method == "principal components"
    assert np.abs(places[:3, 0] - places[1, 0]).tolist() == pytest.approx([2, 0, 2], abs=1e-6)
    assert places.var(axis=0)[0] > places.var(axis=0)[1] > 0
