"""Which frames are analysed: at most the rate asked for, without drift, every frame of a source that is no faster."""

import numpy as np
import pytest

from core.base.errors import SettingsError
from core.base.settings import VideoSettings
from core.base.types import Clip, Seconds
from core.vision.video import plan


def clip_of(times: Seconds) -> Clip:
    times = np.asarray(times, np.float64)
    return Clip("clip", "0", 64, 64, times - times[0], 1 / float(np.median(np.diff(times))), "h264", "mp4")


def frames(times: Seconds, fps: float = 10.0, start: float = 0.0, end: float | None = None) -> list[int]:
    return plan(clip_of(times), VideoSettings(fps, start, end)).frame.tolist()


STEADY = [
    # source rate, asked, share of frames taken
    (25, 10, 0.4),
    (30, 10, 1 / 3),
    (30000 / 1001, 10, 10.01 / 30),
    (60, 25, 25 / 60),
    (15, 10, 2 / 3),
    (24, 23, 23 / 24),
    # No faster than asked: every frame, also at a rate that is not quite the same.
    (10, 10, 1.0),
    (10, 25, 1.0),
    (30000 / 1001, 30, 1.0),
    (5, 30, 1.0),
    (25, 0, 1.0),
]


@pytest.mark.parametrize(("source", "asked", "share"), STEADY)
def test_steady_sources(source: float, asked: float, share: float) -> None:
    number = 40_000
    assert len(frames(np.arange(number) / source, asked)) == pytest.approx(share * number, abs=2)


@pytest.mark.parametrize("asked", [1, 7.5, 10, 24, 29.97, 30])
@pytest.mark.parametrize("seed", range(4))
def test_never_more_than_asked_in_any_span(asked: float, seed: int) -> None:
    """Bursts, gaps and jitter: in any span of S seconds there are at most `asked * S + 2` frames."""
    steps = np.random.default_rng(seed).choice([0.001, 0.02, 0.04, 0.1, 3.0], 3000, p=[0.3, 0.3, 0.3, 0.09, 0.01])
    times = np.cumsum(steps)
    taken = plan(clip_of(times), VideoSettings(asked)).seconds
    for count in (1, 2, 10, 100):
        assert (taken[count:] - taken[:-count] >= (count - 1.25) / asked - 1e-4).all()


@pytest.mark.parametrize("seed", range(4))
def test_jitter_loses_no_frame_of_a_source_at_the_same_rate(seed: int) -> None:
    jitter = np.random.default_rng(seed).uniform(-0.012, 0.012, 2000)
    assert frames(np.arange(2000) / 10 + jitter) == list(range(2000))


def test_milliseconds_of_matroska_lose_no_frame() -> None:
    assert frames(np.round(np.arange(5000) * 1001 / 30000, 3), 30) == list(range(5000))


def test_time_without_frames_is_not_caught_up_on() -> None:
    times = np.concatenate([[0.0], 60 + np.arange(100) / 50])
    taken = times[frames(times)]
    assert len(taken) <= 1 + 21
    assert np.diff(taken).min() > 0.05


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, None, list(range(10))),
        (0.3, None, list(range(3, 10))),  # a frame shown exactly at "from" is in
        (0.0, 0.3, [0, 1, 2]),  # one shown exactly at "to" is not
        (0.25, 0.55, [3, 4, 5]),
        (0.9, 99.0, [9]),
    ],
)
def test_from_and_to(start: float, end: float | None, expected: list[int]) -> None:
    assert frames(np.arange(10) / 10, 0, start, end) == expected


@pytest.mark.parametrize(("start", "end"), [(1.0, None), (0.91, 5.0), (0.31, 0.39)])
def test_a_span_without_frames_is_refused(start: float, end: float | None) -> None:
    with pytest.raises(SettingsError, match="Choose from and to within the clip"):
        frames(np.arange(10) / 10, 10, start, end)


def test_time_is_that_of_the_frames() -> None:
    times = np.array([0.0, 0.1, 0.35, 0.36, 0.9])
    timeline = plan(clip_of(times), VideoSettings(0, 0.1))
    assert timeline.frame.tolist() == [1, 2, 3, 4]
    assert timeline.seconds.tolist() == times[1:].tolist()
