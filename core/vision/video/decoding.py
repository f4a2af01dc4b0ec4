"""Video files through PyAV (FFmpeg): opening, packets, decoding.

Owns opening, and the sentences for files that are no videos; damaged packets are passed over and counted.
Refuses to number frames: that is the next module's.

Decoded frames of a video file under the source's own numbers, from any frame on.

A frame's number is the rank of its timestamp among those of all packets, or its turn where a container stamps no
order. Refuses to begin anywhere from which the pictures could differ from those of reading from the start.

Picture sequences: a folder of pictures, or a pattern such as `img_%04d.jpg` or `img_*.png`, read as one clip.

Owns their order (natural: 2 before 10) and their decoding (EXIF orientation applied). Refuses to guess times:
the rate of a sequence is whatever the probe was told."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from core.base.errors import ClipError
from core.base.types import IMAGE_SUFFIXES, Clip, Image, Ints

# FFmpeg's own messages are about bytes; what a user needs to know goes into errors and warnings.
av.logging.set_level(None)

_CONVERT = "Convert it to H.264 in MP4 and try again."
_NOT_A_VIDEO = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the video", "Run `git lfs pull` to fetch the video."),
    (b"<!doctype html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
    (b"<html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
)


@contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """(container, its main video stream); `ClipError` where there is none that can be decoded."""
    _check_content(path)
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise ClipError(
            f"{path.name} is not a video that can be read ({error.strerror})",
            f"It may be cut short, or its download incomplete. Fetch it again, or: {_CONVERT}",
        ) from error
    with container:
        yield container, _video_stream(container, path)


def _check_content(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise ClipError(
            f"{path} cannot be opened ({error.strerror})", "Check that the file is there and may be read."
        ) from error
    if not head:
        raise ClipError(f"{path.name} is empty (0 bytes)", "Copy or download it again.")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for sign, what, remedy in _NOT_A_VIDEO:
        if start.startswith(sign):
            raise ClipError(f"{path.name} {what}", remedy)


def _video_stream(container: Any, path: Path) -> Any:
    stream = container.streams.best("video")
    if stream is None and container.streams.best("audio") is not None:
        raise ClipError(f"{path.name} holds sound but no pictures", "Choose the file with the video track.")
    if stream is None:
        raise ClipError(f"{path.name} holds no tracks", "The recording was not finished; export it again.")
    if stream.codec_context is None:
        raise ClipError(f"{path.name} is in a codec that is not known here", _CONVERT)
    stream.thread_type = "AUTO"
    return stream


def data_packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets that hold data, up to the end or to where the file breaks off."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.FFmpegError:
        return


def yields_picture(packet: Any, codec: str) -> bool:
    """Whether a picture comes of the packet: not if an edit list cuts it off, nor if VP8 keeps it as a reference."""
    return not packet.is_discard and not (codec == "vp8" and not memoryview(packet)[0] & 0x10)


class FrameDecoder:
    """A stream's frames in the order shown. `damaged` counts the packets that could not be decoded so far."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.damaged = 0
        self._container, self._stream = container, stream

    def __iter__(self) -> Iterator[Any]:
        for packet in data_packets(self._container, self._stream):
            yield from self.decode(packet)
        yield from self.flush()

    def decode(self, packet: Any) -> list[Any]:
        """The frames that come out when `packet` goes in; none where it is damaged."""
        try:
            return list(self._stream.codec_context.decode(packet))
        except av.FFmpegError:
            self.damaged += 1
            return []

    def flush(self) -> list[Any]:
        """The frames that were still held back for their turn."""
        return self.decode(None)


# Formats that stamp packets in storage order, or not at all: their frames are counted as they come out.
WITHOUT_TIMESTAMPS = {"avi", "h264", "hevc", "m4v", "mjpeg", "mpegvideo"}
# Encoders seldom put more frames than this between two key frames.
_USUAL_GROUP = 300


def decoded_pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """(frame number, bgr as stored, before rotation) of the wanted frames that can be decoded, rising."""
    width, height = (clip.height, clip.width) if clip.rotation % 180 else (clip.width, clip.height)
    reformatter, left = VideoReformatter(), wanted.tolist()[::-1]
    with closing(_frames_from(clip, int(wanted[0]))) as frames:
        for number, frame in frames:
            while left and left[-1] < number:
                left.pop()
            if left and left[-1] == number:
                bgr: Any = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
                yield number, bgr
                left.pop()
            if not left:
                return


