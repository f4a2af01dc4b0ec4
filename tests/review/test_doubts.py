"""The queue of doubtful pairs: the same as a plain search over all groups finds, and what was answered is not in it."""

from itertools import combinations

import numpy as np
import pytest

from core.review import DoubtfulPair, ReviewSession, confirm, different, most_doubtful_pairs, same, unsure
from core.vision.match import FREE

MANY = 10_000


def sides_of(desk: ReviewSession, doubt: DoubtfulPair) -> frozenset[int]:
    return frozenset(int(desk.people.person[row]) for row in doubt.rows)


@pytest.mark.parametrize("level", [-1.0, 0.3, 0.5, 0.6, 0.7, 1.0])
def test_between_people_it_is_the_nearest_who_could_be_one(desk: ReviewSession, level: float) -> None:
    desk = desk.at(level)
    person, alike, why = desk.people.person, desk.match.similarity, desk.match.why
    wanted = {}
    for one, other in combinations(np.unique(person).tolist(), 2):
        pairs = np.ix_(person == one, person == other)
        if (why[pairs] == FREE).all():
            wanted[frozenset([one, other])] = float(alike[pairs].mean())
    found = [doubt for doubt in most_doubtful_pairs(desk, MANY) if not doubt.together]
    assert {sides_of(desk, doubt) for doubt in found} == set(wanted)
    for doubt in found:
        assert doubt.similarity == pytest.approx(wanted[sides_of(desk, doubt)], abs=1e-5)
        one, other = (person == person[row] for row in doubt.rows)
        assert alike[doubt.rows] == alike[np.ix_(one, other)].max()


@pytest.mark.parametrize("level", [-1.0, 0.3, 0.5, 0.6])
def test_within_a_person_it_is_the_join_that_a_higher_threshold_undoes_first(desk: ReviewSession, level: float) -> None:
    desk = desk.at(level)
    found = [doubt for doubt in most_doubtful_pairs(desk, MANY) if doubt.together]
    size = np.bincount(desk.people.person)
    assert len(found) == (size > 1).sum()
    for doubt in found:
        (person,) = sides_of(desk, doubt)
        above = desk.at(float(np.nextafter(np.float32(doubt.similarity), np.float32(2))))
        parts = {int(above.people.person[desk.row(*sight)]) for sight in desk.tracks(person)}
        assert len(parts) == 2
        assert {int(above.people.person[row]) for row in doubt.rows} == parts


def test_the_closest_come_first_and_only_as_many_as_are_asked_for(desk: ReviewSession) -> None:
    everything = most_doubtful_pairs(desk, MANY)
    off = [abs(doubt.similarity - desk.match.threshold) for doubt in everything]
    assert off == sorted(off)
    for most in (0, 1, 7):
        assert most_doubtful_pairs(desk, most) == everything[:most]


def test_crops_are_those_of_the_two_tracks(desk: ReviewSession) -> None:
    for doubt in most_doubtful_pairs(desk, 20):
        assert tuple(desk.evidence.crops.row[list(doubt.crops)].tolist()) == doubt.rows
        assert desk.rank[doubt.rows[0]] < desk.rank[doubt.rows[1]]


def test_an_answer_takes_a_pair_out_of_the_queue(desk: ReviewSession) -> None:
    apart = next(doubt for doubt in most_doubtful_pairs(desk, MANY) if not doubt.together)
    together = next(doubt for doubt in most_doubtful_pairs(desk, MANY) if doubt.together)
    for how, doubt in ((different, apart), (different, together), (same, apart), (same, together)):
        after = desk.preview(how(desk, doubt.first, doubt.second))
        assert {doubt.first, doubt.second} not in [
            {each.first, each.second} for each in most_doubtful_pairs(after, MANY)
        ]


def test_what_nobody_can_tell_comes_last(desk: ReviewSession) -> None:
    first, second, *_ = most_doubtful_pairs(desk, 10)
    after = desk.preview(unsure(desk, second.first, second.second))
    after = after.preview(unsure(after, first.second, first.first))
    queue = most_doubtful_pairs(after, MANY)
    assert {queue[-1].rows, queue[-2].rows} == {first.rows, second.rows}
    assert [doubt.unsure for doubt in queue[-3:]] == [False, True, True]
    assert first.rows not in {doubt.rows for doubt in most_doubtful_pairs(after, 10)}


def test_those_whom_the_user_joined_are_in_no_doubt(desk: ReviewSession) -> None:
    person = int(np.bincount(desk.people.person).argmax())
    assert any(sides_of(desk, doubt) == {person} for doubt in most_doubtful_pairs(desk, MANY))
    after = desk.preview(confirm(desk, person))
    assert not any(sides_of(after, doubt) == {person} for doubt in most_doubtful_pairs(after, MANY))
