"""What the pages and routes of one server process share: cases, jobs and exports, and what they keep in memory.

`services()` gives the stores and the caches; it is the only module state that pages and routes have, and tests replace
it with `serve_with`. `session_of` opens the run of a case with its decisions: once for everybody who looks at it, and
again when a decision changed. `clip_of` probes each clip once, and stores what it found under the clip's digest, so
that a restart need not probe either. A lookup that fails raises and is not kept.

<cache>/probes/<digest>.npz   what probing a clip found out; where the clip lies is not in it
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import sys
import threading
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.base.errors import ClipError, StoreError
from core.base.memo import Memo
from core.base.settings import TrackSettings
from core.base.text import Clocks
from core.base.types import Clip, ClipPart
from core.machine.artifacts import digest_of, read_arrays
from core.machine.paths import cache_dir, data_dir, write_atomically
from core.machine.records import DAMAGE
from core.machine.relocate import move_old_data, take_notice
from core.review import Action, ReviewSession, StoredTracks, load_review, load_run_tracks, open_session
from core.runs import TRACKLETS_FILE, MatchRules, TravelTime, read_record
from core.vision.video import digest, is_list, join, probe, read_list
from core.workspace.cases import Case, Cases
from core.workspace.jobs import Exports, Jobs, SpeedTests, run_folder
from core.workspace.media import Proxies, remove_media
from core.workspace.model_downloads import ModelDownloads
from core.workspace.sources import is_permitted

if TYPE_CHECKING:
    from core.review.whatif import LoadedRun, PeopleCounts, RunChanges

_OPEN_RUNS = 3
"""Runs in memory: one of 2,000 tracks takes about 50 MB."""
_THRESHOLDS = 16
"""For each open run, thresholds at which its people are kept."""
_PEOPLE_FILES = 3
_RETRACKED_RUNS, _RETRACK_RESULTS, _PEOPLE_COUNTS = 2, 64, 16
_PROBED_FRAMES = 32 << 20
"""Frames of all probed clips in memory: each has its time, of 8 bytes. 370 hours at 25 frames/s."""
_FRAMES_LIKE_FACTS = 1 << 10
"""The facts of a clip take as much memory as so many frames."""
_PROBE_FORMAT = 2
"""To be raised when probing finds out something else about the same file."""
_DIGESTED_RUNS = 64


@dataclass(frozen=True, eq=False)
class OpenRun:
    """A run with its review at the suggested threshold, and the same at other thresholds."""

    session: ReviewSession
    by_threshold: Memo[float | None, ReviewSession] = field(default_factory=lambda: Memo(_THRESHOLDS))


@dataclass(frozen=True, eq=False)
class Retracking:
    """A run whose boxes are in memory, and what each of the settings tried so far would change in it."""

    loaded: LoadedRun
    results: Memo[tuple[TrackSettings, tuple[Action, ...], float | None, MatchRules], RunChanges] = field(
        default_factory=lambda: Memo(_RETRACK_RESULTS)
    )
    people: PeopleCounts = field(default_factory=lambda: Memo(_PEOPLE_COUNTS))


@dataclass(frozen=True, eq=False)
class Services:
    """The stores of this server, and what it keeps in memory.

    `runs`, `people` (people.json without its threshold) and `repeated` (whether the tracks are others than those that
    the review is about) are kept by the stamp of a case, `retracking` by a run's folder and the time of its record.
    `deleted` are cases that can be restored for a day. `notice` is what users should know once: where their data went.
    """

    cases: Cases = field(default_factory=Cases)
    deleted: Cases = field(default_factory=lambda: Cases(data_dir() / "deleted"))
    jobs: Jobs = field(default_factory=Jobs)
    proxies: Proxies = field(default_factory=Proxies)
    exports: Exports = field(default_factory=Exports)
    speed_tests: SpeedTests = field(default_factory=SpeedTests)
    models: ModelDownloads = field(default_factory=ModelDownloads)
    runs: Memo[str, OpenRun] = field(default_factory=lambda: Memo(_OPEN_RUNS))
    people: Memo[str, bytes] = field(default_factory=lambda: Memo(_PEOPLE_FILES))
    retracking: Memo[tuple[Path, int], Retracking] = field(default_factory=lambda: Memo(_RETRACKED_RUNS))
    repeated: Memo[str, bool] = field(default_factory=lambda: Memo(_DIGESTED_RUNS))
    clips: Memo[tuple[str, int, int], Clip] = field(default_factory=lambda: Memo(_PROBED_FRAMES, _weight))
    notice: str = ""


class _Server:
    """The services of this process, made once, when they are first needed; before that, data of 0.1.0 is moved."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._services: Services | None = None

    def services(self) -> Services:
        with self._lock:
            if self._services is None:
                if message := move_old_data(_print):
                    _print(message)
                self._services = Services(notice=take_notice())
            return self._services

    def use(self, services: Services | None) -> None:
        with self._lock:
            self._services = services


