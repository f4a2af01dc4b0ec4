"""A case deleted for good: with all that was made of its clips, unless another case needs it too.

What others keep by a clip's or a run's digest is found by the names of the files: they begin with it. Earlier runs of
the clips go too, for their pictures show the same people. Clips that lie in the user's own folders stay where they are;
only uploads go."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.machine.paths import cache_dir
from core.workspace.cases.case import Case
from core.workspace.cases.store import Cases

_OURS = {"cases", "uploads", "sample"}
"""Folders of the cache in which names mean something else."""


@dataclass(frozen=True)
class Erasure:
    """What goes with a case: files and folders below the cache, and how many bytes they hold."""

    paths: tuple[Path, ...]
    bytes: int

    @property
    def names(self) -> frozenset[str]:
        """Runs and exports among them are called by their keys."""
        return frozenset(place.name for place in self.paths)


def plan_erasure(cases: Cases, case: Case) -> Erasure:
    """Looked up anew each time: another case may have begun to use the same clip since."""
    others = [other for other in cases.all() if other.key != case.key]
    theirs = {name for other in others for name in _names(other)}
    # Its back-ups bear the key.
    mine = {case.key, *_names(case)} - theirs
    names = tuple(sorted({*mine, *_runs_of(mine)} - theirs))
    paths = [cases.folder(case.key), *_uploads(case, others)]
    for room in sorted(cache_dir().iterdir()):
        if room.is_dir() and room.name not in _OURS:
            paths += [path for path in sorted(room.iterdir()) if path.name.startswith(names)]
    return Erasure(tuple(paths), sum(map(_size, paths)))


def erase(cases: Cases, case: Case) -> Erasure:
    """The case and what goes with it are gone when this returns. Its runs must not be at work."""
    gone = plan_erasure(cases, case)
    # The case's own folder is the first of the paths: it goes last, so that an erasure cut short can be done again.
    for place in reversed(gone.paths):
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    return gone


def _runs_of(digests: set[str]) -> set[str]:
    """The keys of all runs of any of these clips."""
    return {folder.name for folder in (cache_dir() / "runs").glob("*") if digests & _clips_of(folder)}


def _clips_of(run: Path) -> set[str]:
    """The digests of the clips that a run was ordered for; none where nobody knows."""
    try:
        sources = json.loads((run / "job.json").read_text(encoding="utf-8"))["order"]["sources"]
        return {str(source["digest"]) for source in sources}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _names(case: Case) -> set[str]:
    return {name for name in (case.run, case.wanted, *(clip.digest for clip in case.clips)) if name}


def _uploads(case: Case, others: list[Case]) -> Iterator[Path]:
    kept = {Path(clip.path).resolve().parent for other in others for clip in other.clips}
    root = (cache_dir() / "uploads").resolve()
    for clip in case.clips:
        folder = Path(clip.path).resolve().parent
        if folder not in kept and folder.parent == root and folder.is_dir():
            yield folder


def _size(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    found = (Path(folder) / name for folder, _, names in os.walk(place) for name in names)
    return sum(path.stat().st_size for path in found if path.is_file())
