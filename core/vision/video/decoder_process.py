"""The process that decodes recordings, seen from within: `decoder.py` starts it and says what passes between them."""

from __future__ import annotations

import json
import mmap
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any

import numpy as np

from core.base.errors import ClipError, SightlineError
from core.base.limits import DECODER_BYTES
from core.vision.video.decoder import MESSAGE_SIZE, PICTURE_HEAD, Answer, Array, map_by_name


class _Flow:
    """How many pictures may be sent before another is taken, and whether any are wanted still."""

    def __init__(self) -> None:
        self.free = threading.Semaphore(0)
        self.is_stopped = False

    def wait(self) -> bool:
        """Whether another picture is wanted; waits until there is room for it."""
        self.free.acquire()
        return not self.is_stopped

    def stop(self) -> None:
        self.is_stopped = True
        self.free.release()


class _Server:
    """The process that decodes, seen from within."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._requests, self._answers = requests, answers
        self._asked: queue.SimpleQueue[tuple[str, Any, _Flow]] = queue.SimpleQueue()
        self._last_beat = time.monotonic()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        flow = _Flow()
        while command := self._requests.read(1):
            if command == b"c":
                flow.free.release()
            elif command == b"s":
                flow.stop()
            else:
                (size,) = MESSAGE_SIZE.unpack(self._requests.read(MESSAGE_SIZE.size))
                flow = _Flow()
                self._asked.put((*pickle.loads(self._requests.read(size)), flow))
        # Whoever asked is gone.
        os._exit(0)

    def beat(self) -> None:
        """Say that there is progress, at most once a second."""
        if time.monotonic() - self._last_beat >= 1:
            self._last_beat = time.monotonic()
            self._send(b"b")

    def serve(self) -> None:
        from core.vision.video import first_look, probing, reading

        answers: dict[str, Callable[..., Answer]] = {
            "probe": probing.describe_file,
            "previews": first_look.describe_previews,
            "creation time": first_look.describe_creation_time,
        }
        while True:
            question, arguments, flow = self._asked.get()
            try:
                if question == "pictures":
                    self._send_pictures(reading.pictures, flow, *arguments)
                else:
                    value, arrays = answers[question](*arguments)
                    self._send_answer(value, [np.ascontiguousarray(array) for array in arrays])
            except SightlineError as fault:
                self._send_json(b"e", kind=type(fault).__name__, message=fault.message, remedy=fault.remedy)
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is about one file
                self._send_json(b"e", kind=type(fault).__name__, message=traceback.format_exc(), remedy="")

    def _send_pictures(
        self, source: Callable[..., Iterator[Any]], flow: _Flow, ring: Any, shape: Any, slots: int, arguments: Any
    ) -> None:
        size = int(np.prod(shape))
        name, *descriptors = ring
        with mmap.mmap(descriptors[0], slots * size) if descriptors else map_by_name(name, slots * size) as memory:
            for _ in range(slots):
                flow.free.release()
            for number, picture in enumerate(source(*arguments)):
                if not flow.wait():
                    break
                if picture.bgr.shape != shape:
                    raise ClipError(f"a picture is {picture.bgr.shape[1]} x {picture.bgr.shape[0]}", "Export it again.")
                slot = number % slots
                # A decoded picture may be a view with gaps between its rows.
                place = np.frombuffer(memory, np.uint8, size, slot * size).reshape(shape)
                np.copyto(place, picture.bgr)
                del place
                self._send(b"p" + PICTURE_HEAD.pack(picture.row, picture.frame, picture.seconds, slot))
        self._send(b"d")

    def _send_answer(self, value: Any, arrays: Sequence[Array]) -> None:
        self._send_json(b"v", value=value, arrays=[[array.dtype.name, array.shape] for array in arrays])
        for array in arrays:
            self._send(array.data.cast("B") if array.size else b"")

    def _send_json(self, kind: bytes, /, **content: Any) -> None:
        text = json.dumps(content).encode()
        self._send(kind + MESSAGE_SIZE.pack(len(text)) + text)

    def _send(self, content: bytes | memoryview) -> None:
        self._answers.write(content)
        self._answers.flush()


def _limit_this_process() -> None:
    """No file may be written, and no more memory taken than a recording needs, where the system can see to that."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (DECODER_BYTES, DECODER_BYTES))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit_this_process()
    # Whatever a library prints is not part of an answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from core.vision.video import decoding

    server = _Server(sys.stdin.buffer, answers)
    decoding.call_on_progress(server.beat)
    server.serve()


if __name__ == "__main__":
    main()
