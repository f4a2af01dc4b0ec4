"""A case as one file: to keep, or to go on with on another machine.

    case.json, review.json, log.txt    as the case's folder holds them
    run/...                            the folder of the run that is shown, with its crops
    clips/<digest>/<name>              the recordings, where they are asked for

`core.cases.restoring` reads it.
"""

from __future__ import annotations

import errno
import zipfile
from collections.abc import Iterator
from pathlib import Path

from core.cases.case import Case
from core.cases.keeping import Cases
from core.errors import StoreError
from core.folders import cache_dir, written_whole
from core.progress import Progress


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
