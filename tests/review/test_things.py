"""A thing that is a person after all, and a person who is a thing: said, taken back, and kept in another run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.review import Action, Review, ReviewSession, mark_person, mark_thing, merge, migrate_decisions, split
from core.runs import IS_OBJECT, IS_PERSON, SAME, Link, TrackKey
from tests.review.test_migration import new, old  # noqa: F401


@pytest.fixture
def with_things(session: ReviewSession) -> ReviewSession:
    """The session in which the run has taken the last three tracks for things."""
    evidence = session.uncut_evidence
    is_object = np.arange(len(evidence.tracklets)) >= len(evidence.tracklets) - 3
    marked = replace(evidence, tracklets=replace(evidence.tracklets, is_object=is_object))
    return replace(session, uncut_evidence=marked, matches=type(session.matches)(2)).preview(Review())


def things(session: ReviewSession) -> set[TrackKey]:
    return {key for row, key in enumerate(session.track_keys) if session.people.status(row) == "thing"}


def test_each_thing_is_somebody_of_its_own_and_has_the_last_numbers(with_things: ReviewSession) -> None:
    person = with_things.people.person
    assert things(with_things) == set(with_things.track_keys[-3:])
    assert person[-3:].min() > person[:-3].max() and len(set(person[-3:].tolist())) == 3


def test_a_thing_becomes_a_person_and_a_thing_again(with_things: ReviewSession) -> None:
    key, number = with_things.track_keys[-1], int(with_things.people.person[-1])
    after = with_things.preview(mark_person(with_things, number))
    assert things(after) == set(with_things.track_keys[-3:-1])
    assert after.review.done[-1].description == f"Marked P{number:03d} as a person"
    assert mark_person(after, after.person_of(key)) is after.review
    again = after.preview(after.review.undo())
    assert things(again) == things(with_things)


def test_a_person_becomes_a_thing_track_by_track(with_things: ReviewSession) -> None:
    number = int(np.bincount(with_things.people.person[:-3]).argmax())
    tracks = with_things.tracks(number)
    assert len(tracks) > 1
    after = with_things.preview(mark_thing(with_things, number))
    assert things(after) == things(with_things) | set(tracks)
    assert len({after.person_of(key) for key in tracks}) == len(tracks)


def test_who_is_merged_with_a_thing_is_a_person_until_they_are_split(with_things: ReviewSession) -> None:
    people = with_things.people.person
    key, number = with_things.track_keys[-1], int(people[-1])
    fits = next(
        int(one)
        for one in np.unique(people[:-3])
        if (with_things.evidence.tracklets.camera[people == one] != with_things.evidence.tracklets.camera[-1]).all()
    )
    marked = with_things.preview(mark_thing(with_things, fits))
    merged = marked.preview(merge(marked, [marked.person_of(with_things.tracks(fits)[0]), number]))
    assert key not in things(merged) and with_things.tracks(fits)[0] not in things(merged)
    parted = merged.preview(split(merged, [key]))
    assert key in things(parted)


def test_marks_go_with_the_tracks_to_another_run(old: Path) -> None:  # noqa: F811
    """The tracks of the other run have other numbers."""
    links = (Link(TrackKey("gate", 1), IS_OBJECT), Link(TrackKey("hall", 2), IS_PERSON))
    found, unapplied = migrate_decisions(Review((Action("thing", "Marked", 1.0, links),)), old, new(old))
    assert set(found.state.marks) == set(links) and not unapplied
    swapped = new(old, "other", gate=((5, range(10)), (0, range(20, 40)), (1, range(60)), (2, range(20, 60))))
    moved, _ = migrate_decisions(Review((Action("thing", "Marked", 1.0, links),)), old, swapped)
    assert [mark.decision for mark in moved.state.marks] == [IS_OBJECT, IS_PERSON]
    assert moved.state.marks[0].first != TrackKey("gate", 1)


def test_the_last_mark_of_a_track_counts() -> None:
    key, other = TrackKey("gate", 1), TrackKey("gate", 2)
    acts = [Action("", "", 0, (link,)) for link in (Link(key, IS_OBJECT), Link(key, IS_PERSON), Link(key, IS_OBJECT))]
    assert Review(tuple(acts)).state.marks == (Link(key, IS_OBJECT),)
    joined = Action("", "", 0, (Link(key, SAME, other),))
    assert Review((*acts, joined)).state.marks == ()
    assert Review((joined, *acts)).links == (Link(key, SAME, other), Link(key, IS_OBJECT))
