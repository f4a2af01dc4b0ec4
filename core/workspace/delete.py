"""A case deleted for good, with all that was made of the clips it ever had, unless another case needs it.

Deletion is by reference: a case names digests of clips and keys of runs, now and in its activity log, and whatever is
made of them has a file name that begins with one, or lies in a folder that does. Earlier runs of the clips are deleted
too, for their pictures show the same people. A case that cannot be read needs whatever its files name. Clips in the
user's own folders stay where they are; only uploads are deleted.

Work in progress is stopped first. `sweep` removes what killed processes left, and what no case names any more.

Somebody who wants to can have a case set aside instead: it can be taken back for a day, and names its clips until then.
The first sweep after that erases it; a server sweeps every ten minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.base.errors import SightlineError, StoreError
from core.machine.log import forget_lines
from core.machine.paths import DATA_ENTRIES, cache_dir, data_dir, remove_dead_part, remove_leftovers
from core.vision.video import forget_digests, remembered_paths
from core.workspace.cases import Case, Cases
from core.workspace.jobs import RUN_JOB, find_job, stop_and_wait
from core.workspace.server import Services
from core.workspace.sources import claim_upload

_NOT_BY_DIGEST = {"cases", "deleted", "sample", "weights", "exported", "speed"}
"""Folders of the cache in which names do not begin with the digest of a clip or the key of a run."""
_OF_CLIPS = ("uploads", "proxies", "stills", "strips", "probes", "checksums")
"""Folders that hold only what belongs to clips of cases."""
_LOGGED_CLIP = re.compile(r"\(([0-9a-f]{32})\)")
_CLIP_DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_ANY_KEY = re.compile(r"[0-9a-f]{8,64}")
_FORMER_FOLDER = re.compile(r"tmp\w{8}")
"""In which 0.1.0 unpacked a back-up."""
_KEEP_SECONDS = 86_400.0
"""For which a case that was set aside can be taken back."""
_SWEEP_SECONDS = 600.0
_ASIDE = re.compile(r"\.[0-9a-f-]+\.[0-9a-f]{8}")
"""A folder that was renamed to be removed."""


@dataclass(frozen=True)
class Erasure:
    """What is deleted with a case: files and folders, and how many bytes they hold.

    `names` are the keys and digests with which their names begin, `digests` those of clips.
    """

    paths: tuple[Path, ...]
    bytes: int
    names: frozenset[str]
    digests: frozenset[str]


@dataclass(frozen=True)
class _References:
    """What a case names: digests of clips that it has, keys of its runs, and digests of clips of these runs."""

    clips: frozenset[str]
    runs: frozenset[str]
    run_clips: frozenset[str]

    @property
    def digests(self) -> frozenset[str]:
        return self.clips | self.run_clips


def plan_erasure(services: Services, case: Case) -> Erasure:
    """What would be deleted now; it changes when another case begins to use the same clip."""
    needs = list(needs_of_others(services, case))
    needed_clips = frozenset[str]().union(*(need.clips for need in needs))
    needed_runs = frozenset[str]().union(*(need.runs for need in needs))
    needed = needed_clips.union(needed_runs, *(need.run_clips for need in needs))
    own = _references(case)
    cases = _store_of(services, case)
    clips = own.digests.union(case.removed, _logged_clips(cases, case))
    runs = own.runs | runs_of(clips - needed_clips)
    names = frozenset({case.key, *clips, *runs} - needed)
    paths = [cases.folder(case.key), *paths_of(names)]
    return Erasure(tuple(paths), sum(map(size_of, paths)), names, frozenset(clips - needed))


def erase(services: Services, case: Case) -> Erasure:
    """Delete the case and all that belongs to it alone, after stopping the work on it; returns what was deleted.

    `StoreError` if something cannot be deleted; the case then stays, so that it can be deleted again.
    """
    try:
        erasure = _erase(services, case)
    except OSError as fault:
        raise StoreError(
            f"{fault.filename or case.name} cannot be deleted ({fault.strerror})",
            "Close what uses it, then delete the case again.",
        ) from fault
    sweep(services)
    return erasure


def set_aside(services: Services, case: Case) -> None:
    """Delete the case so that `take_back` can restore it for a day; the work on it is stopped."""
    stop_work(services, plan_erasure(services, case).names)
    services.cases.move(case.key, services.deleted)


def take_back(services: Services, key: str) -> Case:
    """Restore a case that was set aside."""
    return services.deleted.move(key, services.cases)


def _store_of(services: Services, case: Case) -> Cases:
    return services.deleted if services.deleted.folder(case.key).is_dir() else services.cases


def _erase(services: Services, case: Case) -> Erasure:
    with ExitStack() as claims:
        # Nobody adds an upload to another case meanwhile, having found it here.
        for digest in sorted(plan_erasure(services, case).digests):
            claims.enter_context(claim_upload(digest))
        erasure = plan_erasure(services, case)
        stop_work(services, erasure.names)
        places = remembered_paths(erasure.digests) | own_paths(case, erasure.digests)
        forget_lines(erasure.names | places)
        forget_digests(erasure.digests, places)
        # Listed again, since the work went on until it was stopped.
        for path in paths_of(erasure.names):
            remove_path(path)
        # The case's own folder last, so that an interrupted erasure can be repeated.
        _store_of(services, case).delete(case.key)
    return erasure


def sweep(services: Services) -> None:
    """Remove what killed processes left, and what belongs to clips that no case names, now or in its activity log."""
    for folder in _kinds():
        if _FORMER_FOLDER.fullmatch(folder.name) and (folder / "back-up.zip").exists():
            shutil.rmtree(folder, ignore_errors=True)
        remove_leftovers(folder)
        for child in _folders(folder):
            remove_leftovers(child)
            if _ASIDE.fullmatch(child.name):
                shutil.rmtree(child, ignore_errors=True)
    services.proxies.remove_done()
    for case in services.deleted.all():
        with suppress(OSError, StoreError):
            if time.time() - services.deleted.moved_at(case.key) > _KEEP_SECONDS:
                _erase(services, case)
    with suppress(OSError, StoreError):
        _sweep_clips(services)


def sweep_regularly(open_services: Callable[[], Services], stop: threading.Event) -> None:
    """Sweep now and then every ten minutes, until `stop` is set: for as long as a server runs."""
    while True:
        # What cannot be opened or removed now is tried again.
        with suppress(OSError, SightlineError):
            sweep(open_services())
        if stop.wait(_SWEEP_SECONDS):
            return


def _sweep_clips(services: Services) -> None:
    """Remove uploads, films and pictures of clips that no case names and that nobody is just adding to one."""
    named = _all_named(services)
    present = {_digest_in(path) for kind in _OF_CLIPS for path in _entries(_kind(kind))}
    for digest in sorted(present - named - {""}):
        # A marker that cannot be removed is held by an upload in progress.
        if not remove_dead_part(_kind("uploads") / f".{digest}.part"):
            continue
        with claim_upload(digest):
            if digest not in _all_named(services):
                _remove_clip(services, digest)


def _remove_clip(services: Services, digest: str) -> None:
    """Remove what belongs to a clip that no case names; of an upload also its stages, which nobody else can use."""
    services.proxies.stop(digest)
    kinds: tuple[str, ...] = _OF_CLIPS
    if (_kind("uploads") / digest).is_dir():
        kinds = (*_OF_CLIPS, "stages")
        places = remembered_paths({digest})
        forget_lines({digest, *places})
        forget_digests({digest}, places)
    for path in paths_of({digest}, kinds):
        remove_path(path)


def needs_of_others(services: Services, case: Case) -> Iterator[_References]:
    for candidate in (*services.cases.all(), *services.deleted.all()):
        if candidate.key != case.key:
            yield _references(candidate)
    if named := frozenset(_named_in_unreadable(services)):
        yield _References(named, named | runs_of(named), frozenset())


def _named_in_unreadable(services: Services) -> set[str]:
    """All digests and keys in the files of cases that cannot be read; `StoreError` if not even their text can."""
    named: set[str] = set()
    for unreadable in (*services.cases.unreadable(), *services.deleted.unreadable()):
        if not unreadable.text:
            raise StoreError(
                f"{unreadable.folder} cannot be read, so nobody knows what it needs",
                "Restore that case from a back-up, or remove its folder, and try again.",
            )
        named.update(_ANY_KEY.findall(unreadable.text))
    return named


def _references(case: Case) -> _References:
    """What the case names as it is now."""
    uploads = _kind("uploads").resolve()
    files = [file for clip in case.clips for file in clip.files]
    folders = (Path(path).resolve().parent for path in (*(clip.path for clip in case.clips), *(f.path for f in files)))
    clips = {folder.name for folder in folders if folder.parent == uploads}.union(
        *(clip.digests for clip in case.clips)
    )
    runs = frozenset(run for run in (case.run, case.wanted) if run)
    return _References(frozenset(clips), runs, frozenset().union(*(_clips_of(run) for run in runs)))


def _all_named(services: Services) -> set[str]:
    """The digests of all clips that any case has or ever had."""
    named = _named_in_unreadable(services)
    for cases in (services.cases, services.deleted):
        for case in cases.all():
            named |= _references(case).digests | set(case.removed) | _logged_clips(cases, case)
    return named


def _logged_clips(cases: Cases, case: Case) -> set[str]:
    """The digests of all clips that were added to the case, by its activity log: 0.1.0 noted them only there."""
    return set(_LOGGED_CLIP.findall("\n".join(cases.log_lines(case.key))))


def own_paths(case: Case, digests: Collection[str]) -> set[str]:
    """Where those clips of the case with these digests lie, by the case and by its runs."""
    paths = {clip.path for clip in case.clips if clip.digest in digests}
    paths |= {file.path for clip in case.clips for file in clip.files if file.digest in digests}
    for run in _entries(_kind("runs")):
        paths |= {path for digest, path in _sources_of(run) if path and digest in digests}
    return paths


def runs_of(digests: Collection[str]) -> set[str]:
    """The keys of all runs of any of these clips."""
    return {run.name for run in _entries(_kind("runs")) if not _clips_of(run.name).isdisjoint(digests)}


def _clips_of(run: str) -> frozenset[str]:
    return frozenset(digest for digest, _ in _sources_of(_kind("runs") / run))


def _sources_of(run: Path) -> list[tuple[str, str]]:
    """Digest and path of the clips of a run; of a run whose job.json cannot be read, all digests in its text."""
    try:
        job = find_job(RUN_JOB, run)
    except StoreError:
        return [(digest, "") for digest in _CLIP_DIGEST.findall(_text_of(run / "job.json"))]
    return [(source.digest, source.path) for source in job.order.with_current_paths().sources] if job else []


def _text_of(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _kind(name: str) -> Path:
    return (data_dir() if name in DATA_ENTRIES else cache_dir()) / name


def _kinds() -> list[Path]:
    """The folders in which files of one kind lie, such as runs, stages and uploads."""
    roots = cache_dir(), data_dir()
    return [folder for root in dict.fromkeys(roots) for folder in _folders(root) if folder not in roots]


def paths_of(names: Collection[str], kinds: Collection[str] = ()) -> list[Path]:
    """What is called after these digests and keys, hidden or not; only of some kinds, if they are named."""
    folders = [folder for folder in _kinds() if folder.name not in _NOT_BY_DIGEST]
    starts = tuple(sorted(names))
    return [
        path
        for folder in folders
        if not kinds or folder.name in kinds
        for path in _entries(folder)
        if path.name.lstrip(".").startswith(starts)
    ]


def _digest_in(path: Path) -> str:
    """The digest with which a name begins; empty if there is none."""
    match = re.match(r"[0-9a-f]{32}(?![0-9a-f])", path.name.lstrip("."))
    return match[0] if match else ""


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir() and not path.is_symlink()]


def _entries(folder: Path) -> list[Path]:
    """What is directly in the folder, sorted; nothing if it is not there."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def remove_path(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def stop_work(services: Services, names: Collection[str]) -> None:
    """End the runs, exports and films with these keys and digests, and wait until they have ended."""
    jobs, exports = services.jobs, services.exports
    for name in names:
        for export in exports.of(name):
            stop_and_wait(partial(exports.cancel, export.key), partial(_is_exporting, services, export.key))
        stop_and_wait(partial(jobs.cancel, name), partial(jobs.is_active, name))
        services.proxies.stop(name)


def _is_exporting(services: Services, key: str) -> bool:
    export = services.exports.get(key)
    return export is not None and export.is_active


def size_of(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sum(file.stat().st_size for file in files if file.is_file())
