"""What a clip is (`probe`), the digest of its content, and which of its frames are analysed (`plan`).

Probing reads all packets and decodes one picture: frames, rate and times are counted, for headers are often wrong. A
digest is computed once per file and remembered in the cache folder."""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import ClipError
from core.base.limits import CLIP_FRAMES, FRAME_PIXELS, require_at_most
from core.base.text import format_clock
from core.base.types import Clip, ClipPart, Image, Ints, Seconds
from core.machine.canvas import read_picture
from core.machine.paths import cache_dir
from core.vision.video.decoder import ask
from core.vision.video.decoding import (
    BYTE_SEEKABLE,
    LOST_PACKETS,
    PICTURE_SEQUENCE,
    WITHOUT_TIMESTAMPS,
    FrameDecoder,
    data_packets,
    first_pictures,
    is_sequence,
    open_video,
    picture_files,
    yields_picture,
)
from core.vision.video.reading import JUMP_SECONDS, JUMP_STEPS, lay_out
from core.vision.video.recordings import is_list, join, list_digest, read_list

_DEFAULT_FPS = 25.0  # where neither timestamps nor the header state a rate
_UNSTAMPED = -(1 << 63)  # in place of a timestamp
_BLACK_MEAN = 8  # of 255: mean of a picture that counts as black
# Usual steps that a time of decoding may lie behind: clocks jitter by some, and FFmpeg, where it has to guess,
# is wrong by no more than H.264 and H.265 reorder, which is 16 frames.
_KEY_STEPS, _JITTER_STEPS, _REORDERED_STEPS = 2, 5, 17
_MPEG_CONTAINERS, _MPEG_PERIOD = {"mpeg", "mpegts"}, 1 << 33  # ticks, or 26.5 hours, after which clocks begin at 0
_EXAMINED_SECTIONS = 50
_LISTED = 3  # moments in one warning
# What may lie after the last picture: sound and indexes. A file that was joined to another begins like that one.
_UNREAD_SHARE = 0.05
_HEAD_BYTES, _SEARCHED_BYTES = 12, 32 << 20
_BLOCK_BYTES = 2 << 20
_DIGEST_BYTES = 16


def probe(path: str | Path, pictures_per_second: float = 10.0) -> Clip:
    """The clip at `path`: a video file, a folder or pattern of pictures at `pictures_per_second`, or a list of
    recordings."""
    if pictures_per_second <= 0:
        raise ValueError(f"pictures_per_second: expected more than 0, got {pictures_per_second}")
    clip = Path(path).resolve()
    if is_list(clip):
        return join(clip, probe)
    facts, (times,) = ask("probe", clip, str(clip), pictures_per_second)
    return _clip_from(facts, times, digest(clip))


def describe_file(path: str, pictures_per_second: float) -> tuple[dict[str, Any], list[Seconds]]:
    """What a decoder finds out about a file or a folder of pictures: the fields of a clip but its times, and these."""
    place = Path(path)
    clip = _sequence(place, pictures_per_second) if is_sequence(place) else _video(place)
    return {field.name: getattr(clip, field.name) for field in fields(clip) if field.name != "times"}, [clip.times]


def _clip_from(facts: Mapping[str, Any], times: Seconds, content: str) -> Clip:
    """The clip that a decoder has described, with its digest."""
    return Clip(
        path=str(facts["path"]),
        digest=content,
        width=int(facts["width"]),
        height=int(facts["height"]),
        times=times,
        fps=float(facts["fps"]),
        codec=str(facts["codec"]),
        container=str(facts["container"]),
        rotation=int(facts["rotation"]),
        start_seconds=float(facts["start_seconds"]),
        warnings=tuple(map(str, facts["warnings"])),
        parts=tuple(ClipPart(*map(int, part)) for part in facts["parts"]),
    )


