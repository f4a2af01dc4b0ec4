"""Recordings are decoded in a process of their own, which may break, hang or eat memory without harm to this one.

`ask` has it answer one question about a file, and `Frames` has it decode pictures into shared memory, some ahead of
those that were taken. A process is started with the first question and kept for the next ones. It imports what decodes
and nothing else, writes no file, and ends when its input is closed, so that it never outlives who started it.

Its memory is limited by the system where that is possible (Linux), and watched from here everywhere, as is that it
makes progress. When it ends, what it was asked fails with a `ClipError`, and the next question gets a new one. What it
says is read as JSON and arrays of numbers; nothing of it is run.

    to it      r length pickle(question, arguments)   c (a picture was taken)   s (stop sending pictures)
    from it    b (still at work)   p row, frame, seconds, slot   v length JSON, arrays   e length JSON   d (all is sent)
"""

from __future__ import annotations

import atexit
import json
import mmap
import os
import pickle
import secrets
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from core.base import errors
from core.base.errors import ClipError, SightlineError
from core.base.limits import ANSWER_SECONDS, DECODER_BYTES, SLOWEST_BYTES_PER_SECOND
from core.base.text import format_bytes
from core.base.types import Image

Array = NDArray[Any]
Answer = tuple[Any, Sequence[Array]]
"""What can be written as JSON, and arrays of numbers."""
_ROOT = Path(__file__).resolve().parents[3]
_COMMAND = (sys.executable, "-m", "core.vision.video.decoder_process")
_MAX_IDLE = 2
_WATCH_SECONDS = 0.25
_MAX_JSON, _MAX_ARRAYS = 64 << 20, 512 << 20
_ERRORS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, SightlineError) and kind is not SightlineError
}
_DTYPES = ("uint8", "int64", "float64")
MESSAGE_SIZE, PICTURE_HEAD = struct.Struct("<q"), struct.Struct("<qqdq")
_HARMFUL = "It may be damaged, or made to do harm. Export it again, as H.264 in MP4."


class _Broken(Exception):
    """The process has ended, or says what it never should."""


class _Ring:
    """Memory that this process shares with a decoder, for as many pictures as are decoded ahead."""

    def __init__(self) -> None:
        self.name = f"sightline-{secrets.token_hex(8)}"
        self._file: IO[bytes] | None = None
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create(self.name), "r+b")
        elif sys.platform != "win32":
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the ring
        self.size = 0

    @property
    def descriptors(self) -> tuple[int, ...]:
        return () if self._file is None else (self._file.fileno(),)

    def map(self, size: int) -> mmap.mmap:
        if self._file is None:
            return map_by_name(self.name, size)
        self._file.truncate(size)
        self.size = size
        return mmap.mmap(self._file.fileno(), size)

    def release(self) -> None:
        """Give the memory back; the decoder has let go of it."""
        if self._file is not None and self.size:
            self._file.truncate(0)
            self.size = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def map_by_name(name: str, size: int) -> mmap.mmap:
    """Memory that is shared by its name: Windows has no descriptors to hand over."""
    options: dict[str, Any] = {"tagname": name}
    return mmap.mmap(-1, size, **options)


