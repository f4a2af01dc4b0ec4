"""Pictures and films of clips made for the browser, each made once and kept in the cache under the clip's digest.

<cache>/stills/<digest>/<frame>.jpg   the picture at any moment that somebody looked at; a limited number per clip
        strips/<digest>.jpg, .json    a few stills side by side, with their seconds and measured quality
        proxies/<digest>.mp4          the clip as a film that every browser plays
                <digest>.job          the job that makes it: job.json, progress, log, ended
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.base.errors import StoreError
from core.base.types import Clip, Image
from core.machine.paths import JOB_OUTPUT, cache_dir, make_folder, write_atomically
from core.machine.records import RecordFormat
from core.vision.video import Measures, PreviewFrame, jpeg, measure, preview_frames, still
from core.workspace.jobs import (
    WORK,
    Children,
    Launcher,
    Work,
    exit_status,
    failure_message,
    find_job,
    find_replaceable_job,
    last_report,
    remove,
    save_job,
    start_job,
    stop_and_wait,
)

MAX_STILL_WIDTH = 1600
MAX_STILLS = 300
"""Of one clip; beyond it, the oldest are removed."""
STRIP_STILLS = 6
_LANDSCAPE, _PORTRAIT = (3, 320), (6, 160)
"""Stills side by side in a strip, and the width of each in pixels."""
FILM = (sys.executable, "-m", "core", "film")
_JOB_SUFFIX = ".job"
_GAP = 4
_EDGE_HEIGHT = 0.12
_EDGE_PARTS = {"left": (0.0, 0.6), "right": (0.4, 1.0)}
"""Of each edge of a picture, from where to where in widths: a clock in the middle is in both parts."""
_QUALITY = 82


def still_at(clip: Clip, seconds: float) -> Path:
    """The JPEG file of the picture shown at `seconds` of the clip, made if it is not there."""
    frame = int(np.searchsorted(clip.times, seconds + 1e-6, side="right")) - 1
    path = stills_folder(clip.digest) / f"{max(0, frame)}.jpg"
    if not path.is_file():
        write_atomically(path, still(clip, max(0, frame), min(MAX_STILL_WIDTH, clip.width)))
        _remove_oldest(path.parent)
    return path


def stills_folder(digest: str) -> Path:
    """The folder of a clip's stills."""
    return cache_dir() / "stills" / digest


def _remove_oldest(folder: Path) -> None:
    """Keep the newest `MAX_STILLS` stills of a clip."""
    stills = sorted((path.stat().st_mtime_ns, path) for path in folder.glob("*.jpg"))
    for _, path in stills[: max(0, len(stills) - MAX_STILLS)]:
        # Another tab may have removed it first.
        with suppress(OSError):
            path.unlink()


@dataclass(frozen=True)
class Strip:
    """A JPEG of stills, row by row, with the second of the clip and the measured quality of each."""

    picture: Path
    seconds: tuple[float, ...]
    measures: tuple[Measures, ...]


def strip_of(clip: Clip) -> Strip | None:
    """The strip of a clip, made if it is not there; None if no picture of the clip can be read."""
    if (stored := stored_strip(clip.digest)) is not None:
        return stored
    picture = _strip_picture(clip.digest)
    shots = preview_frames(clip, STRIP_STILLS)
    if not shots:
        return None
    strip = Strip(picture, tuple(round(g.seconds, 3) for g in shots), tuple(measure(g.bgr) for g in shots))
    write_atomically(picture, jpeg(_join_stills(clip, shots), _QUALITY))
    # Written last: a strip without it is made again.
    write_atomically(picture.with_suffix(".json"), _STRIP.to_json(_StripRecord(strip.seconds, strip.measures)))
    return strip


@dataclass(frozen=True)
class _StripRecord:
    """What is kept beside the picture of a strip."""

    seconds: tuple[float, ...]
    measures: tuple[Measures, ...]


_STRIP = RecordFormat(_StripRecord, "record of a strip")


def _strip_picture(digest: str) -> Path:
    return cache_dir() / "strips" / f"{digest}.jpg"


def stored_strip(digest: str) -> Strip | None:
    """The strip of the clip with this digest, if it was made before."""
    picture = _strip_picture(digest)
    try:
        about = _STRIP.read(picture.with_suffix(".json"))
    except (FileNotFoundError, StoreError):
        # It is made again.
        return None
    return Strip(picture, about.seconds, about.measures) if picture.is_file() else None


