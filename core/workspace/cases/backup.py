"""A case as one file: to keep, or to go on with on another machine.

    case.json, review.json, log.txt    as the case's folder holds them
    run/...                            the folder of the run that is shown, with its crops
    clips/<digest>/<name>              the recordings, where they are asked for

`core.cases.restoring` reads it.

A back-up taken in: the case as a new one, with its run and its recordings where they came along.

What a back-up names is only put where this program keeps such things, and what is there already stays as it is; a clip
that did not come along stays named, and has to be picked again where this machine does not have it."""

from __future__ import annotations

import errno
import json
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from core.base.errors import StoreError
from core.base.progress import Progress
from core.base.text import safe_name
from core.machine.paths import cache_dir, write_atomically, written_whole
from core.vision.video import digest
from core.workspace.cases.case import Case, CaseClip
from core.workspace.cases.store import Cases
from core.workspace.sources import free_bytes, is_permitted


def back_up(cases: Cases, case: Case, target: Path, clips: bool = False, progress: Progress | None = None) -> None:
    """Write the case to `target`, whole or not at all; with its `clips` where asked."""
    heard = progress or Progress()
    entries = list(_entries(cases, case, clips))
    heard.begin("back-up", len(entries))
    # Recorders whose clock was never set write files of 1970, which a zip cannot say.
    with written_whole(target) as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
        for number, (name, path) in enumerate(entries, 1):
            try:
                archive.write(path, name)
            except OSError as fault:
                if fault.errno == errno.ENOSPC:
                    raise
                raise StoreError(
                    f"{path} cannot be read ({fault.strerror})", "Put it back, or back up without the clips."
                ) from fault
            heard.at(number)


def _entries(cases: Cases, case: Case, clips: bool) -> Iterator[tuple[str, Path]]:
    yield from _below(cases.folder(case.key), "")
    if case.run:
        yield from _below(cache_dir() / "runs" / case.run, "run/")
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


_BLOCK = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_LEADS_OUT = re.compile(r"^\.\.?$|[\\:\0]")
"""Parts of a path that mean another folder, on any system."""
_MOST_WORDS = 64 << 20
"""Bytes of what describes a case."""
_NO_BACKUP = "Choose a file that Sightline has made as a back-up of a case."


def restore(cases: Cases, source: Path) -> Case:
    """The backed-up case as a new one; `StoreError` where the file is none, and then nothing is left of it."""
    try:
        with zipfile.ZipFile(source) as archive:
            held = _held(archive)
            content = json.loads(archive.read("case.json"))
            case = cases.new(str(content["name"]))
            new: list[Path] = []
            try:
                case = _sound(cases.adopt(case.key, content))
                new += _missing(case)
                _unpack(archive, held, cases, case, new)
                return _settled(cases, case, held, new)
            except BaseException:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
                cases.delete(case.key)
                raise
    except (OSError, KeyError, TypeError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as fault:
        raise StoreError(f"{source.name} is no back-up that can be read", _NO_BACKUP) from fault


def _held(archive: zipfile.ZipFile) -> list[str]:
    """The names in it; refused where it would fill the disk, or memory."""
    needed = sum(entry.file_size for entry in archive.infolist())
    if needed > free_bytes() or archive.getinfo("case.json").file_size > _MOST_WORDS:
        raise StoreError("the back-up takes more room than there is", "Free some space, or set SIGHTLINE_CACHE.")
    return archive.namelist()


def _missing(case: Case) -> list[Path]:
    """The folders of its run and recordings that are not here yet; what is here already stays as it is."""
    folders = [_runs() / case.run] if case.run else []
    folders += [_upload(clip.digest) for clip in case.clips]
    return [folder for folder in folders if not folder.exists()]


def _settled(cases: Cases, case: Case, held: list[str], new: list[Path]) -> Case:
    """The case, and a run that came with it, told where the clips are here."""
    places = {clip.digest: str(_place(clip, held)) for clip in case.clips}
    for clip in case.clips:
        there = _came(clip, held) and Path(places[clip.digest]).exists()
        if there and digest(places[clip.digest]) != clip.digest:
            raise StoreError(f"the recording of {clip.camera} is damaged in the back-up", "Make the back-up again.")
    if case.run and _runs() / case.run in new:
        _moved(_runs() / case.run, places)
    return cases.change(
        case.key,
        lambda now: now.with_clips(replace(clip, path=places[clip.digest]) for clip in now.clips),
        "restored from a back-up",
    )


def _moved(run: Path, places: dict[str, str]) -> None:
    """What a run's files say of the machine it was made on: clips lie elsewhere here, and its process is none."""

    def here(path: str, content: str) -> str:
        missing = path if is_permitted(path) else str(_upload(_plain(path)))
        return places.get(content, missing)

    job, record = _content(run / "job.json"), _content(run / "out" / "run.json")
    for source in job.get("order", {}).get("sources", ()):
        source["path"] = here(source["path"], source["digest"])
    for about in record.get("cameras", {}).values():
        about["clip"] = here(about["clip"], about.get("digest", ""))
    kept = {name: value for name, value in job.items() if name not in ("pid", "born")}
    for path, content in ((run / "job.json", kept), (run / "out" / "run.json", record)):
        if content:
            write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False).encode())


def _content(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _place(clip: CaseClip, held: list[str]) -> Path:
    """Where the clip is here: unpacked, or where it was if that may be opened, else among the uploads, missing."""
    if not _came(clip, held) and is_permitted(clip.path):
        return Path(clip.path)
    folder = _upload(clip.digest)
    there = sorted(folder.iterdir()) if folder.is_dir() else []
    return there[0] if there else folder / _plain(clip.path)


def _came(clip: CaseClip, held: list[str]) -> bool:
    return any(entry.startswith(f"clips/{clip.digest}/") for entry in held)


def _sound(case: Case) -> Case:
    """Names that become names of files here are digests, and nothing else."""
    for name in (case.run, case.wanted, *(clip.digest for clip in case.clips)):
        if name and not _DIGEST.fullmatch(name):
            raise ValueError(f"{name!r} is no digest")
    return case


def _plain(name: str) -> str:
    """The last part of a path of any system, fit to be a file's name here."""
    return safe_name(re.split(r"[/\\]", name)[-1])


def _unpack(archive: zipfile.ZipFile, held: list[str], cases: Cases, case: Case, new: list[Path]) -> None:
    """Into the case's folder, and into those that are `new`."""
    for name in held:
        parts = PurePosixPath(name).parts
        if not parts or name.endswith("/") or parts[0] == "/" or any(map(_LEADS_OUT.search, parts)):
            continue
        if name in ("review.json", "log.txt"):
            _copy(archive, name, cases.folder(case.key) / name)
        elif parts[0] == "run" and len(parts) > 1 and case.run and _runs() / case.run in new:
            _copy(archive, name, (_runs() / case.run).joinpath(*parts[1:]))
        elif parts[0] == "clips" and len(parts) > 2 and _upload(parts[1]) in new:
            _copy(archive, name, _upload(parts[1]).joinpath(_plain(parts[2]), *parts[3:]))


def _copy(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, written_whole(target) as file:
        shutil.copyfileobj(source, file, _BLOCK)


def _runs() -> Path:
    return cache_dir() / "runs"


def _upload(content: str) -> Path:
    return cache_dir() / "uploads" / content
