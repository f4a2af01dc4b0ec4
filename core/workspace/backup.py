"""A case as one zip file, to keep or to continue on another machine.

    case.json, review.json, log*       the files of the case's folder, and in tracks/ what its decisions are about
    run/...                            the folder of its run, with the crops
    clips/<digest>/<name>              the recordings, if asked for

`back_up` writes it, `restore` makes a new case of it. What a back-up contains is written only to where this program
keeps such files. All of it is unpacked beside its place, checked, and then renamed, the case last: a restore that is
killed leaves nothing that a later one would take for complete. A run or a recording that is here already stays as it
is, if it is complete. A clip that did not come along keeps its path; if that path does not exist here, the user has to
choose the file again.
"""

from __future__ import annotations

import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO

from core.base.errors import StoreError
from core.base.limits import (
    BACKUP_ENTRIES,
    BACKUP_RATIO,
    BACKUP_SLACK_BYTES,
    ENTRY_BYTES,
    RECORD_BYTES,
    require_at_most,
    require_bytes,
)
from core.base.progress import Progress
from core.base.text import format_bytes
from core.machine.chain import CHAIN, TEXTS
from core.machine.paths import cache_dir, explain_refusal, make_folder, open_atomically, working_folder
from core.machine.records import NewerVersionError
from core.review import load_review
from core.runs import TRACKLETS_FILE, load_all_tracks, load_evidence, read_record, save_record
from core.vision.regions import from_json
from core.vision.video import content_digest, is_list, list_digest, remember_digest
from core.workspace.cases import Case, CaseClip, CaseRecording, Cases, new_key, parse_case
from core.workspace.jobs import RUN_JOB, find_job, read_job, remove, save_job
from core.workspace.recordings import list_entries, list_place, write_list
from core.workspace.server import Services
from core.workspace.sources import (
    RESERVE_BYTES,
    claim_upload,
    free_bytes,
    free_data_bytes,
    is_intact,
    is_permitted,
    stored_recording,
    upload_folder,
    upload_name,
)

_BLOCK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{8,64}")
_CASE_FILES = ("review.json", "log.txt", CHAIN, TEXTS)
_TRACKS = re.compile(r"tracks/[0-9a-f]{8,64}\.npz")
_NAME = r"[\w-][\w.-]*"
_OF_A_RUN = re.compile(
    rf"run/(job\.json|status\.json|progress|log|ended|regions/{_NAME}\.json|out/{_NAME}\.(json|parquet|npz|csv|zip)"
    rf"|out/(tracks|cut)/{_NAME}\.txt|out/crops/{_NAME}/{_NAME}\.jpg)"
)
"""The files of a run that are taken."""
_LEADS_OUT = re.compile(r"^\.\.?$|[\\:\0]")
"""Parts of a path that mean another folder, on any system."""
_NO_BACKUP = "Choose a file that Sightline has made as a back-up of a case."
_REFUSED = "the back-up cannot be restored"


def back_up(cases: Cases, case: Case, target: Path, clips: bool = False, progress: Progress | None = None) -> None:
    """Write the case as it is now to `target`, complete or not at all; its recordings only with `clips`."""
    progress = progress or Progress()
    case, records = _records_of(cases, case.key)
    files = list(_files_of(case, clips))
    progress.begin("back-up", len(records) + len(files))
    with open_atomically(target, flush=True) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content)
        for number, (name, path) in enumerate(files, len(records) + 1):
            _add(archive, name, path)
            progress.at(number)


def _records_of(cases: Cases, key: str) -> tuple[Case, dict[str, bytes]]:
    """The case and the contents of the files in its folder by name, all of one moment: nobody changes it meanwhile."""
    with cases.lock(key):
        case = cases.load(key)
        files = dict(_below(cases.folder(key), ""))
        with _reading(cases.folder(key)):
            return case, {name: path.read_bytes() for name, path in files.items()}


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise StoreError(
            f"{fault.filename or path} cannot be read ({fault.strerror})",
            "Put it back, or back up without the recordings.",
        ) from fault


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    """Write a file into the archive; `StoreError` if it cannot be read, `OSError` if the archive cannot be written."""
    with ExitStack() as opened:
        with _reading(path):
            # Recorders whose clock was never set write files dated 1970, which zip cannot represent.
            header = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            source = opened.enter_context(path.open("rb"))
        entry = opened.enter_context(archive.open(header, "w"))
        while block := _read_block(source, path):
            entry.write(block)


