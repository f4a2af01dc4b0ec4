"""What was said of one run, said of another: by the boxes that tracks share, and nothing lost on the way."""

from pathlib import Path

import pytest

from core.review import (
    Action,
    Renumbering,
    Review,
    load_review,
    migrate_decisions,
    open_session,
    save_review,
)
from core.runs import DIFFERENT, SAME, CutPoint, Link, Name, TrackKey
from tests.review.tracked import write_lanes

GATE = ((0, range(40)), (1, range(60)), (2, range(20, 60)))
HALL = ((0, range(60)), (1, range(60)))
JOINED = Link(TrackKey("gate", 1), SAME, TrackKey("hall", 1))
APART = Link(TrackKey("gate", 2), DIFFERENT, TrackKey("hall", 2))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return write_lanes(tmp_path / "old" / "out", {"gate": GATE, "hall": HALL})


def new(old: Path, name: str = "new", **cameras: object) -> Path:
    return write_lanes(old.parents[1] / name / "out", {"gate": GATE, "hall": HALL, **cameras})  # type: ignore[dict-item]


def said(*actions: Action) -> Review:
    return Review(tuple(actions))


def joined(*links: Link) -> Action:
    return Action("merge", "joined P001 and P002", 1.0, links)


def cut_at(camera: str, track: int, seconds: float) -> Action:
    link = Link.cut(CutPoint(camera, track, seconds))
    return Action("cut", f"cut track {track}", 2.0, (link,))


def named(camera: str, track: int, name: str) -> Action:
    return Action("name", f"named P001 {name}", 3.0, names=(Name(camera, track, name, "tall"),))


def pairs(review: Review, decision: str) -> set[frozenset[TrackKey]]:
    groups = review.state.joined if decision == SAME else review.state.separated
    return set(groups)


EVERYTHING = (joined(JOINED, APART), cut_at("gate", 2, 3.0), named("gate", 1, "Anna"), named("hall", 2, "Ben"))


def test_to_an_identical_run_nothing_changes(old: Path) -> None:
    review = said(*EVERYTHING).undo()
    after, words = migrate_decisions(review, old, new(old))
    assert (after.done, after.undone, after.pending, words) == (review.done, review.undone, (), ())


def test_a_second_time_nothing_is_carried(old: Path) -> None:
    target = new(old, gate=GATE[::-1])
    once, _ = migrate_decisions(said(*EVERYTHING), old, target)
    assert once.run == "new" and migrate_decisions(once, old, target) == (once, ())


def test_numbers_follow_the_boxes_and_come_back_as_they_were(old: Path) -> None:
    target = new(old, gate=GATE[::-1])
    there, words = migrate_decisions(said(*EVERYTHING), old, target)
    assert words == ()
    assert pairs(there, SAME) == {frozenset([("gate", 3), ("hall", 1)])}
    assert there.names == (("gate", 3, "Anna", "tall"), ("hall", 2, "Ben", "tall"))
    open_session(target, there, None)
    back, words = migrate_decisions(there, target, old)
    assert words == () and set(back.links) == set(said(*EVERYTHING).links)
    assert back.names == said(*EVERYTHING).names


def test_a_renamed_camera_is_known_by_its_clip(old: Path) -> None:
    target = write_lanes(old.parents[1] / "new" / "out", {"door": GATE, "hall": HALL}, {"door": "gate"})
    after, words = migrate_decisions(said(*EVERYTHING), old, target)
    assert words == () and pairs(after, SAME) == {frozenset([("door", 1), ("hall", 1)])}
    assert after.state.cuts[0].first.camera == "door"


def test_of_a_track_that_was_split_the_longest_part_is_meant(old: Path) -> None:
    target = new(old, hall=((0, range(20)), (0, range(20, 60)), (1, range(60))))
    after, words = migrate_decisions(said(joined(JOINED), named("hall", 1, "Anna")), old, target)
    assert words == () and pairs(after, SAME) == {frozenset([("gate", 1), ("hall", 2)])}
    assert after.names == (("hall", 2, "Anna", "tall"),)