def _sequence(path: Path, rate: float) -> Clip:
    files = picture_files(path)
    bgr = read_picture(files[0])
    if not len(bgr):
        raise ClipError(f"{files[0].name} is not a picture that can be read", "Remove it, or save it again.")
    return Clip(
        path=str(path),
        digest="",
        width=bgr.shape[1],
        height=bgr.shape[0],
        times=np.arange(len(files)) / rate,
        fps=rate,
        codec=files[0].suffix[1:].lower(),
        container=PICTURE_SEQUENCE,
        warnings=_darkness(bgr),
    )


@dataclass
class _Survey:
    """What one pass over all packets finds: packet counts, the first frames decoded, and of each packet that yields a
    picture the ticks at which it is shown and decoded, whether it is a key frame, its number among all packets, and the
    byte it lies at.

    `end` is the byte after the last packet. `corrupt` packets are damaged, by number. `cut_off` counts those after the
    first picture that are not to be shown.
    """

    shown: array[int] = field(default_factory=lambda: array("q"))
    decoded: array[int] = field(default_factory=lambda: array("q"))
    keys: bytearray = field(default_factory=bytearray)
    packets: array[int] = field(default_factory=lambda: array("q"))
    positions: array[int] = field(default_factory=lambda: array("q"))
    packet_count: int = 0
    end: int = 0
    corrupt: list[int] = field(default_factory=list)
    cut_off: int = 0
    first_frames: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, container: Any, stream: Any) -> _Survey:
        survey, decoder = cls(), FrameDecoder(container, stream)
        codec = stream.codec_context.name
        for packet in data_packets(container, stream):
            if packet.is_corrupt:
                survey.corrupt.append(survey.packet_count)
            position = -1 if packet.pos is None else packet.pos
            if yields_picture(packet, codec):
                shown, decoded = packet.pts, packet.dts
                stamp = _UNSTAMPED if shown is None else shown
                survey.decoded.append(stamp if decoded is None else decoded)
                survey.shown.append(survey.decoded[-1] if shown is None else stamp)
                survey.keys.append(packet.is_keyframe)
                survey.packets.append(survey.packet_count)
                survey.positions.append(position)
            elif survey.shown:
                survey.cut_off += packet.is_discard
            survey.packet_count += 1
            if survey.packet_count > CLIP_FRAMES:
                require_at_most(survey.packet_count, CLIP_FRAMES, "it has {} frames or more", ClipError, "Cut it.")
            if position >= survey.end:
                survey.end = position + packet.size
            survey.first_frames = survey.first_frames or decoder.decode(packet)
        survey.first_frames = survey.first_frames or decoder.flush()
        return survey

    @property
    def has_clock(self) -> bool:
        """Whether times are those of timestamps; where most packets have none, frames are counted."""
        return self.shown.count(_UNSTAMPED) <= len(self.shown) / 2

    def steps_behind(self, reorders: bool) -> Ints:
        """How many usual steps each packet (packets,) may lie behind those before it on the same clock.

        No frame is shown before a key frame that is stored after it, unless all are key frames.
        """
        keys, steps = np.frombuffer(self.keys, np.uint8), _REORDERED_STEPS if reorders else _JITTER_STEPS
        return np.where(keys & ~keys.all(), _KEY_STEPS, steps)


def _ticks(stamps: array[int]) -> Ints:
    """Timestamps (packets,) in the order of the file; where there is none, a tick more than that before it."""
    ticks = np.array(stamps, np.int64)
    for row in np.flatnonzero(ticks == _UNSTAMPED).tolist():
        ticks[row] = ticks[row - 1] + 1 if row else 0
    return ticks


