"""What can be said of people: obeyed at once and at every later threshold, refused where it cannot be, taken back."""

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.errors import SettingsError
from core.review import (
    Review,
    ReviewSession,
    SeenTogether,
    confirm,
    cut,
    different,
    merge,
    name,
    note,
    open_session,
    reject,
    same,
    split,
    unsure,
)
from core.runs import TrackKey
from core.vision.match import FREE, TOGETHER, Contradiction
from tests.review.conftest import LEVEL

LEVELS = -1.0, 0.3, LEVEL, 0.8, 1.0


def largest(session: ReviewSession) -> int:
    return int(np.bincount(session.people.person).argmax())


def person_of(session: ReviewSession, sight: TrackKey) -> int:
    return int(session.people.person[session.row(*sight)])


def apart_pair(session: ReviewSession, why: int = FREE) -> tuple[TrackKey, TrackKey]:
    """Two of different people, of whom that is to be said."""
    person = session.people.person
    one, other = np.argwhere((session.match.why == why) & (person[:, None] < person))[0]
    return session.track_keys[one], session.track_keys[other]


def free_people(session: ReviewSession) -> tuple[int, int]:
    """Two people of two tracks or more whom nothing keeps from being one."""
    person = session.people.person
    return next(
        (one, other)
        for one, other in combinations(np.flatnonzero(np.bincount(person) > 1).tolist(), 2)
        if (session.match.why[np.ix_(person == one, person == other)] == FREE).all()
    )


def test_who_is_confirmed_stays_together_at_any_threshold(session: ReviewSession) -> None:
    tracks = session.tracks(largest(session))
    assert len(tracks) > 2
    after = session.preview(confirm(session, largest(session)))
    for level in LEVELS:
        people = after.at(level).people
        rows = [after.row(*sight) for sight in tracks]
        assert len(set(people.person[rows].tolist())) == 1
    assert all(after.people.status(row) == "confirmed" for row in rows)
    assert confirm(after, largest(after)) is after.review  # nothing new


def test_who_is_rejected_never_joins_again(session: ReviewSession) -> None:
    sight, *rest = session.tracks(largest(session))
    after = session.preview(reject(session, *sight))
    for level in LEVELS:
        found = after.at(level)
        assert person_of(found, sight) not in {person_of(found, other) for other in rest}


def test_the_others_of_a_confirmed_person_stay_confirmed_when_one_is_taken_out(session: ReviewSession) -> None:
    sure = session.preview(confirm(session, largest(session)))
    first, *rest = sure.tracks(largest(sure))
    after = sure.preview(reject(sure, *first)).at(1.0)
    assert len({person_of(after, sight) for sight in rest}) == 1
    assert after.people.status(after.row(*rest[0])) == "confirmed"


def test_people_who_are_joined_are_one_with_all_their_tracks(session: ReviewSession) -> None:
    high = session.at(0.65)
    one, other = free_people(high)
    after = high.preview(merge(high, [other, one]))
    assert set(after.tracks(one)) == {*high.tracks(one), *high.tracks(other)}
    assert after.review.done[-1].description == f"Merged P{one:03d} and P{other:03d}"
    # All of them, so that no threshold parts them again.
    assert after.review.state.joined == (frozenset(after.tracks(one)),)


def test_an_answer_about_two_tracks_joins_both_people_as_shown(session: ReviewSession) -> None:
    high = session.at(0.65)
    one, other = free_people(high)
    tracks = {*high.tracks(one), *high.tracks(other)}
    # Whichever two tracks stand for them, and with one step of undo.
    review = same(high, high.tracks(other)[-1], high.tracks(one)[-1])
    after = high.preview(review)
    assert after.review.merged == {one, other} and len(after.review.done) == 1
    for level in LEVELS:
        assert len({person_of(after.at(level), sight) for sight in tracks}) == 1
    undone = after.preview(after.review.undo())
    assert np.array_equal(undone.people.person, high.people.person)


def test_an_answer_that_two_parts_of_a_person_are_one_ties_all_of_that_person(session: ReviewSession) -> None:
    person = largest(session)
    first, *_, last = tracks = session.tracks(person)
    after = session.preview(same(session, first, last)).at(1.0)
    assert len({person_of(after, sight) for sight in tracks}) == 1


