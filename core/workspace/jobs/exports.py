"""Exports of a run, each made by a child process into a folder of its own: the gallery, the crops, the films.

    <root>/<run>-<digest>/job.json     `ExportRecord`: the export, and the process that makes it
                          case-log/    the log of the case, for the zip
                          links.csv, names.csv, numbers.csv   what the user decided, as the command line takes it
                          facts.json   what the case says of the export: `core.export.CaseFacts`
                          arguments.json   all this as arguments; the list of processes does not show them
                          progress     the child's output: JSON lines of `core.base.progress.Report`
                          log, ended   the child's error stream, and its exit status
                          out/         the files; SHA256SUMS is written last and says that they are complete

The digest is of all that decides the content: the same export requested again is found, and two different ones never
overwrite each other. The folder's name begins with the run's key, so that deleting a run finds its exports.

Exports do not wait in the queue of runs: somebody waits for them, and most take seconds.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Literal

from core.base.errors import StoreError
from core.base.progress import Report
from core.base.settings import Number
from core.base.text import find_zone
from core.export import FACTS, CaseFacts, DecisionFact
from core.machine.artifacts import digest_of
from core.machine.chain import user_name
from core.machine.locks import lock
from core.machine.paths import cache_dir, make_folder, write_atomically
from core.machine.records import Content, RecordFormat
from core.machine.settings_file import NO_FILE
from core.review import Action, ReviewSession
from core.runs import (
    Link,
    Name,
    PersonNumber,
    TrackKey,
    TravelTime,
    links_csv,
    names_csv,
    numbers_csv,
    read_record,
)
from core.workspace.cases import Case
from core.workspace.jobs.job import (
    STOPPED,
    Work,
    exit_status,
    failure_message,
    find_job,
    find_replaceable_job,
    last_report,
    save_job,
)
from core.workspace.jobs.processes import Children, Launcher, remove, start_job

GALLERY = (sys.executable, "-m", "core", "gallery")
SUMS = "SHA256SUMS"
_KEY = re.compile(r"[0-9a-f]{20}-[0-9a-f]{20}")
_LATER_FIELDS = (
    *("numbers", "began", "time_zone", "travel", "ignore_positions", "drift", "keep_until", "case", "only_person"),
)
ExportKind = Literal["gallery", "crops", "films"]


@dataclass(frozen=True)
class Export:
    """What to export of a run; `stamp` changes with its results, `began`, `time_zone` and `drift` are the wall clocks
    of the cameras as the command line takes them, `case` is the digest of the facts of the case, and the rest is as in
    `core.runs.Choice`. In films with an `only_person` everybody else is covered; the `reason` is then for showing that
    person, and otherwise for showing everybody.

    The key is a digest of these fields: their names must not change.
    """

    what: ExportKind
    run: str
    stamp: str
    threshold: Number | None = None
    links: tuple[Link, ...] = ()
    names: tuple[Name, ...] = ()
    purpose: str = ""
    reason: str = ""
    numbers: tuple[PersonNumber, ...] = ()
    began: tuple[tuple[str, str], ...] = ()
    time_zone: str = ""
    travel: tuple[TravelTime, ...] = ()
    ignore_positions: bool = False
    drift: tuple[tuple[str, Number], ...] = ()
    keep_until: str = ""
    case: str = ""
    only_person: int = 0

    @property
    def key(self) -> str:
        """The run's key and the digest of the export, the reason for showing faces included: the manifest has it."""
        fields = {**asdict(self), "links": [link.to_dict() for link in self.links]}
        # Exports of 0.1.0 had none of these; theirs keep their key.
        content = {name: value for name, value in fields.items() if value or name not in _LATER_FIELDS}
        return f"{self.run}-{digest_of(content)}"

    def arguments(self, results: Path, folder: Path, clips: Sequence[str] = ()) -> list[str]:
        """The arguments of `python -m core gallery` for the run in `results`; frames are read from `clips`."""
        flags: dict[str, Any] = {
            "settings": NO_FILE,
            "to": folder / "out",
            "what": self.what,
            "cos": self.threshold,
            "links": folder / "links.csv" if self.links else None,
            "names": folder / "names.csv" if self.names else None,
            "numbers": folder / "numbers.csv" if self.numbers else None,
            "purpose": self.purpose or None,
            "keep-until": self.keep_until or None,
            "reason": self.reason or None,
            "facts": folder / "facts.json" if self.case else None,
            "progress": "json",
        }
        # With `=`, so that a text that begins with - is not taken for a flag.
        arguments = [f"--{flag}={value}" for flag, value in flags.items() if value is not None]
        arguments += [f"--began={camera}={text}" for camera, text in self.began]
        arguments += [f"--time-zone={self.time_zone}"] if self.time_zone else []
        # No name of a camera has a colon.
        arguments += [f"--travel={camera}:{other_camera}={seconds!r}" for camera, other_camera, seconds in self.travel]
        arguments += ["--ignore-positions"] if self.ignore_positions else []
        arguments += [f"--drift={camera}={seconds!r}" for camera, seconds in self.drift]
        arguments += [f"--clip={clip}" for clip in clips if self.what != "crops"]
        shows = f"--only-person={self.only_person}" if self.only_person else "--no-blur"
        return [str(results), *arguments, *([shows] if self.reason else [])]


