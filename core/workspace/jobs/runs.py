"""All jobs that make runs: started or joined, looked up, stopped, removed; and their folders, read.

Only so many work at once as the computer has room for. The others wait in order; their job.json says so, so that any
server may start them when room is there.

<root>/<key>/job.json      the order, and the process that does it or the place in the queue
             regions/      the regions of the order, a file per camera
             status.json   where the run stands, written by the run itself: `core.workspace.jobs.status`
             progress      the child's output: JSON lines of `core.base.progress.Report`
             preview.jpg, usage.csv    the live preview: `core.workspace.jobs.monitor`
             arguments.json    the child's arguments, which the list of processes does not show
             log           the child's error stream
             ended         its exit status, if a server was there to see it
             out/          the results, as `core.runs` leaves them
"""

from __future__ import annotations

import re
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path

from core.base.errors import SightlineError, StoreError
from core.machine.locks import lock
from core.machine.paths import cache_dir, make_folder
from core.machine.settings_file import machine_settings
from core.runs import remove_results
from core.workspace.jobs.job import (
    RUN_JOB,
    CameraState,
    Job,
    RunJob,
    find_job,
    find_replaceable_job,
    read_job,
    save_job,
)
from core.workspace.jobs.monitor import PREVIEW, USAGE
from core.workspace.jobs.order import Order
from core.workspace.jobs.processes import Children, Launcher, max_jobs, remove, start_job
from core.workspace.jobs.status import FILE as STATUS
from core.workspace.jobs.status import RunStatus, write_status

CORE = (sys.executable, "-m", "core")
_KEY_LENGTH = 20
_JOB_FILES = ("ended", STATUS, PREVIEW, USAGE)
_RUN_KEY = re.compile(r"[0-9a-f]{20}")
_POLL_SECONDS = 1.0


