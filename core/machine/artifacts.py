"""The artifact store: results of stages on disk, in content-addressed folders of numbered, checksummed chunks.

    <root>/<clip digest>/<stage>-<key>/about.json            what it is, and the settings and models that made it
                                      /00000-<checksum>.npz  arrays, written under a temporary name, then renamed
                                      /done.json             written after the last chunk

                                      /use-<token>           a process that lives uses it: `trim_cache` leaves it alone

A chunk whose content does not match the checksum in its name counts as missing, so a killed run or a damaged disk
costs one chunk. The key covers the clip, the settings of the stage and of the stages before it, and the models; a
chunk is added or removed, never changed. What the arrays mean is the stages' business.

`stored_entries` lists everything in the cache or the data folder, artifacts included, and `trim_cache` removes what was
not used for longest."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import secrets
import shutil
import time
import weakref
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib.format import read_array, read_array_header_1_0, read_array_header_2_0, read_magic
from numpy.typing import NDArray

from core.base.errors import DamagedResultError, StoreError
from core.base.limits import ARRAYS_BYTES
from core.base.text import format_bytes
from core.machine.locks import Presence, is_own, is_present, lock
from core.machine.paths import CACHE_ENTRIES, cache_dir, explain_refusal, write_atomically
from core.machine.records import DAMAGE

_MARK = "use-"
_CHUNK = re.compile(r"\d{5}-.*\.npz")
Arrays = dict[str, NDArray[Any]]
_UNFINISHED_SECONDS = 600
"""After which a temporary file that nobody writes to was left by a process that was killed."""


def digest_of(value: Any) -> str:
    """20 hex digits that are equal for equal settings: dataclasses, dicts, lists and plain values.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, default=_as_plain)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


class Artifact:
    """One stage's result for one clip under one key, finished or not.

    As long as an artifact that a store has opened is referred to, no process removes it to save space.
    """

    def __init__(self, folder: Path, about: dict[str, Any], use: _Use | None = None) -> None:
        self.folder = folder
        self._about = about
        self._use = use
        self._last_written = -1

    @property
    def about(self) -> dict[str, Any]:
        """What is recorded beside the chunks: stage, clip, key, models."""
        path = self.folder / "about.json"
        text = path.read_text(encoding="utf-8") if path.is_file() else json.dumps(self._about, default=_as_plain)
        about: dict[str, Any] = json.loads(text)
        return about

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the stage recorded when it finished; None before that, or when a chunk has gone missing since."""
        path = self.folder / "done.json"
        try:
            summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        present = {int(p.name[:5]) for p in self._files()}
        return summary if present >= set(range(summary["chunks"])) else None

    def _files(self) -> list[Path]:
        # Several times as fast as `glob`: an estimate looks into each stage of each clip for each preset.
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in entries]
        except OSError:
            return []
        return [self.folder / name for name in sorted(names) if _CHUNK.fullmatch(name)]

    def intact_chunks(self) -> int:
        """How many chunks, counted from the first, are intact; counting ends at a missing or damaged one."""
        for count, path in enumerate(self._files()):
            if int(path.name[:5]) != count or _checksum(path.read_bytes()) != path.stem[6:]:
                return count
        return len(self._files())

    def write(self, number: int, **arrays: NDArray[Any]) -> None:
        """Write chunk `number`, replacing any earlier one of that number."""
        if self._use and self._last_written < 0:
            self._use.mark(self.folder, is_new=True)
        self._last_written = max(self._last_written, number)
        about = self.folder / "about.json"
        if not about.is_file():
            facts = {**self._about, "begun": time.time()}
            write_atomically(about, json.dumps(facts, indent=1, default=_as_plain).encode())
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getvalue()
        name = f"{number:05d}-{_checksum(content)}.npz"
        with explain_refusal(f"{self.folder} cannot be written"):
            for old in self.folder.glob(f"{number:05d}-*.npz"):
                if old.name != name:
                    old.unlink()
        write_atomically(self.folder / name, content)

    def finish(self, **summary: Any) -> None:
        """Mark the artifact as finished; `summary` is small and goes to JSON. `StoreError` if a chunk went missing."""
        numbers = [int(path.name[:5]) for path in self._files()]
        if numbers != list(range(max(len(numbers), self._last_written + 1))):
            raise StoreError("results in the cache were removed while the run needed them", "Run again.")
        content = {**summary, "chunks": len(numbers)}
        write_atomically(self.folder / "done.json", json.dumps(content, indent=1).encode())

    def read(self, first: int = 0) -> Iterator[Arrays]:
        """The chunks from `first` on, one at a time in memory; a damaged one is removed and raises an error."""
        for path in self._files()[first:]:
            try:
                content = path.read_bytes()
            except OSError as fault:
                raise StoreError(f"{path} cannot be read ({fault.strerror})", "Run again.") from fault
            if _checksum(content) != path.stem[6:]:
                with explain_refusal(f"{path} is damaged and cannot be removed"):
                    path.unlink()
                raise DamagedResultError(f"a cached chunk was damaged ({path.name}) and has been removed", "Run again.")
            yield read_arrays(io.BytesIO(content))


def read_arrays(source: Path | IO[bytes]) -> Arrays:
    """The arrays in an .npz file; `ValueError` where it is none, or claims more than it holds."""
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > ARRAYS_BYTES:
                raise ValueError(f"it holds more than {format_bytes(ARRAYS_BYTES)}")
            return {entry.filename.removesuffix(".npy"): _read_array(archive, entry) for entry in entries}
    except OSError:
        raise
    except (*DAMAGE, EOFError, RuntimeError, SyntaxError, MemoryError, zipfile.BadZipFile, zlib.error) as fault:
        raise ValueError(f"it is no file of arrays ({fault})") from fault


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NDArray[Any]:
    """An array, if the entry is as large as its header says that the array is."""
    with archive.open(entry) as file:
        read = {(1, 0): read_array_header_1_0, (2, 0): read_array_header_2_0}[read_magic(file)]
        shape, _, dtype = read(file)
        if math.prod(shape) * dtype.itemsize > entry.file_size or min(shape, default=0) < 0:
            raise ValueError(f"{entry.filename} claims {shape}")
    with archive.open(entry) as file:
        return np.asarray(read_array(file, allow_pickle=False))


class _Use:
    """Marks artifacts as in use, until nothing refers to it any more or this process ends, however it ends.

    The marks of a process that was killed count for nothing, because its presence ended with it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._marks: dict[Path, Presence] = {}
        self._presence: Presence | None = None
        weakref.finalize(self, _end_use, self._marks)

    def mark(self, folder: Path, is_new: bool = False) -> None:
        """Mark the artifact in `folder`, if it is there; one that `is_new` gets its folder."""
        # Where the cache cannot be written, nothing removes artifacts either.
        with suppress(OSError, StoreError), _lock(self._root):
            if is_new:
                folder.mkdir(parents=True, exist_ok=True)
            if folder.is_dir():
                self._presence = self._presence or Presence(self._root)
                (folder / f"{_MARK}{self._presence.token}").touch()
                self._marks[folder] = self._presence


