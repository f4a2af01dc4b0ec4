"""A case as one file: to keep, or to go on with on another machine.

    case.json, review.json, log.txt    as the case's folder holds them
    run/...                            the folder of the run that is shown, with its crops
    clips/<digest>/<name>              the recordings, where they are asked for

A restored case is a new one. What a backup names is only put where this program keeps such things; a clip that did not
come along stays named, and has to be picked again where this machine does not have it.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from core.cases.case import Case, CaseClip
from core.cases.keeping import Cases
from core.errors import StoreError
from core.folders import cache_dir, written_whole
from core.footage import permitted
from core.pipeline import safe_name
from core.progress import Progress

_BLOCK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_NO_BACKUP = "Choose a file that Sightline has made as a back-up of a case."


def back_up(cases: Cases, case: Case, target: Path, clips: bool = False, progress: Progress | None = None) -> None:
    """Write the case to `target`, whole or not at all; with its `clips` where asked."""
    heard = progress or Progress()
    entries = list(_entries(cases, case, clips))
    heard.begin("back-up", len(entries))
    with written_whole(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, (name, path) in enumerate(entries, 1):
            try:
                archive.write(path, name)
            except OSError as fault:
                raise StoreError(
                    f"{path} cannot be read ({fault.strerror})", "Put it back, or back up without the clips."
                ) from fault
            heard.at(number)


def _entries(cases: Cases, case: Case, clips: bool) -> Iterator[tuple[str, Path]]:
    yield from _below(cases.folder(case.key), "")
    if case.run:
        yield from _below(_runs() / case.run, "run/")
    for clip in case.clips if clips else ():
        path = Path(clip.path)
        if path.is_dir():
            yield from _below(path, f"clips/{clip.digest}/{path.name}/")
        else:
            yield f"clips/{clip.digest}/{path.name}", path


def _below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield prefix + path.relative_to(folder).as_posix(), path


def restore(cases: Cases, source: Path) -> Case:
    """The backed-up case as a new one; `StoreError` where the file is none, and then nothing is left of it."""
    try:
        with zipfile.ZipFile(source) as archive:
            held = archive.namelist()
            content = json.loads(archive.read("case.json"))
            case = cases.new(str(content["name"]))
            try:
                case = _sound(cases.adopt(case.key, content))
                _unpack(archive, held, cases, case)
            except BaseException:
                cases.delete(case.key)
                raise
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as fault:
        raise StoreError(f"{source.name} is no back-up that can be read", _NO_BACKUP) from fault
    places = {clip.digest: _place(clip, held) for clip in case.clips}
    return cases.change(
        case.key,
        lambda now: now.with_clips(replace(clip, path=str(places[clip.digest])) for clip in now.clips),
        "restored from a back-up",
    )


def _place(clip: CaseClip, held: list[str]) -> Path:
    """Where the clip is here: unpacked, or where it was if that may be opened, else among the uploads, missing."""
    name = _plain(clip.path)
    unpacked = cache_dir() / "uploads" / clip.digest / name
    came = any(entry.startswith(f"clips/{clip.digest}/") for entry in held)
    return Path(clip.path) if not came and permitted(clip.path) else unpacked


def _sound(case: Case) -> Case:
    """Names that become names of files here are digests, and nothing else."""
    for name in (case.run, case.wanted, *(clip.digest for clip in case.clips)):
        if name and not _DIGEST.fullmatch(name):
            raise ValueError(f"{name!r} is no digest")
    return case


def _plain(name: str) -> str:
    """The last part of a path of any system, fit to be a file's name here."""
    return safe_name(re.split(r"[/\\]", name)[-1])


def _unpack(archive: zipfile.ZipFile, held: list[str], cases: Cases, case: Case) -> None:
    run = _runs() / case.run if case.run else None
    new_run = run is not None and not run.exists()
    digests = {clip.digest for clip in case.clips}
    for name in held:
        parts = PurePosixPath(name).parts
        if name.endswith("/") or ".." in parts or "\\" in name or parts[0] == "/":
            continue
        if name in ("review.json", "log.txt"):
            _copy(archive, name, cases.folder(case.key) / name)
        elif parts[0] == "run" and run is not None and new_run:
            _copy(archive, name, run.joinpath(*parts[1:]))
        elif parts[0] == "clips" and len(parts) > 2 and parts[1] in digests:
            within = [_plain(part) for part in parts[2:]]
            _copy(archive, name, (cache_dir() / "uploads" / parts[1]).joinpath(*within))


def _copy(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, written_whole(target) as file:
        shutil.copyfileobj(source, file, _BLOCK)


def _runs() -> Path:
    return cache_dir() / "runs"
