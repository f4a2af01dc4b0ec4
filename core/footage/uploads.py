"""A clip on its way to the disk: written block by block under another name, its digest taken on the way.

    <cache>/uploads/.<random>.part        while it comes in
                    <digest>/<name>       once it is whole

Owns what becomes of a file that does not come in whole: it is gone. Refuses names that are no video's; whether the
content is one is for whoever opens it.
"""

from __future__ import annotations

import errno
import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.amounts import in_words
from core.errors import ClipError, StoreError
from core.folders import cache_dir
from core.footage.folders import VIDEOS
from core.footage.room import free_bytes

RESERVE_BYTES = 200_000_000
"""Left free on the disk: a system whose disk is full to the last byte cannot even be cleared."""
_STALE_SECONDS = 600


@dataclass(frozen=True)
class Kept:
    """An upload in its place. `fresh` where its content was not there before."""

    path: Path
    digest: str
    size: int
    fresh: bool

    def drop(self) -> None:
        """Remove it again, unless it was there before."""
        if self.fresh:
            with suppress(OSError):
                self.path.unlink()
                self.path.parent.rmdir()


class Upload:
    """One file that is coming in: `add` its blocks in order, then `finish`."""

    def __init__(self, name: str, part: IO[bytes]) -> None:
        self.name, self.size = name, 0
        self._part, self._digest = part, hashlib.blake2b(digest_size=16)

    def add(self, block: bytes) -> None:
        self._digest.update(block)
        self._part.write(block)
        self.size += len(block)

    def finish(self, expected: int | None = None) -> Kept:
        """The upload in its place; `StoreError` where less came than was `expected`."""
        if expected is not None and self.size != expected:
            raise StoreError(
                f"{self.name} did not come in whole ({in_words(self.size)} of {in_words(expected)})", "Send it again."
            )
        self._part.close()
        digest = self._digest.hexdigest()
        folder = _uploads() / digest
        folder.mkdir(exist_ok=True)
        # Content that is there under another name is not kept twice.
        for path in sorted(folder.iterdir()):
            return Kept(path, digest, self.size, fresh=False)
        path = folder / _file_name(self.name)
        Path(self._part.name).rename(path)
        return Kept(path, digest, self.size, fresh=True)


@contextmanager
def receive(name: str, expected: int | None = None) -> Iterator[Upload]:
    """An upload to be filled in this block; nothing of it is left where the block ends without `finish`."""
    require_video_name(name)
    _require_room(name, expected)
    try:
        _sweep()
        part = _uploads() / f".{secrets.token_hex(8)}.part"
        with part.open("wb") as file:
            try:
                yield Upload(name, file)
            finally:
                file.close()
                part.unlink(missing_ok=True)
    except OSError as fault:
        reason = "the disk is full" if fault.errno == errno.ENOSPC else fault.strerror
        raise StoreError(f"{name} cannot be kept ({reason})", "Free some space, or set SIGHTLINE_CACHE.") from fault


def require_video_name(name: str) -> None:
    """`ClipError` for a name that is not one of a video file."""
    suffix = Path(name).suffix.lower()
    if suffix not in VIDEOS:
        what = f"files ending in {suffix} are no videos" if suffix else "its name has no ending such as .mp4"
        raise ClipError(f"{name}: {what}", "Choose a video file, for example .mp4, .mkv, .avi or .mov.")


def _require_room(name: str, expected: int | None) -> None:
    free = free_bytes() - RESERVE_BYTES
    if expected is not None and expected > free:
        raise StoreError(
            f"{name} takes {in_words(expected)}, and only {in_words(max(free, 0))} can be used on the disk",
            "Free some space, set SIGHTLINE_CACHE to a larger disk, or open the clip from its folder.",
        )


def _uploads() -> Path:
    folder = cache_dir() / "uploads"
    folder.mkdir(exist_ok=True)
    return folder


def _sweep() -> None:
    """Remove what a server left that was killed in the middle: parts that nobody has written to for a while."""
    for part in _uploads().glob(".*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _STALE_SECONDS:
                part.unlink()


def _file_name(name: str) -> str:
    """
    >>> _file_name("../gate 3.mp4"), _file_name("..")
    ('gate_3.mp4', 'clip')
    """
    return re.sub(r"[^\w.-]+", "_", re.split(r"[/\\]", name)[-1]).strip("._")[-100:] or "clip"
