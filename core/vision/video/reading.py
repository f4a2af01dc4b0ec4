"""The time line of a clip: timestamps laid out on it (`lay_out`), the frames of it that are analysed (`plan`), and
their pictures (`read`), which another process decodes ahead.

That process is free again after the end, an error, a break, or when the reader is dropped. Frames that cannot be
decoded are skipped and listed in `Reader.missing`."""

from __future__ import annotations

import weakref
from bisect import bisect_left
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from core.base.errors import ClipError, SettingsError, SightlineError
from core.base.limits import WAITING_BYTES
from core.base.settings import VideoSettings
from core.base.types import Clip, Image, Ints, Recording, Seconds, Timeline
from core.vision.video.decoder import DecodedPicture, Frames
from core.vision.video.decoding import PICTURE_SEQUENCE, decoded_pictures, sequence_pictures
from core.vision.video.recordings import own_range

JUMP_SECONDS, JUMP_STEPS = 1.0, 5
"""Time without pictures is more than a few lost frames from a second on; at low rates, from five usual steps on."""
_STRAY_PACKETS, _STRAY_RUNS = 16, 8  # damage to timestamps that is not taken for another recording
_ORDERED_PACKETS = 32  # at once, to find the usual step: more than codecs reorder
_TIME_SLACK_SECONDS = 1e-6
# A frame may come this share of a step before its time on the grid and still be chosen for it: real clocks jitter.
_EARLY_SHARE = 0.25


Picture = DecodedPicture
"""One frame of a timeline: its row there, its number and time in the source, and its picture (height, width, 3)."""


