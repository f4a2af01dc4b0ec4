"""What people look at in place of a recording: a small H.264 film that every browser plays, and single stills.

The film shows each frame at its container time counted from the first one, turned as it should be, at most 960 wide.
It is made once per clip (by digest) in a thread of its own and appears under its name when it is whole.
Refuses to be measured on: analysis reads the recording itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from core.base.errors import ClipError, StoreError
from core.base.types import Clip, Image, Timeline
from core.vision.images import jpeg
from core.vision.video.reading import Picture, read

WIDEST = 960
_TICK = Fraction(1, 90_000)
# No B-frames: every picture is stored in the order shown. A key frame at least this often keeps jumps quick.
_ENCODER = {"preset": "veryfast", "crf": "25", "bf": "0", "g": "60"}
_JPEG_QUALITY = 85


def display_size(width: int, height: int, widest: int = WIDEST) -> tuple[int, int]:
    """Even numbers, at most `widest` wide, in the clip's proportions.

    >>> size_shown(1280, 720), size_shown(480, 361), size_shown(1080, 1920)
    ((960, 540), (480, 360), (960, 1706))
    """
    scale = min(1.0, widest / width)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def still(clip: Clip, frame: int = 0, width: int = 320) -> bytes:
    """One picture of the clip as JPEG; the first one that can be read from `frame` on."""
    rows = np.arange(frame, clip.frames)
    with read(clip, Timeline(rows, clip.times[rows]), scale_to=display_size(clip.width, clip.height, width)) as pictures:
        for picture in pictures:
            return jpeg(picture.bgr, _JPEG_QUALITY)
    raise ClipError(f"{Path(clip.path).name} has no picture that can be read", "Export the clip again.")


def make_proxy(clip: Clip, target: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write the film to `target`, whole or not at all. `tell` gets frames done and frames in all."""
    everything = Timeline(np.arange(clip.frames), clip.times)
    write_film(clip, everything, target, display_size(clip.width, clip.height), lambda picture: picture.bgr, on_progress)


def write_film(
    clip: Clip,
    timeline: Timeline,
    target: Path,
    size: tuple[int, int],
    draw: Callable[[Picture], Image],
    on_progress: Callable[[int, int], None],
) -> None:
    """A film of the frames of `timeline` at `size`, each as `drawn` hands it back; whole or not at all."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _encode(clip, timeline, part, size, draw, on_progress)
        part.replace(target)
    except (OSError, av.FFmpegError) as fault:
        raise StoreError(
            f"the film of {Path(clip.path).name} cannot be written ({fault.strerror})", "Free some space and try again."
        ) from fault
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _encode(
    clip: Clip,
    timeline: Timeline,
    part: Path,
    size: tuple[int, int],
    drawn: Callable[[Picture], Image],
    tell: Callable[[int, int], None],
) -> None:
    with (
        read(clip, timeline, scale_to=size) as pictures,
        av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as film,
    ):
        stream = film.add_stream("libx264", rate=Fraction(clip.fps or 1).limit_denominator(1000), options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = _TICK
        last = -1
        for picture in pictures:
            # A film begins at 0: where the first frames are lost, the next one stands in for them.
            seconds = picture.seconds - timeline.seconds[0]
            last = 0 if last < 0 else max(last + 1, round(seconds / _TICK))
            film.mux(stream.encode(_frame(drawn(picture), last)))
            tell(picture.row + 1, len(timeline))
        if last < 0:
            raise ClipError(f"{Path(clip.path).name} has no picture that can be read", "Export the clip again.")
        film.mux(stream.encode(None))


def _frame(bgr: Image, pts: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
    frame.pts, frame.time_base = pts, _TICK
    return frame
