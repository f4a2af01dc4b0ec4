"""The program's child processes: jobs that outlive the server, and a short helper of the Run page.

- `Children` launches jobs. A child is known by its number and by the attempt in its environment, which no other
  process has, whatever happens to the clock. It is waited for, so that no zombie stays. Tests use another `Launcher`.
  Every user of the machine can read the command of a process: a child finds its arguments, which may hold names,
  purposes and paths of the user, on its standard input, which is a file in the job's folder.
- `SpeedTests` measures how fast models are on this machine: one measurement at a time, and each only once.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import psutil  # type: ignore[import-untyped]

from core.base.errors import SettingsError, StoreError
from core.machine.paths import JOB_FOLDER, explain_refusal, write_atomically
from core.machine.records import RecordFormat
from core.workspace.jobs.job import W, Work, save_job
from core.workspace.jobs.status import ATTEMPT

ROOT = Path(__file__).resolve().parents[3]
# A process group of its own: Ctrl-C at the server's terminal must not stop the jobs.
_NEW_GROUP: dict[str, Any] = {"creationflags": 0x00000200} if sys.platform == "win32" else {"start_new_session": True}
_NICER = 10
"""By how much the work of a job stands back behind the server, so that pages stay quick beside it."""
_PROCESSORS_PER_JOB, _BYTES_PER_JOB = 4, 8e9
_STOP_SECONDS, _KILL_SECONDS, _POLL_SECONDS = 5.0, 10.0, 0.02
MEASURE = (sys.executable, "-m", "core", "models", "time")
FROM_INPUT = "-"
"""The last word of a child's command: its arguments are a JSON list on its standard input."""
ARGUMENTS = "arguments.json"


class Launcher(Protocol):
    """Starts and stops the work of jobs, each as its job.json says."""

    def start(self, command: Sequence[str], arguments: Sequence[str], folder: Path, **variables: str) -> int:
        """Run the command with these arguments, its output in files of `folder`; returns the number of the process."""

    def alive(self, job: Work) -> bool:
        """Whether it is still running."""

    def stop(self, job: W, save: Callable[[W], None]) -> None:
        """Ask it to stop; asked a second time, end it at once. `save` stores the changed `job` first."""


class Children:
    """The launcher that the program uses: a child process for each job."""

    def start(self, command: Sequence[str], arguments: Sequence[str], folder: Path, **variables: str) -> int:
        return start(command, arguments, folder, **variables)

    def alive(self, job: Work) -> bool:
        return process_of(job) is not None

    def stop(self, job: W, save: Callable[[W], None]) -> None:
        stop(job, save)


def start_job(
    launcher: Launcher,
    command: Sequence[str],
    arguments: Sequence[str],
    folder: Path,
    record: RecordFormat[W],
    job: W,
) -> None:
    """Start the work of a new `job` in `folder`, whose job.json gets what identifies the attempt.

    Only `command`, which holds no text of the user, can be read by other users of the machine.
    It is written before the work starts as well: if this server dies in between, the work is found by its attempt.
    """
    job = replace(job, attempt=secrets.token_hex(8))
    save_job(record, folder, replace(job, starting=True))
    number = launcher.start(command, arguments, folder, **{ATTEMPT: job.attempt})
    # On a disk that has just become full, the work that goes on is found by its attempt too.
    with suppress(StoreError):
        save_job(record, folder, replace(job, pid=number))


