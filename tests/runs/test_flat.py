"""The map of looks: whoever looks alike lies close together, the same each time, made once."""

from pathlib import Path

import numpy as np
import pytest

from core.runs import compute_projection, load_projection
from core.runs import explain as flat
from tests.review.making import made
from tests.vision.match.making import run, unit


def test_neighbours_stay_neighbours() -> None:
    tracklets, who = run(1, people=10, cameras=4, noise=0.3)
    plane = compute_projection(tracklets.vector)
    assert plane.method == "t-SNE" and plane.xy.shape == (40, 2)
    assert plane.xy.min() >= 0 and plane.xy.max() <= 1
    far = np.linalg.norm(plane.xy[:, None] - plane.xy[None], axis=2)
    np.fill_diagonal(far, np.inf)
    assert (who[far.argmin(1)] == who).mean() > 0.9
    np.testing.assert_array_equal(compute_projection(tracklets.vector).xy, plane.xy)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_few_lie_where_they_differ_most(count: int) -> None:
    vector = unit(np.random.default_rng(0).standard_normal((count, 16)))
    plane = compute_projection(vector)
    assert plane.method == "principal components" and plane.xy.shape == (count, 2)
    assert np.isfinite(plane.xy).all()


def test_it_is_made_once_for_the_same_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = made(2, 3, 6, 2, 10)
    first = load_projection(evidence, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(flat, "compute_projection", lambda vector: pytest.fail("made twice"))
        np.testing.assert_array_equal(load_projection(evidence, tmp_path).xy, first.xy)
    other = made(2, 3, 6, 2, 10, seed=1)
    assert not np.array_equal(load_projection(other, tmp_path).xy, first.xy)
    (tmp_path / "map.npz").write_bytes(b"broken")
    np.testing.assert_array_equal(load_projection(evidence, tmp_path).xy, first.xy)
