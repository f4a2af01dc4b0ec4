"""Numbers that stay, likeness to one's person, and doubts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Tracklets
from core.vision.match import (
    ALONE,
    CANDIDATE,
    CONFIRMED,
    DOUBTFUL,
    FREE,
    Identities,
    cosine_similarity,
    grow_merge_tree,
    identities,
    must_link_groups,
    rank_tracklets,
    reasons,
)
from tests.vision.match.making import run, unit


def people(tracklets: Tracklets, threshold: float, same: tuple = (), different: tuple = ()) -> Identities:
    similarity, why = cosine_similarity(tracklets), reasons(tracklets, None, different)
    bundle = must_link_groups(len(tracklets), same, why)
    tree = grow_merge_tree(similarity, why, bundle)
    return identities(similarity, why, tree, threshold, bundle, rank_tracklets(tracklets))


@given(st.integers(0, 30), st.floats(0, 1), st.floats(0, 0.3))
def test_a_group_that_does_not_change_keeps_its_number(seed: int, threshold: float, more: float) -> None:
    tracklets, _ = run(seed, people=5)
    before, after = (people(tracklets, t).person for t in (threshold, threshold + more))
    groups = {n: frozenset(np.flatnonzero(before == n).tolist()) for n in set(before.tolist())}
    again = {frozenset(np.flatnonzero(after == n).tolist()): n for n in set(after.tolist())}
    assert all(again.get(group, number) == number for number, group in groups.items())


@given(st.integers(0, 30), st.floats(0, 1))
def test_numbers_follow_first_appearance(seed: int, threshold: float) -> None:
    tracklets, _ = run(seed, people=5)
    person = people(tracklets, threshold).person
    first = [float(tracklets.start[person == n].min()) for n in sorted(set(person.tolist()))]
    assert first == sorted(first) and person.min() == 1


def test_people_who_look_like_themselves_are_found() -> None:
    tracklets, who = run(3, noise=0.3)
    found = people(tracklets, 0.6)
    assert (np.equal.outer(found.person, found.person) == np.equal.outer(who, who)).all()
    assert {found.status(row) for row in range(len(who))} == {CANDIDATE}


def scene(*rows: tuple[int, float, float, float]) -> Tracklets:
    """Tracklets from (camera, start, end, angle of the look in degrees)."""
    camera, start, end, angle = (np.array(column, float) for column in zip(*rows, strict=True))
    look = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], 1)
    return Tracklets(camera.astype(int), np.arange(len(rows)), start, end, unit(look))


def test_similarity_is_the_mean_to_the_others_of_the_person() -> None:
    tracklets = scene((0, 0, 5, 0), (1, 0, 5, 10), (2, 0, 5, 30))
    found = people(tracklets, 0.5)
    assert found.person.tolist() == [1, 1, 1]
    expected = [np.cos(np.radians([a, b])).mean() for a, b in ((10, 30), (10, 20), (30, 20))]
    np.testing.assert_allclose(found.similarity, expected, atol=1e-6)
    assert (found.rival == 0).all() and np.isnan(found.rival_similarity).all()


def test_two_dressed_alike_are_doubtful_and_never_one_at_one_moment() -> None:
    """0 and 1 stand beside each other, dressed alike; 2 is one of them, seen by another camera."""
    tracklets = scene((0, 0, 5, 0), (0, 0, 5, 2), (1, 0, 5, 1), (1, 0, 5, 90))
    found = people(tracklets, 0.5)
    assert found.person[0] != found.person[1]
    assert found.person[2] in (found.person[0], found.person[1])
    assert [found.status(row) for row in range(4)] == [DOUBTFUL, DOUBTFUL, DOUBTFUL, ALONE]
    assert found.rival[2] == ({1, 2} - {int(found.person[2])}).pop()


def test_a_near_miss_is_doubtful_and_one_far_off_is_alone() -> None:
    threshold = float(np.cos(np.radians(20)))
    near = people(scene((0, 0, 5, 0), (1, 0, 5, 21)), threshold)
    far = people(scene((0, 0, 5, 0), (1, 0, 5, 60)), threshold)
    assert [near.status(row) for row in (0, 1)] == [DOUBTFUL, DOUBTFUL]
    assert [far.status(row) for row in (0, 1)] == [ALONE, ALONE]


def test_what_the_user_joined_is_confirmed_whatever_the_threshold() -> None:
    tracklets = scene((0, 0, 5, 0), (1, 0, 5, 80), (2, 0, 5, 170))
    found = people(tracklets, 0.99, same=((0, 1),))
    assert found.person.tolist() == [1, 1, 3]
    assert [found.status(row) for row in range(3)] == [CONFIRMED, CONFIRMED, ALONE]
    # A third one that joins by likeness alone is a candidate, and so is its person.
    third = people(scene((0, 0, 5, 0), (1, 0, 5, 1), (2, 0, 5, 2)), 0.9, same=((0, 1),))
    assert third.status(2) == CANDIDATE


def test_nobody_is_no_trouble() -> None:
    nobody = Tracklets(*(np.empty(0) for _ in range(4)), np.empty((0, 4)))  # type: ignore[arg-type]
    assert len(people(nobody, 0.5).person) == 0


def test_ties_in_time_go_by_camera_and_track() -> None:
    tracklets = scene((1, 0, 5, 0), (0, 0, 5, 90), (0, 0, 5, 180))
    assert rank_tracklets(tracklets).tolist() == [3, 1, 2]
    assert (reasons(tracklets)[1, 2] != FREE) and reasons(tracklets)[0, 1] == FREE
