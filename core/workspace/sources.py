"""Where clips come from: folders of this machine, and uploads; and whether the disk has room for what a case makes.

Clips may be opened from below one root (`footage_root`) only; paths that lead out of it through links or dots are
refused. An upload is written block by block under another name while its digest is computed:

    <data>/uploads/.<random>.part        while it comes in
                   <digest>/<name>       once it is complete
                   .<digest>.part        until a case has it: `claim_upload`

An upload that does not arrive complete leaves nothing behind. A recording counts as here already if its size and its
digest are right; a file that is cut short is replaced. Only its name is checked here; whether the content is a video is
found out when it is opened.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from core.base.errors import ClipError, StoreError
from core.base.text import format_bytes, safe_name
from core.base.types import IMAGE_SUFFIXES
from core.machine.paths import cache_dir, data_dir, flush_folder, living_part, make_folder, remove_leftovers
from core.vision.video import digest, remember_digest

VIDEOS = frozenset(
    {".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv"}
    | {".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv"}
)
MAX_ENTRIES = 5_000
"""Entries of a folder that are looked at."""
_MAX_PEEKED = 200

# Bytes per minute of footage. A proxy took 1 to 6 MB a minute of usual footage, 31 MB where forty people fill a noisy
# picture; boxes, features and crops at 10 frames a second took 1.5 MB with three people in the picture and 4 MB with
# eight.
PROXY_BYTES_PER_MINUTE = 8_000_000
RESULT_BYTES_PER_MINUTE = 5_000_000
LOW_BYTES = 1_000_000_000
"""Less than this left free afterwards is worth a warning."""
RESERVE_BYTES = 200_000_000
"""Left free on the disk: a system whose disk is full to the last byte cannot even be cleared."""
_MAX_NAME = 100


@dataclass(frozen=True)
class Folder:
    """The content of one folder: clips (video files and folders of pictures), and folders to open next."""

    path: Path
    clips: tuple[Path, ...]
    folders: tuple[Path, ...]


def footage_root() -> Path:
    """The folder below which footage may be opened: SIGHTLINE_FOOTAGE, or the home folder."""
    chosen = os.environ.get("SIGHTLINE_FOOTAGE")
    return (Path(chosen).expanduser() if chosen else Path.home()).resolve()


def resolve_folder(text: str, root: Path) -> Path:
    """The folder that `text` names, absolute or relative to the root; `ClipError` if it is not below the root."""
    try:
        folder = (root / Path(text.strip().strip('"')).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as fault:
        raise ClipError(f"'{text}' is not a folder name", "Enter the path of a folder.") from fault
    if not folder.is_relative_to(root):
        raise ClipError(
            f"{folder} lies outside {root}",
            "Choose a folder inside it, or start the program with SIGHTLINE_FOOTAGE set to the folder of your footage.",
        )
    if not folder.is_dir():
        raise ClipError(f"there is no folder {folder}", "Check the spelling, or open it step by step from the list.")
    return folder


def is_permitted(path: str) -> bool:
    """Whether a clip may be opened at all: it lies below the root, or is an upload or a sample that 0.1.0 drew."""
    try:
        clip = Path(path).resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    places = (footage_root(), (data_dir() / "uploads").resolve(), (cache_dir() / "sample").resolve())
    return any(clip.is_relative_to(place) for place in places)


def list_folder(folder: Path, root: Path) -> Folder:
    """The clips and folders directly in `folder`, sorted; hidden ones and links out of the root are left out."""
    clips: list[Path] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(MAX_ENTRIES), entries, strict=False):
                path = Path(entry.path)
                if entry.name.startswith(".") or not path.resolve().is_relative_to(root):
                    continue
                if entry.is_dir():
                    (clips if _holds_pictures(path) else folders).append(path)
                elif path.suffix.lower() in VIDEOS:
                    clips.append(path)
    except OSError as fault:
        raise ClipError(f"{folder} cannot be listed ({fault.strerror})", "Check its permissions.") from fault
    return Folder(folder, tuple(sorted(clips, key=_by_name)), tuple(sorted(folders, key=_by_name)))


def _by_name(path: Path) -> tuple[str, str]:
    return path.name.casefold(), path.name


def _holds_pictures(folder: Path) -> bool:
    """Whether a folder is a clip made of pictures: at least two pictures, and no video."""
    try:
        with os.scandir(folder) as entries:
            kinds = [Path(entry.name).suffix.lower() for _, entry in zip(range(_MAX_PEEKED), entries, strict=False)]
    except OSError:
        return False
    return sum(kind in IMAGE_SUFFIXES for kind in kinds) >= 2 and not any(kind in VIDEOS for kind in kinds)


@dataclass(frozen=True)
class DiskSpace:
    """Bytes that some clips still need in the cache, and bytes that are free there."""

    needed: int
    free: int

    @property
    def is_insufficient(self) -> bool:
        return self.needed > self.free

    @property
    def is_low(self) -> bool:
        return self.free - self.needed < LOW_BYTES


def disk_space_for(proxy_seconds: float, result_seconds: float) -> DiskSpace:
    """For footage without a proxy yet, and footage without results yet, each in seconds."""
    needed = (proxy_seconds * PROXY_BYTES_PER_MINUTE + result_seconds * RESULT_BYTES_PER_MINUTE) / 60
    return DiskSpace(round(needed), free_bytes())


def free_bytes() -> int:
    """Free bytes on the disk of the cache folder."""
    return shutil.disk_usage(cache_dir()).free


def free_data_bytes() -> int:
    """Free bytes on the disk of the data folder, which gets uploads."""
    return shutil.disk_usage(data_dir()).free


@dataclass(frozen=True)
class StoredUpload:
    """A complete upload; `is_new` if its content was not there before."""

    path: Path
    digest: str
    size: int
    is_new: bool

    def remove(self) -> None:
        """Remove the upload, unless its content was there before."""
        if self.is_new:
            shutil.rmtree(self.path.parent, ignore_errors=True)


class Upload:
    """A file that is being uploaded: `add` its blocks in order, then `finish`. `claims` are held until it is over."""

    def __init__(self, name: str, part: IO[bytes], claims: ExitStack) -> None:
        self.name, self.size = name, 0
        self._part, self._digest, self._claims = part, hashlib.blake2b(digest_size=16), claims

    def add(self, block: bytes) -> None:
        self._digest.update(block)
        self._part.write(block)
        self.size += len(block)

    def finish(self, expected: int | None = None) -> StoredUpload:
        """Move the upload to its place; `StoreError` if its size is not the `expected` one.

        Waits while another upload of the same content is added to its case or refused. The upload is not swept before
        the block of `receive` has ended.
        """
        if expected is not None and self.size != expected:
            raise StoreError(
                f"{self.name} is incomplete ({format_bytes(self.size)} of {format_bytes(expected)})", "Upload it again."
            )
        self._part.flush()
        os.fsync(self._part.fileno())
        self._part.close()
        content = self._digest.hexdigest()
        self._claims.enter_context(claim_upload(content))
        path = stored_recording(content)
        if path is not None and is_intact(path, content, self.size):
            # The same content under another name is not stored twice.
            return StoredUpload(path, content, self.size, is_new=False)
        # A damaged file is replaced under its own name, which cases have.
        path = path or upload_folder(content) / upload_name(self.name)
        make_folder(path.parent)
        Path(self._part.name).replace(path)
        flush_folder(path.parent)
        remember_digest(path, content)
        return StoredUpload(path, content, self.size, is_new=True)


@contextmanager
def receive(name: str, expected: int | None = None) -> Iterator[Upload]:
    """An upload to be filled inside the `with` block; without `finish`, nothing of it is left afterwards."""
    require_video_name(name)
    _require_disk_space(name, expected)
    try:
        remove_leftovers(_uploads_folder())
        part = _uploads_folder() / f".{secrets.token_hex(8)}.part"
        with ExitStack() as claims, living_part(part), part.open("wb") as file:
            yield Upload(name, file, claims)
    except OSError as fault:
        reason = "the disk is full" if fault.errno == errno.ENOSPC else fault.strerror
        raise StoreError(f"{name} cannot be saved ({reason})", "Free some space, or set SIGHTLINE_DATA.") from fault


def require_video_name(name: str) -> None:
    """`ClipError` for a name that no video file has."""
    suffix = Path(name).suffix.lower()
    if suffix not in VIDEOS:
        what = f"files ending in {suffix} are not videos" if suffix else "its name has no ending such as .mp4"
        raise ClipError(f"{name}: {what}", "Choose a video file, for example .mp4, .mkv, .avi or .mov.")


def _require_disk_space(name: str, expected: int | None) -> None:
    free = free_data_bytes() - RESERVE_BYTES
    if expected is not None and expected > free:
        raise StoreError(
            f"{name} needs {format_bytes(expected)}, but only {format_bytes(max(free, 0))} of the disk can be used",
            "Free some space, set SIGHTLINE_DATA to a larger disk, or open the clip from its folder.",
        )


def _uploads_folder() -> Path:
    folder = data_dir() / "uploads"
    make_folder(folder)
    return folder


def upload_folder(content: str) -> Path:
    """Where an upload with this digest lies, or would."""
    return data_dir() / "uploads" / content


@contextmanager
def claim_upload(content: str) -> Iterator[None]:
    """Within the block, the upload with this digest is not swept, and whoever brings or removes the same one waits."""
    marker = _uploads_folder() / f".{content}.part"
    with living_part(marker), marker.open("wb"):
        yield


def stored_recording(content: str) -> Path | None:
    """The recording in the folder of an upload, complete or not; what a file manager leaves there is none."""
    with suppress(OSError):
        for path in sorted(upload_folder(content).iterdir()):
            if not path.name.startswith(".") and (path.is_dir() or path.suffix.lower() in VIDEOS):
                return path
    return None


def is_intact(path: Path, content: str, size: int) -> bool:
    """Whether the recording has this digest; of a file, also this size, since a stump may be remembered as whole."""
    try:
        return (path.is_dir() or path.stat().st_size == size) and digest(path) == content
    except (ClipError, OSError):
        return False


def upload_name(name: str) -> str:
    """The last part of a path of any system, made fit to be a file's name on all of them; its ending stays.

    >>> upload_name("../gate 3.mp4"), upload_name("con.1.mp4"), upload_name("..")
    ('gate_3.mp4', 'con_.1_.mp4', 'camera')
    """
    last = PurePosixPath(re.split(r"[/\\]", name)[-1])
    ending = re.sub(r"[^\w.]+", "", last.suffix)
    first, *parts = safe_name(last.stem).split(".")
    # Windows reserves some names whatever follows their first point.
    return ".".join([safe_name(first), *parts])[: _MAX_NAME - len(ending)] + ending
