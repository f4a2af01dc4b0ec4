"""Which frames of a clip are analysed. Owns the choice by time; refuses to open the clip."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from core.errors import SettingsError
from core.settings import VideoSettings
from core.types import Clip, Ints, Seconds, Timeline

_TIME_SLACK_SECONDS = 1e-6
# A frame may come this share of a step before it is due and still be the one meant: real clocks jitter.
_EARLY = 0.25


def plan(clip: Clip, settings: VideoSettings) -> Timeline:
    """The frames from `start_seconds` (included) to `end_seconds` (excluded), at most `fps` a second on average."""
    end_seconds = np.inf if settings.end_seconds is None else settings.end_seconds
    low, high = np.searchsorted(clip.times, np.array([settings.start_seconds, end_seconds]) - _TIME_SLACK_SECONDS)
    if low >= high:
        raise SettingsError(
            f"No frame lies between {settings.start_seconds:g} s and {end_seconds:g} s: "
            f"the clip has {clip.frames} frames in {clip.duration_seconds:.2f} s",
            "Choose from and to within the clip.",
        )
    frame = low + _spaced(clip.times[low:high], settings.fps)
    return Timeline(frame=frame, seconds=clip.times[frame])


def _spaced(times: Seconds, fps: float) -> Ints:
    """Rows of `times` at most `fps` a second on average, without drift; all of them where the source is no faster.

    >>> _spaced(np.arange(11) / 25, 10).tolist()
    [0, 2, 5, 7, 10]
    """
    if not fps:
        return np.arange(len(times), dtype=np.int64)
    step, clock = 1 / fps, times.tolist()
    early = _EARLY * step + _TIME_SLACK_SECONDS
    rows, row, due = [], 0, clock[0]
    while row < len(clock):
        rows.append(row)
        # The grid goes on from where a frame was due, not from where it was, so that nothing adds up. Only a pause
        # longer than a step moves it: time without frames is not caught up on.
        paused = row > 0 and clock[row] - clock[row - 1] > step
        due = max(due + step, clock[row] + step - early) if paused else due + step
        row = bisect_left(clock, due - early, row + 1)
    return np.array(rows, np.int64)
