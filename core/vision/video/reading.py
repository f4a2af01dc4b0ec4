"""Reading the pictures of a timeline, decoded ahead in a thread.

The thread and its bounded queue are gone after the end, an error, a break, or when the reader is dropped. Frames that
cannot be decoded are skipped and listed in `Reader.missing`."""

from __future__ import annotations

import queue
import threading
import weakref
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from core.base.errors import ClipError
from core.base.types import Clip, Image, Ints, Timeline
from core.vision.video.decoding import PICTURE_SEQUENCE, decoded_pictures, sequence_pictures


@dataclass(frozen=True, eq=False)
class Picture:
    """One frame of a timeline: its row there, its number and time in the source, and its picture (height, width, 3)."""

    row: int
    frame: int
    seconds: float
    bgr: Image


@dataclass(frozen=True)
class _End:
    """The last item in the queue; `errors` holds the exception that stopped the thread, if any."""

    errors: tuple[Exception, ...] = ()


class _Handoff:
    """The bounded queue between the thread and the reader; the thread always puts `_End` last."""

    def __init__(self, size: int) -> None:
        self.waiting: queue.Queue[Picture | _End] = queue.Queue(size)
        self.stopped = threading.Event()
        self.ended = False

    def take(self) -> Picture | _End:
        item = self.waiting.get()
        self.ended = isinstance(item, _End)
        return item

    def stop(self, thread: threading.Thread) -> None:
        self.stopped.set()
        while not self.ended:
            self.take()
        thread.join()


class Reader(Iterator[Picture]):
    """An iterator of pictures, in a `with` block or not; `close` may be called at any time, and more than once."""

    def __init__(
        self, clip: Clip, timeline: Timeline, first: int, scale_to: tuple[int, int] | None, queue_size: int
    ) -> None:
        self._expected, self._rows, self._missing = first, len(timeline), [0] * 0
        self._handoff = _Handoff(queue_size)
        source = _pictures(clip, timeline, first, scale_to)
        # Nothing in the thread refers to the reader, so a reader that is dropped half way is finalized at once.
        self._thread = threading.Thread(target=_run, args=(source, self._handoff), name="sightline-read", daemon=True)
        self._thread.start()
        self._finalize = weakref.finalize(self, self._handoff.stop, self._thread)

    @property
    def missing(self) -> Ints:
        """Rows of the timeline that could not be read so far."""
        return np.array(self._missing, np.int64)

    def __next__(self) -> Picture:
        if self._handoff.ended:
            raise StopIteration
        item = self._handoff.take()
        if isinstance(item, _End):
            self.close()
            self._pass_over(self._rows if not item.errors else self._expected)
            raise item.errors[0] if item.errors else StopIteration
        self._pass_over(item.row)
        self._expected = item.row + 1
        return item

    def close(self) -> None:
        """Stop the thread, discard what it has decoded ahead, and wait for its end."""
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


def _run(source: Generator[Picture], handoff: _Handoff) -> None:
    import av

    end = _End()
    try:
        with closing(source):
            for picture in source:
                if handoff.stopped.is_set():
                    break
                handoff.waiting.put(picture)
    except (OSError, av.FFmpegError) as error:
        end = _End((ClipError(f"Reading the clip failed ({error.strerror})", "Check the disk, then start again."),))
    except Exception as error:  # noqa: BLE001 - raised again where the pictures are used
        end = _End((error,))
    finally:
        handoff.waiting.put(end)


def _pictures(clip: Clip, timeline: Timeline, first: int, scale_to: tuple[int, int] | None) -> Generator[Picture]:
    frames = timeline.frame[first:]
    if not len(frames):
        return
    decode = sequence_pictures if clip.container == PICTURE_SEQUENCE else decoded_pictures
    row = first
    with closing(decode(clip, frames)) as pictures:
        for number, stored in pictures:
            row += int(np.searchsorted(timeline.frame[row:], number))
            yield Picture(row, number, float(timeline.seconds[row]), _scale_and_rotate(stored, clip.rotation, scale_to))


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
