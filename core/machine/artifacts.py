"""The artifact store: results of stages on disk, in content-addressed folders of numbered, checksummed chunks.

    <root>/<clip digest>/<stage>-<key>/about.json            what it is, and the settings and models that made it
                                      /00000-<checksum>.npz  arrays, written under a temporary name, then renamed
                                      /done.json             written after the last chunk

A chunk whose content does not match the checksum in its name counts as missing, so a killed run or a damaged disk
costs one chunk. The key covers the clip, the settings of the stage and of the stages before it, and the models; a
chunk is added or removed, never changed. What the arrays mean is the stages' business."""

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
    """20 hex digits that are equal for equal settings: dataclasses, dicts, lists and plain values.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, default=_as_plain)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


class Artifact:
    """One stage's result for one clip under one key, finished or not."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        self._about = about

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
        return sorted(self.folder.glob("[0-9][0-9][0-9][0-9][0-9]-*.npz"))

    def intact_chunks(self) -> int:
        """How many chunks, counted from the first, are intact; counting ends at a missing or damaged one."""
        for count, path in enumerate(self._files()):
            if int(path.name[:5]) != count or _checksum(path.read_bytes()) != path.stem[6:]:
                return count
        return len(self._files())

    def write(self, number: int, **arrays: NDArray[Any]) -> None:
        """Write chunk `number`, replacing any earlier one of that number."""
        about = self.folder / "about.json"
        if not about.is_file():
            facts = {**self._about, "begun": time.time()}
            write_atomically(about, json.dumps(facts, indent=1, default=_as_plain).encode())
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        content = buffer.getvalue()
        name = f"{number:05d}-{_checksum(content)}.npz"
        for old in self.folder.glob(f"{number:05d}-*.npz"):
            if old.name != name:
                old.unlink()
        write_atomically(self.folder / name, content)

    def finish(self, **summary: Any) -> None:
        """Mark the artifact as finished; `summary` is small and goes to JSON."""
        content = {**summary, "chunks": len(self._files())}
        write_atomically(self.folder / "done.json", json.dumps(content, indent=1).encode())

    def read(self, first: int = 0) -> Iterator[Arrays]:
        """The chunks from `first` on, one at a time in memory; a damaged one is removed and raises `StoreError`."""
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
class ArtifactInfo:
    """One artifact as `cache` lists it."""

    folder: Path
    clip: str
    stage: str
    size: int
    used: float
    complete: bool
    made_by: str


class Store:
    """All artifacts under one root, by default in the user's cache folder.

    Opening an artifact updates its time of use, which decides what `trim` removes; `preserve_times` leaves it as it is.
    """

    def __init__(self, root: Path | None = None, preserve_times: bool = False) -> None:
        self.root = root or cache_dir() / "stages"
        self._preserve_times = preserve_times

    def open(self, clip_digest: str, stage: str, key: dict[str, Any], about: dict[str, Any]) -> Artifact:
        """The artifact for this clip, stage and key, whether or not it exists yet."""
        folder = self.root / clip_digest / f"{stage}-{digest_of(key)}"
        if folder.is_dir() and not self._preserve_times:
            os.utime(folder)
        return Artifact(folder, {"stage": stage, "clip": clip_digest, "key": key, **about})

    def finished_artifacts(self, clip_digest: str, stage: str) -> list[Artifact]:
        """The finished artifacts of a stage of this clip, under any key, most recently used first."""
        folders = sorted((self.root / clip_digest).glob(f"{stage}-*"), key=_use_time, reverse=True)
        artifacts = [Artifact(folder, {}) for folder in folders]
        return [artifact for artifact in artifacts if artifact.summary is not None]

    def find(self, clip_digest: str, name: str) -> Artifact | None:
        """The finished artifact in the folder `name`, which a run's record names; None where it is gone."""
        folder = self.root / Path(clip_digest).name / Path(name).name
        artifact = Artifact(folder, {})
        if artifact.summary is None:
            return None
        os.utime(folder)
        return artifact

    def remove(self, artifact: Artifact) -> None:
        shutil.rmtree(artifact.folder, ignore_errors=True)

    def entries(self) -> list[ArtifactInfo]:
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
            found.append(ArtifactInfo(folder, name, stage, size, folder.stat().st_mtime, complete, made_by))
        return sorted(found, key=lambda e: (e.used, e.folder.name))

    def trim(self, keep_bytes: int) -> list[ArtifactInfo]:
        """Remove least recently used artifacts until at most `keep_bytes` are left; returns the removed ones."""
        entries = self.entries()
        total = sum(e.size for e in entries)
        removed = []
        for entry in entries:
            if total <= keep_bytes:
                break
            shutil.rmtree(entry.folder, ignore_errors=True)
            total -= entry.size
            removed.append(entry)
        for clip in self.root.glob("*"):
            if clip.is_dir() and not any(clip.iterdir()):
                clip.rmdir()
        return removed


def _use_time(folder: Path) -> tuple[int, str]:
    return (folder.stat().st_mtime_ns if folder.is_dir() else 0, folder.name)


def _as_plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)