@dataclass(frozen=True, eq=False)
class _TimeLine:
    """Container time (frames,) of every frame, rising; the parts of the clip, none where one clock runs through it;
    the frames at which another recording begins; and the packet (frames,) of each frame, where frames have a clock."""

    times: Seconds
    parts: tuple[ClipPart, ...] = ()
    joints: tuple[int, ...] = ()
    packet_of: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, survey: _Survey, container: Any, stream: Any) -> _TimeLine:
        name, tick = container.format.name, float(stream.time_base)
        if not survey.has_clock:
            rate = float(stream.average_rate or _DEFAULT_FPS)
            return cls(np.arange(len(survey.shown), dtype=np.float64) / rate)
        stored, joints = _ticks(survey.shown), [0] * 0
        laid_out = stored
        if name not in WITHOUT_TIMESTAMPS:
            period = _MPEG_PERIOD if name in _MPEG_CONTAINERS else 0
            steps_behind = survey.steps_behind(bool(stream.codec_context.reorder_depth))
            laid_out, joints = lay_out(stored, _ticks(survey.decoded), steps_behind, round(1 / tick), period)
        order = np.argsort(laid_out, kind="stable")
        frame_of = np.empty_like(order)
        frame_of[order] = np.arange(len(order))
        shifts = laid_out - stored
        # Of several packets stored together, only the first says where it lies.
        positions = np.maximum.accumulate(np.frombuffer(survey.positions, np.int64)).tolist()
        parts = [
            ClipPart(int(frame_of[begin:end].min()), survey.packets[begin], positions[begin], int(shifts[begin]))
            for begin, end in pairwise([*np.flatnonzero(np.diff(shifts, prepend=shifts[0] + 1)).tolist(), len(shifts)])
        ]
        packets = np.frombuffer(survey.packets, np.int64)[order]
        frames = tuple(int(frame_of[row:].min()) for row in joints)
        return cls(laid_out[order].astype(np.float64) * tick, tuple(parts) if len(parts) > 1 else (), frames, packets)

    def holes(self) -> list[int]:
        """The frames before which nothing was recorded for a while."""
        steps = np.diff(self.times)
        if not len(steps) or not len(self.packet_of):
            return []
        is_hole = steps > max(JUMP_SECONDS, JUMP_STEPS * float(np.median(steps)))
        found: list[int] = (np.flatnonzero(is_hole) + 1).tolist()
        return found


def _video(path: Path) -> Clip:
    with open_video(path) as (container, stream):
        survey = _Survey.of(container, stream)
        if not survey.shown:
            raise ClipError(
                f"{path.name} has a header but no frames", "The recording was not finished: export it again."
            )
        if not survey.first_frames:
            if not stream.codec_context.width:
                raise ClipError(
                    f"{path.name} has frames of no known size, or of more than the {FRAME_PIXELS:,} pixels taken",
                    "Export it again, with smaller pictures.",
                )
            raise ClipError(
                f"{path.name}: none of its {len(survey.shown)} frames can be decoded ({stream.codec_context.name})",
                "It is damaged or encrypted; export it again, as H.264 in MP4.",
            )
        line = _TimeLine.of(survey, container, stream)
        frame, header, times = survey.first_frames[0], stream.frames, line.times
        fps, rate_warnings = _frame_rate(times)
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
        undecodable = _undecodable_frames(frame, float(stream.time_base), times, container.format.name)
        warnings = _section_warnings(path, line, (frame.width, frame.height)) + rate_warnings
        warnings += _unread(path, container.format.name, survey.end)
        return Clip(
            path=str(path),
            digest="",
            width=width,
            height=height,
            times=times - times[0],
            fps=fps,
            codec=stream.codec_context.name,
            container=container.format.name,
            rotation=rotation,
            start_seconds=float(times[0]),
            warnings=warnings
            + _damage(survey, line, header, undecodable)
            + _darkness(frame.to_ndarray(format="bgr24")),
            parts=line.parts,
        )


def _frame_rate(times: Seconds) -> tuple[float, tuple[str, ...]]:
    """Frames a second, with warnings: the rate of the usual step where nine in ten are like it, otherwise the mean."""
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0, ()
    steps = np.diff(times)
    median = float(np.median(steps))
    is_usual = np.abs(steps - median) <= median / 4
    if is_usual.mean() >= 0.9:
        return round(float(1 / steps[is_usual].mean()), 6), ()
    fps = round(float((len(times) - 1) / (times[-1] - times[0])), 6)
    low, high = np.quantile(steps, (0.02, 0.98))
    return fps, (f"The frame rate varies: frames are {low:.3f} to {high:.3f} s apart, {fps:.1f} a second on average.",)


