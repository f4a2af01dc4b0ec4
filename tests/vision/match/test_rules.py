"""Who cannot be one person, who must be, and the words for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Tracklets, Tracks
from core.vision.match import (
    ELSEWHERE,
    FREE,
    REJECTED,
    TOGETHER,
    TOO_SOON,
    Contradiction,
    Decisions,
    Presence,
    find_presence,
    match,
    must_link_groups,
    reasons,
)
from core.vision.models import EmbedderPrior
from tests.vision.match.making import unit

PRIOR = EmbedderPrior(0.3, 0.25, 0.7)


def seen(*rows: tuple[int, float, float]) -> Tracklets:
    """Tracklets from (camera, start, end)."""
    camera, start, end = (np.array(column) for column in zip(*rows, strict=True))
    return Tracklets(camera, np.arange(len(rows)), start, end, unit(np.ones((len(rows), 2))))


@pytest.mark.parametrize(
    ("one", "other", "travel", "reason"),
    [
        ((0, 0, 5), (0, 4, 9), 0, TOGETHER),
        ((0, 0, 5), (0, 5, 9), 0, TOGETHER),  # in the same frame
        ((0, 0, 5), (0, 5.1, 9), 0, FREE),  # left and came back
        ((0, 0, 5), (1, 4, 9), 0, FREE),  # views may overlap
        ((0, 0, 5), (1, 4, 9), 2, TOO_SOON),
        ((0, 0, 5), (1, 6.9, 9), 2, TOO_SOON),
        ((0, 0, 5), (1, 7, 9), 2, FREE),
        ((1, 7, 9), (0, 0, 5), 2, FREE),
        ((0, 0, 5), (0, 6, 9), 2, FREE),  # within one camera nobody travels
    ],
)
def test_reasons(one: tuple[int, float, float], other: tuple[int, float, float], travel: float, reason: int) -> None:
    ways = np.array([[0.0, travel], [travel, 0.0]])
    found = reasons(seen(one, other), ways)
    assert found.tolist() == [[FREE, reason], [reason, FREE]]


def test_what_the_user_rejected_comes_after_what_cannot_be() -> None:
    found = reasons(seen((0, 0, 5), (0, 4, 9), (1, 0, 9)), None, [(0, 1), (2, 0)])
    assert found[0, 1] == found[1, 0] == TOGETHER
    assert found[0, 2] == found[2, 0] == REJECTED
    assert found[1, 2] == FREE


def test_those_joined_are_one_bundle() -> None:
    why = np.zeros((5, 5), np.uint8)
    assert len(set(must_link_groups(5, [(0, 3), (3, 1)], why)[[0, 1, 3]].tolist())) == 1
    assert len(set(must_link_groups(5, [(0, 3), (3, 1)], why).tolist())) == 3
    assert len(set(must_link_groups(5, [], why).tolist())) == 5


def test_a_contradiction_is_refused_and_explained() -> None:
    """Joined through a third one: 0 with 1, 1 with 2, but 0 and 2 were in the picture together."""
    tracklets = seen((0, 0, 5), (1, 0, 5), (0, 4, 9))
    why = reasons(tracklets)
    with pytest.raises(Contradiction, match="at the same time") as fault:
        must_link_groups(3, [(0, 1), (1, 2)], why)
    assert fault.value.pair == (0, 2)
    with pytest.raises(Contradiction, match="you said"):
        must_link_groups(3, [(0, 1)], reasons(tracklets, None, [(0, 1)]))


def test_the_user_overrules_where_two_cameras_saw_them_and_nothing_else() -> None:
    """Two were in the picture of one camera, and the third one far from both, as another camera saw it."""
    tracklets = seen((0, 0, 5), (0, 4, 9), (1, 0, 9))
    far = np.full((3, 3), np.nan)
    far[2, :2] = far[:2, 2] = 4.0
    assert reasons(tracklets, foot_distance=far)[0, 2] == ELSEWHERE
    joined = match(tracklets, PRIOR, 1.0, Decisions(same=((0, 2),)), foot_distance=far)
    assert joined.must_link[0] == joined.must_link[2] != joined.must_link[1]
    # The pair is nobody's stranger any more, and the other one still is.
    assert joined.why.tolist() == [[FREE, TOGETHER, FREE], [TOGETHER, FREE, ELSEWHERE], [FREE, ELSEWHERE, FREE]]
    with pytest.raises(Contradiction, match="at the same time") as fault:
        match(tracklets, PRIOR, 1.0, Decisions(same=((0, 2), (1, 2))), foot_distance=far)
    assert fault.value.pair == (0, 1)


def test_joining_two_tracks_overrules_the_time_between_their_cameras() -> None:
    tracklets, ways = seen((0, 0, 5), (1, 6, 9), (1, 7, 12)), np.array([[0.0, 9], [9, 0]])
    apart = match(tracklets, PRIOR, -1.0, travel=ways)
    assert apart.why[0].tolist() == [FREE, TOO_SOON, TOO_SOON]
    joined = match(tracklets, PRIOR, 1.0, Decisions(same=((0, 1),)), travel=ways)
    assert joined.why[0].tolist() == [FREE, FREE, TOO_SOON]
    assert joined.must_link[0] == joined.must_link[1] != joined.must_link[2]
    with pytest.raises(Contradiction, match="at the same time"):
        match(tracklets, PRIOR, 1.0, Decisions(same=((0, 1), (0, 2))), travel=ways)


def seen_in(*frames: list[int]) -> tuple[Tracklets, Presence]:
    """Tracks of one camera, numbered from 0, with a box in these frames; a frame below 0 is interpolated."""
    boxes = sorted((abs(frame), number, frame >= 0) for number, those in enumerate(frames) for frame in those)
    frame, track, detected = (np.array(column) for column in zip(*boxes, strict=True))
    tracks = Tracks(frame, frame / 10, track, np.ones((len(frame), 4)), np.ones(len(frame)), detected)
    spans = [(0, min(map(abs, those)) / 10, max(map(abs, those)) / 10) for those in frames]
    return seen(*spans), find_presence(tracks, np.arange(len(frames)))


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ([1, 2, 3], [3, 4, 5], TOGETHER),
        ([1, 2, 3], [4, 5], FREE),
        ([1, 2, 8, 9], [4, 5, 6], FREE),  # in the gap of the first
        ([1, 2, -4, -5, 8, 9], [4, 5, 6], TOGETHER),  # nobody has two boxes in a frame, guessed or not
        ([1, 3, 5], [2, 4, 6], FREE),  # by turns
        ([1, 2, 8, 9], [4, 5, 8], TOGETHER),
        ([1], [1], TOGETHER),
    ],
)
def test_two_are_together_only_where_they_share_a_frame(one: list[int], other: list[int], reason: int) -> None:
    tracklets, presence = seen_in(one, other)
    assert reasons(tracklets, presence=presence).tolist() == [[FREE, reason], [reason, FREE]]


@pytest.mark.parametrize(
    ("one", "other", "travel", "reason"),
    [
        ([0, 10, 90, 100], [40, 50], 2.0, FREE),  # there and back in the gap
        ([0, 10, 90, 100], [40, 50], 3.0, FREE),  # just so
        ([0, 10, 90, 100], [40, 50], 3.1, TOO_SOON),
        ([0, 10, 90, 100], [40, 71], 2.0, TOO_SOON),  # no time for the way back
        ([0, 10, 90, 100], [5, 50], 2.0, TOO_SOON),
        ([0, 10, 20, 30], [15], 2.0, TOO_SOON),  # every tenth frame is analysed: there is no gap
    ],
)
@pytest.mark.parametrize("later", [0.0, 7.5])
def test_a_gap_is_time_to_go_to_another_camera(
    one: list[int], other: list[int], travel: float, reason: int, later: float
) -> None:
    """The common clock may run ahead of the clips'. A third track tells the steps in which frames were analysed."""
    tracklets, presence = seen_in(one, other, list(range(200, 300, 10)))
    tracklets = replace(tracklets, camera=np.array([0, 1, 0]), start=tracklets.start + later, end=tracklets.end + later)
    ways = np.array([[0.0, travel], [travel, 0.0]])
    assert (
        reasons(tracklets, ways, presence=presence)[0, 1] == reasons(tracklets, ways, presence=presence)[1, 0] == reason
    )
    # Where nothing is known of the moments, the whole spans count.
    without = replace(presence, start=presence.start * np.nan, end=presence.end * np.nan)
    assert reasons(tracklets, ways, presence=without)[0, 1] == TOO_SOON


@given(st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=2, max_size=5))
def test_together_is_sharing_a_frame(frames: list[set[int]]) -> None:
    tracklets, presence = seen_in(*map(sorted, frames))
    why = reasons(tracklets, presence=presence)
    for a, b in np.ndindex(why.shape):
        assert (why[a, b] == TOGETHER) == (a != b and bool(frames[a] & frames[b]))


def test_where_no_frames_are_known_times_decide() -> None:
    """Of three tracks in each other's gaps, the third one came without frames."""
    tracklets, presence = seen_in([1, 5], [3, 6], [2, 4])
    without = presence[presence.row != 2]
    assert reasons(tracklets, presence=without).tolist() == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]