def _end_use(marks: dict[Path, Presence]) -> None:
    for folder, presence in marks.items():
        with suppress(OSError):
            (folder / f"{_MARK}{presence.token}").unlink()
    for presence in set(marks.values()):
        presence.end()


def _is_in_use(root: Path, folder: Path, by_others: bool = False) -> bool:
    """Whether a process that lives uses the artifact, or, `by_others`, one that is not this one."""
    tokens = (mark.name.removeprefix(_MARK) for mark in folder.glob(f"{_MARK}*"))
    return any(is_present(root, token) for token in tokens if not (by_others and is_own(token)))


def _lock(root: Path) -> AbstractContextManager[None]:
    """Held while artifacts are marked or removed."""
    return lock(root, "artifacts", "another Sightline removes stored results")


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


@dataclass(frozen=True)
class ArtifactInfo:
    """One artifact as `cache` lists it."""

    folder: Path
    clip: str
    stage: str
    size: int
    used: float
    complete: bool
    made_by: str
    in_use: bool = False


class Store:
    """All artifacts under one root, by default in the user's cache folder.

    Opening an artifact updates its time of use, which decides what `trim_cache` removes; `preserve_times` leaves it.
    """

    def __init__(self, root: Path | None = None, preserve_times: bool = False) -> None:
        self.root = root or cache_dir() / "stages"
        self._preserve_times = preserve_times
        # Weak, because artifacts are in use for as long as they are referred to, not the store.
        self._use: weakref.ref[_Use] | None = None

    def _current_use(self) -> _Use:
        use = self._use() if self._use else None
        if use is None:
            use = _Use(self.root)
            self._use = weakref.ref(use)
        return use

    def open(self, clip_digest: str, stage: str, key: dict[str, Any], about: dict[str, Any]) -> Artifact:
        """The artifact for this clip, stage and key, whether or not it exists yet."""
        folder = self.root / clip_digest / f"{stage}-{digest_of(key)}"
        return self._artifact(folder, {"stage": stage, "clip": clip_digest, "key": key, **about})

    def _artifact(self, folder: Path, about: dict[str, Any]) -> Artifact:
        """The artifact in `folder`, marked as in use."""
        if self._preserve_times:
            return Artifact(folder, about)
        use = self._current_use()
        use.mark(folder)
        # What is stored on a disk that cannot be written can still be read.
        with suppress(OSError):
            os.utime(folder)
        return Artifact(folder, about, use)

    def finished_artifacts(self, clip_digest: str, stage: str) -> list[Artifact]:
        """The finished artifacts of a stage of this clip, under any key, most recently used first."""
        folders = sorted((self.root / clip_digest).glob(f"{stage}-*"), key=_use_time, reverse=True)
        artifacts = [Artifact(folder, {}) for folder in folders]
        return [artifact for artifact in artifacts if artifact.summary is not None]

    def find(self, clip_digest: str, name: str) -> Artifact | None:
        """The finished artifact in the folder `name`, which a run's record names; None where it is gone."""
        artifact = self._artifact(self.root / Path(clip_digest).name / Path(name).name, {})
        return None if artifact.summary is None else artifact

    def remove(self, artifact: Artifact) -> None:
        """Remove an artifact; `StoreError` if another process uses it."""
        with _lock(self.root):
            if _is_in_use(self.root, artifact.folder, by_others=True):
                raise StoreError("another run uses the stored results of this clip", "Wait until it is done.")
            shutil.rmtree(artifact.folder, ignore_errors=True)

    def entries(self) -> list[ArtifactInfo]:
        """Every artifact, least recently used first."""
        found = []
        for folder in self.root.glob("*/*-*"):
            try:
                about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                about = {}
            try:
                used = folder.stat().st_mtime
            except FileNotFoundError:
                # Removed since it was listed.
                continue
            complete = (folder / "done.json").is_file()
            stage = folder.name.rsplit("-", 1)[0]
            made_by = str(about.get("model", ""))
            name = str(about.get("name", folder.parent.name[:12]))
            in_use = _is_in_use(self.root, folder)
            found.append(ArtifactInfo(folder, name, stage, _size(folder), used, complete, made_by, in_use))
        return sorted(found, key=lambda e: (e.used, e.folder.name))


