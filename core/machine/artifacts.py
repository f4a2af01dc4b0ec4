"""What a stage has found out, kept on disk: content-addressed folders of numbered, checksummed chunks.

    <root>/<clip digest>/<stage>-<key>/about.json            what it is and which settings and models made it
                                      /00000-<checksum>.npz  arrays, written under another name and renamed
                                      /done.json             present once the last chunk is there

A chunk whose content does not match the checksum in its name counts as not there, so a killed run or a damaged
disk costs one chunk. The key covers the clip, the settings of the stage and of those before it, and the models;
nothing here is ever changed, only added or removed. Refuses to know what the arrays mean."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.base.errors import StoreError
from core.machine.paths import cache_dir, write_atomically

Arrays = dict[str, NDArray[Any]]


def digest_of(value: Any) -> str:
    """A short name for settings: equal settings, equal name. Dataclasses, dicts, lists and plain values.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, default=_as_plain)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


class Artifact:
    """One stage's result for one clip under one key, whole or in the making."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self._about = about

    @property
    def about(self) -> dict[str, Any]:
        """What was written beside the chunks when the artifact was begun."""
        path = self.folder / "about.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else dict(self._about)

    @property
    def summary(self) -> dict[str, Any] | None:
        """What the stage said when it finished; nothing while it has not, or when a chunk has gone bad since."""
        path = self.folder / "done.json"
        try:
            summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        present = {int(p.name[:5]) for p in self._files()}
        return summary if present >= set(range(summary["chunks"])) else None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9][0-9][0-9][0-9][0-9]-*.npz"))

    def intact_chunks(self) -> int:
        """How many chunks from the first on are there and whole; a bad one and all after it are not counted."""
        for count, path in enumerate(self._files()):
            if int(path.name[:5]) != count or _checksum(path.read_bytes()) != path.stem[6:]:
                return count
        return len(self._files())

    def write(self, number: int, **arrays: NDArray[Any]) -> None:
        """Chunk `number`, in place of what may have been there under that number."""
        about = self.folder / "about.json"
        if not about.is_file():
            write_atomically(about, json.dumps({**self._about, "begun": time.time()}, indent=1).encode())
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getvalue()
        name = f"{number:05d}-{_checksum(content)}.npz"
        for old in self.folder.glob(f"{number:05d}-*.npz"):
            if old.name != name:
                old.unlink()
        write_atomically(self.folder / name, content)

    def finish(self, **summary: Any) -> None:
        """All chunks are written; `summary` is small and JSON."""
        content = {**summary, "chunks": len(self._files())}
        write_atomically(self.folder / "done.json", json.dumps(content, indent=1).encode())

    def read(self, first: int = 0) -> Iterator[Arrays]:
        """The chunks in order, one at a time in memory. A damaged one is removed and raises `StoreError`."""
        for path in self._files()[first:]:
            content = path.read_bytes()
            if _checksum(content) != path.stem[6:]:
                path.unlink()
                raise StoreError(f"a cached chunk was damaged ({path.name}) and has been removed", "Run again.")
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                yield {name: stored[name] for name in stored.files}


def _checksum(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One artifact as `cache` lists it."""

    folder: Path
    clip: str
    stage: str
    size: int
    used: float
    complete: bool
    made_by: str


class Store:
    """All artifacts under one root (by default in the user's cache folder). One that only `peeks` uses none of them:
    what was used last stays so.
    """

    def __init__(self, root: Path | None = None, preserve_times: bool = False) -> None:
        self.root = root or cache_dir() / "stages"
        self._preserve_times = preserve_times

    def open(self, clip_digest: str, stage: str, key: dict[str, Any], about: dict[str, Any]) -> Artifact:
        """The artifact for this clip, stage and key, whether it exists yet or not."""
        folder = self.root / clip_digest / f"{stage}-{digest_of(key)}"
        if folder.is_dir() and not self._preserve_times:
            os.utime(folder)
        return Artifact(
            folder,
            {"stage": stage, "clip": clip_digest, "key": json.loads(json.dumps(key, default=_as_plain)), **about},
        )

    def finished_artifacts(self, clip_digest: str, stage: str) -> list[Artifact]:
        """What there is of a stage of this clip, under any key, and finished; the one used last first."""
        folders = sorted((self.root / clip_digest).glob(f"{stage}-*"), key=_used, reverse=True)
        return [one for one in (Artifact(folder, {}) for folder in folders) if one.summary is not None]

    def find(self, clip_digest: str, name: str) -> Artifact | None:
        """The whole artifact whose folder is called `name`, as a run's record says; none where it is not there."""
        folder = self.root / Path(clip_digest).name / Path(name).name
        artifact = Artifact(folder, {})
        if artifact.summary is None:
            return None
        os.utime(folder)
        return artifact

    def forget(self, artifact: Artifact) -> None:
        shutil.rmtree(artifact.folder, ignore_errors=True)

    def entries(self) -> list[Entry]:
        """Every artifact, least recently used first."""
        found = []
        for folder in self.root.glob("*/*-*"):
            try:
                about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                about = {}
            size = sum(p.stat().st_size for p in folder.iterdir())
            complete = (folder / "done.json").is_file()
            stage = folder.name.rsplit("-", 1)[0]
            made_by = str(about.get("model", ""))
            name = str(about.get("name", folder.parent.name[:12]))
            found.append(Entry(folder, name, stage, size, folder.stat().st_mtime, complete, made_by))
        return sorted(found, key=lambda e: (e.used, e.folder.name))

    def trim(self, keep_bytes: int) -> list[Entry]:
        """Remove least recently used artifacts until at most `keep_bytes` are left; returns what went."""
        entries = self.entries()
        total = sum(e.size for e in entries)
        gone = []
        for entry in entries:
            if total <= keep_bytes:
                break
            shutil.rmtree(entry.folder, ignore_errors=True)
            total -= entry.size
            gone.append(entry)
        for clip in self.root.glob("*"):
            if clip.is_dir() and not any(clip.iterdir()):
                clip.rmdir()
        return gone


def _used(folder: Path) -> tuple[int, str]:
    return (folder.stat().st_mtime_ns if folder.is_dir() else 0, folder.name)


def _as_plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