def test_an_answer_is_refused_with_the_frame_that_two_tracks_of_both_share(session: ReviewSession) -> None:
    """Nothing keeps the two tracks themselves from being one."""
    why, person = session.match.why, session.people.person
    a, b = next(
        (a, b)
        for a, b in np.argwhere((why == FREE) & (person[:, None] < person))
        if TOGETHER in why[np.ix_(person == person[a], person == person[b])]
    )
    with pytest.raises(SeenTogether, match="shows both") as fault:
        same(session, session.track_keys[a], session.track_keys[b])
    first, second = fault.value.pair
    assert why[first, second] == TOGETHER and {person[first], person[second]} == {person[a], person[b]}
    assert fault.value.moment.camera == session.track_keys[first].camera == session.track_keys[second].camera


def test_two_in_one_picture_cannot_be_joined_and_nothing_changes(session: ReviewSession) -> None:
    one, other = apart_pair(session, TOGETHER)
    with pytest.raises(
        Contradiction, match=r"^cam\d at 0:\d\d \(track \d+\) and cam\d at 0:\d\d .* are visible at the same time"
    ):
        same(session, one, other)
    with pytest.raises(Contradiction, match="nothing was changed"):
        merge(session, [person_of(session, one), person_of(session, other)])
    assert session.review == Review()


def test_a_person_is_split_in_two(session: ReviewSession) -> None:
    tracks = session.tracks(largest(session))
    some, rest = tracks[1:3], (tracks[0], *tracks[3:])
    after = session.preview(split(session, some)).at(-1.0)
    assert not {person_of(after, sight) for sight in some} & {person_of(after, sight) for sight in rest}


def test_a_track_is_cut_and_its_part_again(session: ReviewSession) -> None:
    """The numbers of parts change when an earlier track is cut; what was said of them does not."""
    rows = [row for row in range(len(session.track_keys)) if session.track_keys[row][0] == "cam1"][:2]
    (camera, early), (_, late) = (session.track_keys[row] for row in rows)
    moments = [np.unique(session.evidence.crops.of(row).seconds) for row in rows]
    count = sum(place == camera for place, _ in session.track_keys)
    second = session.preview(cut(session, camera, late, moments[1][1]))
    part = TrackKey(camera, count + 1)
    said = second.preview(confirmed := same(second, part, apart_from(second, part)))
    assert confirmed.state.joined
    third = said.preview(cut(said, camera, early, moments[0][1]))
    moved = TrackKey(camera, count + 2)
    assert third.track_keys[-2:] == (part, moved)
    assert third.review.state.joined == (frozenset([moved, *(confirmed.state.joined[0] - {part})]),)
    # A part is cut as a part, though a link names the whole track.
    fourth = third.preview(cut(third, *moved, moments[1][2]))
    assert [(one.track, one.new_track) for one in fourth.evidence.cuts] == [
        (early, count + 1),
        (late, count + 2),
        (late, count + 3),
    ]
    sides = TrackKey(camera, late), moved
    assert person_of(fourth.at(-1.0), sides[0]) != person_of(fourth.at(-1.0), sides[1])
    alone = fourth.at(1.0)
    again = alone.preview(same(alone, *sides))
    assert person_of(again, sides[0]) == person_of(again, sides[1])


def apart_from(session: ReviewSession, sight: TrackKey) -> TrackKey:
    """Somebody whom nothing keeps from being the same."""
    row = session.row(*sight)
    free = np.flatnonzero(session.match.why[row] == FREE)
    return session.track_keys[int(free[free != row][-1])]


def test_a_cut_outside_the_track_is_refused(session: ReviewSession) -> None:
    camera, track = session.track_keys[0]
    start, end = session.evidence.clip_seconds(0)
    for moment in (start, end + 1, -5.0):
        with pytest.raises(SettingsError, match="Cut after"):
            cut(session, camera, track, moment)


def test_names_follow_the_first_track(session: ReviewSession) -> None:
    person = largest(session)
    first, *rest = session.tracks(person)
    named = session.preview(name(session, person, "  Anna\n B. "))
    assert named.labels.names == {person: "Anna B."}
    noted = named.preview(note(named, person, "wears a hat"))
    assert (noted.labels, noted.review.names) == (
        ({person: "Anna B."}, {person: "wears a hat"}),
        ((*first, "Anna B.", "wears a hat"),),
    )
    alone = noted.at(1.0)
    assert set(alone.labels.names) == {person} and alone.tracks(person) == (first,)
    # A name that was given apart is gone when the person is named as a whole.
    other = person_of(alone, rest[-1])
    both = alone.preview(name(alone, other, "Ben")).at(LEVEL)
    assert both.labels.names == {person: "Anna B., Ben"}
    assert both.preview(name(both, person, "Anna")).labels.names == {person: "Anna"}
    assert name(both, person, "Anna B., Ben") is both.review
    gone = both.preview(name(both, person, ""))
    assert (gone.labels.names, gone.labels.notes) == ({}, {person: "wears a hat"})