def _read_block(source: IO[bytes], path: Path) -> bytes:
    with _reading(path):
        return source.read(_BLOCK_BYTES)


def _files_of(case: Case, clips: bool) -> Iterator[tuple[str, Path]]:
    """The files of the case's run and, if wanted, its recordings, with their names in the archive."""
    if case.run:
        yield from _below(cache_dir() / "runs" / case.run, "run/")
    for file in _recordings_of(case) if clips else ():
        path = Path(file.path)
        if path.is_dir():
            yield from _below(path, f"clips/{file.digest}/{path.name}/")
        else:
            yield f"clips/{file.digest}/{path.name}", path


def _recordings_of(case: Case) -> list[CaseRecording]:
    """The files of all cameras. The lists of cameras with several are written anew where the case is restored."""
    return [file for clip in case.clips for file in clip.files]


def _below(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield prefix + path.relative_to(folder).as_posix(), path


def restore(services: Services, source: Path | IO[bytes], file_name: str = "") -> Case:
    """A new case from a back-up. `StoreError` if the file is not a back-up; then nothing of it stays on disk."""
    name = file_name or (source.name if isinstance(source, Path) else "the file")
    try:
        with zipfile.ZipFile(source) as archive, ExitStack() as folders:
            _require_bounded(archive)
            _require_space(archive)
            case = _require_digests(_case_in(archive, name))
            with explain_refusal(_REFUSED):
                work = _Unpacked(
                    folders.enter_context(working_folder(services.cases.folder(case.key).parent)),
                    folders.enter_context(working_folder(_runs_folder())),
                    folders.enter_context(working_folder(upload_folder("x").parent)),
                )
            clips = _clips_to_unpack(archive, case)
            has_run = _has_run_to_unpack(services, archive, case)
            _unpack(archive, work, clips, has_run)
            case = _check_clips(case, work, clips)
            load_review(work.case / "review.json")
            if has_run:
                places = {clip.digest: clip.path for clip in case.clips}
                _relocate_run(work.run, places | {file.digest: file.path for file in _recordings_of(case)})
                _check_run(work.run)
            with explain_refusal(_REFUSED):
                # Nobody sweeps an upload between its arrival and that of its case.
                for digest in sorted(frozenset[str]().union(*(clip.digests for clip in case.clips))):
                    folders.enter_context(claim_upload(digest))
                return _publish(services, case, work, clips, has_run)
    except (OSError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError) as fault:
        raise StoreError(f"{name} is not a back-up that can be read", _NO_BACKUP) from fault
    except (EOFError, RuntimeError, zlib.error, zipfile.BadZipFile) as fault:
        raise StoreError(f"{name} is not a back-up that can be read", _NO_BACKUP) from fault


def _case_in(archive: zipfile.ZipFile, name: str) -> Case:
    """The case in the back-up called `name`, with a new key."""
    try:
        return parse_case(archive.read("case.json"), new_key())
    except StoreError as fault:
        remedy = fault.remedy if isinstance(fault, NewerVersionError) else _NO_BACKUP
        raise StoreError(f"{name} cannot be read ({fault.message})", remedy) from fault


@dataclass(frozen=True)
class _Unpacked:
    """Where a back-up is unpacked: the case's folder, the run's, and a folder with one for each recording's digest."""

    case: Path
    run: Path
    uploads: Path


def _require_bounded(archive: zipfile.ZipFile) -> None:
    """`StoreError` if the archive is none that this program makes, but one made to fill disks or memory."""
    entries = archive.infolist()
    require_at_most(len(entries), BACKUP_ENTRIES, "the back-up has {} files", StoreError, _NO_BACKUP)
    require_bytes(archive.getinfo("case.json").file_size, ENTRY_BYTES, "the case in it", StoreError, _NO_BACKUP)
    for entry in (entry for entry in entries if entry.filename in _CASE_FILES):
        require_bytes(entry.file_size, RECORD_BYTES, f"{entry.filename} in it", StoreError, _NO_BACKUP)
    unpacked, packed = (sum(sizes) for sizes in zip(*((e.file_size, e.compress_size) for e in entries), strict=True))
    if unpacked > BACKUP_SLACK_BYTES and unpacked > BACKUP_RATIO * packed:
        raise StoreError(
            f"the back-up would unpack to more than {BACKUP_RATIO} times its size ({format_bytes(unpacked)})",
            _NO_BACKUP,
        )


def _require_space(archive: zipfile.ZipFile) -> None:
    """`StoreError` if unpacking would fill the disk."""
    needed = sum(entry.file_size for entry in archive.infolist())
    if needed > min(free_bytes(), free_data_bytes()) - RESERVE_BYTES:
        raise StoreError(
            "the back-up needs more disk space than there is",
            "Free some space, or set SIGHTLINE_DATA and SIGHTLINE_CACHE.",
        )


def _clips_to_unpack(archive: zipfile.ZipFile, case: Case) -> frozenset[str]:
    """The digests of the recordings in the back-up that are not here, or not complete."""
    missing = set()
    for file in _recordings_of(case):
        sizes = [entry.file_size for entry in _files_below(archive, f"clips/{file.digest}/")]
        stored = stored_recording(file.digest)
        if sizes and not (stored and is_intact(stored, file.digest, sum(sizes))):
            missing.add(file.digest)
    return frozenset(missing)


def _has_run_to_unpack(services: Services, archive: zipfile.ZipFile, case: Case) -> bool:
    """Whether the back-up has a run that is not here, or of which files are missing here."""
    results = [name for name in _files_of_run(archive) if name.startswith("run/out/")]
    folder = _runs_folder() / case.run
    if not case.run or not _files_of_run(archive):
        return False
    if folder.is_dir() and all((folder / name.removeprefix("run/")).exists() for name in results):
        return False
    if services.jobs.is_active(case.run):
        raise StoreError("the run of this case is in progress here", "Wait until it has ended, then restore again.")
    return True


def _unpack(archive: zipfile.ZipFile, work: _Unpacked, clips: frozenset[str], has_run: bool) -> None:
    """Write the entries that are needed into the folders of `work`."""
    for name in (entry.filename for entry in _files_below(archive, "")):
        parts = PurePosixPath(name).parts
        if name in _CASE_FILES or _TRACKS.fullmatch(name):
            _copy(archive, name, work.case / name)
        elif _OF_A_RUN.fullmatch(name) and has_run:
            _copy(archive, name, work.run.joinpath(*parts[1:]))
        elif parts[0] == "clips" and len(parts) > 2 and parts[1] in clips:
            _copy(archive, name, (work.uploads / parts[1]).joinpath(upload_name(parts[2]), *parts[3:]))


def _files_below(archive: zipfile.ZipFile, folder: str) -> list[zipfile.ZipInfo]:
    """The files in the archive whose names begin with `folder`, but for those that lead out of it."""
    files = (entry for entry in archive.infolist() if entry.filename.startswith(folder) and not entry.is_dir())
    return [entry for entry in files if not _leads_out(entry.filename)]


def _files_of_run(archive: zipfile.ZipFile) -> list[str]:
    return [entry.filename for entry in _files_below(archive, "run/") if _OF_A_RUN.fullmatch(entry.filename)]


def _leads_out(name: str) -> bool:
    """Whether a path names something outside the folder that it is relative to, on any system."""
    parts = PurePosixPath(name).parts
    return not parts or parts[0] == "/" or any(map(_LEADS_OUT.search, parts))


def _copy(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, open_atomically(target, flush=not name.startswith("run/")) as file:
        shutil.copyfileobj(source, file, _BLOCK_BYTES)


def _check_clips(case: Case, work: _Unpacked, clips: frozenset[str]) -> Case:
    """The case with the paths that its clips have on this machine; `StoreError` if a recording is damaged."""
    for clip in case.clips:
        for file in clip.files:
            if file.digest in clips and is_list(_unpacked_recording(work, file.digest)):
                # It would name files anywhere; those of a case are written anew.
                raise ValueError(f"the recording of {clip.camera} is a list of others")
            if file.digest in clips and content_digest(_unpacked_recording(work, file.digest)) != file.digest:
                raise StoreError(f"the recording of {clip.camera} is damaged in the back-up", "Make the back-up again.")
    return case.with_clips(_relocated(clip, work, clips) for clip in case.clips)


def _relocated(clip: CaseClip, work: _Unpacked, clips: frozenset[str]) -> CaseClip:
    files = [replace(file, path=str(_clip_path(file, work, clips))) for file in clip.files]
    if not clip.recordings:
        return replace(clip, path=files[0].path)
    if list_digest(list_entries(files)) != clip.digest:
        raise ValueError(f"the files of {clip.camera} are not those that its digest names")
    return replace(clip, path=str(list_place(clip.camera, clip.digest)), recordings=tuple(files))


def _unpacked_recording(work: _Unpacked, digest: str) -> Path:
    return next((work.uploads / digest).iterdir())


def _clip_path(clip: CaseRecording, work: _Unpacked, clips: frozenset[str]) -> Path:
    """The clip's path here: an upload; as it was, if that may be opened; or a missing upload."""
    stored = stored_recording(clip.digest)
    if clip.digest in clips:
        # A damaged file is replaced under its own name, which other cases have.
        return stored or upload_folder(clip.digest) / _unpacked_recording(work, clip.digest).name
    if is_permitted(clip.path):
        return Path(clip.path)
    if stored and is_intact(stored, clip.digest, stored.stat().st_size):
        return stored
    return upload_folder(clip.digest) / upload_name(clip.path)


def _check_run(run: Path) -> None:
    """Read all that pages read of a run, so that none of them fails later; names that become files' are checked."""
    out = run / "out"
    if job := find_job(RUN_JOB, run):
        for source in read_job(run, job, running=False).order.sources:
            _require_digest(source.digest)
            if source.regions:
                from_json(source.regions)
    if (out / "run.json").exists():
        for camera in (record := read_record(out)).cameras.values():
            _require_digest(camera.digest)
        if (out / "tracks.parquet").exists():
            load_all_tracks(out, record.cameras)
    if (out / TRACKLETS_FILE).exists():
        load_evidence(out)


def _relocate_run(run: Path, paths: Mapping[str, str]) -> None:
    """Other paths of clips by digest, and no process."""

    def local_path(path: str, content: str) -> str:
        return paths.get(content, path if is_permitted(path) else str(upload_folder(upload_name(path))))

    if job := find_job(RUN_JOB, run):
        sources = {source.digest: local_path(source.path, source.digest) for source in job.order.sources}
        order = job.order.with_paths(sources)
        save_job(RUN_JOB, run, replace(job, order=order, pid=None, born=None, starting=False, waiting=None))
    if (run / "out" / "run.json").exists():
        record = read_record(run / "out")
        clips = {name: local_path(camera.clip, camera.digest) for name, camera in record.cameras.items()}
        cameras = {name: replace(camera, clip=clips[name]) for name, camera in record.cameras.items()}
        save_record(run / "out", replace(record, cameras=cameras))


def _publish(services: Services, case: Case, work: _Unpacked, clips: frozenset[str], has_run: bool) -> Case:
    """Rename everything to its place; only then is there a case that names it."""
    placed = set[str]()
    if has_run:
        _replace(work.run, _runs_folder() / case.run)
    for file in _recordings_of(case):
        if file.digest in clips and file.path not in placed:
            _replace(_unpacked_recording(work, file.digest), Path(file.path))
            placed.add(file.path)
            if Path(file.path).is_file():
                remember_digest(Path(file.path), file.digest)
    for clip in case.clips:
        if clip.recordings:
            write_list(clip.camera, clip.recordings)
    return services.cases.adopt(case, work.case, "restored from a back-up")


def _replace(made: Path, target: Path) -> None:
    """Rename a file or folder to `target`; a folder that is there, of which files are missing, goes."""
    make_folder(target.parent)
    if target.is_dir():
        remove(target)
    made.replace(target)


def _require_digests(case: Case) -> Case:
    """The case, if all its names that become file names here are digests; `ValueError` otherwise."""
    for name in (case.run, case.wanted, *case.removed, *(digest for clip in case.clips for digest in clip.digests)):
        _require_digest(name)
    return case


def _require_digest(name: str) -> None:
    """`ValueError` unless it is a digest, or empty."""
    if name and not _DIGEST.fullmatch(name):
        raise ValueError(f"{name!r} is not a digest")


def _runs_folder() -> Path:
    return cache_dir() / "runs"
