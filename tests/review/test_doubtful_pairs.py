"""The queue of doubtful pairs: the same as a plain search over all groups finds, and what was answered is not in it."""

from itertools import combinations

import numpy as np
import pytest

from core.review import (
    DoubtfulPair,
    ReviewSession,
    confirm,
    different,
    find_lookalikes,
    most_doubtful_pairs,
    same,
    unsure,
)
from core.vision.match import FREE

MANY = 10_000


def sides_of(session: ReviewSession, doubt: DoubtfulPair) -> frozenset[int]:
    return frozenset(int(session.people.person[row]) for row in doubt.rows)


@pytest.mark.parametrize("level", [-1.0, 0.3, 0.5, 0.6, 0.7, 1.0])
def test_between_people_it_is_the_nearest_who_could_be_one(session: ReviewSession, level: float) -> None:
    session = session.at(level)
    person, alike, why = session.people.person, session.match.similarity, session.match.why
    wanted = {}
    for one, other in combinations(np.unique(person).tolist(), 2):
        pairs = np.ix_(person == one, person == other)
        if (why[pairs] == FREE).all():
            wanted[frozenset([one, other])] = float(alike[pairs].mean())
    found = [doubt for doubt in most_doubtful_pairs(session, MANY) if not doubt.together]
    assert {sides_of(session, doubt) for doubt in found} == set(wanted)
    for doubt in found:
        assert doubt.similarity == pytest.approx(wanted[sides_of(session, doubt)], abs=1e-5)
        one, other = (person == person[row] for row in doubt.rows)
        assert alike[doubt.rows] == alike[np.ix_(one, other)].max()


@pytest.mark.parametrize("level", [-1.0, 0.3, 0.5, 0.6])
def test_within_a_person_it_is_the_join_that_a_higher_threshold_undoes_first(
    session: ReviewSession, level: float
) -> None:
    session = session.at(level)
    found = [doubt for doubt in most_doubtful_pairs(session, MANY) if doubt.together]
    size = np.bincount(session.people.person)
    assert len(found) == (size > 1).sum()
    for doubt in found:
        (person,) = sides_of(session, doubt)
        above = session.at(float(np.nextafter(np.float32(doubt.similarity), np.float32(2))))
        parts = {int(above.people.person[session.row(*sight)]) for sight in session.tracks(person)}
        assert len(parts) == 2
        assert {int(above.people.person[row]) for row in doubt.rows} == parts


def test_the_closest_come_first_and_only_as_many_as_are_asked_for(session: ReviewSession) -> None:
    everything = most_doubtful_pairs(session, MANY)
    off = [abs(doubt.similarity - session.match.threshold) for doubt in everything]
    assert off == sorted(off)
    for most in (0, 1, 7):
        assert most_doubtful_pairs(session, most) == everything[:most]


def test_crops_are_those_of_the_two_tracks(session: ReviewSession) -> None:
    for doubt in most_doubtful_pairs(session, 20):
        assert tuple(session.evidence.crops.row[list(doubt.crops)].tolist()) == doubt.rows
        assert session.rank[doubt.rows[0]] < session.rank[doubt.rows[1]]


def test_an_answer_takes_a_pair_out_of_the_queue(session: ReviewSession) -> None:
    apart = next(doubt for doubt in most_doubtful_pairs(session, MANY) if not doubt.together)
    together = next(doubt for doubt in most_doubtful_pairs(session, MANY) if doubt.together)
    for how, doubt in ((different, apart), (different, together), (same, apart), (same, together)):
        after = session.preview(how(session, doubt.first, doubt.second))
        assert {doubt.first, doubt.second} not in [
            {each.first, each.second} for each in most_doubtful_pairs(after, MANY)
        ]


def test_what_nobody_can_tell_comes_last(session: ReviewSession) -> None:
    first, second, *_ = most_doubtful_pairs(session, 10)
    after = session.preview(unsure(session, second.first, second.second))
    after = after.preview(unsure(after, first.second, first.first))
    queue = most_doubtful_pairs(after, MANY)
    assert {queue[-1].rows, queue[-2].rows} == {first.rows, second.rows}
    assert [doubt.unsure for doubt in queue[-3:]] == [False, True, True]
    assert first.rows not in {doubt.rows for doubt in most_doubtful_pairs(after, 10)}


def test_those_whom_the_user_joined_are_in_no_doubt(session: ReviewSession) -> None:
    person = int(np.bincount(session.people.person).argmax())
    assert any(sides_of(session, doubt) == {person} for doubt in most_doubtful_pairs(session, MANY))
    after = session.preview(confirm(session, person))
    assert not any(sides_of(after, doubt) == {person} for doubt in most_doubtful_pairs(after, MANY))


@pytest.mark.parametrize("level", [0.3, 0.5, 0.7, 1.0])
def test_lookalikes_are_all_who_could_be_the_person_the_most_alike_first(session: ReviewSession, level: float) -> None:
    session = session.at(level)
    people, alike, why = session.people.person, session.match.similarity, session.match.why
    for person in np.unique(people).tolist():
        expected = {}
        for number in set(people.tolist()) - {person}:
            free = (why[people == person] == FREE).all(axis=0) & (people == number)
            if free.any():
                expected[number] = float(alike[np.ix_(people == person, free)].mean())
        found = find_lookalikes(session, person, MANY)
        assert [int(people[pair.rows[0]]) for pair in found] == [person] * len(found)
        assert {int(people[pair.rows[1]]): pair.similarity for pair in found} == pytest.approx(expected, abs=1e-5)
        scores = [pair.similarity for pair in found]
        assert scores == sorted(scores, reverse=True)
        for pair in found:
            assert tuple(session.evidence.crops.row[list(pair.crops)].tolist()) == pair.rows
            assert why[pair.rows] == FREE
            both = np.ix_(people == person, people == people[pair.rows[1]])
            assert pair.joinable == bool((why[both] == FREE).all())
        assert find_lookalikes(session, person, 1) == found[:1]


def test_whoever_is_known_to_be_different_or_joined_is_no_lookalike_and_unsure_ones_come_last(
    session: ReviewSession,
) -> None:
    session = session.at(1.0)
    person = session.person_of(session.track_keys[0])
    first, second, third, *_ = find_lookalikes(session, person, MANY)
    after = session.preview(unsure(session, first.first, first.second))
    after = after.preview(different(after, second.first, second.second))
    found = find_lookalikes(after, after.person_of(session.track_keys[0]), MANY)
    assert second.second not in [pair.second for pair in found]
    assert [pair.second for pair in found if pair.unsure] == [found[-1].second] == [first.second]
    joined = after.preview(same(after, third.first, third.second))
    found = find_lookalikes(joined, joined.person_of(session.track_keys[0]), MANY)
    assert not {second.second, third.second} & {pair.second for pair in found}
