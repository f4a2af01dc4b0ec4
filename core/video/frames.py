"""Decoded frames of a video file under the source's own numbers, from any frame on.

A frame's number is the rank of its timestamp among those of all packets, or its turn where a container stamps no
order. Refuses to begin anywhere from which the pictures could differ from those of reading from the start.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from core.types import Clip, Image, Ints
from core.video.containers import Decoding, opened

# Formats that stamp packets in storage order, or not at all: their frames are counted as they come out.
COUNTED = {"avi", "h264", "hevc", "m4v", "mjpeg", "mpegvideo"}
# Encoders seldom put more frames than this between two key frames.
_USUAL_GROUP = 300


def pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """(frame number, bgr as stored, before rotation) of the wanted frames that can be decoded, rising."""
    width, height = (clip.height, clip.width) if clip.rotation % 180 else (clip.width, clip.height)
    reformatter, left = VideoReformatter(), wanted.tolist()[::-1]
    with closing(_from(clip, int(wanted[0]))) as frames:
        for number, frame in frames:
            while left and left[-1] < number:
                left.pop()
            if left and left[-1] == number:
                bgr: Any = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
                yield number, bgr
                left.pop()
            if not left:
                return


def _from(clip: Clip, begin: int) -> Generator[tuple[int, Any]]:
    """Numbered frames from `begin` on: after a jump to a key frame before it where that is safe, else from 0."""
    counted = clip.container in COUNTED
    for target in () if counted else (begin, begin - _USUAL_GROUP):
        if target > 0:
            with opened(Path(clip.path)) as (container, stream):
                frames = _after_jump(_stamped(clip, container, stream, target), begin)
                head = next(frames, None)
                if head is not None:
                    yield head
                    yield from frames
                    return
    with opened(Path(clip.path)) as (container, stream):
        yield from _counted(container, stream) if counted else _stamped(clip, container, stream, 0)


def _after_jump(frames: Iterator[tuple[int, Any]], begin: int) -> Generator[tuple[int, Any]]:
    """Frames from `begin` on, or none unless a true key frame comes up to there: what follows one is sure to be exact.

    A jump may land too late, on a frame that only claims to be a key frame, or on one whose leading frames need
    what was jumped over.
    """
    sound = False
    for number, frame in frames:
        if number <= begin:
            sound = sound or (frame.key_frame and frame.pict_type == PictureType.I)
        if number >= begin and not sound:
            return
        if number >= begin:
            yield number, frame


def _counted(container: Any, stream: Any) -> Generator[tuple[int, Any]]:
    decoding = Decoding(container, stream)
    for turn, frame in enumerate(decoding):
        yield turn + decoding.damaged, frame


def _stamped(clip: Clip, container: Any, stream: Any, begin: int) -> Generator[tuple[int, Any]]:
    """Frames numbered by timestamp. One without a stamp follows the one before; one with a foreign stamp is dropped."""
    ticks = np.rint((clip.times + clip.start_seconds) / float(stream.time_base)).astype(np.int64)
    if begin:
        try:
            container.seek(int(ticks[begin]), stream=stream)
        except av.FFmpegError:
            return
    last = -1
    aligned = not begin
    for frame in Decoding(container, stream):
        aligned = aligned or frame.pts is not None
        number = last + 1 if frame.pts is None else max(last + 1, int(np.searchsorted(ticks, frame.pts)))
        if aligned and number < len(ticks) and frame.pts in (None, ticks[number]):
            yield number, frame
            last = number
