"""Cosines of tracklets."""

import numpy as np

from core.match import similarity
from core.match.similarity import cosines
from tests.match.making import run


def test_cosines_are_what_a_loop_finds_and_the_same_both_ways(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    tracklets, _ = run(1)
    one_by_one = [[float(a.astype(float) @ b.astype(float)) for b in tracklets.vector] for a in tracklets.vector]
    for block in (1024, 7):
        monkeypatch.setattr(similarity, "BLOCK", block)
        found = cosines(tracklets)
        np.testing.assert_allclose(found, one_by_one, atol=1e-6)
        assert np.array_equal(found, found.T) and found.max() <= 1
