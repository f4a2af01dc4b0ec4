"""What the tracker promises, scene by scene."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.settings import TrackSettings
from core.base.types import Detections, Features, Timeline, Tracks
from core.vision.track import NO_FEATURES, STEP_SECONDS, AssociationRules, Tracker, track
from tests.vision.track.scenes import detections, features, timeline, walk

DEFAULT = TrackSettings()


def spans(tracks: Tracks) -> list[tuple[int, int]]:
    """First and last frame of each track, in order of track number."""
    return [(int(f.min()), int(f.max())) for f in (tracks.frame[tracks.track == n] for n in np.unique(tracks.track))]


def test_nothing_in_nothing_out() -> None:
    assert len(track(timeline(20), detections(), DEFAULT)) == 0
    assert len(track(timeline(0), detections(), DEFAULT)) == 0


def test_one_person_is_one_track_of_all_boxes() -> None:
    found = track(timeline(30), detections(walk(range(30), (10, 10), (3, 0))), DEFAULT)
    assert spans(found) == [(0, 29)]
    assert len(found) == 30 and found.detected.all()
    assert found.track.min() == 1


@pytest.mark.parametrize(
    ("frames", "rate", "tracks", "why"),
    [
        (2, 3, 0, "fewer than n_init boxes are noise"),
        (3, 3, 1, "exactly n_init boxes are a track"),
        (5, 10, 0, "less than half a second is a glimpse, however many boxes it has"),
        (6, 10, 1, "half a second is a track"),
    ],
)
def test_n_init_and_the_shortest_track(frames: int, rate: float, tracks: int, why: str) -> None:
    boxes = detections(walk(range(5, 5 + frames), (10, 10), (0, 0)))
    assert len(spans(track(timeline(20, rate), boxes, DEFAULT))) == tracks, why


def test_people_who_stand_still_are_kept() -> None:
    found = track(timeline(600), detections(walk(range(600), (100, 100), (0, 0))), DEFAULT)
    assert spans(found) == [(0, 599)]


@pytest.mark.parametrize(
    ("gap", "tracks"),
    [(5, 1), (18, 1), (25, 2)],  # at 10 frames a second: half a second and 1.9 s are closed, 2.6 s is not
)
def test_gaps_up_to_two_seconds_are_closed(gap: int, tracks: int) -> None:
    speed = (2.0, 0.0)
    before = walk(range(20), (10, 10), speed)
    after = walk(range(20 + gap, 45 + gap), (10 + speed[0] * (20 + gap), 10), speed)
    found = track(timeline(80), detections(before, after), DEFAULT)
    assert len(spans(found)) == tracks
    if tracks == 1:
        filled = ~found.detected
        assert filled.sum() == gap
        middle = found.xyxy[filled][gap // 2]
        assert middle[0] == pytest.approx(10 + speed[0] * found.frame[filled][gap // 2], abs=1.5)


def test_a_gap_is_not_closed_where_motion_does_not_fit() -> None:
    before = walk(range(20), (10, 10), (2, 0))
    after = walk(range(30, 50), (300, 200), (2, 0))
    assert spans(track(timeline(60), detections(before, after), DEFAULT)) == [(0, 19), (30, 49)]


def test_conf_takes_weak_boxes_away() -> None:
    scene = detections(walk(range(30), (10, 10), (0, 0), 0.9), walk(range(30), (200, 10), (0, 0), 0.6))
    assert len(spans(track(timeline(30), scene, DEFAULT))) == 2
    strict = track(timeline(30), scene, replace(DEFAULT, conf=0.7))
    assert spans(strict) == [(0, 29)]
    assert strict.score.min() >= 0.7


def test_weak_boxes_prolong_a_track_and_start_none() -> None:
    person = walk(range(10), (10, 10), (0, 0), 0.9) + walk(range(10, 20), (10, 10), (0, 0), 0.3)
    ghost = walk(range(20), (200, 10), (0, 0), 0.3)
    assert spans(track(timeline(20), detections(person, ghost), DEFAULT)) == [(0, 19)]


def test_iou_decides_how_far_a_box_may_jump() -> None:
    # 9 px a frame on a box 20 px wide: overlap 11 / 29 = 0.38 before the motion is known.
    scene = detections(walk(range(30), (10, 10), (9, 0)))
    assert len(spans(track(timeline(30), scene, DEFAULT))) == 1
    assert len(track(timeline(30), scene, replace(DEFAULT, iou=0.6))) == 0


def two_who_swap() -> tuple[Detections, Features]:
    """Two people who meet, are both hidden for a second, and turn back; motion says they crossed."""
    frames = 40
    left = walk(range(15), (10, 10), (5, 0)) + walk(range(25, 40), (80, 10), (-5, 0))
    right = walk(range(15), (150, 10), (-5, 0)) + walk(range(25, 40), (85, 10), (5, 0))
    scene = detections(left, right)
    is_left = np.array(
        [
            any(abs(b[1] - x) < 0.1 and b[0] == f for b in left)
            for f, x in zip(scene.frame, scene.xyxy[:, 0], strict=True)
        ]
    )
    rng = np.random.default_rng(1)
    look = np.where(is_left[:, None], [1.0, 0, 0, 0], [0, 1.0, 0, 0]) + rng.normal(0, 0.05, (len(scene), 4))
    assert frames > scene.frame.max()
    return scene, features(look)


def owner(tracks: Tracks, frame: int, x: float) -> int:
    row = np.flatnonzero((tracks.frame == frame) & (np.abs(tracks.xyxy[:, 0] - x) < 1))
    return int(tracks.track[row[0]])


def test_appearance_settles_who_is_who_after_people_met() -> None:
    scene, looks = two_who_swap()
    found = track(timeline(40), scene, replace(DEFAULT, track_cos=0.5), [looks])
    assert owner(found, 0, 10) == owner(found, 39, 80 - 5 * 14)
    assert owner(found, 0, 150) == owner(found, 39, 85 + 5 * 14)


def test_track_cos_changes_the_result() -> None:
    scene, looks = two_who_swap()
    lenient = track(timeline(40), scene, replace(DEFAULT, track_cos=0.5), [looks])
    strict = track(timeline(40), scene, replace(DEFAULT, track_cos=0.9999), [looks])
    assert spans(lenient) != spans(strict) or (lenient.track != strict.track).any()


def test_boxes_without_a_feature_are_matched_on_motion() -> None:
    scene = detections(walk(range(30), (10, 10), (3, 0)))
    some = features(np.ones((10, 4)), np.arange(0, 30, 3))
    assert spans(track(timeline(30), scene, DEFAULT, [some])) == [(0, 29)]


def test_features_in_chunks_equal_features_at_once() -> None:
    scene, looks = two_who_swap()
    whole = track(timeline(40), scene, DEFAULT, [looks])
    parts = track(timeline(40), scene, DEFAULT, [looks[:7], looks[7:7], looks[7:31], looks[31:]])
    np.testing.assert_array_equal(whole.track, parts.track)


def crowd(seed: int) -> tuple[Timeline, Detections]:
    rng = np.random.default_rng(seed)
    people = []
    for _ in range(rng.integers(2, 7)):
        first = int(rng.integers(0, 20))
        rows = walk(range(first, first + int(rng.integers(5, 40))), rng.uniform(0, 300, 2), rng.uniform(-4, 4, 2))
        people.append([r for r in rows if rng.random() > 0.15])
    return timeline(60), detections(*people)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_shuffled_boxes_change_no_track_but_its_label(seed: int) -> None:
    times, scene = crowd(seed)
    order = np.random.default_rng(seed).permutation(len(scene))
    order = order[np.argsort(scene.frame[order], kind="stable")]

    def partition(tracks: Tracks) -> set[frozenset[tuple[float, ...]]]:
        rows = [(int(f), *map(float, b)) for f, b in zip(tracks.frame, tracks.xyxy, strict=True)]
        return {frozenset(r for r, t in zip(rows, tracks.track, strict=True) if t == n) for n in set(tracks.track)}

    assert partition(track(times, scene, DEFAULT)) == partition(track(times, scene[order], DEFAULT))


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_trackers_side_by_side_share_nothing(one: int, other: int) -> None:
    """Interleaved frame by frame, or one after the other: the same numbers."""
    scenes = [crowd(one), crowd(other)]

    def feed(tracker: Tracker, scene: tuple[Timeline, Detections], i: int) -> list[int]:
        rows = np.flatnonzero(scene[1].frame == i)
        none = np.zeros(len(rows), bool)
        seconds = float(scene[0].seconds[i])
        return tracker.step(seconds, scene[1].xyxy[rows], scene[1].score[rows], NO_FEATURES, none).tolist()

    def fresh() -> Tracker:
        return Tracker(AssociationRules.from_settings(DEFAULT), STEP_SECONDS)

    alone = [[feed(t, s, i) for i in range(60)] for t, s in ((fresh(), scenes[0]), (fresh(), scenes[1]))]
    pair = [fresh(), fresh()]
    mixed: list[list[list[int]]] = [[], []]
    for i in range(60):
        for k in (0, 1):
            mixed[k].append(feed(pair[k], scenes[k], i))
    assert mixed == alone


def test_time_counts_and_not_frames() -> None:
    """The same walk seen at 10 and at 5 frames a second, and with a pause in the recording."""
    rows = walk(range(60), (10, 10), (1, 0))
    dense = track(timeline(60), detections(rows), DEFAULT)
    thin = track(timeline(60)[::2], detections(rows[::2]), DEFAULT)
    assert spans(dense) == [(0, 59)] and spans(thin) == [(0, 58)]
    paused = Timeline(np.arange(60), np.arange(60) / 10 + 60.0 * (np.arange(60) >= 30))
    assert spans(track(paused, detections(rows), DEFAULT)) == [(0, 29), (30, 59)]


def lookalikes(looked: list[bool]) -> list[int]:
    """The numbers of two people side by side, 1 and 2, who look much the same; 1 was hidden in the frame before."""
    tracker, looks = (
        Tracker(AssociationRules.from_settings(DEFAULT), STEP_SECONDS),
        np.array([[1, 0], [0.9, 0.43]], np.float32),
    )
    both, sure = np.array([[100, 100, 120, 150], [114, 100, 134, 150]], np.float32), np.full(2, 0.9)
    for i in range(5):
        tracker.step(i / 10, both, sure, looks, np.ones(2, bool))
    tracker.step(0.5, both[1:], sure[1:], looks[1:], np.ones(1, bool))
    return tracker.step(0.6, both, sure, looks[looked], np.array(looked)).tolist()


@pytest.mark.parametrize("looked", [[True, True], [True, False], [False, True], [False, False]])
def test_a_box_that_was_not_looked_at_keeps_its_track(looked: list[bool]) -> None:
    """2 chooses first, as it was seen last, and must not take the box of 1 because only that one has looks to show."""
    assert lookalikes(looked) == [1, 2]


def test_asking_how_far_boxes_are_changes_nothing() -> None:
    times, scene = crowd(7)
    one, other = (Tracker(AssociationRules.from_settings(DEFAULT), STEP_SECONDS) for _ in range(2))
    for i in range(60):
        rows, seconds = np.flatnonzero(scene.frame == i), float(times.seconds[i])
        far = other.distances(seconds, scene.xyxy[rows])
        given = [
            t.step(seconds, scene.xyxy[rows], scene.score[rows], NO_FEATURES, np.zeros(len(rows), bool)).tolist()
            for t in (one, other)
        ]
        assert given[0] == given[1]
        if i == 20:
            # One of five boxes is where nobody is expected.
            assert far.shape[1] == len(rows) == 5 and (far.min(axis=0) < 1).sum() == 4


def test_regions_and_conf_only_filter() -> None:
    scene = detections(walk(range(30), (10, 10), (0, 0)), walk(range(30), (200, 10), (0, 0)))
    left = scene.xyxy[:, 0] < 100
    assert spans(track(timeline(30), scene, DEFAULT, usable=left)) == [(0, 29)]


def test_progress_reaches_the_end() -> None:
    told: list[int] = []
    track(timeline(600), detections(walk(range(600), (0, 0), (0, 0))), DEFAULT, on_frames=told.append)
    assert told == sorted(told) and told[-1] == 600
