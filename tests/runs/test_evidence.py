"""Whether looks are taken as they are, or less what is usual in their cameras."""

from dataclasses import replace

import numpy as np
import pytest

from core.base.types import Tracklets
from core.runs import center_by_camera
from core.vision.match import MIN_IMPOSTOR_PAIRS
from core.vision.models import EmbedderPrior


def seen(camera: int, many: int, at_once: bool, rng: np.random.Generator) -> Tracklets:
    begin = np.zeros(many) if at_once else 10.0 * np.arange(many)
    look = rng.standard_normal((many, 16)) + 3  # all have something in common
    look /= np.linalg.norm(look, axis=1, keepdims=True)
    return Tracklets(np.full(many, camera), np.arange(many) + 1, begin, begin + 5, look.astype(np.float32))


@pytest.mark.parametrize(("many", "at_once", "changed"), [(5, True, False), (4, True, True), (20, False, True)])
def test_what_is_usual_is_taken_away_where_strangers_are_few(many: int, at_once: bool, changed: bool) -> None:
    """Five people in one picture are ten pairs of strangers; four are six; twenty one after the other are none."""
    assert MIN_IMPOSTOR_PAIRS == 10
    rng = np.random.default_rng(0)
    parts = [seen(0, many, at_once, rng), seen(1, 1, False, rng)]
    found, usual = center_by_camera(parts)
    before = np.concatenate([part.vector for part in parts])
    assert usual.any() == changed and (not np.array_equal(found.vector, before)) == changed
    np.testing.assert_allclose(np.linalg.norm(found.vector, axis=1), 1, atol=1e-6)
    if changed:
        assert (found.vector @ found.vector.T).mean() < (before @ before.T).mean() - 0.1


def test_what_is_usual_is_that_of_people() -> None:
    """A thing takes no part in it, nor do its pairs count as those of strangers."""
    rng, many = np.random.default_rng(1), 3
    people, things = seen(0, many, True, rng), seen(0, 9, True, rng)
    marked = replace(things, track=things.track + many, is_object=np.ones(9, bool))
    alone, usual = center_by_camera([people])
    found, usual_beside_things = center_by_camera([Tracklets.concatenate([people, marked])])
    np.testing.assert_array_equal(usual_beside_things, usual)
    np.testing.assert_array_equal(found.vector[:many], alone.vector)
    assert usual.any()


def test_what_is_known_of_such_looks_goes_through_a_record() -> None:
    for known in (
        EmbedderPrior(0.1, 0.2, 0.3),
        EmbedderPrior(0.1, 0.2, 0.3, few_impostors=EmbedderPrior(-0.1, 0.2, 0.19)),
    ):
        assert EmbedderPrior.from_dict(known.to_dict()) == known