def max_jobs() -> int:
    """How many runs may work at once: SIGHTLINE_JOBS, or else one for each 4 processors and 8 GB of memory."""
    if text := os.environ.get("SIGHTLINE_JOBS"):
        if not (text.isdecimal() and int(text) > 0):
            raise SettingsError(f"SIGHTLINE_JOBS is '{text}'", "Set it to a number of runs, 1 or more.")
        return int(text)
    by_memory = int(psutil.virtual_memory().total / _BYTES_PER_JOB)
    return max(1, min((os.cpu_count() or 1) // _PROCESSORS_PER_JOB, by_memory))


def start(command: Sequence[str], arguments: Sequence[str], folder: Path, **variables: str) -> int:
    """Start a child that writes its output to `progress`, its errors to `log` and its exit status to `ended`.

    It reads its `arguments` from `arguments.json`. `variables` are added to its environment. Returns its number. A
    child whose folder is removed ends when it next writes a file.
    """
    write_atomically(folder / ARGUMENTS, json.dumps(list(arguments)).encode())
    with (
        (folder / ARGUMENTS).open("rb") as given,
        (folder / "progress").open("wb") as output,
        (folder / "log").open("wb") as log,
    ):
        child = subprocess.Popen(
            [*command, FROM_INPUT],
            stdin=given,
            stdout=output,
            stderr=log,
            cwd=ROOT,
            env={**environment(), JOB_FOLDER: str(folder.resolve()), **variables},
            **_NEW_GROUP,
        )
    _stand_back(child.pid)
    threading.Thread(target=_reap, args=(child, folder / "ended"), name="sightline-job", daemon=True).start()
    return child.pid


def _stand_back(pid: int) -> None:
    """Before the child has threads of its own, which inherit it."""
    # It may have ended already, or run as nicely as can be.
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if sys.platform == "win32" else process.nice() + _NICER)


def environment() -> dict[str, str]:
    """The environment of a child. It runs in another folder, so relative paths in it are made absolute."""
    env = dict(os.environ)
    for name in ("SIGHTLINE_DATA", "SIGHTLINE_CACHE", "SIGHTLINE_WEIGHTS"):
        if env.get(name):
            env[name] = str(Path(env[name]).expanduser().resolve())
    return env


def stop(job: W, save: Callable[[W], None]) -> None:
    """Ask the child to stop; asked a second time, it is ended at once. `save` first stores that it was asked."""
    process = process_of(job)
    if process is None:
        return
    save(replace(job, cancelled=True))
    with suppress(psutil.NoSuchProcess):
        process.kill() if job.cancelled else process.terminate()


def stop_and_wait(cancel: Callable[[], None], is_active: Callable[[], bool]) -> None:
    """Have `cancel` ask a job to stop, and ask again, which ends it at once, if it goes on; wait until it has ended."""
    for seconds in (_STOP_SECONDS, _KILL_SECONDS):
        if is_active():
            cancel()
        end = time.monotonic() + seconds
        while is_active():
            if time.monotonic() > end:
                break
            time.sleep(_POLL_SECONDS)
        else:
            return
    raise StoreError("work in progress cannot be stopped", "Wait until it has ended, and try again.")


def remove(folder: Path) -> None:
    """Remove the folder of a job that has ended: renamed first, so that no thread writes into it meanwhile."""
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    with explain_refusal(f"{folder} cannot be removed"):
        folder.replace(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _reap(child: subprocess.Popen[bytes], ended: Path) -> None:
    """Wait for the child, so that it leaves no zombie, and write its exit status."""
    status = child.wait()
    # The job may have been removed meanwhile.
    with suppress(OSError):
        ended.write_text(str(status), encoding="utf-8")


def process_of(job: Work) -> psutil.Process | None:
    """The process that does the job, while it is alive."""
    if job.pid is not None:
        return _process(job.pid, job)
    numbers = sorted(psutil.pids()) if job.starting else ()
    return next((process for number in numbers if (process := _process(number, job))), None)


def _process(number: int, job: Work) -> psutil.Process | None:
    """The process with this number, if it is alive and does the job; numbers are reused by the system."""
    try:
        process = psutil.Process(number)
        if job.born is not None:
            # Version 0.1.0 knew its children by their time of birth, which follows the clock.
            is_ours = abs(process.create_time() - job.born) < 1
        else:
            is_ours = process.environ().get(ATTEMPT) == job.attempt
        return process if is_ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (ArithmeticError, ValueError, OSError, psutil.Error):
        return None


class SpeedTests:
    """The speed measurements of this server; `begin` gives its arguments to `command`, at first `MEASURE`."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = list(MEASURE if command is None else command)
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._measured: set[tuple[str, ...]] = set()

    def begin(self, arguments: Sequence[str]) -> bool:
        """Start a measurement, unless one is running or this one was made before; returns whether one is running."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return True
            if tuple(arguments) in self._measured:
                return False
            self._measured.add(tuple(arguments))
            try:
                # A file without a name, which the system removes.
                with tempfile.TemporaryFile() as given:
                    given.write(json.dumps(list(arguments)).encode())
                    given.seek(0)
                    self._child = subprocess.Popen(
                        [*self._command, FROM_INPUT],
                        stdin=given,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        cwd=ROOT,
                        env=environment(),
                    )
            except OSError:
                # Then there is no estimate, which the page shows; a run will report what is wrong.
                return False
            # Waited for, so that it leaves no zombie.
            threading.Thread(target=self._child.wait, name="sightline-speed-test", daemon=True).start()
            return True
