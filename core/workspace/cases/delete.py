"""A case deleted for good, with all that was made of its clips, unless another case needs it too.

Whatever is made of a clip or a run has a file name that begins with its digest; that is how it is found. Earlier runs
of the clips are deleted too, for their pictures show the same people. Clips in the user's own folders stay where they
are; only uploads are deleted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.machine.paths import cache_dir, data_dir
from core.workspace.cases.case import Case
from core.workspace.cases.store import Cases

_NOT_BY_DIGEST = {"cases", "uploads", "weights", "data", "sample"}
"""Folders of the cache in which file names do not begin with the digest of a clip or run."""


@dataclass(frozen=True)
class Erasure:
    """The files and folders that are deleted with a case, and how many bytes they hold."""

    paths: tuple[Path, ...]
    bytes: int

    @property
    def names(self) -> frozenset[str]:
        """The names of the paths; those of runs and exports are their keys."""
        return frozenset(path.name for path in self.paths)


def plan_erasure(cases: Cases, case: Case) -> Erasure:
    """What would be deleted now; it changes when another case begins to use the same clip."""
    other_cases = [candidate for candidate in cases.all() if candidate.key != case.key]
    in_use = {name for candidate in other_cases for name in _names(candidate)}
    # Back-ups are named after the case's key.
    unused = {case.key, *_names(case)} - in_use
    names = tuple(sorted({*unused, *_runs_of(unused)} - in_use))
    paths = [cases.folder(case.key), *_uploads(case, other_cases)]
    for folder in sorted({*cache_dir().iterdir(), data_dir() / "backups"}):
        if folder.is_dir() and folder.name not in _NOT_BY_DIGEST:
            paths += [path for path in sorted(folder.iterdir()) if path.name.startswith(names)]
    return Erasure(tuple(paths), sum(map(_size, paths)))


def erase(cases: Cases, case: Case) -> Erasure:
    """Delete the case and all that belongs to it alone; returns what was deleted. Its runs must not be in progress."""
    erasure = plan_erasure(cases, case)
    # The case's own folder, the first path, is deleted last, so that an interrupted erasure can be repeated.
    for path in reversed(erasure.paths):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return erasure


def _runs_of(digests: set[str]) -> set[str]:
    """The keys of all runs of any of these clips."""
    return {folder.name for folder in (cache_dir() / "runs").glob("*") if digests & _clips_of(folder)}


def _clips_of(run: Path) -> set[str]:
    """The digests of the clips of a run; empty if its job.json cannot be read."""
    try:
        sources = json.loads((run / "job.json").read_text(encoding="utf-8"))["order"]["sources"]
        return {str(source["digest"]) for source in sources}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _names(case: Case) -> set[str]:
    return {name for name in (case.run, case.wanted, *(clip.digest for clip in case.clips)) if name}


def _uploads(case: Case, other_cases: list[Case]) -> Iterator[Path]:
    in_use = {Path(clip.path).resolve().parent for candidate in other_cases for clip in candidate.clips}
    root = (data_dir() / "uploads").resolve()
    for clip in case.clips:
        folder = Path(clip.path).resolve().parent
        if folder not in in_use and folder.parent == root and folder.is_dir():
            yield folder


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sum(file.stat().st_size for file in files if file.is_file())
