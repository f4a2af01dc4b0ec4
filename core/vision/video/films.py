"""What browsers show of a clip: stills, and films in H.264 that every browser plays.

A film shows each frame at its container time, counted from the first frame, upright and at most 960 wide. Films are for
looking at; analysis reads the recording itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.base.errors import ClipError, StoreError
from core.base.types import Clip, Image, Timeline
from core.machine.paths import living_part, require_job_folder
from core.vision.video.decoding import CONTAINERS, silence_ffmpeg
from core.vision.video.reading import Picture, read

if TYPE_CHECKING:
    import av

WIDEST = 960
_TICK = Fraction(1, 90_000)
# No B-frames, so that frames are stored in display order; a key frame every 60 frames keeps seeking quick.
_ENCODER = {"preset": "veryfast", "crf": "25", "bf": "0", "g": "60"}
_FILM_ENCODER = "libx264"
_JPEG_QUALITY = 85
_RECORDED_IN = {
    "H.264": "h264",
    "H.265": "hevc",
    "AV1": "libdav1d",
    "MJPEG": "mjpeg",
    "MPEG-4": "mpeg4",
    "MPEG-2": "mpeg2video",
    "VP9": "vp9",
    "WMV": "wmv3",
}
"""What recorders and phones write, with FFmpeg's names of the decoders."""


@dataclass(frozen=True)
class Codecs:
    """What the FFmpeg that is installed reads and writes of what the program asks of it."""

    version: str
    containers: tuple[str, ...]
    missing_containers: tuple[str, ...]
    decoded: tuple[str, ...]
    not_decoded: tuple[str, ...]
    writes_films: bool


def codecs() -> Codecs:
    """Which recordings can be read here, and whether films can be written. Opens no file."""
    import av

    here = {name for formats in av.formats_available for name in formats.split(",")}
    asked = CONTAINERS.split(",")
    return Codecs(
        version=av.__version__,
        containers=tuple(name for name in asked if name in here),
        missing_containers=tuple(name for name in asked if name not in here),
        decoded=tuple(label for label, name in _RECORDED_IN.items() if _has_codec(name, "r")),
        not_decoded=tuple(label for label, name in _RECORDED_IN.items() if not _has_codec(name, "r")),
        writes_films=_has_codec(_FILM_ENCODER, "w"),
    )


def _has_codec(name: str, mode: Literal["r", "w"]) -> bool:
    from av.codec.codec import Codec, UnknownCodecError

    try:
        Codec(name, mode)
    except UnknownCodecError:
        return False
    return True


def display_size(width: int, height: int, widest: int = WIDEST) -> tuple[int, int]:
    """Width and height with the clip's proportions: even numbers, at most `widest` wide.

    >>> display_size(1280, 720), display_size(480, 361), display_size(1080, 1920)
    ((960, 540), (480, 360), (960, 1706))
    """
    scale = min(1.0, widest / width)
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def still(clip: Clip, frame: int = 0, width: int = 320) -> bytes:
    """The first frame from `frame` on that can be read, as JPEG."""
    rows = np.arange(frame, clip.frames)
    with read(
        clip, Timeline(rows, clip.times[rows]), scale_to=display_size(clip.width, clip.height, width)
    ) as pictures:
        for picture in pictures:
            return jpeg(picture.bgr, _JPEG_QUALITY)
    raise ClipError(f"{Path(clip.path).name} has no picture that can be read", "Export the clip again.")


def make_proxy(clip: Clip, target: Path, on_progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Write a film of the whole clip to `target`. `on_progress` gets frames done and frames in all."""
    everything = Timeline(np.arange(clip.frames), clip.times)
    write_film(
        clip, everything, target, display_size(clip.width, clip.height), lambda picture: picture.bgr, on_progress
    )


def write_film(
    clip: Clip,
    timeline: Timeline,
    target: Path,
    size: tuple[int, int],
    draw: Callable[[Picture], Image],
    on_progress: Callable[[int, int], None],
) -> None:
    """Write the frames of `timeline` to `target` at `size`, each as `draw` returns it: complete or not at all."""
    import av

    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        require_job_folder()
        target.parent.mkdir(parents=True, exist_ok=True)
        with living_part(part):
            _encode(clip, timeline, part, size, draw, on_progress)
            require_job_folder()
            part.replace(target)
    except (OSError, av.FFmpegError) as fault:
        raise StoreError(
            f"the film of {Path(clip.path).name} cannot be written ({fault.strerror})", "Free some space and try again."
        ) from fault


def _encode(
    clip: Clip,
    timeline: Timeline,
    part: Path,
    size: tuple[int, int],
    draw: Callable[[Picture], Image],
    on_progress: Callable[[int, int], None],
) -> None:
    import av

    silence_ffmpeg()
    with (
        read(clip, timeline, scale_to=size) as pictures,
        av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as film,
    ):
        stream = film.add_stream(_FILM_ENCODER, rate=Fraction(clip.fps or 1).limit_denominator(1000), options=_ENCODER)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.codec_context.time_base = _TICK
        last_tick = -1
        for picture in pictures:
            # A film begins at 0: the first frame that can be read stands in for lost ones before it.
            seconds = picture.seconds - timeline.seconds[0]
            last_tick = 0 if last_tick < 0 else max(last_tick + 1, round(seconds / _TICK))
            film.mux(stream.encode(_video_frame(draw(picture), last_tick)))
            require_job_folder()
            on_progress(picture.row + 1, len(timeline))
        if last_tick < 0:
            raise ClipError(f"{Path(clip.path).name} has no picture that can be read", "Export the clip again.")
        film.mux(stream.encode(None))


def _video_frame(bgr: Image, pts: int) -> av.VideoFrame:
    import av

    frame = av.VideoFrame.from_ndarray(bgr, format="bgr24")
    frame.pts, frame.time_base = pts, _TICK
    return frame


def jpeg(bgr: Image, quality: int) -> bytes:
    """A BGR picture (height, width, 3) as a JPEG file; `quality` from 1 to 100."""
    import cv2

    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