class Reader(Iterator[Picture]):
    """An iterator of pictures, in a `with` block or not; `close` may be called at any time, and more than once."""

    def __init__(
        self, clip: Clip, timeline: Timeline, first: int, scale_to: tuple[int, int] | None, queue_size: int
    ) -> None:
        self._expected, self._rows, self._missing = first, len(timeline), [0] * 0
        width, height = scale_to or (clip.width, clip.height)
        # Large pictures wait in smaller numbers.
        slots = max(1, min(queue_size, WAITING_BYTES // (3 * width * height)))
        self._frames = Frames(Path(clip.path), (clip, timeline, first, scale_to), (width, height), slots)
        # Nothing in the frames refers to the reader, so that its decoder is free again as soon as a reader is dropped.
        self._finalize = weakref.finalize(self, self._frames.close)

    @property
    def missing(self) -> Ints:
        """Rows of the timeline that could not be read so far."""
        return np.array(self._missing, np.int64)

    def __next__(self) -> Picture:
        try:
            picture = self._frames.take() if self._finalize.alive else None
        except SightlineError:
            self.close()
            raise
        if picture is None:
            if self._finalize.alive:
                self.close()
                self._pass_over(self._rows)
            raise StopIteration
        self._pass_over(picture.row)
        self._expected = picture.row + 1
        return picture

    def close(self) -> None:
        """Discard what was decoded ahead."""
        self._finalize()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pass_over(self, row: int) -> None:
        self._missing.extend(range(self._expected, row))
        self._expected = row


def lay_out(shown: Ints, decoded: Ints, steps_behind: Ints, second: int, period: int = 0) -> tuple[Ints, list[int]]:
    """Times of showing (packets,), in the order of the file, on one time line; and where another recording begins.

    A recording whose clock begins before the end of the one before it follows that one at the usual step. Time that
    passes without a picture is kept. Where clocks are set back is told by the times of decoding, which rise from
    packet to packet within one recording, but for so many usual `steps_behind` (packets,). A few stray timestamps are
    no recording; they get the time at which they lie in the file.

    All times are in ticks, and so are a `second` and the `period` after which clocks begin at 0 again, if they do.

    >>> twice = np.array([*range(50), *range(50)])
    >>> lay_out(twice, twice, np.full(100, 5), 25)[0].tolist() == list(range(100))
    True
    """
    step = _usual_step(shown)
    slack = step * steps_behind
    wraps = period > 0 and np.abs(np.diff(decoded)).max(initial=0) > period // 2
    if not step or not (wraps or (np.maximum.accumulate(decoded) - decoded > slack).any()):
        return shown, []
    if wraps:
        until_shown = _shortest(shown - decoded, period)
        decoded = decoded[0] + np.cumsum(_shortest(np.diff(decoded, prepend=decoded[0]), period))
        shown = decoded + until_shown
    jump = round(max(JUMP_SECONDS * second, JUMP_STEPS * step))
    runs = _runs(decoded, slack, jump)
    laid_out, joints = shown.copy(), [0] * 0
    shift, high, end = 0, runs[0].first, int(shown[0])
    for number, run in enumerate(runs):
        rows = slice(run.begin, run.end)
        after_all = end + step - int(shown[rows].min())
        if _are_strays(runs[number : number + _STRAY_RUNS], high, jump):
            laid_out[rows] += after_all
            continue
        if run.first < high - run.slack:
            joints.append(run.begin)
            shift, high = after_all, run.high
        laid_out[rows] += shift
        high, end = max(high, run.high), max(end, int(laid_out[rows].max()))
    return laid_out, joints


def _usual_step(shown: Ints) -> int:
    """The median step in ticks from frame to frame; 0 where none is later than another."""
    # Recordings that were joined may lie on one another, so frames are ordered among some of their neighbours only.
    blocks = np.arange(len(shown)) // _ORDERED_PACKETS
    steps = np.diff(shown[np.lexsort((shown, blocks))])
    return round(float(np.median(steps[steps > 0]))) if (steps > 0).any() else 0


def _shortest(steps: Ints, period: int) -> Ints:
    """Steps on a clock that begins at 0 again after `period`, each taken to be the shortest one that fits."""
    return np.asarray((steps + period // 2) % period - period // 2)


@dataclass
class _Run:
    """Packets `begin` to `end` (excluded), whose timestamps follow each other without a jump, from `first` on."""

    begin: int
    end: int
    first: int
    high: int
    slack: float


def _runs(clock: Ints, slack: Ints, jump: int) -> list[_Run]:
    runs = [_Run(0, 0, int(clock[0]), int(clock[0]), 0.0)]
    for row, (at, behind) in enumerate(zip(clock.tolist(), slack.tolist(), strict=True)):
        run = runs[-1]
        if not run.high - behind <= at <= run.high + jump:
            run = _Run(row, row, at, at, behind)
            runs.append(run)
        run.end, run.high = row + 1, max(run.high, at)
    return runs


def _are_strays(runs: Sequence[_Run], high: int, jump: int) -> bool:
    """Whether the first of these `runs` is a few damaged timestamps, after which the clock goes on where it was."""
    for number, run in enumerate(runs):
        if run.first - jump <= high <= run.first + run.slack:
            return number > 0
        if run.end - run.begin > _STRAY_PACKETS:
            return False
    return False


def plan(clip: Clip, settings: VideoSettings) -> Timeline:
    """The frames from `start_seconds` (included) to `end_seconds` (excluded), at most `fps` a second on average.

    Of a clip that is made of several recordings, each is planned as a clip of its own.
    """
    if planned := plan_recordings(clip, settings):
        frame = np.concatenate(
            [recording.timeline.frame + (recording.of.frame - recording.of.skipped) for recording in planned]
        )
        return Timeline(frame=frame, seconds=clip.times[frame])
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


@dataclass(frozen=True, eq=False)
class PlannedRecording:
    """A recording of a clip, the settings by which it is planned, and its own frames that are analysed."""

    of: Recording
    settings: VideoSettings
    timeline: Timeline


def plan_recordings(clip: Clip, settings: VideoSettings) -> list[PlannedRecording]:
    """The recordings of the clip of which frames are analysed, in order; none for a clip of one file."""
    planned = []
    for recording in clip.recordings:
        span = own_range(clip, recording, settings.start_seconds, settings.end_seconds)
        if span is None:
            continue
        rate = settings.fps if recording.clip.fps > settings.fps or not recording.clip.fps else 0.0
        own = replace(settings, fps=rate, start_seconds=span[0], end_seconds=span[1])
        with suppress(SettingsError):
            planned.append(PlannedRecording(recording, own, plan(recording.clip, own)))
    return planned


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


def read(
    clip: Clip,
    timeline: Timeline,
    *,
    first: int = 0,
    scale_to: tuple[int, int] | None = None,
    queue_size: int = 8,
) -> Reader:
    """The pictures of `timeline` from row `first` on, upright, at `scale_to` (width, height) or in full size."""
    if not 0 <= first <= len(timeline):
        raise ValueError(f"first: expected 0 to {len(timeline)}, got {first}")
    if len(timeline) and not 0 <= timeline.frame[0] <= timeline.frame[-1] < clip.frames:
        raise ValueError(f"timeline: expected frames from 0 to {clip.frames - 1}, got {timeline.frame[[0, -1]]}")
    if queue_size < 1 or (scale_to is not None and min(scale_to) < 1):
        raise ValueError(f"expected sizes of 1 or more, got queue_size {queue_size}, scale_to {scale_to}")
    return Reader(clip, timeline, first, scale_to, queue_size)


def pictures(clip: Clip, timeline: Timeline, first: int, scale_to: tuple[int, int] | None = None) -> Generator[Picture]:
    """As `read`, decoded here: what the decoder does."""
    import av

    row = first
    try:
        with closing(_upright_pictures(clip, timeline.frame[first:], scale_to)) as found:
            for number, bgr in found:
                row += int(np.searchsorted(timeline.frame[row:], number))
                yield Picture(row, number, float(timeline.seconds[row]), bgr)
    except (OSError, av.FFmpegError) as error:
        raise ClipError(f"Reading the clip failed ({error.strerror})", "Check the disk, then start again.") from error


def _upright_pictures(clip: Clip, frames: Ints, scale_to: tuple[int, int] | None) -> Generator[tuple[int, Image]]:
    """Number and picture of each of these frames that can be decoded."""
    for recording in clip.recordings:
        begin, end = np.searchsorted(frames, (recording.frame, recording.frame + recording.used)).tolist()
        shift, file = recording.frame - recording.skipped, recording.clip
        is_of_other_size = (file.width, file.height) != (clip.width, clip.height)
        size = (clip.width, clip.height) if scale_to is None and is_of_other_size else scale_to
        with closing(_upright_pictures(file, frames[begin:end] - shift, size)) as pictures:
            for number, bgr in pictures:
                yield number + shift, bgr
    if clip.recordings or not len(frames):
        return
    decode = sequence_pictures if clip.container == PICTURE_SEQUENCE else decoded_pictures
    with closing(decode(clip, frames)) as stored_pictures:
        for number, stored in stored_pictures:
            yield number, _scale_and_rotate(stored, clip.rotation, scale_to)


def _scale_and_rotate(stored: Image, rotation: int, scale_to: tuple[int, int] | None) -> Image:
    """Scale first: a smaller picture is cheaper to rotate."""
    import cv2

    if scale_to is not None:
        size = scale_to[::-1] if rotation % 180 else scale_to
        stored = np.asarray(cv2.resize(stored, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    return rotate(stored, rotation)


def rotate(picture: Image, degrees: int) -> Image:
    """The picture turned anticlockwise by 0, 90, 180 or 270 degrees."""
    import cv2

    if not degrees:
        return picture
    turns = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
    return np.asarray(cv2.rotate(picture, turns[degrees]), np.uint8)
