"""Which boxes are looked at, scene by scene: frames at 10 a second unless it says otherwise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.base.types import Detections
from core.vision.track import select_boxes_to_embed
from tests.vision.track.scenes import detections, timeline, walk

BIRTH = [0, 1, 2]


def everything(scene: Detections) -> np.ndarray:
    return np.ones(len(scene), bool)


def frames(scene: Detections, count: int, left_of: float = np.inf, rate: float = 10.0) -> list[int]:
    """The frames in which a box that begins left of `left_of` is looked at."""
    chosen = select_boxes_to_embed(timeline(count, rate), scene, everything(scene))
    return scene.frame[chosen & (scene.xyxy[:, 0] < left_of)].tolist()


def test_nothing_in_nothing_out() -> None:
    assert select_boxes_to_embed(timeline(10), detections(), np.zeros(0, bool)).tolist() == []
    assert select_boxes_to_embed(timeline(0), detections(), np.zeros(0, bool)).tolist() == []


def test_somebody_alone_is_looked_at_when_they_come_and_every_two_seconds() -> None:
    scene = detections(walk(range(60), (10, 10), (2, 0)))
    assert frames(scene, 60) == [*BIRTH, 22, 42]


@pytest.mark.parametrize(("rate", "birth"), [(5, [0, 1]), (10, BIRTH), (30, [0, 3, 6])])
def test_looks_are_spread_over_time_and_not_over_frames(rate: int, birth: list[int]) -> None:
    scene = detections(walk(range(2 * rate), (10, 10), (20 / rate, 0)))
    assert frames(scene, 2 * rate, rate=rate) == birth


@pytest.mark.parametrize("gap", [1, 10])
def test_somebody_who_returns_is_looked_at_as_if_new(gap: int) -> None:
    """Also after a single frame: somebody who is being covered is found now and then."""
    before, back = walk(range(15), (10, 10), (2, 0)), 15 + gap
    after = walk(range(back, back + 15), (10 + 2 * back, 10), (2, 0))
    assert frames(detections(before, after), 50) == [*BIRTH, back, back + 1, back + 2]


def test_a_weak_box_is_as_good_as_none() -> None:
    strong, weak = walk(range(15), (10, 10), (2, 0)), walk(range(15, 17), (40, 10), (2, 0), score=0.4)
    scene = detections(strong, weak, walk(range(17, 30), (44, 10), (2, 0)))
    assert frames(scene, 30) == [*BIRTH, 17, 18, 19]


def test_few_frames_a_second_are_no_gap() -> None:
    scene = detections(walk(range(20), (10, 10), (2, 0)))
    assert frames(scene, 20, rate=2) == [0, 1, 5, 9, 13, 17]


def test_people_who_pass_each_other_are_looked_at_until_they_are_apart() -> None:
    scene = detections(walk(range(80), (100, 100), (4, 0)), walk(range(80), (420, 110), (-4, 0)))
    seen = frames(scene, 80)
    meeting = sorted({f for f in seen if 34 <= f <= 50})
    assert len(meeting) >= 6 and max(np.diff(meeting)) <= 3
    # Both of them, for one look says little about two people.
    assert sum(seen.count(f) == 2 for f in meeting) >= 5
    assert [f for f in seen if 3 <= f < 33] == [22, 22] and [f for f in seen if f > 52] == [65, 65]


def test_two_boxes_on_one_person_are_doubt_enough() -> None:
    one = walk(range(60), (100, 100), (0, 0))
    doubled = detections(one, walk(range(40, 45), (106, 102), (0, 0)))
    assert len(frames(doubled, 60)) >= len(frames(detections(one), 60)) + 8


def test_weak_boxes_and_those_that_do_not_count_are_left_out() -> None:
    scene = detections(walk(range(20), (10, 10), (0, 0), score=0.5), walk(range(20), (200, 10), (0, 0)))
    assert frames(scene, 20, left_of=100) == [] and frames(scene, 20) == BIRTH
    assert not select_boxes_to_embed(timeline(20), scene, scene.xyxy[:, 0] < 100).any()


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_the_order_of_boxes_within_a_frame_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = [walk(range(40), rng.uniform(0, 200, 2), rng.uniform(-4, 4, 2)) for _ in range(5)]
    scene = detections(*people)
    order = rng.permutation(len(scene))
    order = order[np.argsort(scene.frame[order], kind="stable")]
    chosen = select_boxes_to_embed(timeline(40), scene, everything(scene))
    again = select_boxes_to_embed(timeline(40), scene[order], everything(scene))
    np.testing.assert_array_equal(chosen[order], again)
    assert chosen.any()
