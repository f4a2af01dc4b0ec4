"""Deciding again: who parted as whom, who was hidden and came back, and who left the picture and did not."""

from dataclasses import replace

import numpy as np
import pytest

from core.base.settings import TrackSettings
from core.base.types import Bools, Detections, Floats, Tracks
from core.vision.track import MotionRules, ObservedTracks, RelinkRules, StretchAppearance, relink_tracks, track
from tests.vision.track.scenes import detections, features, timeline, walk

PICTURE = (400, 300)
RED, BLUE = np.array([1.0, 0, 0, 0]), np.array([0, 1.0, 0, 0])


def looking(scene: Detections, is_red: Bools, noise: float = 0.02) -> Floats:
    rng = np.random.default_rng(0)
    return np.where(is_red[:, None], RED, BLUE) + rng.normal(0, noise, (len(scene), 4))


def of(scene: Detections, rows: list[tuple[float, ...]]) -> Bools:
    places = {(int(r[0]), round(float(r[1]), 1)) for r in rows}
    return np.array(
        [(int(f), round(float(x), 1)) in places for f, x in zip(scene.frame, scene.xyxy[:, 0], strict=True)]
    )


def spans(found: Tracks) -> list[tuple[int, int]]:
    return sorted(
        (int(found.frame[found.track == n].min()), int(found.frame[found.track == n].max())) for n in set(found.track)
    )


def numbered(rows: list[tuple[float, ...]]) -> Tracks:
    """Who walks so, of whom the tracker made track 1 in the first 30 boxes, and track 2 in the others."""
    table = np.array(rows)
    number = np.where(np.arange(len(table)) < 30, 1, 2)
    return Tracks(table[:, 0], table[:, 0] / 10, number, table[:, 1:5], table[:, 5], np.ones(len(table), bool))


def settled(tracks: Tracks, second: Floats, cover: float = 0.0) -> int:
    """How many are left; the first track looks red, the other one like `second`."""
    looks = {(1, 0): RED.astype(np.float32), (2, 0): second.astype(np.float32)}
    covered, none = np.full(len(tracks), cover), np.zeros(len(tracks), np.int64)
    return len(
        set(
            relink_tracks(
                ObservedTracks(tracks, covered, none, looks, PICTURE), 0.6, RelinkRules(), MotionRules()
            ).track
        )
    )


def tracked(scene: Detections, looks: Floats, frames: int) -> Tracks:
    return track(timeline(frames), scene, TrackSettings(), [features(looks)], size=PICTURE)


@pytest.mark.parametrize(("same", "spanned"), [(True, [(0, 89)]), (False, [(0, 29), (70, 89)])])
def test_hidden_for_seconds_and_seen_again(same: bool, spanned: list[tuple[int, int]]) -> None:
    before, after = walk(range(30), (100, 100), (1, 0)), walk(range(70, 90), (150, 100), (1, 0))
    other = walk(range(90), (300, 200), (0, 0))  # a stranger, by whom this camera shows what unlike means
    scene = detections(before, after, other)
    red = of(scene, before) | (of(scene, after) & same)
    found = tracked(scene, looking(scene, red), 90)
    assert spans(found) == sorted([*spanned, (0, 89)])


def test_looks_count_where_nobody_came_in_the_first_chunk() -> None:
    before, after = walk(range(30), (100, 100), (1, 0)), walk(range(70, 90), (150, 100), (1, 0))
    scene = detections(before, after, walk(range(90), (300, 200), (0, 0)))
    looks = features(looking(scene, of(scene, before) | of(scene, after)))
    nobody = features(np.empty((0, 4)))
    assert spans(track(timeline(90), scene, TrackSettings(), [nobody, looks], size=PICTURE)) == [(0, 89), (0, 89)]


def test_who_leaves_the_picture_comes_back_as_a_new_track() -> None:
    before, after = walk(range(30), (60, 100), (-2, 0)), walk(range(70, 90), (2, 100), (2, 0))
    other = walk(range(90), (300, 200), (0, 0))
    scene = detections(before, after, other)
    found = tracked(scene, looking(scene, of(scene, before) | of(scene, after)), 90)
    assert spans(found) == [(0, 29), (0, 89), (70, 89)]


