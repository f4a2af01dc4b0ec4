"""Video files through PyAV (FFmpeg): opening, packets, decoding.

Owns opening, and the sentences for files that are no videos; damaged packets are passed over and counted.
Refuses to number frames: that is the next module's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av

from core.errors import ClipError

# FFmpeg's own messages are about bytes; what a user needs to know goes into errors and warnings.
av.logging.set_level(None)

_CONVERT = "Convert it to H.264 in MP4 and try again."
_NO_CLIP = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the video", "Run `git lfs pull` to fetch the video."),
    (b"<!doctype html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
    (b"<html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
)


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """(container, its main video stream); `ClipError` where there is none that can be decoded."""
    _refuse_others(path)
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise ClipError(
            f"{path.name} is not a video that can be read ({error.strerror})",
            f"It may be cut short, or its download incomplete. Fetch it again, or: {_CONVERT}",
        ) from error
    with container:
        yield container, _video_stream(container, path)


def _refuse_others(path: Path) -> None:
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
    for sign, what, remedy in _NO_CLIP:
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


def packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets that hold data, up to the end or to where the file breaks off."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.FFmpegError:
        return


def is_shown(packet: Any, codec: str) -> bool:
    """Whether a picture comes of the packet: not if an edit list cuts it off, nor if VP8 keeps it as a reference."""
    return not packet.is_discard and not (codec == "vp8" and not memoryview(packet)[0] & 0x10)


class Decoding:
    """A stream's frames in the order shown. `damaged` counts the packets that could not be decoded so far."""

    def __init__(self, container: Any, stream: Any) -> None:
        self.damaged = 0
        self._container, self._stream = container, stream

    def __iter__(self) -> Iterator[Any]:
        for packet in packets(self._container, self._stream):
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