def facts_of(case: Case, session: ReviewSession) -> CaseFacts:
    """What the case says of an export that the present user of the system asks for now."""
    zone = find_zone(case.time_zone) if case.time_zone else None
    began = read_record(session.out).began
    return CaseFacts(
        case.key,
        case.name,
        user_name(unknown=""),
        _local(time.time(), zone),
        _local(datetime.fromisoformat(began).timestamp(), zone) if began else "",
        case.time_zone,
        tuple(_decisions(session.review.done, zone)),
    )


def _decisions(actions: Sequence[Action], zone: tzinfo | None) -> Iterator[DecisionFact]:
    """The actions, whose tracks are named as they are now: cuts that came later have renumbered some."""
    for number, action in enumerate(actions):
        named = [key for link in action.links for key in link.tracks]
        named += [TrackKey(name.camera, name.track) for name in action.names]
        named += [key for pair in action.unsure for key in pair]
        tracks = dict.fromkeys(named)
        for later in actions[number + 1 :]:
            new_keys = {TrackKey(camera, before): TrackKey(camera, after) for camera, before, after in later.renumbered}
            tracks = dict.fromkeys(new_keys.get(key, key) for key in tracks)
        yield DecisionFact(_local(action.time, zone), action.description, tuple(tracks))


def _local(seconds: float, zone: tzinfo | None) -> str:
    """A moment since 1970 as local ISO text with its offset from UTC; without a zone, that of this computer."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class ExportRecord(Work):
    """The job.json of an export."""

    export: Export
    began: float


def _from_version_1(content: Content) -> Content:
    """Links were texts by column."""
    export = content["export"]
    return {**content, "export": {**export, "links": [vars(Link.from_dict(cells)) for cells in export["links"]]}}


RECORD = RecordFormat(
    ExportRecord, "record of an export", 2, {1: _from_version_1}, remedy="Export it again.", unversioned=1
)


@dataclass(frozen=True)
class ExportJob:
    """An export as it is now; `sums` are the SHA-256 of its files by name, empty until it is done."""

    key: str
    state: Literal["running", "stopping", "done", "failed", "stopped"]
    folder: Path
    began: float
    sums: dict[str, str]
    report: Report | None = None
    fault: str = ""

    @property
    def is_active(self) -> bool:
        """Whether its process is running."""
        return self.state in ("running", "stopping")

    def file(self, name: str) -> Path | None:
        """The path of one of its files; None if it is not among the finished ones."""
        return self.folder / "out" / name if name in self.sums else None


class Exports:
    """All exports under one root, by default in the user's cache folder. `launcher` runs `command` with the arguments
    of an export, by default as a child process.
    """

    def __init__(
        self, root: Path | None = None, command: Sequence[str] = GALLERY, launcher: Launcher | None = None
    ) -> None:
        self._root = root or cache_dir() / "exports"
        self._command = list(command)
        self._launcher = launcher or Children()

    def start(
        self,
        export: Export,
        results: Path,
        clips: Sequence[str] = (),
        case: CaseFacts | None = None,
        log: Mapping[str, bytes] | None = None,
    ) -> ExportJob:
        """Start an export, or join it if it is running or done; `results` is the run's folder, `clips` its clips.

        A gallery has the facts of the `case`, of which `export.case` is the digest, and in `log` the files of the
        case's log, as they are now.
        """
        with self._lock(export.key):
            # What is damaged is made again, and what a newer version has written is not.
            find_replaceable_job(RECORD, self._root / export.key)
            job = self.get(export.key)
            if job is None or not (job.is_active or job.state == "done"):
                self._begin(export, results, clips, case, log or {})
        job = self.get(export.key)
        if job is None:
            raise StoreError("the export cannot be started", "Check the cache folder and its free space.")
        return job

    def get(self, key: str) -> ExportJob | None:
        """The export with this key; None if there is none. One whose record cannot be read has failed, and says so."""
        folder = self._root / key
        try:
            record = self._record(key)
            if record is not None and record.starting:
                # Whoever starts it holds the lock; if nobody does, the server died meanwhile.
                with self._lock(key):
                    record = self._record(key)
        except StoreError as fault:
            return ExportJob(key, "failed", folder, 0.0, {}, fault=str(fault))
        if record is None:
            return None
        running = self._launcher.alive(record)
        sums = {} if running else _sums(folder / "out")
        facts = (folder, record.began, sums)
        if running:
            state: Literal["running", "stopping"] = "stopping" if record.cancelled else "running"
            return ExportJob(key, state, *facts, last_report(folder / "progress"))
        if sums:
            return ExportJob(key, "done", *facts)
        status = exit_status(folder / "ended")
        if record.cancelled or status == STOPPED:
            return ExportJob(key, "stopped", *facts)
        return ExportJob(key, "failed", *facts, fault=failure_message(folder / "log", status))

    def of(self, run: str) -> Iterator[ExportJob]:
        """Every export of the run with the key `run`."""
        jobs = (self.get(folder.name) for folder in sorted(self._root.glob(f"{run}-*")))
        return (job for job in jobs if job)

    def cancel(self, key: str) -> None:
        """Ask the child to stop. Asked a second time, it is ended at once."""
        with self._lock(key):
            if (record := self._record(key)) is not None:
                self._launcher.stop(record, lambda changed: save_job(RECORD, self._root / key, changed))

    def forget(self, key: str) -> None:
        """Remove an export that is not running, with its files."""
        with self._lock(key):
            job = self.get(key)
            if job is not None and job.is_active:
                raise StoreError("this export is still in progress", "Stop it first.")
            if job is not None:
                remove(self._root / key)

    def _begin(
        self,
        export: Export,
        results: Path,
        clips: Sequence[str],
        case: CaseFacts | None,
        log: Mapping[str, bytes],
    ) -> None:
        folder = self._root / export.key
        try:
            shutil.rmtree(folder, ignore_errors=True)
            make_folder(folder / "out")
            write_atomically(folder / "links.csv", links_csv(export.links).encode())
            write_atomically(folder / "names.csv", names_csv(export.names).encode())
            write_atomically(folder / "numbers.csv", numbers_csv(export.numbers).encode())
            if case is not None:
                write_atomically(folder / "facts.json", FACTS.to_json(case))
            arguments = export.arguments(results.resolve(), folder.resolve(), clips)
            if log and export.what == "gallery":
                for name, content in log.items():
                    write_atomically(folder / "case-log" / name, content)
                arguments.append(f"--log={folder.resolve() / 'case-log'}")
            job = ExportRecord(export=export, began=time.time())
            start_job(self._launcher, self._command, arguments, folder, RECORD, job)
        except OSError as fault:
            raise StoreError(
                f"the export cannot be started ({fault.strerror})", "Check the cache folder and its free space."
            ) from fault

    def _lock(self, key: str) -> AbstractContextManager[None]:
        """Held by whoever starts or stops this export, in any process."""
        return lock(self._root, key, "another Sightline is starting this export")

    def _record(self, key: str) -> ExportRecord | None:
        return find_job(RECORD, self._root / key) if _KEY.fullmatch(key) else None


def _sums(out: Path) -> dict[str, str]:
    """The SHA-256 of each file by name, from SHA256SUMS; empty if a file is missing."""
    try:
        lines = (out / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    sums = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    return sums if all((out / name).is_file() for name in sums) else {}
