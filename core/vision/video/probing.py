"""What a clip is (`probe`), the digest of its content, and which of its frames are analysed (`plan`).

Probing reads all packets and decodes one picture: frames, rate and times are counted, for headers are often wrong. A
digest is computed once per file and remembered in the cache folder."""

from __future__ import annotations

import hashlib
import sqlite3
from bisect import bisect_left
from collections.abc import Collection, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from core.base.errors import ClipError, SettingsError
from core.base.settings import VideoSettings
from core.base.types import Clip, Image, Ints, Seconds, Timeline
from core.machine.paths import cache_dir
from core.vision.video.decoding import (
    PICTURE_SEQUENCE,
    WITHOUT_TIMESTAMPS,
    FrameDecoder,
    data_packets,
    decode_picture,
    is_sequence,
    open_video,
    picture_files,
    yields_picture,
)

_DEFAULT_FPS = 25.0  # where neither timestamps nor the header state a rate
_BLACK_MEAN = 8  # of 255: mean of a picture that counts as black
_JUMP_SECONDS = 1.0
_TIME_SLACK_SECONDS = 1e-6
# A frame may come this share of a step before its time on the grid and still be chosen for it: real clocks jitter.
_EARLY_SHARE = 0.25
_BLOCK_BYTES = 2 << 20
_DIGEST_BYTES = 16


def probe(path: str | Path, pictures_per_second: float = 10.0) -> Clip:
    """The clip at `path`: a video file, or a folder or pattern of pictures at `pictures_per_second`."""
    if pictures_per_second <= 0:
        raise ValueError(f"pictures_per_second: expected more than 0, got {pictures_per_second}")
    clip = Path(path).resolve()
    return _sequence(clip, pictures_per_second) if is_sequence(clip) else _video(clip)


def _sequence(path: Path, rate: float) -> Clip:
    files = picture_files(path)
    bgr = decode_picture(files[0])
    if not len(bgr):
        raise ClipError(f"{files[0].name} is not a picture that can be read", "Remove it, or save it again.")
    return Clip(
        path=str(path),
        digest=digest(path),
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
    """What one pass over all packets finds: timestamps in ticks, packet counts, and the first frames decoded."""

    stamps: list[int | None] = field(default_factory=list)
    packet_count: int = 0
    corrupt: int = 0
    first_frames: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, container: Any, stream: Any) -> _Survey:
        survey, decoder = cls(), FrameDecoder(container, stream)
        for packet in data_packets(container, stream):
            survey.packet_count += 1
            survey.corrupt += packet.is_corrupt
            if yields_picture(packet, stream.codec_context.name):
                survey.stamps.append(packet.dts if packet.pts is None else packet.pts)
            survey.first_frames = survey.first_frames or decoder.decode(packet)
        survey.first_frames = survey.first_frames or decoder.flush()
        return survey

    def seconds(self, tick: float, rate: float) -> Seconds:
        """Container time (frames,) of every frame, rising; counted at `rate` where most packets have no timestamp."""
        if self.stamps.count(None) > len(self.stamps) / 2:
            return np.arange(len(self.stamps), dtype=np.float64) / rate
        ticks: list[int] = []
        for stamp in self.stamps:
            ticks.append((ticks[-1] + 1 if ticks else 0) if stamp is None else stamp)
        return np.sort(np.array(ticks, np.float64)) * tick


def _video(path: Path) -> Clip:
    with open_video(path) as (container, stream):
        survey = _Survey.of(container, stream)
        if not survey.stamps:
            raise ClipError(
                f"{path.name} has a header but no frames", "The recording was not finished: export it again."
            )
        if not survey.first_frames:
            raise ClipError(
                f"{path.name}: none of its {len(survey.stamps)} frames can be decoded ({stream.codec_context.name})",
                "It is damaged or encrypted; export it again, as H.264 in MP4.",
            )
        times = survey.seconds(float(stream.time_base), float(stream.average_rate or _DEFAULT_FPS))
        frame, header = survey.first_frames[0], stream.frames
        fps, rate_warnings = _frame_rate(times)
        rotation = round(frame.rotation / 90) * 90 % 360
        width, height = (frame.height, frame.width) if rotation % 180 else (frame.width, frame.height)
        undecodable = _undecodable_frames(frame, float(stream.time_base), times, container.format.name)
        return Clip(
            path=str(path),
            digest=digest(path),
            width=width,
            height=height,
            times=times - times[0],
            fps=fps,
            codec=stream.codec_context.name,
            container=container.format.name,
            rotation=rotation,
            start_seconds=float(times[0]),
            warnings=rate_warnings + _damage(survey, header, undecodable) + _darkness(frame.to_ndarray(format="bgr24")),
        )