class _Decoder:
    """A decoding process, and what this process knows of it."""

    def __init__(self) -> None:
        self.ring = _Ring()
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            env=environment,
            pass_fds=self.ring.descriptors,
        )
        self.reason = ""
        self._deadline = self._last = float("inf")
        self._ended = threading.Event()
        threading.Thread(target=self._supervise, name="sightline-decoder", daemon=True).start()

    def begin(self, question: str, arguments: Any, seconds: float) -> None:
        """Ask; the answer has to be there within so many seconds, and a sign of life within `ANSWER_SECONDS`."""
        self._last = time.monotonic() + seconds
        self._deadline = time.monotonic() + ANSWER_SECONDS
        content = pickle.dumps((question, arguments))
        self.send(b"r" + MESSAGE_SIZE.pack(len(content)) + content)

    def stop_clock(self) -> None:
        """Nothing is asked for now, however long that takes."""
        self._deadline = self._last = float("inf")

    def send(self, content: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(content)
            self.process.stdin.flush()
        except (OSError, ValueError) as fault:
            raise _Broken from fault

    def receive(self) -> bytes:
        """The kind of the next message that is more than a sign of life; `stop_clock` ends the wait for it."""
        self._deadline = time.monotonic() + ANSWER_SECONDS
        while (kind := self.read(1)) == b"b":
            self._deadline = time.monotonic() + ANSWER_SECONDS
        return kind

    def read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        content = self.process.stdout.read(size)
        if len(content) < size:
            raise _Broken
        return content

    def read_json(self) -> Any:
        (size,) = MESSAGE_SIZE.unpack(self.read(MESSAGE_SIZE.size))
        if not 0 <= size <= _MAX_JSON:
            raise _Broken
        return json.loads(self.read(size))

    def read_answer(self) -> Answer:
        content = self.read_json()
        arrays = []
        for dtype, shape in content["arrays"]:
            size = int(np.prod(shape, dtype=np.float64)) * 8
            if dtype not in _DTYPES or not 0 <= size <= _MAX_ARRAYS * 8:
                raise _Broken
            kind = np.dtype(dtype)
            arrays.append(np.frombuffer(bytearray(self.read(size // 8 * kind.itemsize)), kind).reshape(shape))
        return content["value"], arrays

    def fault(self, name: str) -> ClipError:
        """Why the process ended at the file called `name`."""
        self.close()
        if self.reason:
            return ClipError(f"{name} {self.reason}", _HARMFUL)
        status = self.process.returncode
        with suppress(ValueError):
            return ClipError(f"{name} broke the decoder ({signal.Signals(-status).name})", _HARMFUL)
        return ClipError(f"{name} broke the decoder (status {status})", _HARMFUL)

    def close(self) -> None:
        """End the process, and wait for it."""
        self._ended.set()
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            # What is left in a buffer has nowhere to go.
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self.process.wait()
        self.ring.close()

    def _supervise(self) -> None:
        import psutil  # type: ignore[import-untyped]

        with suppress(psutil.Error):
            process = psutil.Process(self.process.pid)
            while not self._ended.wait(_WATCH_SECONDS):
                if time.monotonic() > min(self._deadline, self._last):
                    self.reason = "takes longer to decode than any recording should"
                elif process.memory_info().rss > DECODER_BYTES + self.ring.size:
                    self.reason = f"takes more than {format_bytes(DECODER_BYTES)} of memory to decode"
                if self.reason:
                    self.process.kill()
                    return


class _Pool:
    """Decoders that wait for a question. There are as many as were asked at once; a few are kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Decoder] = []

    def begin(self, question: str, arguments: Callable[[_Decoder], Any], seconds: float) -> _Decoder:
        """A decoder that was asked; a new one if none is idle. `arguments` may depend on it."""
        while True:
            with self._lock:
                decoder = self._idle.pop() if self._idle else None
            is_new = decoder is None
            decoder = decoder or _Decoder()
            try:
                decoder.begin(question, arguments(decoder), seconds)
                return decoder
            except _Broken:
                # One that was idle may have been ended by somebody.
                decoder.close()
                if is_new:
                    raise

    def give_back(self, decoder: _Decoder) -> None:
        decoder.stop_clock()
        decoder.ring.release()
        with self._lock:
            if len(self._idle) < _MAX_IDLE:
                self._idle.append(decoder)
                return
        decoder.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.close()

    def forget(self) -> None:
        """In a copy of this process, which has no decoders of its own yet."""
        _OF_PARENT.extend(self._idle)
        self._lock, self._idle = threading.Lock(), []


_POOL = _Pool()
_OF_PARENT: list[_Decoder] = []
atexit.register(_POOL.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_POOL.forget)


def ask(question: str, path: Path, *arguments: Any) -> Answer:
    """The answer of `_ANSWERS[question]` to these arguments, which are about the file or folder at `path`."""
    size = path.stat().st_size if path.is_file() else 0
    decoder = _POOL.begin(question, lambda _: arguments, ANSWER_SECONDS + size / SLOWEST_BYTES_PER_SECOND)
    try:
        kind = decoder.receive()
        if kind == b"e":
            raise _error(decoder.read_json(), path.name)
        if kind != b"v":
            raise _Broken
        answer = decoder.read_answer()
    except ClipError:
        _POOL.give_back(decoder)
        raise
    except (_Broken, ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as fault:
        raise decoder.fault(path.name) from fault
    except BaseException:
        decoder.close()
        raise
    _POOL.give_back(decoder)
    return answer


def _error(content: Any, name: str) -> SightlineError:
    """The error that a decoder reports of the file called `name`."""
    kind = _ERRORS.get(str(content["kind"]))
    if kind is not None:
        return kind(str(content["message"]), str(content["remedy"]))
    if content["kind"] == "MemoryError":
        return ClipError(f"{name} takes more than {format_bytes(DECODER_BYTES)} of memory to decode", _HARMFUL)
    fault = ClipError(f"{name} cannot be decoded ({content['kind']})", _HARMFUL)
    fault.__cause__ = RuntimeError(str(content["message"]))
    return fault


@dataclass(frozen=True, eq=False)
class DecodedPicture:
    """The row and frame number of a picture in its timeline, its time, and the picture (height, width, 3)."""

    row: int
    frame: int
    seconds: float
    bgr: Image


class Frames:
    """Pictures that a decoder sends, until `take` returns None. `close` may be called at any time, more than once."""

    def __init__(self, path: Path, arguments: tuple[Any, ...], size: tuple[int, int], slots: int) -> None:
        """`size` is the width and height of all pictures, `slots` how many are decoded before they are taken."""
        self._path, self._shape, self._slots = path, (size[1], size[0], 3), slots
        self._arguments = arguments
        self._decoder: _Decoder | None = None
        self._memory: mmap.mmap | None = None
        self._decoder = _POOL.begin("pictures", self._request, float("inf"))

    def _request(self, decoder: _Decoder) -> Any:
        self._memory = decoder.ring.map(self._slots * int(np.prod(self._shape)))
        return (decoder.ring.name, *decoder.ring.descriptors), self._shape, self._slots, self._arguments

    def take(self) -> DecodedPicture | None:
        decoder = self._decoder
        if decoder is None or self._memory is None:
            return None
        try:
            kind = decoder.receive()
            if kind == b"p":
                return self._picture(decoder, self._memory)
            fault = _error(decoder.read_json(), self._path.name) if kind == b"e" else None
            if kind not in (b"e", b"d"):
                raise _Broken
        except (_Broken, LookupError, TypeError, ValueError) as broken:
            self._let_go()
            raise decoder.fault(self._path.name) from broken
        self._let_go()
        _POOL.give_back(decoder)
        if fault is not None:
            raise fault
        return None

    def _picture(self, decoder: _Decoder, memory: mmap.mmap) -> DecodedPicture:
        row, frame, seconds, slot = PICTURE_HEAD.unpack(decoder.read(PICTURE_HEAD.size))
        if not 0 <= slot < self._slots:
            raise _Broken
        size = int(np.prod(self._shape))
        bgr = np.frombuffer(memory, np.uint8, size, slot * size).reshape(self._shape).copy()
        decoder.stop_clock()
        decoder.send(b"c")
        return DecodedPicture(row, frame, seconds, bgr)

    def close(self) -> None:
        """Have the decoder stop, and wait until it has."""
        with suppress(ClipError):
            if self._decoder is not None:
                with suppress(_Broken):
                    self._decoder.send(b"s")
            while self.take() is not None:
                pass

    def _let_go(self) -> None:
        self._decoder = None
        if self._memory is not None:
            self._memory.close()
            self._memory = None