def test_what_finds_no_track_waits_and_comes_back_with_a_later_run(old: Path) -> None:
    target = new(old, hall=HALL[1:])
    after, words = migrate_decisions(said(*EVERYTHING), old, target)
    assert words == ("Joined P001 and P002: track 1 of hall is not in this run",)
    # The link of the second lane is still there, by its new number.
    assert pairs(after, SAME) == set() and frozenset([("gate", 2), ("hall", 1)]) in pairs(after, DIFFERENT)
    save_review(old / "review.json", after)
    assert load_review(old / "review.json") == after
    later, words = migrate_decisions(after, target, new(old, "later"))
    assert words == () and later.pending == ()
    assert set(later.links) == set(said(*EVERYTHING).links) and len(later.names) == 2


def test_a_merge_holds_for_those_who_are_left_when_the_track_that_tied_them_is_gone(old: Path) -> None:
    """Both ways: all links of one action name the first track, or each is an answer of its own."""
    first, *others = (TrackKey(*key) for key in (("hall", 1), ("gate", 1), ("gate", 3)))
    old = write_lanes(old, {"gate": (GATE[0], GATE[1], (2, range(45, 60))), "hall": HALL})
    gate = (GATE[1], GATE[0], (2, range(45, 60)))
    target = new(old, gate=gate, hall=HALL[1:])
    links = [Link(first, SAME, key) for key in others]
    for review in said(joined(*links)), said(*map(joined, links)):
        after, words = migrate_decisions(review, old, target)
        assert words == ("Joined P001 and P002: track 1 of hall is not in this run",)
        assert pairs(after, SAME) == {frozenset([("gate", 2), ("gate", 3)])}
        again, _ = migrate_decisions(after, target, new(old, "again", gate=gate[::-1], hall=HALL[1:]))
        assert pairs(again, SAME) == {frozenset([("gate", 1), ("gate", 2)])} and len(again.done) == len(after.done)
        back, words = migrate_decisions(again, old.parents[1] / "again" / "out", old)
        assert words == () and pairs(back, SAME) == {frozenset([first, *others])}
        parted = review.act(Action("different", "parted them", 4.0, (Link(others[0], DIFFERENT, others[1]),)))
        assert pairs(migrate_decisions(parted, old, target)[0], SAME) == set()


def test_a_pending_merge_does_not_join_whom_a_newer_decision_has_separated(old: Path) -> None:
    first, *others = (TrackKey(*key) for key in (("hall", 1), ("gate", 1), ("gate", 3)))
    old = write_lanes(old, {"gate": (GATE[0], GATE[1], (2, range(45, 60))), "hall": HALL})
    gate = (GATE[1], GATE[0], (2, range(45, 60)))
    without, again = (new(old, name, gate=order, hall=HALL[1:]) for name, order in (("a", gate), ("b", gate[::-1])))
    review = said(joined(*(Link(first, SAME, key) for key in others)))
    there, _ = migrate_decisions(review, old, without)
    parted = there.act(Action("different", "parted", 9.0, (Link(TrackKey("gate", 2), DIFFERENT, TrackKey("gate", 3)),)))
    later, _ = migrate_decisions(parted, without, again)
    assert pairs(later, SAME) == set()
    back, words = migrate_decisions(later, again, old)
    assert pairs(back, SAME) == {frozenset([first, others[0]])}
    assert words == ("Joined P001 and P002: you said that they are two people",)


def test_a_clip_taken_out_of_the_case_leaves_its_decisions_waiting(old: Path) -> None:
    target = write_lanes(old.parents[1] / "new" / "out", {"gate": GATE})
    after, words = migrate_decisions(said(joined(JOINED), named("gate", 1, "Anna")), old, target)
    assert words == ("Joined P001 and P002: the clip of camera hall is not in this run",)
    assert after.names == (("gate", 1, "Anna", "tall"),)


def test_a_cut_falls_on_the_track_that_holds_the_moment(old: Path) -> None:
    # Numbers of parts follow: the track named after the cut is still the later part.
    after_cut = named("gate", 4, "Zed")
    target = new(old, gate=(GATE[2], GATE[1], GATE[0]))
    after, words = migrate_decisions(said(cut_at("gate", 1, 2.0), after_cut), old, target)
    assert words == () and after.state.cuts[0].first.track == 3 and after.names[0][:2] == ("gate", 4)
    assert open_session(target, after, None).evidence.cuts[0].new_track == 4


