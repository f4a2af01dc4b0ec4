"""Which boxes are worth a crop: what each fault costs, one box for every track at least, and shares of its time."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.base.types import Ints, Tracks
from core.vision.appearance import candidate_boxes, fitness, quality, time_shares

WIDTH, HEIGHT = 640, 480
GOOD = (300.0, 100.0, 350.0, 228.0)  # 50 x 128, clear of the edges
Row = dict[str, Any]


def table(rows: list[Row]) -> Tracks:
    """Tracks of rows that name only what differs from a good, sure, seen box; ordered by frame and track."""
    full = [{"frame": 0, "track": 1, "box": GOOD, "score": 1.0, "seen": True} | row for row in rows]
    full.sort(key=lambda row: (row["frame"], row["track"]))
    frame = np.array([row["frame"] for row in full], np.int64)
    return Tracks(
        frame,
        frame / 10,
        *(np.array([row[name] for row in full]) for name in ("track", "box", "score", "seen")),  # type: ignore[arg-type]
    )


def walk(track: int, frames: range, **other: Any) -> list[Row]:
    return [{"frame": frame, "track": track, **other} for frame in frames]


def moved(x: float, y: float = 0.0) -> tuple[float, ...]:
    x1, y1, x2, y2 = GOOD
    return x1 + x, y1 + y, x2 + x, y2 + y


ONE_BOX: list[tuple[str, Row, float]] = [
    ("good", {}, 1),
    ("twice as high is no better", {"box": (300, 100, 400, 356)}, 1),
    ("half as high", {"box": (300, 100, 325, 164)}, 0.5),
    ("cut off by the left edge", {"box": moved(-298)}, 0.4),
    ("only half of it in the picture", {"box": moved(0, 316)}, 0.4 * 64 / 128),
    ("outside of the picture", {"box": moved(400)}, 0),
    ("less than a pixel of it in the picture", {"box": moved(339.5)}, 0),
    ("the detector was half sure", {"score": 0.5}, 0.6),
    ("the detector was not sure at all", {"score": 0.0}, 0.2),
    ("filled in", {"seen": False}, 0.1),
    ("filled in and cut off", {"seen": False, "box": moved(-298)}, 0.04),
]


@pytest.mark.parametrize(("row", "expected"), [case[1:] for case in ONE_BOX], ids=[case[0] for case in ONE_BOX])
def test_what_each_fault_costs(row: Row, expected: float) -> None:
    assert fitness(table([row]), WIDTH, HEIGHT)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("share", "expected"), [(0, 1), (0.25, 0.4994), (0.5, 0.0622), (1, math.exp(-((1 / 0.3) ** 2)))]
)
def test_cover_costs_little_at_first_and_then_all(share: float, expected: float) -> None:
    tracks = table([{}, {"track": 2, "box": moved(50 * (1 - share))}])
    assert fitness(tracks, WIDTH, HEIGHT) == pytest.approx([expected] * 2, abs=1e-4)


def test_a_thing_covers_nobody_and_is_covered() -> None:
    tracks = table([{}, {"track": 2, "box": moved(25)}])
    assert fitness(tracks, WIDTH, HEIGHT, np.array([2])) == pytest.approx([1, 0.0622], abs=1e-4)


def test_a_good_track_gives_tries_from_each_share_of_its_time() -> None:
    tracks = table(walk(1, range(240)))
    rows = candidate_boxes(tracks, WIDTH, HEIGHT, most=8, tries=3)
    assert len(rows) == 24
    assert np.histogram(rows, bins=24, range=(0, 240))[0].tolist() == [1] * 24


def test_the_best_box_of_each_part_is_looked_at() -> None:
    better = {4, 13, 22, 39, 41, 57}
    tracks = table([{"frame": f, "score": 1.0 if f in better else 0.8} for f in range(60)])
    assert set(candidate_boxes(tracks, WIDTH, HEIGHT, most=2, tries=3).tolist()) == better


BAD: dict[str, Row] = {
    "cut off": {"box": moved(-298)},
    "far": {"box": (300, 100, 315, 160)},
    "filled in": {"seen": False},
    "in doubt": {"score": 0.2},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_boxes_are_not_looked_at_beside_good_ones(bad: Row) -> None:
    tracks = table([*walk(1, range(50), **bad), *walk(1, range(50, 60))])
    rows = candidate_boxes(tracks, WIDTH, HEIGHT)
    assert rows.min() >= 50 and len(rows) == 10


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_track_of_bad_boxes_is_looked_at_all_the_same(bad: Row) -> None:
    tracks = table(walk(1, range(50), **bad))
    assert len(candidate_boxes(tracks, WIDTH, HEIGHT)) == 24


def test_who_is_hidden_for_half_of_the_time_is_looked_at_in_the_other_half() -> None:
    hidden = walk(2, range(30), box=moved(10))
    rows = candidate_boxes(tracks := table([*walk(1, range(60)), *hidden]), WIDTH, HEIGHT)
    assert tracks.frame[rows[tracks.track[rows] == 1]].min() == 30
    assert (tracks.track[rows] == 2).sum() == 24  # always hidden, and not left out


def test_a_box_fits_from_half_of_its_tracks_best() -> None:
    # The detector's score of 0.375 makes exactly half of what 1 makes.
    tracks = table([{"frame": 0}, {"frame": 1, "score": 0.376}, {"frame": 2, "score": 0.374}])
    assert candidate_boxes(tracks, WIDTH, HEIGHT).tolist() == [0, 1]


def test_no_tracks_no_candidates() -> None:
    assert candidate_boxes(Tracks.empty(), WIDTH, HEIGHT).tolist() == []
    assert time_shares(np.empty(0, np.int64)).tolist() == []


boxes = st.tuples(*(st.integers(-60, 640) for _ in range(2)), *(st.integers(0, 200) for _ in range(2)))
many = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 4), boxes, st.sampled_from([0, 0.3, 0.9]), st.booleans()), max_size=60
)


@given(rows=many, most=st.integers(1, 5), tries=st.integers(1, 4))
def test_every_track_is_looked_at_where_it_is_best(rows: list[Any], most: int, tries: int) -> None:
    unique = {(frame, track): (box, score, seen) for frame, track, box, score, seen in rows}
    tracks = table(
        [
            {"frame": f, "track": t, "box": (x, y, x + w, y + h), "score": score, "seen": seen}
            for (f, t), ((x, y, w, h), score, seen) in unique.items()
        ]
    )
    fit = fitness(tracks, WIDTH, HEIGHT)
    assert ((fit >= 0) & (fit <= 1)).all()
    found = candidate_boxes(tracks, WIDTH, HEIGHT, most, tries)
    assert (np.diff(found) > 0).all()
    for track in np.unique(tracks.track):
        own, looked = np.flatnonzero(tracks.track == track), found[tracks.track[found] == track]
        fits = int((fit[own] >= 0.5 * fit[own].max()).sum())
        assert len(looked) == min(fits, most * tries)
        assert fit[looked].max() == fit[own].max()
        assert (fit[looked] >= 0.5 * fit[own].max()).all()


@given(count=st.integers(1, 100), most=st.integers(1, 10), tries=st.integers(1, 5))
def test_the_shares_of_what_was_looked_at_are_those_of_the_whole_track(count: int, most: int, tries: int) -> None:
    """None is without a crop while another has two."""
    tracks = table(walk(1, range(count)))
    rows = candidate_boxes(tracks, WIDTH, HEIGHT, most, tries)
    parts = min(most, count)
    of = rows * parts // count  # the share of the whole track that each looked-at row lies in
    assert time_shares(tracks.track[rows], most).tolist() == of.tolist()
    assert np.unique(of).tolist() == list(range(parts))


def test_tracks_do_not_disturb_each_other() -> None:
    """The crops of a track are the same whoever else is in the picture elsewhere, and whatever its number is."""
    rng = np.random.default_rng(0)
    rows = [{"frame": f, "score": rng.random()} for f in range(100)]
    alone = table(rows)
    company = [*walk(1, range(20, 90), box=moved(-200)), *walk(9, range(40), box=moved(150))]
    crowd = table([row | {"track": 5} for row in rows] + company)
    found = candidate_boxes(crowd, WIDTH, HEIGHT)
    frames = crowd.frame[found[crowd.track[found] == 5]]
    assert frames.tolist() == alone.frame[candidate_boxes(alone, WIDTH, HEIGHT)].tolist()


def ints(*values: int) -> Ints:
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("sharpness", "expected"),
    [  # two crops of track 1 and one of track 2, whose boxes are perfect
        ((20, 20, 20), (0.5, 0.5, 0.5)),
        ((180, 180, 180), (0.9, 0.9, 0.9)),
        ((180, 20, 20), (0.9, 0.5 / 3, 0.5)),  # blurred within its track; track 2 is not measured by track 1
        ((0, 0, 180), (0, 0, 0.9)),  # of one colour
    ],
)
def test_sharpness_counts_by_itself_and_within_the_track(
    sharpness: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    found = quality(np.ones(3, np.float32), np.array(sharpness), ints(1, 1, 2))
    assert found == pytest.approx(expected, abs=1e-6)


@given(
    fit=st.lists(st.floats(0, 1, width=32), min_size=2, max_size=8),
    sharpness=st.lists(st.floats(0, 5000), min_size=8, max_size=8),
    gain=st.floats(1, 3),
)
def test_quality_rises_with_sharpness_and_fitness(fit: list[float], sharpness: list[float], gain: float) -> None:
    track, sharp = np.arange(len(fit)) % 2, np.array(sharpness[: len(fit)])
    fits = np.array(fit, np.float32)
    found = quality(fits, sharp, track)
    assert ((found >= 0) & (found <= fits + 1e-6)).all()
    sharper, fitter = sharp.copy(), fits.copy()
    sharper[0] *= gain
    fitter[0] = min(1, fitter[0] * gain)
    assert quality(fits, sharper, track)[0] >= found[0] - 1e-6
    assert quality(fitter, sharp, track)[0] >= found[0] - 1e-6


@pytest.mark.parametrize("wrong", [{"most": 0}, {"tries": 0}, {"most": -1}])
def test_numbers_below_one_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        candidate_boxes(Tracks.empty(), WIDTH, HEIGHT, **wrong)


def test_no_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        time_shares(ints(1), most=0)


@given(track=st.lists(st.integers(-2, 3), max_size=40), most=st.integers(1, 9))
def test_shares_are_equal_and_follow_time(track: list[int], most: int) -> None:
    found = time_shares(np.array(track, np.int64), most)
    for name in set(track):
        own = found[np.array(track) == name]
        sizes = np.unique(own, return_counts=True)[1]
        assert (np.diff(own) >= 0).all() and len(sizes) == min(most, len(own)) and np.ptp(sizes) <= 1
        assert not set(own) & set(found[np.array(track) != name])
