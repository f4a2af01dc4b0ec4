"""What is probably a thing is nobody: it joins nobody, and says nothing about people."""

from dataclasses import replace

import numpy as np

from core.vision.match import FREE, NO_PERSON, OBJECT, Decisions, match, rank_similar
from core.vision.models import EmbedderPrior
from tests.vision.match.making import run

PRIOR = EmbedderPrior(0.3, 0.25, 0.7)


def test_people_come_out_as_if_things_were_not_there() -> None:
    """Three things that look like three of the people, and are in the picture with everybody else."""
    people, _ = run(4, people=10, noise=0.6)
    things = replace(people[:3], track=people.track[:3] + 100, start=people.start[:3] - 5, is_object=np.ones(3, bool))
    together = type(people).concatenate([people, things])
    alone, found = match(people, PRIOR), match(together, PRIOR)
    count = len(people)
    assert found.threshold == alone.threshold and found.calibration.pairs == alone.calibration.pairs
    np.testing.assert_array_equal(found.calibration.share, alone.calibration.share)
    np.testing.assert_array_equal(found.calibration.high, alone.calibration.high)
    for name in ("person", "similarity", "rival", "rival_similarity", "doubtful"):
        np.testing.assert_array_equal(getattr(found.people(), name)[:count], getattr(alone.people(), name))
    # Each is somebody of its own, numbered after everybody else.
    assert found.people().person[count:].tolist() == [count + 1, count + 2, count + 3]
    assert [found.people().status(row) for row in range(count, count + 3)] == [NO_PERSON] * 3
    assert NO_PERSON not in {found.people().status(row) for row in range(count)}
    ranked, before = (rank_similar(m.similarity, m.why, m.people()) for m in (found, alone))
    np.testing.assert_array_equal(ranked.candidate, before.candidate)


def test_who_is_joined_by_the_user_is_joined_although_one_is_a_thing() -> None:
    people, _ = run(4, people=3, noise=0.2)
    marked = replace(people, is_object=np.arange(len(people)) < 2)
    found = match(marked, PRIOR, 0.5, Decisions(same=((0, 1),)))
    assert found.why[0, 1] == FREE and (found.why[0, 2:] == OBJECT).all()
    assert found.people().person[0] == found.people().person[1]
    assert found.people().status(0) == NO_PERSON
