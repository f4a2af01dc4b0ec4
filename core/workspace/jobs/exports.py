"""What can be handed out of a run, made by a child process into a folder of its own: the zip, the crops, the films.

<root>/<run>-<digest>/
             job.json     what was ordered, and the process that does it
             links.csv    what was decided, names.csv: whom the user knows; as the command line takes them
             progress     the child's output: JSON lines of `core.progress.Report`
             log, ended   what the child said on its error stream, and its exit status
             out/         what was made; SHA256SUMS comes last, and says that all of it is there

The digest is of all that decides the content: the same thing asked for again is found as it is, and two of them never
overwrite each other. The name begins with the run's, so that what deletes a run finds what was made of it."""

from __future__ import annotations

import json
import re
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from core.base.errors import StoreError
from core.base.progress import Report
from core.machine.artifacts import digest_of
from core.machine.paths import cache_dir, write_atomically
from core.runs import Link, Name, links_csv, names_csv
from core.workspace.jobs.processes import Children, Launcher, remove
from core.workspace.jobs.runs import STOPPED, last_report, last_words, read_json, status_of

GALLERY = (sys.executable, "-m", "core", "gallery")
SUMS = "SHA256SUMS"
_KEY = re.compile(r"[0-9a-f]{20}-[0-9a-f]{20}")
ExportKind = Literal["gallery", "crops", "films"]


@dataclass(frozen=True)
class Export:
    """What to make of a run, `stamp` of which changes with its results; the rest is as in `core.people.Choice`."""

    what: ExportKind
    run: str
    stamp: str
    threshold: float | None = None
    links: tuple[Link, ...] = ()
    names: tuple[Name, ...] = ()
    purpose: str = ""
    reason: str = ""

    @property
    def key(self) -> str:
        """A reason for showing heads is part of what is made: it is in the manifest."""
        return f"{self.run}-{digest_of(asdict(self))}"

    def arguments(self, results: Path, folder: Path, clips: Sequence[str] = ()) -> list[str]:
        """The arguments of `python -m core gallery` that make it of the run in `results`; films are of `clips`."""
        flags: dict[str, Any] = {
            "to": folder / "out",
            "what": self.what,
            "cos": self.threshold,
            "links": folder / "links.csv" if self.links else None,
            "names": folder / "names.csv" if self.names else None,
            "purpose": self.purpose or None,
            "reason": self.reason or None,
            "progress": "json",
        }
        # With `=`, so that a text that begins with - is not taken for a flag.
        given = [f"--{flag}={value}" for flag, value in flags.items() if value is not None]
        given += [f"--clip={clip}" for clip in clips if self.what == "films"]
        return [str(results), *given, *(["--no-blur"] if self.reason else [])]


@dataclass(frozen=True)
class ExportJob:
    """An export as it stands; `sums` are the files that are done, by name, with their sha256."""

    key: str
    state: Literal["running", "stopping", "done", "failed", "stopped"]
    folder: Path
    began: float
    sums: dict[str, str]
    report: Report | None = None
    fault: str = ""

    @property
    def is_active(self) -> bool:
        return self.state in ("running", "stopping")

    def file(self, name: str) -> Path | None:
        """One of the files that are done."""
        return self.folder / "out" / name if name in self.sums else None


class Exports:
    """All exports under one root (by default in the user's cache folder). `command` gets the words appended, and
    `launcher` runs it: by default as a child process.
    """

    def __init__(
        self, root: Path | None = None, command: Sequence[str] = GALLERY, launcher: Launcher | None = None
    ) -> None:
        self._root = root or cache_dir() / "exports"
        self._command = list(command)
        self._launcher = launcher or Children()
        self._lock = threading.Lock()

    def start(self, export: Export, results: Path, clips: Sequence[str] = ()) -> ExportJob:
        """Begin, or join where it is at work or done; `results` is the run's folder, `clips` lie where they are now."""
        with self._lock:
            known = self.look(export.key)
            if known is None or not (known.is_active or known.state == "done"):
                self._begin(export, results, clips)
        made = self.look(export.key)
        if made is None:
            raise StoreError("the export cannot be started", "Check the cache folder and its free space.")
        return made

    def look(self, key: str) -> ExportJob | None:
        """The export of that key; none where nobody asked for it."""
        about, folder = self._about(key), self._root / key
        if not about:
            return None
        running = self._launcher.alive(about)
        sums = {} if running else _sums(folder / "out")
        facts = (folder, float(about.get("began", 0)), sums)
        if running:
            state: Literal["running", "stopping"] = "stopping" if about.get("cancelled") else "running"
            return ExportJob(key, state, *facts, last_report(folder / "progress"))
        if sums:
            return ExportJob(key, "done", *facts)
        status = status_of(folder / "ended")
        if about.get("cancelled") or status == STOPPED:
            return ExportJob(key, "stopped", *facts)
        return ExportJob(key, "failed", *facts, fault=last_words(folder / "log", status))

    def of(self, run: str) -> Iterator[ExportJob]:
        """Every export of a run whose key is `run`."""
        found = (self.look(folder.name) for folder in sorted(self._root.glob(f"{run}-*")))
        return (making for making in found if making)

    def cancel(self, key: str) -> None:
        """Ask the child to stop. Asked a second time, it is ended at once."""
        with self._lock:
            self._launcher.stop(self._about(key), lambda about: self._write(key, about))

    def forget(self, key: str) -> None:
        """Remove one that is over, files and all."""
        found = self.look(key)
        if found is not None and found.is_active:
            raise StoreError("this export is still being made", "Stop it first.")
        if found is not None:
            remove(self._root / key)

    def _begin(self, export: Export, results: Path, clips: Sequence[str]) -> None:
        folder = self._root / export.key
        try:
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "out").mkdir(parents=True)
            write_atomically(folder / "links.csv", links_csv(export.links).encode())
            write_atomically(folder / "names.csv", names_csv(export.names).encode())
            words = [*self._command, *export.arguments(results.resolve(), folder.resolve(), clips)]
            child = self._launcher.start(words, folder)
        except OSError as fault:
            raise StoreError(
                f"the export cannot be started ({fault.strerror})", "Check the cache folder and its free space."
            ) from fault
        self._write(export.key, {"export": asdict(export), "began": time.time(), **child})

    def _write(self, key: str, about: dict[str, Any]) -> None:
        write_atomically(self._root / key / "job.json", json.dumps(about, indent=1).encode())

    def _about(self, key: str) -> dict[str, Any]:
        return read_json(self._root / key / "job.json") if _KEY.fullmatch(key) else {}


def _sums(out: Path) -> dict[str, str]:
    """What the last file to be written says of the others."""
    try:
        lines = (out / SUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    return found if all((out / name).is_file() for name in found) else {}
