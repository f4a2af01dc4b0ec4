"""Child processes: started apart from the server, known by number and birth, waited for so that no zombie stays.

The sample, drawn by a child process: a server must not draw in its own, and a page that goes away stops it.

SpeedTests of this machine's speed, each by a child process of a few seconds: one at a time, and none twice in vain."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import psutil  # type: ignore[import-untyped]

from core.base.errors import StoreError
from core.lab.synthetic import sample_clips, sample_folder

ROOT = Path(__file__).resolve().parents[3]
# A child of its own group: Ctrl-C at the server's terminal is not meant for the work.
_APART: dict[str, Any] = {"creationflags": 0x00000200} if sys.platform == "win32" else {"start_new_session": True}


class Launcher(Protocol):
    """How the work of a job is begun, looked at and stopped. `about` is what `start` returned, read from disk again."""

    def start(self, words: Sequence[str], folder: Path, **variables: str) -> dict[str, Any]:
        """Begin the command; its output goes to files in `folder`. Returns who does it."""

    def alive(self, about: dict[str, Any]) -> bool:
        """Whether it is still at work."""

    def stop(self, about: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> None:
        """Ask it to stop; asked a second time, end it at once."""


class Children:
    """The launcher of the program: a child process for each job."""

    def start(self, words: Sequence[str], folder: Path, **variables: str) -> dict[str, Any]:
        return start(words, folder, **variables)

    def alive(self, about: dict[str, Any]) -> bool:
        return process_of(about) is not None

    def stop(self, about: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> None:
        stop(about, keep)


def start(words: Sequence[str], folder: Path, **variables: str) -> dict[str, Any]:
    """Start a child whose output goes to `progress`, its errors to `log`, its exit status to `ended`; who it is.

    `variables` are added to its environment.
    """
    with (folder / "progress").open("wb") as said, (folder / "log").open("wb") as log:
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=log,
            cwd=ROOT,
            env={**environment(), **variables},
            **_APART,
        )
    about = _identity(child.pid)
    threading.Thread(target=_reap, args=(child, folder / "ended"), name="sightline-job", daemon=True).start()
    return about


def environment() -> dict[str, str]:
    """The child works in another folder, so paths that are relative to this one are spelled out."""
    env = dict(os.environ)
    for name in ("SIGHTLINE_CACHE", "SIGHTLINE_WEIGHTS"):
        if env.get(name):
            env[name] = str(Path(env[name]).expanduser().resolve())
    return env


def stop(about: dict[str, Any], keep: Callable[[dict[str, Any]], None]) -> None:
    """Ask the child to stop; asked a second time, it is ended at once. First `keep` writes down that it was asked."""
    process = process_of(about)
    if process is None:
        return
    keep({**about, "cancelled": True})
    with suppress(psutil.NoSuchProcess):
        process.kill() if about.get("cancelled") else process.terminate()


def remove(folder: Path) -> None:
    """The folder of a child that is over, gone at once: a reaper that comes late must not find it half removed."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    folder.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _reap(child: subprocess.Popen[bytes], ended: Path) -> None:
    """Wait for the child, so that it leaves no zombie, and note how it ended."""
    status = child.wait()
    # Where the job was removed meanwhile, nobody asks.
    with suppress(OSError):
        ended.write_text(str(status), encoding="utf-8")


def _identity(pid: int) -> dict[str, Any]:
    """Number and birth of a process: numbers alone are used again."""
    try:
        return {"pid": pid, "born": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return {"pid": pid, "born": 0.0}


def process_of(about: dict[str, Any]) -> psutil.Process | None:
    """The job's process while it lives."""
    try:
        process = psutil.Process(about["pid"])
        same = abs(process.create_time() - about["born"]) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, psutil.Error):
        return None


DRAW = (sys.executable, "-m", "core", "sample", "--progress", "json")


def ensure_sample(tell: Callable[[float, float | None], None], command: Sequence[str] = DRAW) -> list[Path]:
    """The sample's clips, drawn first where they are not there. `tell` hears the share done and the seconds left."""
    if clips := sample_clips(sample_folder()):
        return clips
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                if line.startswith("{"):
                    report = json.loads(line)
                    tell(report["done"] / max(report["total"], 1), report["left_seconds"])
            child.wait()
            errors.seek(0)
            said = errors.read()
        finally:
            # A page that is left raises through `tell`; nobody would look at the rest.
            if child.poll() is None:
                child.terminate()
    clips = sample_clips(sample_folder())
    if not clips:
        reason = said.strip().removeprefix("sightline: ") or f"exit status {child.returncode}"
        raise StoreError(f"the sample could not be drawn: {reason}", "Free some space, or set SIGHTLINE_CACHE.")
    return clips


TIME = (sys.executable, "-m", "core", "models", "time")


class SpeedTests:
    """All trials of this server. `command` gets the words appended."""

    def __init__(self, command: Sequence[str] = TIME) -> None:
        self._command = list(command)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._tried: set[tuple[str, ...]] = set()

    def begin(self, words: Sequence[str]) -> bool:
        """Start one, unless one is at work or this one was made already; whether one is at work now."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return True
            if tuple(words) in self._tried:
                return False
            self._tried.add(tuple(words))
            try:
                self._child = subprocess.Popen(
                    [*self._command, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd=ROOT,
                    env=environment(),
                )
            except OSError:
                # No estimate then: that is shown, and a run itself will say what is wrong.
                return False
            # Waited for, so that it leaves no zombie.
            threading.Thread(target=self._child.wait, name="sightline-trial", daemon=True).start()
            return True