def _print(line: str) -> None:
    sys.stderr.write(f"{line}\n")


_SERVER = _Server()


def services() -> Services:
    return _SERVER.services()


def serve_with(replacement: Services | None) -> None:
    """Use these services from now on; with None, new ones are made when they are next needed."""
    _SERVER.use(replacement)


def session_of(case: Case) -> ReviewSession | None:
    """The run of the case at its threshold; None if the case has no finished run in which people were matched."""
    return session_at(case, case.threshold)


def session_at(case: Case, threshold: float | None) -> ReviewSession | None:
    """As `session_of`, at another threshold; None as a threshold is the suggested one."""
    if not case.run:
        return None
    try:
        job = services().jobs.get(case.run)
    except StoreError:
        # Its files were removed.
        return None
    if not (job.has_results and job.order.matches_people):
        return None

    def open_run() -> OpenRun:
        review = load_review(services().cases.review_file(case.key))
        if review.tracks and review.tracks != tracks_digest(job.out):
            raise StoreError("this run was repeated, and its tracks are others now", "Reload the page.")
        return OpenRun(open_session(job.out, review, None, rules=rules_of(case, job.out)))

    run = services().runs.get(stamp_of(case), open_run)
    return run.by_threshold.get(threshold, lambda: run.session.at(threshold))


def keep_session(case: Case, session: ReviewSession) -> None:
    """Keep a session that was just computed for the case as it is now, so that it is not opened again from disk."""
    services().runs.put(stamp_of(case), OpenRun(session.at(None)))


def stamp_of(case: Case) -> str:
    """A digest that changes with all that decides who is who but the threshold: the run of the case, its review and its
    rules of matching; part of addresses."""
    out = run_folder(case.run)
    results = (out / TRACKLETS_FILE, out / "run.json") if out else ()
    files = *results, services().cases.review_file(case.key)
    stats = [path.stat() if path.is_file() else None for path in files]
    # The names of cameras in the run follow from its record and the clips.
    clips = [(clip.camera, clip.digest) for clip in case.clips] if case.travel else []
    files_stamp = [stat and (stat.st_mtime_ns, stat.st_size) for stat in stats]
    return digest_of([case.key, case.run, files_stamp, case.rules, clips])


def rules_of(case: Case, out: Path) -> MatchRules:
    """The rules of matching of the case as it is now, by the names that cameras have in the run in folder `out`.

    Clips are recognised by their content: a camera may have been renamed since the run.
    """
    if not case.travel:
        return case.rules
    names = {recorded.digest: name for name, recorded in read_record(out).cameras.items()}
    name_of = {clip.camera: names.get(clip.digest, "") for clip in case.clips}
    travel = (TravelTime(name_of.get(a, ""), name_of.get(b, ""), seconds) for a, b, seconds in case.travel)
    return MatchRules(tuple(time for time in travel if time.camera and time.other_camera), case.ignore_positions)


def clocks_of(case: Case, out: Path) -> Clocks:
    """The wall clocks of the cameras of the run in folder `out`, as the case has them now; empty unless each has one.

    Clips are recognised by the content of their first file: a camera may have been renamed since the run, or have got
    another recording.
    """
    began, drift, clocks = {}, {}, case.clocks
    camera_of = {clip.files[0].digest: clip.camera for clip in case.clips}
    for name, recorded in read_record(out).cameras.items():
        camera = camera_of.get(recorded.first_digest, "")
        moment = clocks.began.get(camera)
        if not recorded.failed and moment is None:
            return Clocks()
        if moment is not None:
            began[name] = moment
            if camera in clocks.drift:
                drift[name] = clocks.drift[camera]
    return Clocks(began, clocks.zone, drift)


