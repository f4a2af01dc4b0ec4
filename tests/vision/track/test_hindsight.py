from dataclasses import replace

import numpy as np
import pytest

from core.base.types import Timeline, Tracks
from core.vision.track import MotionRules, fill_gaps, is_duplicate, is_long, is_static_object, link_by_motion, renumber
from tests.vision.track.scenes import timeline, walk


def tracks(**people: list[tuple[float, ...]]) -> Tracks:
    """Tracks by name `t<number>=walk(...)`, in order of frame."""
    parts = []
    for name, rows in people.items():
        a = np.array(rows)
        n = np.full(len(a), int(name[1:]))
        parts.append(Tracks(a[:, 0], a[:, 0] / 10, n, a[:, 1:5], a[:, 5], np.ones(len(a), bool)))
    whole = Tracks.concatenate(parts)
    return whole[np.lexsort((whole.track, whole.frame))]


def test_best_fit_first_and_each_end_once() -> None:
    """Two candidates follow the same track; the one on its line gets it, the other stays alone."""
    scene = tracks(
        t1=walk(range(20), (0, 0), (2, 0)),
        t2=walk(range(25, 45), (50, 0), (2, 0)),
        t3=walk(range(25, 45), (50, 12), (2, 0)),
    )
    linked = link_by_motion(scene, MotionRules(max_distance=0.5))
    assert sorted(set(linked.track.tolist())) == [1, 3]
    assert (linked.track[scene.track == 2] == 1).all()


def test_chains_are_followed() -> None:
    scene = tracks(
        t5=walk(range(10), (0, 0), (2, 0)),
        t6=walk(range(14, 24), (28, 0), (2, 0)),
        t9=walk(range(28, 38), (56, 0), (2, 0)),
    )
    assert set(link_by_motion(scene, MotionRules()).track.tolist()) == {5}


def test_a_change_of_height_forbids_a_link() -> None:
    scene = tracks(
        t1=walk(range(20), (0, 100), (2, 0)),
        t2=walk(range(25, 45), (50, 50), (2, 0), size=(40, 100)),
    )
    assert set(link_by_motion(scene, MotionRules()).track.tolist()) == {1, 2}


def test_tracks_at_the_same_time_are_never_linked() -> None:
    scene = tracks(t1=walk(range(20), (0, 0), (2, 0)), t2=walk(range(19, 40), (38, 0), (2, 0)))
    assert set(link_by_motion(scene, MotionRules()).track.tolist()) == {1, 2}


def test_one_person_with_an_old_and_a_new_track_for_a_moment() -> None:
    old, new = walk(range(21), (0, 0), (2, 0)), walk(range(19, 40), (40, 2), (2, 0))
    scene = tracks(t1=old, t2=new)
    twice = is_duplicate(scene)
    assert scene.frame[twice].tolist() == [19, 20] and set(scene.track[twice].tolist()) == {1}
    assert set(link_by_motion(scene[~twice], MotionRules()).track.tolist()) == {1}


@pytest.mark.parametrize(
    ("until", "shift", "one_person"), [(22, 7, True), (24, 7, False), (29, 2, True), (31, 2, False)]
)
def test_the_longer_both_last_the_more_they_must_overlap(until: int, shift: int, one_person: bool) -> None:
    """Boxes are 20 wide: 7 aside they share less than half, 2 aside nearly all."""
    old, new = walk(range(until), (0, 0), (2, 0)), walk(range(19, 40), (38 + shift, 0), (2, 0))
    assert is_duplicate(tracks(t1=old, t2=new)).any() == one_person


def test_two_people_for_a_moment_are_two() -> None:
    aside = tracks(t1=walk(range(21), (0, 0), (2, 0)), t2=walk(range(19, 40), (60, 0), (2, 0)))
    long = tracks(t1=walk(range(31), (0, 0), (2, 0)), t2=walk(range(19, 40), (40, 2), (2, 0)))
    within = tracks(t1=walk(range(40), (0, 0), (2, 0)), t2=walk(range(19, 22), (40, 2), (2, 0)))
    assert not any(
        is_duplicate(scene).any() for scene in (aside, long, within, tracks(t1=walk(range(9), (0, 0), (1, 0))))
    )
    assert not is_duplicate(aside[:0]).any()