@pytest.mark.parametrize(("gap", "spanned"), [(13, [(0, 64), (0, 64)]), (28, [(0, 29), (0, 79), (58, 79)])])
def test_hidden_at_the_border_is_not_gone_where_the_motion_fits(gap: int, spanned: list[tuple[int, int]]) -> None:
    """Walking along the border, and hidden there for a moment or for longer."""
    end = 52 + gap
    walked = walk(range(end if gap < 25 else 80), (2, 20), (0, 1))
    seen = [row for row in walked if not 30 <= row[0] < 30 + gap]
    scene = detections(seen, walk(range(len(walked)), (300, 200), (0, 0)))
    found = tracked(scene, looking(scene, of(scene, seen)), len(walked))
    assert spans(found) == spanned


@pytest.mark.parametrize(("cover", "count"), [(0.0, 1), (0.5, 2)])
def test_who_turns_and_looks_like_another_walks_on(cover: float, count: int) -> None:
    """The tracker began anew in the same place at once: one person however they look, unless somebody was in front."""
    assert settled(numbered(walk(range(60), (100, 100), (1, 0))), BLUE, cover) == count


@pytest.mark.parametrize(("start", "count"), [(100, 1), (0, 2)])
def test_at_the_border_one_comes_as_another_goes(start: float, count: int) -> None:
    """Two who look unlike, at once and at one place: inside the picture somebody has turned, at its border nobody."""
    assert settled(numbered(walk(range(60), (start, 100), (0, 0))), BLUE) == count


@pytest.mark.parametrize(("cosine", "count"), [(0.75, 1), (0.62, 2)])
def test_what_the_tracker_had_joined_needs_likely_looks_too(cosine: float, count: int) -> None:
    """A track with a doubt in it, about somebody like a stranger, and somebody a little more alike than strangers."""
    table = np.array(walk(range(60), (100, 100), (1, 0)))
    tracks = Tracks(table[:, 0], table[:, 0] / 10, np.ones(60, np.int64), table[:, 1:5], table[:, 5], np.ones(60, bool))
    stretch = (table[:, 0] >= 30).astype(np.int64)
    like = np.array([cosine, np.sqrt(1 - cosine**2), 0, 0], np.float32)
    looks = {(1, 0): RED.astype(np.float32), (1, 1): like}
    cover = np.where(np.abs(table[:, 0] - 30) < 2, 0.5, 0.0)  # somebody was in front
    found = relink_tracks(ObservedTracks(tracks, cover, stretch, looks, PICTURE), 0.8, RelinkRules(), MotionRules())
    assert len(set(found.track)) == count


@pytest.mark.parametrize(("gap", "count"), [(10, 1), (19, 2)])
def test_who_comes_where_another_left_is_new_after_a_while(gap: int, count: int) -> None:
    """Standing at the border with one and the same look; the walk would fit."""
    seen = [row for row in walk(range(60 + gap), (0, 100), (0, 0)) if not 30 <= row[0] < 30 + gap]
    assert settled(numbered(seen), RED) == count


def test_out_of_reach_is_somebody_else() -> None:
    before, after = walk(range(30), (40, 100), (0, 0)), walk(range(45, 80), (340, 100), (0, 0))
    scene = detections(before, after, walk(range(80), (200, 220), (0, 0)))
    found = tracked(scene, looking(scene, of(scene, before) | of(scene, after)), 80)
    assert (0, 79) in spans(found) and len(set(found.track)) == 3


def who_swap() -> tuple[Tracks, list[np.ndarray], Bools]:
    """Two who meet in frames 20 to 29 and whose numbers the tracker exchanged; rows, numbers by frame, who is red."""
    left = walk(range(50), (100, 100), (2, 0))
    right = walk(range(50), (200, 100), (-2, 0))
    rows, number, red = [], [], []
    for f, (a, b) in enumerate(zip(left, right, strict=True)):
        rows += [a, b]
        number += [1, 2] if f < 25 else [2, 1]
        red += [True, False]
    table = np.array(rows)
    tracks = Tracks(
        table[:, 0], table[:, 0] / 10, np.array(number), table[:, 1:5], table[:, 5], np.ones(len(table), bool)
    )
    return tracks, [np.array(number[2 * f : 2 * f + 2]) for f in range(50)], np.array(red)


