"""Decoding frames under the source's own numbers: of video files with PyAV (FFmpeg), and of picture sequences.

In a video file a frame's number is the rank of its timestamp among those of all packets; in containers without usable
timestamps it is the frame's position in decoding order. Decoding starts only at frames from which the pictures are
the same as when reading from the beginning. Damaged packets are skipped and counted. In a clip with parts, timestamps
are moved to the clip's own time line as soon as packets are read, so that none occurs twice.

A picture sequence is a folder of pictures, or a pattern such as `img_%04d.jpg` or `img_*.png`, in natural order (2
before 10) and with EXIF orientation applied."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import ClipError
from core.base.limits import CLIP_PICTURES, DECODER_THREAD_BYTES, FRAME_PIXELS, require_at_most
from core.base.types import IMAGE_SUFFIXES, Clip, ClipPart, Image, Ints
from core.machine.canvas import read_picture

PICTURE_SEQUENCE = "pictures"
"""`Clip.container` of a picture sequence."""
WITHOUT_TIMESTAMPS = {"avi", "h264", "hevc", "m4v", "mjpeg", "mpegvideo"}
"""Containers that stamp packets in storage order, or not at all: their frames are numbered as they are decoded."""
BYTE_SEEKABLE = "mpegts"
"""The container that can be entered at any byte: where a clock is set back, bytes tell the parts apart."""
_SOUND = "aac,flac,mp3,wav"  # opened only to say that they hold no pictures
CONTAINERS = "asf,av1,avi,dhav,dv,flv,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,mxf,obu,ogg,vc1,webm"
_DEMUXER = {
    "merge_pmt_versions": "1",  # where joined transport streams give their video other numbers, it is one video
    # Scripts and lists, which name other files or addresses, are none of these.
    "format_whitelist": f"{CONTAINERS},{_SOUND}",
    "protocol_whitelist": "file",
    "max_pixels": str(FRAME_PIXELS),
}
_TABLE_BYTES = 200 * 188  # of a transport stream: what comes before a picture and says which packets are its
_FRAME_BYTES = 3  # a pixel, with ten bits a colour and what a decoder keeps beside
_USUAL_KEY_FRAME_INTERVAL = 300  # frames; encoders seldom put key frames further apart
LOST_PACKETS = 4
"""Packets after a loss that may still belong to what was before it, as parsers keep some back."""
_CAMERA_KEY_FRAME_INTERVAL = 60  # frames; cameras put them one to two seconds apart
_SEARCHED_BYTES = 1 << 18  # an entry is searched to within as many bytes, which are decoded faster than searched
_CONVERT = "Convert it to H.264 in MP4 and try again."
_SMALLER = "Export it with smaller pictures: people need a few hundred pixels."
_NOT_A_VIDEO = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the video", "Run `git lfs pull` to fetch the video."),
    (b"<!doctype html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
    (b"<html", "is a web page, not a video", "Download the video itself, not the page that shows it."),
)


@contextmanager
def open_video(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its main video stream; `ClipError` where none can be decoded."""
    import av

    _check_content(path)
    silence_ffmpeg()
    try:
        container = av.open(str(path.absolute()), options=_DEMUXER, metadata_errors="replace")
    except av.ArgumentError as error:
        raise ClipError(f"{path.name} is not in a format of recordings that is opened here", _CONVERT) from error
    except (av.FFmpegError, OSError) as error:
        raise ClipError(
            f"{path.name} is not a video that can be read ({error.strerror})",
            f"It may be cut short, or its download incomplete. Fetch it again, or: {_CONVERT}",
        ) from error
    with container:
        yield container, _video_stream(container, path)


_PROGRESS: list[Callable[[], None]] = []


def call_on_progress(function: Callable[[], None]) -> None:
    """Call `function` with each packet that is read from now on."""
    _PROGRESS.append(function)


def silence_ffmpeg() -> None:
    """FFmpeg's messages are about bytes; what a user needs to know is in errors and warnings."""
    import av

    av.logging.set_level(None)


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
    for signature, problem, remedy in _NOT_A_VIDEO:
        if start.startswith(signature):
            raise ClipError(f"{path.name} {problem}", remedy)


