"""What a clip's content is called: one digest, computed once per file and remembered in the cache folder.

Owns the digest and the index that remembers it by path, size, time of change and inode. Refuses to look at pixels.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from pathlib import Path

from core.errors import ClipError
from core.folders import cache_dir
from core.video.sequences import is_sequence, picture_files

_BLOCK_BYTES = 2 << 20
_DIGEST_BYTES = 16


def digest(path: str | Path) -> str:
    """32 hex digits: the file's content, or for a picture sequence the names and contents in order."""
    clip = Path(path).resolve()
    sequence = is_sequence(clip)
    files = picture_files(clip) if sequence else [clip]
    try:
        signature = _signature(files)
        known = _recall(clip, signature)
        if known:
            return known
        fresh = _content(files, named=sequence)
        # A file that is still being written gets a digest too, but one that nobody will trust later.
        if _signature(files) == signature:
            _remember(clip, signature, fresh)
    except OSError as error:
        raise ClipError(
            f"{clip.name} cannot be read ({error.strerror})", "Check that the file is there and may be read."
        ) from error
    return fresh


def remember(path: Path, digest: str) -> None:
    """Take `digest` for that of the file at `path`: it was taken on the way when the file came in."""
    clip = path.resolve()
    _remember(clip, _signature([clip]), digest)


def _content(files: Iterable[Path], named: bool) -> str:
    total = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        if named:
            total.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK_BYTES):
                total.update(block)
    return total.hexdigest()


def _signature(files: Iterable[Path]) -> str:
    """Changes whenever a file is replaced, written to, added or renamed."""
    total = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for file in files:
        stat = file.stat()
        total.update(f"{file.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{stat.st_ino}\0".encode())
    return total.hexdigest()


def _index() -> sqlite3.Connection:
    index = sqlite3.connect(cache_dir() / "digests.sqlite", timeout=10)
    index.execute("CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, signature TEXT, digest TEXT)")
    return index


def _recall(clip: Path, signature: str) -> str:
    """The remembered digest, or "" if there is none. The index only saves time: broken, it is as good as empty."""
    with suppress(sqlite3.Error), closing(_index()) as index:
        query = "SELECT digest FROM digests WHERE path = ? AND signature = ?"
        for (known,) in index.execute(query, (str(clip), signature)):
            return str(known)
    return ""


def _remember(clip: Path, signature: str, fresh: str) -> None:
    with suppress(sqlite3.Error), closing(_index()) as index, index:
        index.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", (str(clip), signature, fresh))