def shared_ground_shift(case: Case, camera: str, reference: str) -> float | None:
    """Seconds by which `camera` begins later than the case says, beside `reference`, as the people show whom the
    case's run found on ground that both see.

    None where the run says nothing of the two, or where a clock of theirs was said to drift otherwise then.
    """
    digests = case.clip(camera).digest, case.clip(reference).digest
    drift, offsets = case.clocks.drift, case.offsets
    try:
        order = services().jobs.get(case.run).order
        overlaps = read_record(services().jobs.get(case.run).out).same_ground or ()
    except StoreError:
        return None
    sources = {source.digest: source for source in order.sources}
    if any(digest not in sources for digest in digests):
        return None
    source, beside = (sources[digest] for digest in digests)
    drifts = source.drift_seconds_per_day, beside.drift_seconds_per_day
    if drifts != (drift.get(camera, 0.0), drift.get(reference, 0.0)):
        return None
    for overlap in overlaps:
        if set(overlap.cameras) == {source.camera, beside.camera}:
            forward = float(overlap.clock_of_the_second_forward_seconds)
            found = source.offset_seconds - beside.offset_seconds
            found += forward if overlap.cameras[1] == source.camera else -forward
            return round(found - (offsets[camera] - offsets[reference]), 3)
    return None


def tracks_digest(out: Path) -> str:
    """The digest of the tracks of the run in folder `out`, computed once for as long as its files stay the same."""
    try:
        stamp = tuple((out / name).stat().st_mtime_ns for name in ("tracks.parquet", "run.json"))
    except OSError as fault:
        raise StoreError("the tracks of this run cannot be read", "Run it again.") from fault
    return _digest_tracks(out, stamp)


@functools.lru_cache(maxsize=_DIGESTED_RUNS)
def _digest_tracks(out: Path, stamp: tuple[int, ...]) -> str:
    return load_run_tracks(out).digest


def stored_tracks(case: Case) -> StoredTracks:
    """The tracks that the decisions of the case are about."""
    return StoredTracks(services().cases.folder(case.key) / "tracks")


def clip_of(path: str) -> Clip:
    """The clip at `path`, probed once for as long as the file stays the same; of a list of recordings, so is each."""
    # Each time, because a file that was permitted may since have become a link to another one.
    if not is_permitted(path):
        raise ClipError(f"{path} cannot be opened", "Choose a clip inside your footage folder.")
    # Not in Streamlit's cache, because routes, which have no session, need clips too.
    return services().clips.get(_stamp_of_file(path), lambda: _open_clip(path))


def _stamp_of_file(path: str) -> tuple[str, int, int]:
    """Size and time of the file; of a list of recordings, the sums of those of all its files."""
    try:
        listed = [Path(entry.file) for entry in read_list(Path(path))] if is_list(Path(path)) else []
        stats = [file.stat() for file in (Path(path), *listed)]
    except OSError:
        return path, 0, 0
    return path, sum(stat.st_size for stat in stats), sum(stat.st_mtime_ns for stat in stats)


def _open_clip(path: str) -> Clip:
    if is_list(Path(path)):
        return join(Path(path), clip_of)
    return _stored_probe(Path(path)) or _probe_and_store(path)


def _weight(clip: Clip) -> int:
    return clip.frames + _FRAMES_LIKE_FACTS


def _probe_and_store(path: str) -> Clip:
    clip = probe(path)
    if clip.parts:
        # They may have been made when parts were not told apart.
        remove_media(clip.digest)
    facts = {name: getattr(clip, name) for name in _PROBE_FACTS}
    content = io.BytesIO()
    np.savez(content, times=clip.times, facts=np.array(json.dumps({"format": _PROBE_FORMAT, **facts})))
    # The record only saves time.
    with contextlib.suppress(StoreError):
        write_atomically(_probe_file(clip.digest), content.getvalue())
    return clip


def _stored_probe(path: Path) -> Clip | None:
    """What an earlier probe of the same content found out; None where there is none that can be read."""
    try:
        clip_digest = digest(path)
        record = read_arrays(_probe_file(clip_digest))
        facts, times = json.loads(str(record["facts"])), record["times"]
        if facts.pop("format") != _PROBE_FORMAT:
            return None
        warnings, parts = tuple(facts.pop("warnings")), tuple(ClipPart(*part) for part in facts.pop("parts"))
        return Clip(str(path.resolve()), clip_digest, times=times, warnings=warnings, parts=parts, **facts)
    except (ClipError, OSError, *DAMAGE):
        return None


_PROBE_FACTS = tuple(f.name for f in fields(Clip) if f.name not in ("path", "digest", "times", "recordings"))


def _probe_file(clip_digest: str) -> Path:
    return cache_dir() / "probes" / f"{clip_digest}.npz"