def test_fill_draws_a_straight_line_at_the_frames_own_times() -> None:
    rows = [r for r in walk(range(30), (0, 0), (3, 1)) if not 10 <= r[0] < 16]
    uneven = Timeline(np.arange(30), np.arange(30) / 10 + np.where(np.arange(30) == 12, 0.04, 0))
    scene = tracks(t1=rows)
    whole = fill_gaps(scene, uneven, MotionRules())
    drawn = whole[~whole.detected]
    assert drawn.frame.tolist() == [10, 11, 12, 13, 14, 15]
    np.testing.assert_allclose(drawn.xyxy[:, 0], uneven.seconds[drawn.frame] * 30, atol=1e-3)
    assert (np.diff(whole.frame) >= 0).all()


def test_fill_leaves_gaps_where_the_line_does_not_hold() -> None:
    """A gap inside a track across which the walk jumps sideways stays open; a short one is closed all the same."""
    jump = walk(range(20), (0, 0), (0, 0)) + walk(range(26, 46), (60, 0), (0, 0))
    assert fill_gaps(tracks(t1=jump), timeline(60), MotionRules()).detected.all()
    short = walk(range(20), (0, 0), (0, 0)) + walk(range(21, 40), (10, 0), (0, 0))
    assert (~fill_gaps(tracks(t1=short), timeline(60), MotionRules()).detected).sum() == 1


def test_short_tracks_are_told_by_their_seen_boxes() -> None:
    scene = tracks(t1=walk(range(5), (0, 0), (0, 0)), t2=walk(range(2), (90, 0), (0, 0)))
    assert set(scene[is_long(scene, 3)].track.tolist()) == {1}
    assert set(scene[is_long(scene, 2)].track.tolist()) == {1, 2}


@pytest.mark.parametrize(
    ("step", "sure", "left"),
    [((0.0, 0.0), 1, []), ((0.0, 0.0), 8, [1]), ((0.3, 0.0), 1, [1]), ((0.0, 0.3), 1, [1])],
)
def test_a_thing_never_moves_and_nobody_is_sure_of_it(step: tuple[float, float], sure: int, left: list[int]) -> None:
    """`sure` of twenty boxes are; 19 steps are over a tenth of a body's height, which is 40."""
    scene = tracks(t1=walk(range(20), (50, 50), step))
    scene = replace(scene, score=np.where(np.arange(20) < sure, 0.6, 0.4).astype(np.float32))
    assert sorted(set(scene[~is_static_object(scene, 0.55)].track.tolist())) == left


def test_things_are_told_track_by_track() -> None:
    scene = tracks(t1=walk(range(20), (50, 50), (0, 0)), t2=walk(range(20), (150, 50), (0, 0)))
    scene = replace(scene, score=np.where(scene.track == 1, 0.3, 0.9).astype(np.float32))
    assert set(scene[is_static_object(scene, 0.55)].track.tolist()) == {1}


def test_renumber_by_first_appearance() -> None:
    scene = tracks(
        t7=walk(range(5, 9), (0, 0), (0, 0)),
        t3=walk(range(6, 9), (50, 0), (0, 0)),
        t9=walk(range(2, 4), (0, 0), (0, 0)),
    )
    new = renumber(scene)
    first = {n: int(new.frame[new.track == n].min()) for n in (1, 2, 3)}
    assert first == {1: 2, 2: 5, 3: 6}


def test_empty_tracks_pass_through() -> None:
    none = Tracks.empty()
    assert (
        len(link_by_motion(none, MotionRules()))
        == len(fill_gaps(none, timeline(3), MotionRules()))
        == len(renumber(none[is_long(none, 3)]))
        == len(is_static_object(none, 0.5))
        == 0
    )
