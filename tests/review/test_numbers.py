"""A number, once told, means one person: through thresholds, decisions and new runs; and what was merged stays so."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.review import (
    Review,
    ReviewSession,
    StoredTracks,
    confirm,
    cut,
    different,
    load_review,
    load_run_tracks,
    merge,
    migrate_decisions,
    name,
    open_session,
    reject,
    same,
    save_review,
    split,
)
from core.runs import (
    Choice,
    PersonNumber,
    TrackKey,
    load_evidence,
    match_people,
    numbers_csv,
    read_numbers,
    save_evidence,
)
from core.vision.match import FREE, Contradiction
from tests.review.tracked import Lane, write_lanes

LEVELS = np.linspace(-1, 1, 21).tolist()


def owner_of(session: ReviewSession) -> dict[int, TrackKey]:
    """The track of each number."""
    return {number: session.track_keys[row] for row, numbers in enumerate(session.row_numbers) for number in numbers}


def number(session: ReviewSession, key: TrackKey) -> int:
    return session.person_of(key)


def shows_own_numbers(session: ReviewSession) -> None:
    """At every threshold, a person's number is the lowest of the tracks', and no two people share one."""
    for level in LEVELS:
        at = session.at(level)
        person = at.people.person
        for each in np.unique(person).tolist():
            rows = np.flatnonzero(person == each)
            assert each == min(min(session.row_numbers[row]) for row in rows)


def separable(session: ReviewSession) -> tuple[int, int]:
    """Two people of two tracks or more whom nothing keeps from being one."""
    people = [each for each in np.unique(session.people.person).tolist() if len(session.tracks(each)) > 1]
    for a in people:
        for b in people:
            rows = [session.row(*key) for each in (a, b) for key in session.tracks(each)]
            if a < b and (session.match.why[np.ix_(rows, rows)] == FREE).all():
                return a, b
    raise AssertionError("nobody")


@pytest.fixture
def loose(out: Path) -> ReviewSession:
    """At a high threshold, where people are in several parts."""
    return open_session(out, Review(), 0.62)


def test_the_first_look_numbers_by_rank(session: ReviewSession) -> None:
    assert session.numbers == () and session.row_numbers == [(each,) for each in session.rank.tolist()]
    shows_own_numbers(session)


def test_a_decision_writes_the_numbers_that_were_seen(session: ReviewSession) -> None:
    person = int(session.people.person[0])
    after = session.preview(name(session, person, "Anna"))
    assert after.row_numbers == session.row_numbers and after.review.highest == len(session.track_keys)
    assert after.review.undo().numbers == after.review.numbers


def test_a_merge_ties_all_tracks_at_every_threshold(loose: ReviewSession) -> None:
    a, b = separable(loose)
    tracks = [*loose.tracks(a), *loose.tracks(b)]
    after = loose.preview(merge(loose, [a, b]))
    for level in LEVELS:
        at = after.at(level)
        assert len({at.person_of(key) for key in tracks}) == 1
    # The lower number shows, and the other one is known to be merged.
    assert after.at(1.0).person_of(tracks[0]) == a and after.review.merged == {a, b}
    assert owner_of(after) == owner_of(loose)
    undone = loose.preview(after.review.undo())
    assert np.array_equal(undone.people.person, loose.people.person) and undone.review.merged == frozenset()


@pytest.mark.parametrize(
    "take", [lambda session, gone: reject(session, *gone), lambda session, gone: split(session, [gone])]
)
def test_the_number_stays_with_those_who_stay(
    session: ReviewSession, take: Callable[[ReviewSession, TrackKey], Review]
) -> None:
    person = int(np.bincount(session.people.person).argmax())
    first, *rest = session.tracks(person)
    after = session.preview(take(session, first))
    new = len(session.track_keys) + 1
    assert after.person_of(rest[0]) == person and owner_of(after)[person] == rest[0]
    assert after.at(1.0).person_of(first) == new == after.review.highest
    # Another one of them takes no number along.
    last = session.preview(take(session, rest[-1]))
    assert last.person_of(first) == person and owner_of(last) == owner_of(session)
    # Taken back with the decision; the new number is not given a second time.
    undone = after.preview(after.review.undo())
    assert owner_of(undone) == owner_of(session)
    again = undone.preview(take(undone, first))
    assert again.at(1.0).person_of(first) == new + 1


def test_a_cut_keeps_the_number_for_the_part_before(session: ReviewSession) -> None:
    key = session.tracks(int(np.bincount(session.people.person).argmax()))[0]
    moments = np.unique(session.evidence.crops.of(session.row(*key)).seconds)
    after = session.preview(cut(session, *key, float(moments[1])))
    new, part = len(session.track_keys) + 1, after.track_keys[-1]
    owners = owner_of(after)
    assert owners == {**owner_of(session), new: part}
    # A cut of an earlier track of that camera renames the part's track; its number goes with it.
    early = min(each for each in session.track_keys if each.camera == key.camera and each != key)
    between = np.unique(session.evidence.crops.of(session.row(*early)).seconds)
    both = after.preview(cut(after, *early, float(between[1])))
    for each in both.at(1.0), both:
        shows_own_numbers(each)
    kept = {number for number, owner in owner_of(both).items() if owner == owners.get(number)}
    assert kept >= set(owner_of(session)) and len(owner_of(both)) == len(session.track_keys) + 2
    # Undone, both numbers lie in the whole track, and the lower one shows.
    undone = after.preview(after.review.undo())
    assert undone.person_of(key) == session.person_of(key)


def test_numbers_are_the_same_on_the_command_line(loose: ReviewSession, tmp_path: Path) -> None:
    a, b = separable(loose)
    first = loose.tracks(a)[0]
    after = loose.preview(reject(loose, *first))
    after = after.preview(merge(after, [after.person_of(loose.tracks(a)[1]), b]))
    path = tmp_path / "numbers.csv"
    path.write_text(numbers_csv(after.numbers))
    choice = Choice(loose.chosen_threshold, after.review.links, numbers=read_numbers(path))
    _, found = match_people(after.uncut_evidence, after.out, after.prior, choice)
    assert np.array_equal(found.people().person, after.people.person)


def test_the_review_file_holds_the_numbers(session: ReviewSession, tmp_path: Path) -> None:
    person = int(np.bincount(session.people.person).argmax())
    review = reject(session, *session.tracks(person)[0])
    review = replace(review, run="a", tracks="b")
    save_review(tmp_path / "review.json", review)
    assert load_review(tmp_path / "review.json") == review


GATE: Sequence[Lane] = ((0, range(40)), (1, range(60)), (2, range(20, 60)))
HALL: Sequence[Lane] = ((0, range(60)), (1, range(60)))


def run(folder: Path, **cameras: Sequence[Lane]) -> Path:
    return write_lanes(folder / "out", {"gate": GATE, "hall": HALL, **cameras})


def reviewed(out: Path) -> Review:
    """A first review: everybody alone, and the second part of track 2 of the gate cut off."""
    session = open_session(out, Review(), 1.0)
    return cut(session, "gate", 2, 3.0)


def numbers_of(out: Path, review: Review) -> dict[int, tuple[TrackKey, float]]:
    """For each number, the track that has it and the first second of that track."""
    session = open_session(out, review, 1.0)
    return {
        number: (key, session.evidence.clip_seconds(session.row(*key))[0]) for number, key in owner_of(session).items()
    }


def test_numbers_follow_the_boxes_into_another_run(tmp_path: Path) -> None:
    old, new = run(tmp_path / "a"), run(tmp_path / "b", gate=[*GATE[::-1], (3, range(5, 30))])
    before = reviewed(old)
    after, _ = migrate_decisions(before, old, new)
    was, now = numbers_of(old, before), numbers_of(new, after)
    turned = {("gate", 1): 3, ("gate", 2): 2, ("gate", 3): 1, ("hall", 1): 1, ("hall", 2): 2}
    for number in range(1, 6):
        camera, track = was[number][0]
        assert now[number] == (TrackKey(camera, turned[camera, track]), was[number][1])
    # The part after the cut, and somebody new.
    assert now[6] == (TrackKey("gate", 5), 3.0) and now[7] == (TrackKey("gate", 4), 0.5)
    assert after.highest == 7


def test_a_number_whose_person_is_gone_comes_back_with_the_person(tmp_path: Path) -> None:
    old, middle, later = run(tmp_path / "a"), run(tmp_path / "b", hall=HALL[1:]), run(tmp_path / "c")
    stored = StoredTracks(tmp_path / "tracks")
    before = reviewed(old)
    stored.save(load_run_tracks(old))
    there, _ = migrate_decisions(before, old, middle, stored)
    gone = next(number for number, (key, _) in numbers_of(old, before).items() if key == ("hall", 1))
    assert gone not in numbers_of(middle, there) and [each.number.number for each in there.absent] == [gone]
    # Even if the run that it was seen in was removed since.
    for path in sorted((tmp_path / "a").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    back, _ = migrate_decisions(there, middle, later, stored)
    assert numbers_of(later, back) == numbers_of(later, before) and back.absent == ()


def test_where_two_became_one_both_numbers_find_that_one(tmp_path: Path) -> None:
    parts = ((0, range(25)), (0, range(25, 60)), (1, range(60)))
    old, new = run(tmp_path / "a", hall=parts), run(tmp_path / "b")
    after, _ = migrate_decisions(Review(), old, new)
    first, second = (open_session(old, Review(), 1.0).person_of(TrackKey("hall", track)) for track in (1, 2))
    found = open_session(new, after, 1.0)
    assert found.row_numbers[found.row("hall", 1)] == (first, second)


def test_two_who_became_one_track_have_their_own_numbers_when_they_are_two_again(tmp_path: Path) -> None:
    """Whichever is the longer part; and a cut of that one track gives each part its number."""
    parts = ((0, range(20)), (0, range(20, 60)), (1, range(60)))
    old, mixed, later = run(tmp_path / "a", hall=parts), run(tmp_path / "b"), run(tmp_path / "c", hall=parts)
    stored = StoredTracks(tmp_path / "tracks")
    before, _ = migrate_decisions(Review(), None, old, stored)
    between, _ = migrate_decisions(before, old, mixed, stored)
    after, _ = migrate_decisions(between, mixed, later, stored)
    assert numbers_of(later, after) == numbers_of(old, before)
    session = open_session(mixed, between, 1.0)
    halves = session.preview(cut(session, "hall", 1, 2.0))
    first, second = (open_session(old, before, 1.0).person_of(TrackKey("hall", track)) for track in (1, 2))
    assert halves.person_of(TrackKey("hall", 1)) == first and halves.row_numbers[-1] == (second,)


def test_a_first_run_is_numbered_by_rank(tmp_path: Path) -> None:
    new = run(tmp_path / "a")
    after, _ = migrate_decisions(Review(), None, new)
    session = open_session(new, after, 1.0)
    assert [numbers[0] for numbers in session.row_numbers] == session.rank.tolist()


def test_a_run_repeated_under_the_same_key_gets_decisions_by_their_boxes(tmp_path: Path) -> None:
    """The tracks have other numbers now; the old files are gone, and only the case knows the boxes."""
    out, stored = run(tmp_path / "a"), StoredTracks(tmp_path / "tracks")
    tracks = load_run_tracks(out)
    session = open_session(out, Review(), 1.0)
    review = same(session, TrackKey("gate", 1), TrackKey("hall", 2))
    review = replace(review, run="a", tracks=tracks.digest)
    stored.save(tracks)
    assert migrate_decisions(review, out, out, stored)[0] == review
    before = numbers_of(out, review)
    run(tmp_path / "a", gate=GATE[::-1], hall=HALL[::-1])
    after, unapplied = migrate_decisions(review, out, out, stored)
    assert unapplied == () and after.state.joined == (frozenset([("gate", 3), ("hall", 1)]),)
    now = numbers_of(out, after)
    assert now[before_number(before, "gate", 1)][0] == ("gate", 3)
    # Without the boxes nobody knows which tracks were meant: nothing is applied.
    lost, unapplied = migrate_decisions(review, out, out, StoredTracks(tmp_path / "empty"))
    assert lost.state.joined == () and len(lost.pending) == 1 and "deleted" in unapplied[0]


def before_number(numbers: dict[int, tuple[TrackKey, float]], camera: str, track: int) -> int:
    return next(number for number, (key, _) in numbers.items() if key == (camera, track))


def test_a_refusal_shows_a_frame_with_both(tmp_path: Path) -> None:
    """Track 1 has a gap in which track 2 is seen: they share no frame. With track 3 it shares one."""
    gap = [*range(20), *range(30, 60)]
    cameras = {"gate": ((0, gap), (1, range(20, 30)), (2, range(40, 70)))}
    out = write_lanes(tmp_path / "a" / "out", cameras)  # type: ignore[arg-type]
    session = open_session(out, Review(), 1.0)
    first, second, third = session.track_keys
    joined = session.preview(same(session, first, second))
    assert joined.person_of(first) == joined.person_of(second)
    with pytest.raises(Contradiction, match=r"gate at 0:04\.0 shows both") as fault:
        same(session, first, third)
    assert fault.value.moment == ("gate", 1, 4.0)  # type: ignore[attr-defined]


def test_numbers_that_a_spreadsheet_spoilt_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("number,camera,track,seconds\n1,gate,x,0\n")
    with pytest.raises(Exception, match="no number of a person"):
        read_numbers(path)
    path.write_text(numbers_csv([PersonNumber(1, "gate", 3, 0.5)]))
    assert read_numbers(path) == (PersonNumber(1, "gate", 3, 0.5),)


def test_a_reviewed_run_holds_through_everything(out: Path, tmp_path: Path) -> None:
    """Merge, cut, confirm, reject; then every threshold: no number changes its person, no merge comes apart."""
    session = open_session(out, Review(), 0.62)
    a, b = separable(session)
    merged = frozenset((*session.tracks(a), *session.tracks(b)))
    session = session.preview(merge(session, [a, b]))
    others = [
        person
        for person in np.unique(session.people.person).tolist()
        if len(session.tracks(person)) > 2 and not merged & set(session.tracks(person))
    ]
    session = session.preview(confirm(session, others[0]))
    gone, *_ = session.tracks(others[1])
    session = session.preview(reject(session, *gone))
    owners = owner_of(session)
    key = session.tracks(others[0])[0]
    moment = float(np.unique(session.evidence.crops.of(session.row(*key)).seconds)[1])
    session = session.preview(cut(session, *key, moment))
    owners |= {number: key for number, key in owner_of(session).items() if number not in owners}
    refused = 0
    for level in LEVELS:
        at = session.at(level)
        assert owner_of(at) == owners
        assert len({at.person_of(key) for key in merged}) == 1
        shows_own_numbers(at)
    for row, column in np.argwhere(session.match.why == 1)[:40].tolist():
        with pytest.raises(Contradiction) as fault:
            same(session, session.track_keys[row], session.track_keys[column])
        refused += "shows both" in str(fault.value)
    assert refused == 40
    assert different(session, *sorted(merged)[:2]).state.joined != session.review.state.joined


def test_another_clock_gives_nobody_another_number(tmp_path: Path) -> None:
    """The same boxes; but those of the hall come first now, so that their ranks would be the lowest."""
    old, new = run(tmp_path / "a", gate=[(0, range(5, 40))]), run(tmp_path / "b", gate=[(0, range(5, 40))])
    evidence = load_evidence(new)
    shift = np.where(evidence.tracklets.camera == 0, 0.0, 20.0)
    tracklets = replace(evidence.tracklets, start=evidence.tracklets.start + shift, end=evidence.tracklets.end + shift)
    save_evidence(replace(evidence, offsets=np.array([0.0, 20.0]), tracklets=tracklets), new)
    before = open_session(old, Review(), 1.0)
    after, _ = migrate_decisions(Review(), old, new)
    session = open_session(new, after, 1.0)
    assert session.rank.tolist() != before.rank.tolist()
    assert owner_of(session) == owner_of(before)
    undecided = open_session(new, migrate_decisions(after, new, old)[0], 1.0)
    assert owner_of(undecided) == owner_of(before)