class Jobs:
    """All jobs under one root, by default in the user's cache folder. `launcher` runs `command` with the arguments of
    an order, by default as a child process. At most `limit` jobs work at once, by default as many as `max_jobs` says;
    the others wait.
    """

    def __init__(
        self,
        root: Path | None = None,
        command: Sequence[str] = CORE,
        launcher: Launcher | None = None,
        limit: int | None = None,
    ) -> None:
        self._root = root or cache_dir() / "runs"
        self._command = list(command)
        self._launcher = launcher or Children()
        self._limit = limit
        self._poller_lock = threading.Lock()
        self._poller: threading.Thread | None = None
        self._has_looked = False

    def start(self, order: Order) -> Job:
        """Start the job of an order, or join it if it waits, is running or is done. A stopped or failed job continues.

        Where there is no room, it waits.
        """
        key = order.key
        with self._lock():
            # What is damaged is made again.
            record = find_replaceable_job(RUN_JOB, self._root / key)
            job = None if record is None else self._read(key, record)
            if job is None or not (job.is_active or job.state == "done"):
                if self._queue() or self._room() <= 0:
                    self._enqueue(key, order)
                else:
                    self._begin(key, order)
        return self.get(key)

    def get(self, key: str) -> Job:
        """The job with this key; `MissingRunError` if there is none, another `StoreError` if it cannot be read."""
        job = self._find(key)
        if job is None:
            raise _no_run(key)
        if job.state == "waiting" or not self._has_looked:
            # What waited when an earlier server ended goes on as soon as somebody looks at any run.
            self._has_looked = True
            self._poll_queue()
        return job

    def is_active(self, key: str) -> bool:
        """Whether there is a run with this key and its process is running."""
        with suppress(StoreError):
            job = self._find(key)
            return job is not None and job.is_active
        return False

    def all(self) -> list[Job]:
        """Every job that can be read, the latest first."""
        jobs = [self._find(key) for key, _ in self._records()]
        return sorted((job for job in jobs if job), key=lambda job: -job.began)

    def unreadable(self) -> list[StoreError]:
        """Why each job that is there cannot be read, with the path of its file."""
        faults = []
        for folder in sorted(self._root.glob("*")):
            try:
                self._record(folder.name)
            except StoreError as fault:
                faults.append(fault)
        return faults

    def cancel(self, key: str) -> None:
        """Ask the run to stop; finished work is kept. Asked a second time, it is ended at once. A job that waits leaves
        the queue, and is what it was before.
        """
        with self._lock():
            record, folder = self._record(key), self._root / key
            if record is None:
                return
            if record.waiting is None:
                self._launcher.stop(record, lambda changed: save_job(RUN_JOB, folder, changed))
            elif (folder / "out").is_dir():
                save_job(RUN_JOB, folder, replace(record, waiting=None))
            else:
                remove(folder)

    def forget(self, key: str) -> None:
        """Remove a job that is not running, with its results."""
        with self._lock():
            job = self._find(key)
            if job is None:
                raise _no_run(key)
            if job.is_active:
                raise StoreError("this run is still in progress", "Stop it first.")
            remove(self._root / key)

    def advance(self) -> bool:
        """Start jobs that wait, in order, while there is room; returns whether any still wait."""
        if self._queue():
            with self._lock():
                for key in self._queue():
                    if self._room() <= 0:
                        break
                    self._begin_waiting(key)
        return bool(self._queue())

    def _lock(self) -> AbstractContextManager[None]:
        """Held by whoever starts or stops jobs of this root, in any process."""
        return lock(self._root, "jobs", "another Sightline is starting a run")

    def _queue(self) -> list[str]:
        """The keys of the jobs that wait, the next one first."""
        places = {key: record.waiting for key, record in self._records() if record.waiting is not None}
        return sorted(places, key=lambda key: (places[key], key))

    def _room(self) -> int:
        """How many more jobs may work now."""
        limit = max_jobs() if self._limit is None else self._limit
        return limit - sum(self._launcher.alive(record) for _, record in self._records())

    def _records(self) -> Iterator[tuple[str, RunJob]]:
        """The key and job.json of each job that can be read."""
        for folder in self._root.glob("*"):
            with suppress(StoreError):
                if (record := self._record(folder.name)) is not None:
                    yield folder.name, record

    def _enqueue(self, key: str, order: Order) -> None:
        folder = self._root / key
        place = 1 + max((record.waiting or 0 for _, record in self._records()), default=0)
        # The files of an earlier attempt stay until this one begins.
        record = find_replaceable_job(RUN_JOB, folder) or RunJob(order=order, began=time.time())
        save_job(RUN_JOB, folder, replace(record, order=order, waiting=place))

    def _begin_waiting(self, key: str) -> None:
        """Begin the job whose turn has come. If that fails, its status says why, and the next one has its turn."""
        record, folder = self._record(key), self._root / key
        if record is None:
            # It was deleted this moment.
            return
        try:
            self._begin(key, record.order)
        except (ValueError, SightlineError) as fault:
            attempt = secrets.token_hex(8)
            with suppress(StoreError):
                write_status(folder, RunStatus(attempt, "failed", str(fault)))
                save_job(RUN_JOB, folder, replace(record, waiting=None, attempt=attempt))

    def _begin(self, key: str, order: Order) -> None:
        folder = self._root / key
        out = folder / "out"
        try:
            make_folder(out)
            # The files of an earlier attempt must not be taken for those of this one.
            remove_results(out)
            for stale in (out / "run.json", *(folder / name for name in _JOB_FILES)):
                stale.unlink(missing_ok=True)
            order.write_regions(folder.resolve())
            arguments, job = (
                order.arguments(folder.resolve(), machine_settings()),
                RunJob(order=order, began=time.time()),
            )
            start_job(self._launcher, self._command, arguments, folder, RUN_JOB, job)
        except OSError as fault:
            raise StoreError(
                f"the run cannot be started ({fault.strerror})", "Check the cache folder and its free space."
            ) from fault

    def _poll_queue(self) -> None:
        """Have a thread of this server start the jobs that wait, for as long as any do."""
        with self._poller_lock:
            if self._poller is None and self._queue():
                self._poller = threading.Thread(target=self._poll, name="sightline-queue", daemon=True)
                self._poller.start()

    def _poll(self) -> None:
        while True:
            time.sleep(_POLL_SECONDS)
            with self._poller_lock:
                try:
                    waits = self.advance()
                except (SightlineError, OSError):
                    # Such as a full disk: the next look may find it otherwise.
                    continue
                if not waits:
                    self._poller = None
                    return

    def _record(self, key: str) -> RunJob | None:
        """The content of `job.json`; None if there is no such job, `StoreError` if it cannot be read."""
        if not (len(key) == _KEY_LENGTH and key.isalnum()):
            return None
        record = find_job(RUN_JOB, self._root / key)
        return record and replace(record, order=record.order.with_current_paths())

    def _find(self, key: str) -> Job | None:
        record = self._record(key)
        if record is not None and record.starting:
            # Whoever starts it holds the lock; if nobody does, the server died meanwhile.
            with self._lock():
                record = self._record(key)
        return None if record is None else self._read(key, record)

    def _read(self, key: str, record: RunJob) -> Job:
        if record.waiting is None:
            return read_job(self._root / key, record, self._launcher.alive(record))
        queue = self._queue()
        # If its turn came this moment, it is not in the queue any more.
        return _waiting_job(self._root / key, record, queue.index(key) + 1 if key in queue else 1)


class MissingRunError(StoreError):
    """There is no run with this key."""


def _no_run(key: str) -> MissingRunError:
    return MissingRunError(f"there is no run {key}", "Start it again on the Run page.")


def run_folder(run: str) -> Path | None:
    """The folder of results of a run; None for a text that cannot be a run's key, as requests may send."""
    return cache_dir() / "runs" / run / "out" if _RUN_KEY.fullmatch(run) else None


def _waiting_job(folder: Path, record: RunJob, place: int) -> Job:
    cameras = tuple(CameraState(source.camera, "waiting") for source in record.order.sources)
    return Job(folder.name, "waiting", record.order, record.began, cameras, folder / "out", place=place)
