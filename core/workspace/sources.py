"""Folders of this machine that clips may be opened from: all below one root, and nothing else.

Refuses every path that leads out of the root, through links or dots, and to judge whether a file is a video.

How much room on the disk a case takes, told before it is needed.

Owns the measured sizes. Refuses to count what is there already: whoever asks says which films and findings are missing.

A clip on its way to the disk: written block by block under another name, its digest taken on the way.

    <cache>/uploads/.<random>.part        while it comes in
                    <digest>/<name>       once it is whole

Owns what becomes of a file that does not come in whole: it is gone. Refuses names that are no video's; whether the
content is one is for whoever opens it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.base.errors import ClipError, StoreError
from core.base.text import format_bytes
from core.base.types import PICTURES
from core.machine.paths import cache_dir

VIDEOS = frozenset(
    {".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
MOST = 5_000
_PEEK = 200


@dataclass(frozen=True)
class Folder:
    """What one folder holds: clips (video files and folders of pictures), and folders to go on to."""

    path: Path
    clips: tuple[Path, ...]
    folders: tuple[Path, ...]


def footage_root() -> Path:
    """The folder below which footage may be opened."""
    chosen = os.environ.get("SIGHTLINE_FOOTAGE")
    return (Path(chosen).expanduser() if chosen else Path.home()).resolve()


def resolve_folder(text: str, root: Path) -> Path:
    """The folder that `text` names (absolute, or seen from the root), resolved; `ClipError` if it is not below it."""
    try:
        folder = (root / Path(text.strip().strip('"')).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise ClipError(f"'{text}' is no folder's name", "Give the path of a folder.") from fault
    if not folder.is_relative_to(root):
        raise ClipError(
            f"{folder} lies outside {root}",
            "Choose a folder inside it, or start the program with SIGHTLINE_FOOTAGE set to the folder of your footage.",
        )
    if not folder.is_dir():
        raise ClipError(f"there is no folder {folder}", "Check the spelling, or go there step by step.")
    return folder


def is_permitted(path: str) -> bool:
    """Whether a clip may be opened at all: it lies below the root, or is an upload or our sample."""
    try:
        clip = Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    return any(clip.is_relative_to(place) for place in (footage_root(), *map(_own, ("uploads", "sample"))))


def _own(name: str) -> Path:
    return (cache_dir() / name).resolve()


def list_folder(folder: Path, root: Path) -> Folder:
    """The clips and folders directly in `folder`, by name. Hidden ones, and links out of the root, are left out."""
    clips: list[Path] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MOST), entries, strict=False):
                path = Path(entry.path)
                if entry.name.startswith(".") or not path.resolve().is_relative_to(root):
                    continue
                if entry.is_dir():
                    (clips if _holds_pictures(path) else folders).append(path)
                elif path.suffix.lower() in VIDEOS:
                    clips.append(path)
    except OSError as fault:
        raise ClipError(f"{folder} cannot be listed ({fault.strerror})", "Check that you may open it.") from fault
    return Folder(folder, tuple(sorted(clips, key=_by_name)), tuple(sorted(folders, key=_by_name)))


def _by_name(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder is a clip in pictures: at least two, and no video beside them."""
    try:
        with os.scandir(folder) as entries:
            kinds = [Path(entry.name).suffix.lower() for _, entry in zip(range(_PEEK), entries, strict=False)]
    except OSError:
        return False
    return sum(kind in PICTURES for kind in kinds) >= 2 and not any(kind in VIDEOS for kind in kinds)


# Bytes for each minute of a clip. The film for the browser took 1 to 6 MB a minute of usual footage, 31 MB where forty
# people fill a noisy picture; boxes, looks and crops at 10 pictures a second took 1.5 MB with three people in the
# picture and 4 MB with eight.
FILM_BYTES = 8_000_000
FINDINGS_BYTES = 5_000_000
TIGHT_BYTES = 1_000_000_000
"""Less than this left free afterwards is worth a warning."""


@dataclass(frozen=True)
class DiskSpace:
    """What is still to be written for some clips, and what is free where it goes."""

    needed: int
    free: int

    @property
    def is_insufficient(self) -> bool:
        return self.needed > self.free

    @property
    def is_low(self) -> bool:
        return self.free - self.needed < TIGHT_BYTES


def disk_space_for(film_seconds: float, findings_seconds: float) -> DiskSpace:
    """For that much footage whose film, and that much whose findings, are still to be made."""
    needed = (film_seconds * FILM_BYTES + findings_seconds * FINDINGS_BYTES) / 60
    return DiskSpace(round(needed), free_bytes())


def free_bytes() -> int:
    """What is free on the disk of the cache folder."""
    return shutil.disk_usage(cache_dir()).free


RESERVE_BYTES = 200_000_000
"""Left free on the disk: a system whose disk is full to the last byte cannot even be cleared."""
_STALE_SECONDS = 600


@dataclass(frozen=True)
class StoredUpload:
    """An upload in its place. `is_new` where its content was not there before."""

    path: Path
    digest: str
    size: int
    is_new: bool

    def remove(self) -> None:
        """Remove it again, unless it was there before."""
        if self.is_new:
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

    def finish(self, expected: int | None = None) -> StoredUpload:
        """The upload in its place; `StoreError` where less came than was `expected`."""
        if expected is not None and self.size != expected:
            raise StoreError(
                f"{self.name} did not come in whole ({format_bytes(self.size)} of {format_bytes(expected)})", "Send it again."
            )
        self._part.close()
        digest = self._digest.hexdigest()
        folder = _uploads() / digest
        folder.mkdir(exist_ok=True)
        # Content that is there under another name is not kept twice.
        for path in sorted(folder.iterdir()):
            return StoredUpload(path, digest, self.size, is_new=False)
        path = folder / _file_name(self.name)
        Path(self._part.name).rename(path)
        return StoredUpload(path, digest, self.size, is_new=True)


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
            f"{name} takes {format_bytes(expected)}, and only {format_bytes(max(free, 0))} can be used on the disk",
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