def _section_warnings(path: Path, line: _TimeLine, size: tuple[int, int]) -> tuple[str, ...]:
    """Warnings about recordings that were joined, about time without pictures, and about what follows either."""
    seconds, holes = line.times - line.times[0], line.holes()
    begins = [0, *sorted({*line.joints, *holes})[:_EXAMINED_SECTIONS]]
    if len(begins) == 1:
        return ()
    with open_video(path) as (container, stream):
        pictures = first_pictures(container, stream, line.packet_of[begins].tolist())
    warnings = [_joint_message([format_clock(seconds[frame]) for frame in line.joints])] if line.joints else []
    if holes:
        spans = [f"from {format_clock(seconds[frame - 1])} to {format_clock(seconds[frame])}" for frame in holes]
        warnings.append(f"Nothing was recorded {_enumeration(spans)}.")
    for section, picture in pictures.items():
        begin, end = seconds[begins[section]], seconds[begins[section + 1] if section + 1 < len(begins) else -1]
        if picture is None:
            warnings.append(f"No picture can be decoded from {format_clock(begin)} to {format_clock(end)}.")
        elif (picture.width, picture.height) != size:
            stored, clip = f"{picture.width} x {picture.height}", f"{size[0]} x {size[1]}"
            warnings.append(
                f"From {format_clock(begin)} on, pictures are {stored}; they are scaled to {clip} as before."
            )
    return tuple(warnings)


def _joint_message(clocks: list[str]) -> str:
    if len(clocks) == 1:
        return f"Two recordings follow each other in this file (at {clocks[0]}); the second is laid after the first."
    moments = _enumeration(clocks)
    return f"{len(clocks) + 1} recordings follow each other in this file (at {moments}); each is laid after the last."