def _use_time(folder: Path) -> tuple[int, str]:
    """To sort by: when the artifact was used, 0 if it was just removed, and its name."""
    try:
        return folder.stat().st_mtime_ns, folder.name
    except OSError:
        return 0, folder.name


def _size(folder: Path) -> int:
    """Bytes of all files; a run that works may rename or remove some meanwhile."""
    size = 0
    with suppress(OSError):
        for path in folder.iterdir():
            with suppress(OSError):
                size += path.stat().st_size
    return size


def _as_plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


@dataclass(frozen=True)
class StoredEntry:
    """A file or folder that can be removed by itself: of stages, one stage of one clip; otherwise what lies directly in
    the folder `kind`, or a file of that name. `used` is when it was last written or read, as far as the disk tells.
    """

    path: Path
    kind: str
    size: int
    used: float


def stored_entries(root: Path, kinds: Iterable[str]) -> list[StoredEntry]:
    """What is in the folders `kinds` below `root`, and the files of that name, least recently used first."""
    found = []
    for kind in kinds:
        # Beside a log there are older ones, and beside a database its journal.
        pattern = f"{kind}*" if "." in kind else f"{kind}/*/*" if kind == "stages" else f"{kind}/*"
        for path in root.glob(pattern):
            # Another process may have removed it meanwhile.
            with suppress(OSError):
                size, used = _measure(path)
                # Listing artifacts reads files in them; opening one for use sets the folder's time.
                found.append(StoredEntry(path, kind, size, path.stat().st_mtime if kind == "stages" else used))
    return sorted(found, key=lambda entry: (entry.used, str(entry.path)))


def _measure(path: Path) -> tuple[int, float]:
    """Bytes in a file or folder, and when any of it was last written or read."""
    inside = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
    stats = [file.lstat() for file in (inside or [path])]
    size = sum(stat.st_size for stat in stats) if inside or path.is_file() else 0
    return size, max(max(stat.st_mtime, stat.st_atime) for stat in stats)


def trim_cache(keep_bytes: int, in_use: Collection[Path]) -> list[StoredEntry]:
    """Remove what was not used for longest from the cache folder, until at most `keep_bytes` are left there; returns
    what was removed. What is `in_use`, or lies in a folder that is, stays, and so does what is being written.
    """
    entries = stored_entries(cache_dir(), CACHE_ENTRIES)
    total, busy = sum(entry.size for entry in entries), set(in_use)
    removed = []
    for entry in entries:
        if keep_bytes and total <= keep_bytes:
            break
        if not ({entry.path, *entry.path.parents} & busy or _is_being_written(entry.path)):
            if entry.kind == "stages":
                _remove_artifact(entry.path)
            else:
                _remove(entry.path)
            if not os.path.lexists(entry.path):
                total -= entry.size
                removed.append(entry)
    folders = {parent for entry in removed for parent in entry.path.parents if parent.is_relative_to(cache_dir())}
    for folder in sorted(folders - {cache_dir()}, reverse=True):
        # One that is not empty stays.
        with suppress(OSError):
            folder.rmdir()
    return removed


def _remove_artifact(folder: Path) -> None:
    """Remove an artifact, unless a process uses it."""
    root = folder.parent.parent
    with _lock(root):
        if not _is_in_use(root, folder):
            _remove(folder)


def _remove(path: Path) -> None:
    """Remove a file or folder. A folder is renamed first, so that nobody takes the half of it for the whole."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            path = path.rename(path.with_name(f".{path.name}.{secrets.token_hex(4)}"))
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _is_being_written(path: Path) -> bool:
    """Whether it has the temporary name of something unfinished, and was changed a moment ago."""
    return path.name.startswith(".") and time.time() - path.lstat().st_mtime < _UNFINISHED_SECONDS
