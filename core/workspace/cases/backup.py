"""A case as one zip file, to keep or to continue on another machine.

    case.json, review.json, log.txt    the files of the case's folder, and in tracks/ what its decisions are about
    run/...                            the folder of its run, with the crops
    clips/<digest>/<name>              the recordings, if asked for

`back_up` writes it, `restore` makes a new case of it. What a back-up contains is written only to where this program
keeps such files, and files that are here already stay as they are. A clip that did not come along keeps its path; if
that path does not exist here, the user has to choose the file again.
"""

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
from core.machine.paths import cache_dir, data_dir, open_atomically, write_atomically
from core.vision.video import digest
from core.workspace.cases.case import Case, CaseClip
from core.workspace.cases.store import Cases
from core.workspace.sources import free_bytes, free_data_bytes, is_permitted

_BLOCK_BYTES = 1 << 20
_MAX_CASE_BYTES = 64 << 20
"""Of case.json, which is read as a whole."""
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_TRACKS = re.compile(r"tracks/[0-9a-f]{8,64}\.npz")
_LEADS_OUT = re.compile(r"^\.\.?$|[\\:\0]")
"""Parts of a path that mean another folder, on any system."""
_NO_BACKUP = "Choose a file that Sightline has made as a back-up of a case."


def back_up(cases: Cases, case: Case, target: Path, clips: bool = False, progress: Progress | None = None) -> None:
    """Write the case to `target`, complete or not at all; its recordings only with `clips`."""
    progress = progress or Progress()
    entries = list(_entries(cases, case, clips))
    progress.begin("back-up", len(entries))
    # Recorders whose clock was never set write files dated 1970, which zip cannot represent.
    with open_atomically(target, flush=True) as file, zipfile.ZipFile(file, "w", strict_timestamps=False) as archive:
        for number, (name, path) in enumerate(entries, 1):
            try:
                archive.write(path, name)
            except OSError as fault:
                if fault.errno == errno.ENOSPC:
                    raise
                raise StoreError(
                    f"{path} cannot be read ({fault.strerror})", "Put it back, or back up without the recordings."
                ) from fault
            progress.at(number)


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


