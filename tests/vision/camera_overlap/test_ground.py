"""Two cameras that see one ground find it out by themselves, and cameras that do not are never told that they do."""

import numpy as np
import pytest

from core.base.types import Tracklets, Tracks
from core.vision.camera_overlap import (
    CameraOverlap,
    Feet,
    find_identity_swaps,
    find_overlaps,
    foot_distance_matrix,
    search,
    walks_of,
)
from core.vision.camera_overlap import homography as maps
from core.vision.match import TOGETHER, cosine_similarity, reasons
from tests.vision.camera_overlap.making import EAST, SIZE, SOUTH, STEP, TURNED, paths, seen, square


def found_in(tracklets: Tracklets, walks) -> list[CameraOverlap]:  # type: ignore[no-untyped-def]
    return find_overlaps(tracklets, walks, cosine_similarity(tracklets), reasons(tracklets) == TOGETHER)


def test_places_that_are_not_known_are_left_open() -> None:
    seconds = np.array([0.0, 0.1, 0.2, 1.0, 1.1, 1.2])
    left = np.array([100, 110, 120, 200, 210, 940.0])
    box = np.stack([left, np.full(6, 100.0), left + 20, np.full(6, 200.0)], axis=1)
    walks = walks_of(Tracks(np.arange(6), seconds, np.ones(6), box, np.ones(6), np.ones(6)), SIZE, 2.0)  # type: ignore[arg-type]
    assert walks.tick.tolist() == list(range(20, 33))
    known = np.isfinite(walks.feet[:, 0])
    # From 0.2 to 1.0 nobody saw them, and at 1.2 the picture's edge cuts them off.
    assert known.tolist() == [True] * 3 + [False] * 8 + [True] + [False]
    assert walks.feet[1].tolist() == pytest.approx([120 / 960, 200 / 960])
    assert walks.tall[0] == pytest.approx(100 / 960)


def test_a_map_through_four_places_and_back() -> None:
    rng = np.random.default_rng(0)
    here = rng.random((5, 4, 2))
    truth = np.array([[1.0, 0.2, 0.1], [0.1, 0.9, 0.3], [0.2, 0.1, 1.0]])
    there = maps.project(truth[None], here)[0]
    found = maps.homographies_through(here, there)
    assert np.allclose(maps.project(found, here[0])[0], there[0])
    assert np.allclose(maps.project(maps.inverse(found), there[0])[0], here[0])


def test_a_map_is_not_pulled_by_what_is_far_off() -> None:
    rng = np.random.default_rng(0)
    here, tall = rng.random((200, 2)), np.full(200, 0.1)
    truth = np.array([[1.0, 0.2, 0.1], [0.1, 0.9, 0.3], [0.2, 0.1, 1.0]])
    there = maps.project(truth[None], here)[0] + rng.normal(0, 0.005, (200, 2))
    there[:40] += 0.5
    start = maps.homographies_through(here[None, 40:44], there[None, 40:44])[0]
    found = maps.fit_homography(Feet(here, there, tall, tall), start, rounds=10)
    assert np.abs(maps.project(found[None], here)[0] - maps.project(truth[None], here)[0]).max() < 0.02


@pytest.mark.parametrize("late", [0.0, 0.7, -1.2])
def test_the_same_ground_and_the_clocks_are_found(late: float) -> None:
    walked = paths(6, 20)
    south, east = seen(SOUTH, walked, 0.008, 1, max(-late, 0)), seen(EAST, walked, 0.008, 2, max(late, 0))
    tracklets, walks = square(south, east)
    (found,) = found_in(tracklets, walks)
    assert (found.camera_a, found.camera_b) == (0, 1)
    assert found.shift_seconds == pytest.approx(late, abs=0.11)
    assert found.agreeing > 5 and found.residual < 0.1
    assert CameraOverlap.from_dict(found.to_dict()).to_dict() == found.to_dict()


def test_an_offset_that_is_given_is_counted_in() -> None:
    walked = paths(6, 20)
    tracklets, walks = square(seen(SOUTH, walked, 0.008), seen(EAST, walked, 0.008, 2, 0.7), offsets=(0.0, 0.7))
    assert abs(found_in(tracklets, walks)[0].shift) <= 1


