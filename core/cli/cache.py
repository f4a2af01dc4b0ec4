"""`cache` and `data`: what is in the two folders of the user, how much of it, and what may go."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from core.base.errors import SettingsError
from core.base.text import format_bytes, format_count
from core.machine.artifacts import Store, StoredEntry, stored_entries, trim_cache
from core.machine.paths import CACHE_ENTRIES, DATA_ENTRIES, cache_dir, data_dir
from core.workspace.cases import Cases
from core.workspace.jobs import Exports, Jobs

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_CACHE_CONTENTS = {
    "stages": "boxes and appearance vectors of clips",
    "runs": "runs of the app, with people and their crops",
    "exports": "exports of the app",
    "proxies": "films for the browser",
    "stills": "pictures of clips",
    "strips": "previews of clips",
    "exported": "models, prepared for this computer",
    "sample": "the sample, as version 0.1.0 drew it",
    "speed": "how fast models are here",
    "probes": "what clips hold: size, frames, times",
    "checksums": "SHA-256 of clips",
    "lists": "lists of the recordings of a camera, for the command line",
    "notebooks": "results of the notebooks",
    "ultralytics": "settings of Ultralytics",
    "digests.sqlite": "digests of clips",
    "tracker.log": "the log",
}
_DATA_CONTENTS = {
    "cases": "cases, with their decisions",
    "uploads": "clips that were uploaded or restored",
    "backups": "back-ups that the app has made",
    "weights": "models that were downloaded",
}


def add_arguments(p: argparse.ArgumentParser) -> None:
    p.add_argument("--list", action="store_true", help="list each entry, least recently used first")
    p.add_argument(
        "--trim",
        metavar="SIZE",
        help="remove the least recently used entries of all kinds until this much is left: 5GB, or 0 for everything",
    )
    p.set_defaults(run=run)


def add_data_arguments(p: argparse.ArgumentParser) -> None:
    p.set_defaults(run=run_data)


def run(options: argparse.Namespace) -> int:
    in_use = paths_in_use()
    if options.trim is not None:
        removed = trim_cache(size(options.trim), in_use)
        sys.stdout.write(f"Removed {_amount(removed)}.\n")
    entries = stored_entries(cache_dir(), CACHE_ENTRIES)
    if options.list:
        _list(entries)
    else:
        _summarise(entries, _CACHE_CONTENTS)
    busy = [entry for entry in entries if {entry.path, *entry.path.parents} & in_use]
    if busy:
        sys.stdout.write(f"A job in progress uses {_amount(busy)} of it, which --trim leaves alone.\n")
    sys.stdout.write(
        f"{_amount(entries)}, in {cache_dir()}, the cache folder (SIGHTLINE_CACHE); {_free(cache_dir())}\n"
        "All of it can be made again, by another run or export. --trim SIZE removes what was not used for longest.\n"
    )
    return 0


def run_data(options: argparse.Namespace) -> int:
    entries = stored_entries(data_dir(), DATA_ENTRIES)
    _summarise(entries, _DATA_CONTENTS)
    for line in _dispensable(entries):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(
        f"{_amount(entries)}, in {data_dir()}, the data folder (SIGHTLINE_DATA); {_free(data_dir())}\n"
        "Nothing can make this again: back it up. `cases --delete KEY` removes a case with all that was made of it.\n"
    )
    return 0


def paths_in_use() -> set[Path]:
    """What jobs in progress use of the cache: their own folders, the run of an export, what is stored of their clips,
    and the models as they were prepared.
    """
    jobs, exports, root = {job.key: job for job in Jobs().all()}, Exports(), cache_dir()
    keys = {key for key, job in jobs.items() if job.is_active}
    found = set()
    for path in (root / "exports").glob("*-*"):
        export = exports.get(path.name)
        if export is not None and export.is_active:
            found.add(path)
            keys.add(path.name.partition("-")[0])
    for key in keys:
        found |= {root / "runs" / key, root / "exported", root / "sample"}
        sources = jobs[key].order.sources if key in jobs else ()
        found |= {root / "stages" / source.digest for source in sources}
    return found


def _dispensable(entries: list[StoredEntry]) -> Iterable[str]:
    """What of the data is needed by no case. Nothing is said if a case cannot be read, since it may need anything."""
    cases = Cases().all()
    keys = {entry.path.name for entry in entries if entry.kind == "cases"}
    if unreadable := len(keys - {case.key for case in cases}):
        yield f"{format_count(unreadable, 'case', 'cases')} cannot be read."
        return
    paths = [path for case in cases for clip in case.clips for path in (clip.path, *(f.path for f in clip.recordings))]
    clips = {Path(path).parent.name for path in paths}
    if unused := [entry for entry in entries if entry.kind == "uploads" and entry.path.name not in clips]:
        yield f"Uploads that no case uses: {_amount(unused)} ({', '.join(entry.path.name for entry in unused)})."
    if old := [entry for entry in entries if entry.kind == "backups" and entry.path.stem not in keys]:
        yield f"Back-ups of cases that were deleted: {_amount(old)} ({', '.join(entry.path.name for entry in old)})."


def _summarise(entries: list[StoredEntry], contents: Mapping[str, str]) -> None:
    """A line for each kind, with its size, how many entries it has and when it was last used."""
    for kind in contents:
        members = [entry for entry in entries if entry.kind == kind]
        if not members:
            continue
        amount = f"{format_bytes(sum(entry.size for entry in members)):>9}  {len(members):>5}"
        sys.stdout.write(f"{amount}  {_moment(max(e.used for e in members))}  {kind:14}  {contents[kind]}\n")


def _list(entries: Iterable[StoredEntry]) -> None:
    stages = {artifact.folder: artifact for artifact in Store().entries()}
    for entry in entries:
        text = str(entry.path.relative_to(cache_dir()))
        if artifact := stages.get(entry.path):
            state = "" if artifact.complete else ", unfinished"
            text += f"  {artifact.clip}  {artifact.made_by}{state}"
        sys.stdout.write(f"{format_bytes(entry.size):>9}  {_moment(entry.used)}  {text}\n")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _amount(entries: Iterable[StoredEntry]) -> str:
    sizes = [entry.size for entry in entries]
    return f"{format_count(len(sizes), 'entry', 'entries')}, {format_bytes(sum(sizes))}"


def _free(folder: Path) -> str:
    return f"{format_bytes(shutil.disk_usage(folder).free)} free on its disk."


def size(text: str) -> int:
    """Bytes in a size as people write it.

    >>> size("5GB"), size("1.5 m"), size("0")
    (5000000000, 1500000, 0)
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", text.lower())
    if not found:
        raise SettingsError(f"'{text}' is no size", "Write a number and a unit: 500MB, 5GB, 0.")
    return int(float(found[1]) * UNITS[found[2]])