def test_numbers_that_were_exchanged_are_put_right() -> None:
    tracks, numbers, red = who_swap()
    looks, cover, stretch = StretchAppearance(0.5), [], []
    for f, number in enumerate(numbers):
        rows = tracks.frame == f
        vectors = np.where(red[rows][:, None], RED, BLUE).astype(np.float32)
        seen = looks.update(f / 10, number, tracks.xyxy[rows], vectors, np.ones(2, bool))
        cover.append(seen[0])
        stretch.append(seen[1])
    given = looks.mean_vectors()
    found = relink_tracks(
        ObservedTracks(tracks, np.concatenate(cover), np.concatenate(stretch), given, PICTURE),
        0.6,
        RelinkRules(),
        MotionRules(),
    )
    ordered = np.lexsort((tracks.frame, tracks.track))
    clean = np.concatenate(cover)[ordered] < 0.2
    assert len(set(found.track[clean & red[ordered]])) == 1
    assert len(set(found.track[clean & ~red[ordered]])) == 1
    assert set(found.track[clean & red[ordered]]).isdisjoint(found.track[clean & ~red[ordered]])


def test_covered_boxes_say_nothing_about_looks() -> None:
    looks = StretchAppearance(0.5)
    apart = np.array([[0, 0, 40, 100], [200, 0, 240, 100]], np.float32)
    close = np.array([[0, 0, 40, 100], [10, 0, 50, 100]], np.float32)
    vectors = np.stack([RED, BLUE]).astype(np.float32)
    has = np.ones(2, bool)
    cover, stretch = looks.update(0.0, np.array([1, 2]), apart, vectors, has)
    assert cover.tolist() == [0, 0] and stretch.tolist() == [0, 0]
    cover, stretch = looks.update(0.1, np.array([1, 2]), close, vectors[::-1], has)
    assert cover.min() > 0.5 and stretch.tolist() == [1, 1]
    assert looks.update(0.2, np.array([1, 2]), close, vectors[::-1], has)[1].tolist() == [1, 1]
    assert looks.update(0.8, np.array([2]), apart[1:], vectors[:1], np.ones(1, bool))[1].tolist() == [2]
    known = looks.mean_vectors()
    assert set(known) == {(1, 0), (2, 0), (2, 2)}
    np.testing.assert_allclose(known[1, 0], RED)


def test_a_track_that_changes_its_looks_is_two() -> None:
    """The tracker goes on with somebody who stepped out from behind the first one: no gap, no meeting."""
    one = [*walk(range(30), (100, 100), (1, 0)), *walk(range(30, 60), (140, 100), (1, 0))]
    scene = detections(one, walk(range(60), (300, 200), (0, 0)))
    red = of(scene, one[:30])
    third = np.array([0, 0, 1.0, 0])
    looks = looking(scene, red)
    looks[of(scene, one[30:])] += third - BLUE
    assert spans(tracked(scene, looks, 60)) == [(0, 29), (0, 59), (30, 59)]


def test_one_odd_box_is_no_change() -> None:
    one = walk(range(60), (100, 100), (1, 0))
    scene = detections(one, walk(range(60), (300, 200), (0, 0)))
    red = of(scene, one) & (scene.frame != 30)
    assert spans(tracked(scene, looking(scene, red), 60)) == [(0, 59), (0, 59)]


def test_all_links_together_cost_least() -> None:
    """The nearest pair is not linked first where that would leave two others apart."""
    first = walk(range(20), (100, 100), (0, 0)), walk(range(20), (118, 100), (0, 0))
    then = walk(range(24, 44), (112, 100), (0, 0)), walk(range(24, 44), (130, 100), (0, 0))
    parts = [np.array(rows) for rows in (*first, *then)]
    table = np.concatenate(parts)
    number = np.repeat([1, 2, 3, 4], [len(p) for p in parts])
    tracks = Tracks(table[:, 0], table[:, 0] / 10, number, table[:, 1:5], table[:, 5], np.ones(len(table), bool))
    none = np.zeros(len(tracks))
    rules = replace(RelinkRules(), unknown_likeness=1.0)
    found = relink_tracks(
        ObservedTracks(tracks, none, none.astype(np.int64), {}, PICTURE), 0.6, rules, MotionRules(max_distance=0.4)
    )
    assert [int(found.track[tracks.track == n][0]) for n in (3, 4)] == [
        int(found.track[tracks.track == n][0]) for n in (1, 2)
    ]


def test_nothing_in_nothing_out() -> None:
    none = Tracks.empty()
    assert (
        len(
            relink_tracks(
                ObservedTracks(none, np.empty(0), np.empty(0, np.int64), {}, None), 0.6, RelinkRules(), MotionRules()
            )
        )
        == 0
    )