def test_two_who_look_like_each_other_do_not_hide_it() -> None:
    """Looks say that 1 is 2 and 2 is 1; where they stand tells them apart."""
    walked = paths(6, 20)
    looks = np.eye(32)[[1, 2, 3, 4, 5, 6, 2, 1, 3, 4, 5, 6]]
    tracklets, walks = square(seen(SOUTH, walked, 0.008), seen(EAST, walked, 0.008, 2), looks=looks)
    apart = foot_distance_matrix(tracklets, walks, found_in(tracklets, walks))
    assert apart[0, 6] < 0.4 and apart[1, 7] < 0.4
    assert apart[0, 7] > 0.8 and apart[1, 6] > 0.8
    assert np.isnan(apart[0, 1]) and np.array_equal(apart, apart.T, equal_nan=True)


@pytest.mark.parametrize("seed", range(4))
def test_other_ground_is_not_believed(seed: int) -> None:
    """The same looks in both cameras, but everybody walks somewhere else."""
    here, there = paths(8, 20, seed), paths(8, 20, seed + 100)
    tracklets, walks = square(seen(SOUTH, here, 0.008), seen(EAST, there, 0.008, 2))
    assert found_in(tracklets, walks) == []


def test_who_stands_still_proves_nothing() -> None:
    walked = paths(4, 20, still=True)
    tracklets, walks = square(seen(SOUTH, walked, 0.008), seen(EAST, walked, 0.008, 2))
    assert found_in(tracklets, walks) == []


def test_a_track_that_went_on_as_somebody_else_is_cut_there() -> None:
    walked = paths(6, 24)
    half = 120
    mixed = [np.concatenate([walked[0][:half], walked[1][half:]]), np.concatenate([walked[1][:half], walked[0][half:]])]
    tracklets, walks = square(seen(SOUTH, walked, 0.008), seen(EAST, [*mixed, *walked[2:]], 0.008, 2))
    found = found_in(tracklets, walks)
    cuts = find_identity_swaps(tracklets, walks, found)
    assert {row for row, _ in cuts} == {0, 1, 6, 7}
    assert all(seconds == pytest.approx(half * STEP, abs=1.5) for _, seconds in cuts)


@pytest.mark.slow
def test_nobody_is_cut_for_nothing() -> None:
    walked = paths(6, 24)
    tracklets, walks = square(seen(SOUTH, walked, 0.008), seen(EAST, walked, 0.008, 2))
    assert find_identity_swaps(tracklets, walks, found_in(tracklets, walks)) == []


@pytest.mark.slow
def test_a_third_camera_tells_who_was_mixed() -> None:
    """South and north see everybody right, so what the east mixed up is cut in the east alone."""
    walked = paths(6, 24)
    half = 120
    mixed = [np.concatenate([walked[0][:half], walked[1][half:]]), np.concatenate([walked[1][:half], walked[0][half:]])]
    east = seen(EAST, [*mixed, *walked[2:]], 0.008, 2)
    tracklets, walks = square(
        seen(SOUTH, walked, 0.008), east, seen(SOUTH @ TURNED, walked, 0.008, 3), offsets=(0.0, 0.0, 0.0)
    )
    cuts = find_identity_swaps(tracklets, walks, found_in(tracklets, walks))
    assert {row for row, _ in cuts} == {6, 7}


@pytest.mark.slow
def test_pairs_of_cameras_that_too_few_people_can_have_crossed_are_not_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 200 cameras that is what nearly all pairs are, and a search takes a tenth of a second."""
    walked = paths(6, 20)
    south, east = seen(SOUTH, walked, 0.008, 1), seen(EAST, walked, 0.008, 2)
    searched: list[int] = []
    real = search._Search.at
    monkeypatch.setattr(search._Search, "at", lambda self, shift: searched.append(shift) or real(self, shift))
    assert len(found_in(*square(south, east))) == 1 and searched
    searched.clear()
    brief = [tracks[tracks.seconds < 2] for tracks in (south, east)]
    assert found_in(*square(*brief)) == [] and not searched
