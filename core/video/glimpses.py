"""A few pictures over the length of a clip, for a first look: near their moments, not exactly at them.

Owns the shortcut: from the key frame before a moment a limited number of frames is decoded, so that an hour costs no
more than a minute. Refuses to number what it sees; whoever measures reads the clip itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from core.types import Clip, Image
from core.video import sequences
from core.video.containers import Decoding, opened
from core.video.reading import TURNS

# Pixels that may be decoded for one glimpse: 80 frames of 1920 x 1080, well under a second.
_PIXELS = 160_000_000
_SLACK_SECONDS = 1e-6


@dataclass(frozen=True, eq=False)
class Glimpse:
    """One picture as it is shown (rotation applied), and its second of the clip."""

    seconds: float
    bgr: Image


def glimpses(clip: Clip, count: int = 6) -> list[Glimpse]:
    """Up to `count` pictures spread over the clip; fewer where some cannot be had or would be the same one."""
    moments = (np.arange(count) + 0.5) / count * clip.duration_seconds
    found = _of_pictures(clip, moments) if clip.container == sequences.CONTAINER else _of_video(clip, moments)
    different: list[Glimpse] = []
    for glimpse in found:
        if not different or glimpse.seconds > different[-1].seconds:
            different.append(glimpse)
    return different


def _of_pictures(clip: Clip, moments: Any) -> Iterator[Glimpse]:
    files = sequences.picture_files(Path(clip.path))
    rows = np.searchsorted(clip.times, moments + _SLACK_SECONDS, side="right") - 1
    for row in np.unique(rows).tolist():
        bgr = sequences.decoded(files[row])
        if len(bgr):
            yield Glimpse(float(clip.times[row]), bgr)


def _of_video(clip: Clip, moments: Any) -> Iterator[Glimpse]:
    with opened(Path(clip.path)) as (container, stream):
        tick, most = float(stream.time_base), max(2, _PIXELS // (clip.width * clip.height))
        for seconds in moments.tolist():
            due = round((seconds + clip.start_seconds) / tick)
            try:
                container.seek(due, stream=stream)
                frame = _near(Decoding(container, stream), due, most)
            except av.FFmpegError:
                # A file that cannot be jumped in: what has been seen so far must do.
                return
            if frame is not None:
                at = seconds if frame.pts is None else frame.pts * tick - clip.start_seconds
                stored: Any = frame.to_ndarray(format="bgr24")
                yield Glimpse(at, cv2.rotate(stored, TURNS[clip.rotation]) if clip.rotation else stored)


def _near(frames: Decoding, due: int, most: int) -> Any:
    """The frame at the tick `due`, or as near before it as `most` frames lead; nothing where none can be decoded."""
    found = None
    for number, frame in enumerate(frames, 1):
        found = frame
        if number >= most or (frame.pts is not None and frame.pts >= due):
            break
    return found