def _enumeration(texts: list[str]) -> str:
    """
    >>> _enumeration(["at 1"]), _enumeration(["1", "2", "3", "4", "5"])
    ('at 1', '1, 2, 3 and 2 more')
    """
    more = len(texts) - _LISTED
    return ", ".join(texts[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _undecodable_frames(frame: Any, tick: float, times: Seconds, container: str) -> int:
    """The number of frames before the first that can be decoded."""
    if container in WITHOUT_TIMESTAMPS or frame.pts is None:
        return 0
    return int(np.searchsorted(times, (frame.pts - 0.5) * tick))


def _damage(survey: _Survey, line: _TimeLine, header: int, undecodable: int) -> tuple[str, ...]:
    warnings = []
    if survey.cut_off:
        warnings.append(f"{survey.cut_off} pictures are marked in the file as not to be shown: they are left out.")
    if header > 0 and header != survey.packet_count:
        warnings.append(f"The header announces {header} frames, the file holds {survey.packet_count}.")
    # Where two files were joined, packets are not numbered on, as if one were missing.
    begins = line.packet_of[[*line.joints, *line.holes()]] if len(line.packet_of) else np.empty(0, np.int64)
    corrupt = [packet for packet in survey.corrupt if not (np.abs(begins - packet) <= LOST_PACKETS).any()]
    if corrupt:
        warnings.append(
            f"{len(corrupt)} of {survey.packet_count} packets are damaged: frames may be missing or smeared."
        )
    if undecodable:
        warnings.append(f"The first {undecodable} frames cannot be decoded.")
    return tuple(warnings)


def _unread(path: Path, container: str, end: int) -> tuple[str, ...]:
    """Warnings about recordings in the file after the byte `end`, where reading it came to its end."""
    unread = path.stat().st_size - end
    if container == BYTE_SEEKABLE:
        share = unread / path.stat().st_size
        if share < _UNREAD_SHARE:
            return ()
        return (f"Another recording may follow in this file: its last {share:.0%} is not read.",)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        file.seek(end)
        return (
            ("Another recording follows in this file: it is not read.",) if head in file.read(_SEARCHED_BYTES) else ()
        )


def _darkness(bgr: Image) -> tuple[str, ...]:
    return ("The first picture is black.",) if bgr.mean() < _BLACK_MEAN else ()


def digest(path: str | Path) -> str:
    """32 hex digits made of the file's content; of a picture sequence, of all names and contents in order; of a list of
    recordings, of their digests."""
    clip = Path(path).resolve()
    if is_list(clip):
        return list_digest(replace(entry, digest=digest(entry.file)) for entry in read_list(clip))
    sequence = is_sequence(clip)
    files = picture_files(clip) if sequence else [clip]
    try:
        signature = _signature(files)
        remembered = _read_index(clip, signature)
        if remembered:
            return remembered
        computed = _content_digest(files, with_names=sequence)
        # The digest of a file that is still being written is not remembered.
        if _signature(files) == signature:
            _write_index(clip, signature, computed)
    except OSError as error:
        raise ClipError(
            f"{clip.name} cannot be read ({error.strerror})", "Check that the file is there and may be read."
        ) from error
    return computed


def remember_digest(path: Path, digest: str) -> None:
    """Remember `digest` for the file at `path`; it was computed while the file was received."""
    clip = path.resolve()
    _write_index(clip, _signature([clip]), digest)


def content_digest(path: Path) -> str:
    """As `digest`, always computed, and not remembered."""
    if is_list(path):
        return list_digest(replace(entry, digest=content_digest(Path(entry.file))) for entry in read_list(path))
    sequence = is_sequence(path)
    return _content_digest(picture_files(path) if sequence else [path], with_names=sequence)


def forget_digests(digests: Collection[str], paths: Collection[str]) -> None:
    """Remove the files with these digests, and those at these paths, from the index: no byte of them stays in it."""
    with suppress(sqlite3.Error), closing(_index()) as index:
        with index:
            index.executemany("DELETE FROM digests WHERE digest = ?", [(content,) for content in digests])
            index.executemany("DELETE FROM digests WHERE path = ?", [(path,) for path in paths])
        # A deleted row stays in the file until its place is used again.
        index.execute("VACUUM")


def remembered_paths(digests: Collection[str]) -> set[str]:
    """The paths in the index of files with these digests."""
    paths: set[str] = set()
    with suppress(sqlite3.Error), closing(_index()) as index:
        for content in digests:
            paths.update(path for (path,) in index.execute("SELECT path FROM digests WHERE digest = ?", (content,)))
    return paths


def _content_digest(files: Iterable[Path], with_names: bool) -> str:
    hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        if with_names:
            hasher.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                hasher.update(block)
    return hasher.hexdigest()


def _signature(files: Iterable[Path]) -> str:
    """Changes whenever a file is replaced, written to, added or renamed: name, size, modification time, inode."""
    hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        stat = file.stat()
        hasher.update(f"{file.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\0".encode())
    return hasher.hexdigest()


def _index() -> sqlite3.Connection:
    index = sqlite3.connect(cache_dir() / "digests.sqlite", timeout=10)
    index.execute("CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, signature TEXT, digest TEXT)")
    return index


def _read_index(clip: Path, signature: str) -> str:
    """The remembered digest, or "". The index only saves time, so a broken one counts as empty.

    An upload keeps its file and the folders around it where the data folder is moved on one disk.
    """
    # The last three parts of the path are `uploads`, the digest and the name of the file.
    is_upload = clip.parent.parent.name == "uploads"
    with suppress(sqlite3.Error), closing(_index()) as index:
        query = "SELECT path, digest FROM digests WHERE signature = ?"
        for path, remembered in index.execute(query, (signature,)):
            if path == str(clip) or (is_upload and Path(path).parts[-3:] == clip.parts[-3:]):
                return str(remembered)
    return ""


def _write_index(clip: Path, signature: str, content_digest: str) -> None:
    with suppress(sqlite3.Error), closing(_index()) as index, index:
        index.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", (str(clip), signature, content_digest))