@pytest.mark.parametrize(
    "take", [lambda session, gone: reject(session, *gone), lambda session, gone: split(session, [gone])]
)
def test_a_name_stays_with_those_who_stay(
    session: ReviewSession, take: Callable[[ReviewSession, TrackKey], Review]
) -> None:
    """Its bearer is the first track: when that one is said to be somebody else, it is not the one who has the name."""
    person = largest(session)
    gone, *rest = session.tracks(person)
    named = session.preview(name(session, person, "Anna"))
    noted = named.preview(note(named, person, "wears a hat"))
    after = noted.preview(take(noted, gone))
    who = person_of(after, rest[0])
    assert person_of(after, gone) != who
    assert after.labels == ({who: "Anna"}, {who: "wears a hat"})
    # Taken back with the action.
    assert noted.preview(after.review.undo()).labels == noted.labels
    # The others' names are nobody's business.
    assert take(session, gone).done[-1].names == take(noted, rest[0]).done[-1].names == ()


def test_a_name_of_their_own_goes_with_those_who_leave(session: ReviewSession) -> None:
    person = largest(session)
    first, *rest = session.tracks(person)
    alone = session.at(1.0)
    both = alone.preview(name(alone, person_of(alone, first), "Anna"))
    both = both.preview(name(both, person_of(both, rest[-1]), "Ben")).at(LEVEL)
    after = both.preview(reject(both, *first))
    assert after.labels.names == {person_of(after, first): "Anna", person_of(after, rest[-1]): "Ben"}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda session: confirm(session, 10_000), "no longer exists"),
        (lambda session: reject(session, "cam1", 10_000), "cam1/track 10000 no longer exists"),
        (lambda session: merge(session, [1, 1]), "two or more people"),
        (lambda session: split(session, []), "not belong to one person"),
        (lambda session: split(session, session.tracks(1)), "all tracks of P001"),
        (lambda session: same(session, session.track_keys[0], session.track_keys[0]), "cannot be compared with itself"),
        (lambda session: name(session, 10_000, ""), "no longer exists"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: ReviewSession, how: Callable[[ReviewSession], Review], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        how(session)


def test_nothing_to_confirm_or_reject_in_somebody_alone(session: ReviewSession) -> None:
    alone = session.at(1.0)
    with pytest.raises(SettingsError, match="nothing to confirm"):
        confirm(alone, 1)
    with pytest.raises(SettingsError, match="nobody to remove it from"):
        reject(alone, *alone.tracks(1)[0])


def _acted(session: ReviewSession, kind: int, seed: int) -> Review:
    rng = np.random.default_rng(seed)
    one, other = (session.track_keys[row] for row in rng.choice(len(session.track_keys), 2, replace=False))
    person, another = person_of(session, one), person_of(session, other)
    acts: Sequence[Callable[[], Review]] = (
        lambda: confirm(session, person),
        lambda: reject(session, *one),
        lambda: merge(session, [person, another]),
        lambda: split(session, session.tracks(person)[1:3]),
        lambda: cut(session, *one, round(float(np.mean(session.evidence.clip_seconds(session.row(*one)))), 2)),
        lambda: name(session, person, str(seed)),
        lambda: same(session, one, other),
        lambda: different(session, one, other),
        lambda: unsure(session, one, other),
    )
    return acts[kind]()


@settings(deadline=None, max_examples=5)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1000)), min_size=3, max_size=8))
def test_whatever_is_said_can_be_obeyed_and_taken_back(out: Path, said: Sequence[tuple[int, int]]) -> None:
    session = start = open_session(out, Review(), LEVEL)
    for kind, seed in said:
        try:
            session = session.preview(_acted(session, kind, seed))
        except SettingsError:
            continue
    everyone = [session.at(level) for level in LEVELS]
    for group in session.review.state.joined:
        assert all(len({person_of(each, sight) for sight in group}) == 1 for each in everyone)
    for one, other in session.review.state.separated:
        assert all(person_of(each, one) != person_of(each, other) for each in everyone)
    for low, high in pairwise(everyone):
        # Who is one person at a higher threshold is so at a lower one.
        pairs = np.stack([high.people.person, low.people.person], axis=1)
        assert len(np.unique(pairs, axis=0)) == len(np.unique(high.people.person))
    review = session.review
    while review.done:
        review = review.undo()
    assert (review.links, review.names) == ((), ())
    assert np.array_equal(session.preview(review).people.person, start.people.person)
    while review.undone:
        review = review.redo()
    assert review == session.review