def restore(cases: Cases, source: Path) -> Case:
    """A new case from a back-up. `StoreError` if the file is not a back-up; then nothing of it stays on disk."""
    try:
        with zipfile.ZipFile(source) as archive:
            names = _entry_names(archive)
            content = json.loads(archive.read("case.json"))
            case = cases.new(str(content["name"]))
            new: list[Path] = []
            try:
                case = _require_digests(cases.adopt(case.key, content))
                new += _folders_to_make(case)
                _unpack(archive, names, cases, case, new)
                return _locate_clips(cases, case, names, new)
            except BaseException:
                for folder in new:
                    shutil.rmtree(folder, ignore_errors=True)
                cases.delete(case.key)
                raise
    except (OSError, KeyError, TypeError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as fault:
        raise StoreError(f"{source.name} is not a back-up that can be read", _NO_BACKUP) from fault


def _entry_names(archive: zipfile.ZipFile) -> list[str]:
    """The names in the archive; `StoreError` if unpacking it would fill the disk, or memory."""
    needed = sum(entry.file_size for entry in archive.infolist())
    if needed > min(free_bytes(), free_data_bytes()) or archive.getinfo("case.json").file_size > _MAX_CASE_BYTES:
        raise StoreError(
            "the back-up needs more disk space than there is",
            "Free some space, or set SIGHTLINE_DATA and SIGHTLINE_CACHE.",
        )
    return archive.namelist()


def _folders_to_make(case: Case) -> list[Path]:
    """The folders of the run and the recordings that are not here yet; existing ones stay as they are."""
    folders = [_runs_folder() / case.run] if case.run else []
    folders += [_upload_folder(clip.digest) for clip in case.clips]
    return [folder for folder in folders if not folder.exists()]


def _locate_clips(cases: Cases, case: Case, names: list[str], new: list[Path]) -> Case:
    """Write the paths that the clips have on this machine into the case, and into a run that came with it."""
    paths = {clip.digest: str(_clip_path(clip, names)) for clip in case.clips}
    for clip in case.clips:
        came_along = _has_clip(names, clip) and Path(paths[clip.digest]).exists()
        if came_along and digest(paths[clip.digest]) != clip.digest:
            raise StoreError(f"the recording of {clip.camera} is damaged in the back-up", "Make the back-up again.")
    if case.run and _runs_folder() / case.run in new:
        _relocate_run(_runs_folder() / case.run, paths)
    return cases.change(
        case.key,
        lambda now: now.with_clips(replace(clip, path=paths[clip.digest]) for clip in now.clips),
        "restored from a back-up",
    )


def _relocate_run(run: Path, paths: dict[str, str]) -> None:
    """Correct a run's files for this machine: other paths of clips by digest, and no process."""

    def local_path(path: str, content: str) -> str:
        fallback = path if is_permitted(path) else str(_upload_folder(_file_name(path)))
        return paths.get(content, fallback)

    job, record = _read_json(run / "job.json"), _read_json(run / "out" / "run.json")
    for source in job.get("order", {}).get("sources", ()):
        source["path"] = local_path(source["path"], source["digest"])
    for about in record.get("cameras", {}).values():
        about["clip"] = local_path(about["clip"], about.get("digest", ""))
    job_here = {name: value for name, value in job.items() if name not in ("pid", "born", "starting", "waiting")}
    for path, content in ((run / "job.json", job_here), (run / "out" / "run.json", record)):
        if content:
            write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False).encode())


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _clip_path(clip: CaseClip, names: list[str]) -> Path:
    """The clip's path here: unpacked; as it was, if that may be opened; or a missing upload."""
    if not _has_clip(names, clip) and is_permitted(clip.path):
        return Path(clip.path)
    folder = _upload_folder(clip.digest)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return files[0] if files else folder / _file_name(clip.path)


def _has_clip(names: list[str], clip: CaseClip) -> bool:
    return any(entry.startswith(f"clips/{clip.digest}/") for entry in names)


def _require_digests(case: Case) -> Case:
    """The case, if all its names that become file names here are digests; `ValueError` otherwise."""
    for name in (case.run, case.wanted, *(clip.digest for clip in case.clips)):
        if name and not _DIGEST.fullmatch(name):
            raise ValueError(f"{name!r} is not a digest")
    return case


def _file_name(name: str) -> str:
    """The last part of a path of any system, fit to be a file's name here."""
    return safe_name(re.split(r"[/\\]", name)[-1])


def _unpack(archive: zipfile.ZipFile, names: list[str], cases: Cases, case: Case, new: list[Path]) -> None:
    """Write the entries into the case's folder and into the folders that are `new`."""
    for name in names:
        parts = PurePosixPath(name).parts
        if not parts or name.endswith("/") or parts[0] == "/" or any(map(_LEADS_OUT.search, parts)):
            continue
        if name in ("review.json", "log.txt") or _TRACKS.fullmatch(name):
            _copy(archive, name, cases.folder(case.key) / name)
        elif parts[0] == "run" and len(parts) > 1 and case.run and _runs_folder() / case.run in new:
            _copy(archive, name, (_runs_folder() / case.run).joinpath(*parts[1:]))
        elif parts[0] == "clips" and len(parts) > 2 and _upload_folder(parts[1]) in new:
            _copy(archive, name, _upload_folder(parts[1]).joinpath(_file_name(parts[2]), *parts[3:]))


def _copy(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, open_atomically(target, flush=not name.startswith("run/")) as file:
        shutil.copyfileobj(source, file, _BLOCK_BYTES)


def _runs_folder() -> Path:
    return cache_dir() / "runs"


def _upload_folder(content: str) -> Path:
    return data_dir() / "uploads" / content