def _video_stream(container: Any, path: Path) -> Any:
    stream = container.streams.best("video")
    if stream is None and container.streams.best("audio") is not None:
        raise ClipError(f"{path.name} holds sound but no pictures", "Choose the file with the video track.")
    if stream is None:
        raise ClipError(f"{path.name} holds no tracks", "The recording was not finished; export it again.")
    if stream.codec_context is None:
        raise ClipError(f"{path.name} uses a codec that is not supported", _CONVERT)
    codec = stream.codec_context
    require_at_most(
        codec.width * codec.height, FRAME_PIXELS, f"{path.name} has frames of {{}} pixels", ClipError, _SMALLER
    )
    codec.options = {"max_pixels": str(FRAME_PIXELS)}
    stream.thread_type = "AUTO"
    # Each thread has frames of its own.
    most = max(1, DECODER_THREAD_BYTES // max(1, _FRAME_BYTES * codec.width * codec.height))
    if most < (os.cpu_count() or 1):
        codec.thread_count = most
    return stream


def data_packets(container: Any, stream: Any) -> Iterator[Any]:
    """The stream's packets that hold data, up to the end or to where the file is cut off."""
    import av

    try:
        for packet in container.demux(stream):
            for function in _PROGRESS:
                function()
            if packet.size:
                yield packet
    except av.FFmpegError:
        return
    except IndexError:
        # PyAV, at the end of a transport stream in which another programme began that it does not know.
        return


def laid_out_packets(
    container: Any, stream: Any, parts: Sequence[ClipPart], by_position: bool = False
) -> Iterator[tuple[int, Any]]:
    """The part of each packet, and the packet with its timestamps on the clip's own time line.

    Parts are told apart by counting packets from the beginning of the file, or `by_position` by where packets lie.
    """
    part, begins = 0, [part.position if by_position else part.packet for part in parts]
    for count, packet in enumerate(data_packets(container, stream)):
        place = packet.pos if by_position else count
        part = part if place is None else max(part, bisect_right(begins, place) - 1)
        if shift := parts[part].shift:
            packet.pts = None if packet.pts is None else packet.pts + shift
            packet.dts = None if packet.dts is None else packet.dts + shift
        yield part, packet


def yields_picture(packet: Any, codec: str) -> bool:
    """Whether the packet gives a visible frame: no if an edit list cuts it off, or VP8 uses it as a reference only."""
    return not packet.is_discard and not (codec == "vp8" and not memoryview(packet)[0] & 0x10)


class FrameDecoder:
    """A stream's frames in display order. `damaged` counts the packets that could not be decoded so far.

    `packets` are the numbers of their parts and the packets to decode, by default all of the stream. A part that
    begins with a key frame, or after a packet that breaks off, refers to nothing before it. Any other may be the same
    recording with its clock set back, so decoding goes on.
    """

    def __init__(self, container: Any, stream: Any, packets: Iterable[tuple[int, Any]] | None = None) -> None:
        self.damaged = 0
        self._packets = ((0, packet) for packet in data_packets(container, stream)) if packets is None else packets
        self._stream = stream

    def __iter__(self) -> Iterator[Any]:
        last, since_loss = -1, LOST_PACKETS
        for part, packet in self._packets:
            if last not in (-1, part) and (packet.is_keyframe or since_loss < LOST_PACKETS):
                yield from self.start_afresh()
            last, since_loss = part, 0 if packet.is_corrupt else since_loss + 1
            yield from self.decode(packet)
        yield from self.flush()

    def start_afresh(self) -> list[Any]:
        """The frames kept back; what is decoded from now on refers to nothing before it."""
        frames = self.flush()
        self._stream.codec_context.flush_buffers()
        return frames

    def decode(self, packet: Any) -> list[Any]:
        """The frames that the decoder returns for `packet`; none where it is damaged."""
        import av

        try:
            return list(self._stream.codec_context.decode(packet))
        except av.FFmpegError:
            self.damaged += 1
            return []

    def flush(self) -> list[Any]:
        """The frames that the decoder has kept back for reordering."""
        return self.decode(None)


def decoded_pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """Frame number and BGR picture, before rotation, of those of the `wanted` frames that can be decoded, in order."""
    from av.video.reformatter import VideoReformatter

    width, height = clip.stored_size
    reformatter, remaining = VideoReformatter(), wanted.tolist()[::-1]
    with closing(_frames_from(clip, int(wanted[0]))) as frames:
        for number, frame in frames:
            while remaining and remaining[-1] < number:
                remaining.pop()
            if remaining and remaining[-1] == number:
                bgr: Any = reformatter.reformat(frame, width, height, "bgr24").to_ndarray()
                yield number, bgr
                remaining.pop()
            if not remaining:
                return


def _frames_from(clip: Clip, begin: int) -> Generator[tuple[int, Any]]:
    """Numbered frames from `begin` on: after a seek to a key frame before it where that is exact, otherwise from 0."""
    has_no_timestamps = clip.container in WITHOUT_TIMESTAMPS
    for target in () if has_no_timestamps else _entries(clip, begin):
        if target > 0:
            with open_video(Path(clip.path)) as (container, stream):
                frames = _after_seek(_numbered_by_timestamp(clip, container, stream, target), begin)
                first = next(frames, None)
                if first is not None:
                    yield first
                    yield from frames
                    return
    with open_video(Path(clip.path)) as (container, stream):
        if has_no_timestamps:
            yield from _numbered_by_count(container, stream)
        else:
            yield from _numbered_by_timestamp(clip, container, stream, 0)


def _entries(clip: Clip, begin: int) -> tuple[int, ...]:
    """The frames at which to enter the clip, in the order to be tried, for frames from `begin` on."""
    if not clip.parts:
        return begin, begin - _USUAL_KEY_FRAME_INTERVAL
    first = clip.parts[_part_of(clip, begin)].frame
    if clip.container != BYTE_SEEKABLE:
        return (first,)
    intervals = _CAMERA_KEY_FRAME_INTERVAL, _USUAL_KEY_FRAME_INTERVAL, begin
    return tuple(dict.fromkeys(max(first, begin - interval) for interval in intervals))


def _part_of(clip: Clip, frame: int) -> int:
    return bisect_right([part.frame for part in clip.parts], frame) - 1


def _after_seek(frames: Iterator[tuple[int, Any]], begin: int) -> Generator[tuple[int, Any]]:
    """Frames from `begin` on, or none unless an intra-coded key frame comes up to there: after one, all are exact.

    A seek may land too late, on a frame that is only marked as a key frame, or on one whose leading frames need
    frames before it.
    """
    from av.video.frame import PictureType

    is_exact = False
    for number, frame in frames:
        if number <= begin:
            is_exact = is_exact or (frame.key_frame and frame.pict_type == PictureType.I)
        if number >= begin and not is_exact:
            return
        if number >= begin:
            yield number, frame


def _numbered_by_count(container: Any, stream: Any) -> Generator[tuple[int, Any]]:
    decoder = FrameDecoder(container, stream)
    for position, frame in enumerate(decoder):
        yield position + decoder.damaged, frame


def _numbered_by_timestamp(clip: Clip, container: Any, stream: Any, begin: int) -> Generator[tuple[int, Any]]:
    """Frames numbered by timestamp. A frame without one gets the next number; one with an unknown one is dropped."""
    import av

    ticks = np.rint((clip.times + clip.start_seconds) / float(stream.time_base)).astype(np.int64)
    try:
        packets = _packets_from(clip, container, stream, ticks, begin)
    except av.FFmpegError:
        return
    last = -1
    aligned = not begin
    for frame in FrameDecoder(container, stream, packets):
        aligned = aligned or frame.pts is not None
        number = last + 1 if frame.pts is None else max(last + 1, int(np.searchsorted(ticks, frame.pts)))
        if aligned and number < len(ticks) and frame.pts in (None, ticks[number]):
            yield number, frame
            last = number


def _packets_from(clip: Clip, container: Any, stream: Any, ticks: Ints, begin: int) -> Iterable[tuple[int, Any]]:
    """The packets, with their parts, from about the frame `begin` on; `ticks` are those of all frames."""
    if not clip.parts:
        if begin:
            container.seek(int(ticks[begin]), stream=stream)
        return ((0, packet) for packet in data_packets(container, stream))
    if begin and clip.container == BYTE_SEEKABLE:
        _seek_byte(container, stream, _place_before(clip, container, stream, ticks, begin))
        return laid_out_packets(container, stream, clip.parts, by_position=True)
    # Packets before the part are read, which is quick, and not decoded.
    target = _part_of(clip, begin)
    return dropwhile(lambda found: found[0] < target, laid_out_packets(container, stream, clip.parts))


def _place_before(clip: Clip, container: Any, stream: Any, ticks: Ints, frame: int) -> int:
    """A byte in the part of `frame`, not far before the packet of that frame."""
    number = _part_of(clip, frame)
    low = clip.parts[number].position
    high = clip.parts[number + 1].position if number + 1 < len(clip.parts) else container.size
    while frame > clip.parts[number].frame and high - low > _SEARCHED_BYTES:
        middle = (low + high) // 2
        _seek_byte(container, stream, middle)
        packets = (packet for _, packet in laid_out_packets(container, stream, clip.parts, by_position=True))
        packet = next((packet for packet in packets if None not in (packet.pts, packet.pos)), None)
        if packet is not None and packet.pos < high and packet.pts <= ticks[frame]:
            low = max(middle, packet.pos)
        else:
            high = middle
    return max(0, low - _TABLE_BYTES)


def _seek_byte(container: Any, stream: Any, place: int) -> None:
    container.seek(place, stream=stream, unsupported_byte_offset=True)


def frames_near(clip: Clip, container: Any, stream: Any, frame: int) -> Generator[tuple[int, Any]]:
    """Numbered frames of a clip with parts from not far before `frame` on, in its part, exact or not."""
    yield from _numbered_by_timestamp(clip, container, stream, _entries(clip, frame)[0])


def first_pictures(container: Any, stream: Any, begins: Sequence[int]) -> dict[int, Any]:
    """The first frame, or None, that can be decoded of each section of a stream; sections begin at these packets.

    Sections without a key frame are left out: what can be decoded of them depends on those before them.
    """
    decoder, sections = FrameDecoder(container, stream), [ClipPart(0, packet, -1, 0) for packet in begins]
    found: dict[int, Any] = {}
    for section, packet in laid_out_packets(container, stream, sections):
        if section not in found and packet.is_keyframe:
            _complete(found, decoder.start_afresh())
            found[section] = None
        if section in found and found[section] is None:
            found[section] = next(iter(decoder.decode(packet)), None)
    _complete(found, decoder.flush())
    return found


def _complete(found: dict[int, Any], kept_back: list[Any]) -> None:
    """Take the frame of the last section from those that the decoder has kept back, if it has none yet."""
    last = max(found, default=None)
    if last is not None and found[last] is None:
        found[last] = next(iter(kept_back), None)


def is_sequence(path: Path) -> bool:
    """Whether `path` is a folder or a pattern, not a file."""
    return path.is_dir() or (not path.exists() and any(wildcard in path.name for wildcard in "%*?"))


def picture_files(path: Path) -> list[Path]:
    """The pictures of a folder or pattern in natural order; `ClipError` where there are none."""
    folder, pattern = (path, "*") if path.is_dir() else (path.parent, re.sub(r"%\d*d", "[0-9]*", path.name))
    try:
        files = [file for file in folder.glob(pattern) if file.suffix.lower() in IMAGE_SUFFIXES and file.name[0] != "."]
    except OSError as error:
        raise ClipError(f"{path} cannot be listed ({error.strerror})", "Check the folder and its rights.") from error
    if not files:
        raise ClipError(
            f"{path} holds no pictures", "Give a video file, or a folder that directly holds JPEG or PNG pictures."
        )
    require_at_most(len(files), CLIP_PICTURES, f"{path.name} holds {{}} pictures", ClipError, "Make several folders.")
    _require_own(files, folder)
    return sorted(files, key=lambda file: natural_order(file.name))


def _require_own(files: Sequence[Path], folder: Path) -> None:
    """`ClipError` where a picture is a link that leads out of its folder: nobody has chosen what lies there."""
    place = folder.resolve()
    for file in files:
        if file.is_symlink() and not _is_below(file, place):
            raise ClipError(f"{file.name} is a link that leads out of its folder", "Copy the picture into the folder.")


def _is_below(link: Path, place: Path) -> bool:
    try:
        return link.resolve().is_relative_to(place)
    except (OSError, RuntimeError):
        # A link that leads to itself leads nowhere.
        return False


def sequence_pictures(clip: Clip, wanted: Ints) -> Generator[tuple[int, Image]]:
    """Frame number and BGR picture of the `wanted` frames. Damaged pictures are left out; sizes must be equal."""
    files = picture_files(Path(clip.path))
    if len(files) != clip.frames:
        raise ClipError(f"{clip.path} changed while it was open", "Start the analysis again.")
    for number in wanted.tolist():
        bgr = read_picture(files[number])
        if not len(bgr):
            continue
        if bgr.shape[:2] != (clip.height, clip.width):
            raise ClipError(
                f"{files[number].name} is {bgr.shape[1]}x{bgr.shape[0]}, the pictures before it are "
                f"{clip.width}x{clip.height}",
                "Keep pictures of one size in a folder.",
            )
        yield number, bgr


def natural_order(name: str) -> list[str | int]:
    """
    >>> sorted(["a10.png", "a2.png"], key=natural_order)[0]
    'a2.png'
    """
    return [int(part) if part.isdigit() else part.casefold() for part in re.split(r"([0-9]+)", name)]