def test_cuts_are_renumbered_with_what_was_said_in_between(old: Path) -> None:
    """The second cut is of an earlier track, so that the part named before it has another number now."""
    first, second = cut_at("gate", 2, 3.0), cut_at("gate", 1, 2.0)
    later = Action(second.kind, second.description, second.time, second.links, renumbered=(Renumbering("gate", 4, 5),))
    review = said(first, named("gate", 4, "Zed"), later)
    after, _ = migrate_decisions(review, old, new(old, gate=GATE[::-1]))
    # The tracks are 3, 2, 1 now: the part of track 2 is numbered first.
    assert after.names == (("gate", 4, "Zed", "tall"),) and len(after.state.cuts) == 2


def test_where_the_run_parts_the_two_by_itself_they_stay_two_people(old: Path) -> None:
    target = new(old, gate=(GATE[0], (1, range(30)), (1, range(30, 60)), GATE[2]))
    after, words = migrate_decisions(said(cut_at("gate", 2, 3.0)), old, target)
    assert words == () and after.state.cuts == () and len(after.pending) == 1
    assert pairs(after, DIFFERENT) == {frozenset([("gate", 2), ("gate", 3)])}


def test_a_cut_that_leaves_no_picture_waits(old: Path) -> None:
    target = new(old, gate=(GATE[0], (1, range(28, 60)), GATE[2]))
    after, words = migrate_decisions(said(cut_at("gate", 2, 5.9)), old, target)
    assert after.state.cuts == () and len(words) == 1 and "would have no picture" in words[0]


def test_tracks_that_became_one_take_over_from_the_longest(old: Path) -> None:
    parts = ((0, range(25)), (0, range(25, 60)), (1, range(60)))
    split = new(old, "split", hall=parts)
    review = said(named("hall", 1, "Anna"), named("hall", 2, "Ben"), joined(JOINED))
    after, words = migrate_decisions(review, split, old)
    assert after.names == (("hall", 1, "Ben", "tall"),)
    assert len(words) == 2 and all("tracks 1 and 2 of hall are one track in this run" in sentence for sentence in words)
    # Where they were said to be one person, what was said of either holds of both.
    together = said(joined(Link(TrackKey("hall", 1), SAME, TrackKey("hall", 2)), JOINED))
    after, words = migrate_decisions(together, split, old)
    assert words == () and pairs(after, SAME) == {frozenset([("gate", 1), ("hall", 1)])}


def test_what_cannot_be_true_in_the_new_run_waits(old: Path) -> None:
    """The two tracks overlap in time now, in one camera: nobody can be both."""
    before = write_lanes(old.parents[1] / "short" / "out", {"gate": ((0, range(30)), (1, range(30, 60)))})
    target = write_lanes(old.parents[1] / "long" / "out", {"gate": ((0, range(35)), (1, range(25, 60)))})
    review = said(joined(Link(TrackKey("gate", 1), SAME, TrackKey("gate", 2))))
    after, words = migrate_decisions(review, before, target)
    assert after.links == () and len(words) == 1 and "at the same time" in words[0]
    open_session(target, after, None)


def test_a_run_that_is_gone_leaves_everything_waiting(old: Path) -> None:
    after, words = migrate_decisions(said(*EVERYTHING), old.parents[1] / "gone" / "out", old)
    assert after.done == () and len(after.pending) == 4 and all("was deleted" in one for one in words)


def test_a_run_without_looks_leaves_everything_waiting(old: Path) -> None:
    target = new(old, hall=HALL[::-1])
    (target / "tracklets.npz").unlink()
    after, words = migrate_decisions(said(*EVERYTHING), old, target)
    assert after.done == () and len(after.pending) == 4 and "motion alone" in words[0]
    later, words = migrate_decisions(after, target, new(old, "later"))
    assert words == () and set(later.links) == set(said(*EVERYTHING).links)