def _frame_rate(times: Seconds) -> tuple[float, tuple[str, ...]]:
    """Frames a second, with warnings: the rate of the usual step where nine in ten are like it, otherwise the mean."""
    if len(times) < 2 or times[-1] <= times[0]:
        return 0.0, ()
    steps = np.diff(times)
    median = float(np.median(steps))
    is_usual = np.abs(steps - median) <= median / 4
    jumps = steps[steps > max(_JUMP_SECONDS, 5 * median)]
    warnings = []
    if len(jumps):
        warnings.append(f"Time jumps {len(jumps)} times, by up to {jumps.max():.1f} s.")
    if is_usual.mean() >= 0.9:
        return round(float(1 / steps[is_usual].mean()), 6), tuple(warnings)
    fps = round(float((len(times) - 1) / (times[-1] - times[0])), 6)
    low, high = np.quantile(steps, (0.02, 0.98))
    warnings.append(
        f"The frame rate varies: frames are {low:.3f} to {high:.3f} s apart, {fps:.1f} a second on average."
    )
    return fps, tuple(warnings)


def _undecodable_frames(frame: Any, tick: float, times: Seconds, container: str) -> int:
    """The number of frames before the first that can be decoded."""
    if container in WITHOUT_TIMESTAMPS or frame.pts is None:
        return 0
    return int(np.searchsorted(times, (frame.pts - 0.5) * tick))


def _damage(survey: _Survey, header: int, undecodable: int) -> tuple[str, ...]:
    warnings = []
    if header > 0 and header != survey.packet_count:
        warnings.append(f"The header announces {header} frames, the file holds {survey.packet_count}.")
    if survey.corrupt:
        warnings.append(
            f"{survey.corrupt} of {survey.packet_count} packets are damaged: frames may be missing or smeared."
        )
    if undecodable:
        warnings.append(f"The first {undecodable} frames cannot be decoded.")
    return tuple(warnings)


def _darkness(bgr: Image) -> tuple[str, ...]:
    return ("The first picture is black.",) if bgr.mean() < _BLACK_MEAN else ()


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
    frame = low + _rows_at_rate(clip.times[low:high], settings.fps)
    return Timeline(frame=frame, seconds=clip.times[frame])


def _rows_at_rate(times: Seconds, fps: float) -> Ints:
    """Rows of `times` (n,) at most `fps` a second on average, without drift; all rows where the source is not faster.

    >>> _rows_at_rate(np.arange(11) / 25, 10).tolist()
    [0, 2, 5, 7, 10]
    """
    if not fps:
        return np.arange(len(times), dtype=np.int64)
    step, seconds = 1 / fps, times.tolist()
    tolerance = _EARLY_SHARE * step + _TIME_SLACK_SECONDS
    rows, row, grid = [], 0, seconds[0]
    while row < len(seconds):
        rows.append(row)
        # The grid advances from its own times, not from those of the frames, so that deviations do not add up. Only a
        # pause longer than a step moves it, because missing frames must not be caught up on.
        is_pause = row > 0 and seconds[row] - seconds[row - 1] > step
        grid = max(grid + step, seconds[row] + step - tolerance) if is_pause else grid + step
        row = bisect_left(seconds, grid - tolerance, row + 1)
    return np.array(rows, np.int64)


def digest(path: str | Path) -> str:
    """32 hex digits made of the file's content; of a picture sequence, of all names and contents in order."""
    clip = Path(path).resolve()
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