def _join_stills(clip: Clip, shots: Sequence[PreviewFrame]) -> Image:
    """The stills in rows on a grey ground; HxWx3, BGR."""
    import cv2

    across, width = _LANDSCAPE if clip.width >= clip.height else _PORTRAIT
    height = max(2, round(width * clip.height / clip.width))
    across, rows = min(across, len(shots)), -(-len(shots) // across)
    sheet = np.full((rows * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, 3), 128, np.uint8)
    for number, shot in enumerate(shots):
        y, x = number // across * (height + _GAP), number % across * (width + _GAP)
        sheet[y : y + height, x : x + width] = cv2.resize(shot.bgr, (width, height), interpolation=cv2.INTER_AREA)
    return sheet


def clock_crops(clip: Clip) -> dict[str, bytes]:
    """The top and bottom edge of the first picture, where recorders write their clock, in parts that overlap: JPEGs in
    the size of the clip, by place ("Top left")."""
    import cv2

    first = np.frombuffer(still(clip, 0, clip.width), np.uint8)
    bgr = np.asarray(cv2.imdecode(first, cv2.IMREAD_COLOR))
    height, width = bgr.shape[:2]
    edge = max(1, round(_EDGE_HEIGHT * height))
    return {
        f"{name} {side}": jpeg(rows[:, round(start * width) : max(1, round(end * width))], _QUALITY)
        for name, rows in (("Top", bgr[:edge]), ("Bottom", bgr[height - edge :]))
        for side, (start, end) in _EDGE_PARTS.items()
    }


def remove_media(digest: str) -> None:
    """Remove the stills, the strip and the proxy of a clip, so that they are made again."""
    shutil.rmtree(stills_folder(digest), ignore_errors=True)
    picture = _strip_picture(digest)
    for path in (picture, picture.with_suffix(".json"), cache_dir() / "proxies" / f"{digest}.mp4"):
        with suppress(OSError):
            path.unlink()


@dataclass(frozen=True)
class ProxyState:
    """How far the proxy of a clip is: share done (0 to 1), its `path` once it is done, or why it failed."""

    share: float = 0.0
    path: Path | None = None
    fault: str = ""


class Proxies:
    """The proxies under one root, by default in the user's cache folder, each made by a child process, one at a time.

    A child outlives the server, and can be stopped by any other process. `launcher` runs `command` with the clip and
    the place of its proxy.
    """

    def __init__(
        self, root: Path | None = None, command: Sequence[str] = FILM, launcher: Launcher | None = None
    ) -> None:
        self.root = root or cache_dir() / "proxies"
        self._command = list(command)
        self._launcher = launcher or Children()
        self._lock = threading.Lock()

    def state_of(self, digest: str) -> ProxyState:
        """How far the proxy of a clip is; share 0 if it was never requested, or if a restart ended the work on it."""
        path, folder = self._path(digest), self._folder(digest)
        if path.is_file():
            return ProxyState(1.0, path)
        try:
            job = find_job(WORK, folder)
        except StoreError as fault:
            return ProxyState(fault=str(fault))
        if job is None:
            return ProxyState()
        if self._launcher.alive(job):
            report = last_report(folder / JOB_OUTPUT)
            return ProxyState(report.share if report else 0.0)
        # Without an exit status no server saw it end.
        status = exit_status(folder / "ended")
        return ProxyState() if status is None else ProxyState(fault=failure_message(folder / "log", status))

    def request(self, clip: Clip) -> ProxyState:
        """Have the proxy made, unless it is there or in progress; one that failed is tried again.

        While another one is being made, this one waits: it begins with the first request after that.
        """
        with self._lock:
            if not self.state_of(clip.digest).path and not self._is_busy():
                try:
                    self._begin(clip)
                except (OSError, StoreError) as fault:
                    return ProxyState(fault=f"The film for the browser cannot be made ({fault}).")
        return self.state_of(clip.digest)

    def stop(self, digest: str) -> None:
        """End the work on the proxy of a clip, if there is any, and remove what is there of it."""
        folder = self._folder(digest)
        with self._lock:
            stop_and_wait(lambda: self._stop(folder), lambda: self._is_alive(folder))
            if folder.is_dir():
                remove(folder)

    def remove_done(self) -> None:
        """Remove the jobs whose proxy is there, with what they said."""
        for folder in self.root.glob(f"*{_JOB_SUFFIX}"):
            if self._path(folder.stem).is_file() and not self._is_alive(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _begin(self, clip: Clip) -> None:
        folder = self._folder(clip.digest)
        # What is damaged is made again, and what a newer version has written is not.
        find_replaceable_job(WORK, folder)
        shutil.rmtree(folder, ignore_errors=True)
        make_folder(folder)
        target = [f"--to={self._path(clip.digest).resolve()}", f"--digest={clip.digest}", "--progress=json"]
        arguments = [str(Path(clip.path).resolve()), *target]
        start_job(self._launcher, self._command, arguments, folder, WORK, Work())

    def _is_busy(self) -> bool:
        """Whether a proxy is being made."""
        return any(self._is_alive(folder) for folder in self.root.glob(f"*{_JOB_SUFFIX}"))

    def _is_alive(self, folder: Path) -> bool:
        """Whether the process of a job runs; if its record cannot be read, nobody knows of one."""
        with suppress(StoreError):
            job = find_job(WORK, folder)
            return job is not None and self._launcher.alive(job)
        return False

    def _stop(self, folder: Path) -> None:
        if (job := find_job(WORK, folder)) is not None:
            self._launcher.stop(job, lambda changed: save_job(WORK, folder, changed))

    def _path(self, digest: str) -> Path:
        return self.root / f"{digest}.mp4"

    def _folder(self, digest: str) -> Path:
        return self.root / f"{digest}{_JOB_SUFFIX}"