def _frames_from(clip: Clip, begin: int) -> Generator[tuple[int, Any]]:
    """Numbered frames from `begin` on: after a jump to a key frame before it where that is safe, else from 0."""
    counted = clip.container in WITHOUT_TIMESTAMPS
    for target in () if counted else (begin, begin - _USUAL_GROUP):
        if target > 0:
            with open_video(Path(clip.path)) as (container, stream):
                frames = _after_seek(_numbered_by_timestamp(clip, container, stream, target), begin)
                head = next(frames, None)
                if head is not None:
                    yield head
                    yield from frames
                    return
    with open_video(Path(clip.path)) as (container, stream):
        yield from _numbered_by_count(container, stream) if counted else _numbered_by_timestamp(clip, container, stream, 0)


def _after_seek(frames: Iterator[tuple[int, Any]], begin: int) -> Generator[tuple[int, Any]]:
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


def _numbered_by_count(container: Any, stream: Any) -> Generator[tuple[int, Any]]:
    decoding = FrameDecoder(container, stream)
    for turn, frame in enumerate(decoding):
        yield turn + decoding.damaged, frame


def _numbered_by_timestamp(clip: Clip, container: Any, stream: Any, begin: int) -> Generator[tuple[int, Any]]:
    """Frames numbered by timestamp. One without a stamp follows the one before; one with a foreign stamp is dropped."""
    ticks = np.rint((clip.times + clip.start_seconds) / float(stream.time_base)).astype(np.int64)
    if begin:
        try:
            container.seek(int(ticks[begin]), stream=stream)
        except av.FFmpegError:
            return
    last = -1
    aligned = not begin
    for frame in FrameDecoder(container, stream):
        aligned = aligned or frame.pts is not None
        number = last + 1 if frame.pts is None else max(last + 1, int(np.searchsorted(ticks, frame.pts)))
        if aligned and number < len(ticks) and frame.pts in (None, ticks[number]):
            yield number, frame
            last = number


PICTURE_SEQUENCE = "pictures"


def is_sequence(path: Path) -> bool:
    """Whether `path` is a folder, or a pattern rather than a file."""
    return path.is_dir() or (not path.exists() and any(sign in path.name for sign in "%*?"))


def picture_files(path: Path) -> list[Path]:
    """The pictures of a folder or pattern in natural order; `ClipError` where there are none."""
    folder, pattern = (path, "*") if path.is_dir() else (path.parent, re.sub(r"%\d*d", "[0-9]*", path.name))
    try:
        found = [file for file in folder.glob(pattern) if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
    except OSError as error:
        raise ClipError(f"{path} cannot be listed ({error.strerror})", "Check the folder and its rights.") from error
    if not found:
        raise ClipError(
            f"{path} holds no pictures", "Give a video file, or a folder that directly holds JPEG or PNG pictures."
        )
    return sorted(found, key=_natural_order)


def sequence_pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """(frame number, bgr) of the wanted frames; a damaged picture is left out, one of another size is refused."""
    files = picture_files(Path(clip.path))
    if len(files) != clip.frames:
        raise ClipError(f"{clip.path} changed while it was open", "Start the analysis again.")
    for number in wanted.tolist():
        bgr = decode_picture(files[number])
        if not len(bgr):
            continue
        if bgr.shape[:2] != (clip.height, clip.width):
            raise ClipError(
                f"{files[number].name} is {bgr.shape[1]}x{bgr.shape[0]}, the pictures before it are "
                f"{clip.width}x{clip.height}",
                "Keep pictures of one size in a folder.",
            )
        yield number, bgr


def decode_picture(file: Path) -> Image:
    """The picture as bgr (height, width, 3), or an array of length 0 where it cannot be decoded."""
    try:
        content = np.fromfile(file, np.uint8)
    except OSError as error:
        raise ClipError(f"{file.name} cannot be read ({error.strerror})", "Check the file and its rights.") from error
    bgr = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    return np.empty((0, 0, 3), np.uint8) if bgr is None else np.asarray(bgr, np.uint8)


def _natural_order(file: Path) -> list[str | int]:
    """
    >>> sorted([Path("a10.png"), Path("a2.png")], key=_natural)[0].name
    'a2.png'
    """
    return [int(part) if part.isdigit() else part.casefold() for part in re.split(r"([0-9]+)", file.name)]
