"""A person or a clip of a case, deleted for good, with a report of what went.

Of a person, everything goes that was made of the recordings: crops, vectors, boxes, tables, decisions, names and notes,
lines of the log, exports and back-ups. The recordings stay as they are and still show the person. The case keeps where
and when the person was in the picture (`Regions.left_out`), so that none of its later runs finds the person again.

A run belongs to everybody whose case names it. So nothing is changed in it: the case gets a run of its own, without the
person, under the key that a new run would have. The old run goes, unless another case needs it; so do the results that
the stages stored of these clips, which hold vectors of everybody in them.

There is no way back. `plan_person` and `plan_clip` say beforehand what would go.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from core.base.errors import StoreError
from core.base.text import format_bytes, format_count, person_name
from core.machine.log import forget_lines
from core.machine.paths import cache_dir, explain_refusal, working_folder
from core.review import Action, Review, ReviewSession, forget_tracks, load_review, save_review
from core.runs import ErasedTracks, Name, PersonNumber, TrackKey, find_erased, read_record, write_run_without
from core.vision.regions import Regions, from_json, to_json
from core.vision.video import forget_digests, remembered_paths
from core.workspace.cases import Case, CaseClip
from core.workspace.delete import needs_of_others, own_paths, paths_of, remove_path, runs_of, size_of, stop_work
from core.workspace.jobs import RUN_JOB, Order, RunJob, remove, save_job
from core.workspace.server import Services, session_of, stored_tracks
from core.workspace.sources import claim_upload

_KINDS = {
    "exports": ("export", "exports"),
    "backups": ("back-up", "back-ups"),
    "runs": ("run", "runs"),
    "stages": ("stored result", "stored results"),
    "uploads": ("uploaded recording", "uploaded recordings"),
    "proxies": ("video", "videos"),
    "stills": ("folder of stills", "folders of stills"),
    "strips": ("strip of stills", "strips of stills"),
}
_STAGES_WITH_PEOPLE = ("embed-", "crops-", "faces-")
"""Names of stored results that hold vectors or pictures of people."""


@dataclass(frozen=True)
class Removal:
    """What is deleted with a person or a clip: `subject`, how many tracks, boxes, crops and decisions, and files.

    `shared_with` are other cases that have the same clips; what these need stays, and still shows the person.
    `remaining` says what else is left.
    """

    subject: str
    tracks: int
    boxes: int
    crops: int
    decisions: int
    paths: tuple[Path, ...]
    bytes: int
    shared_with: tuple[str, ...] = ()
    remaining: str = ""

    @property
    def lines(self) -> list[str]:
        """What goes, and what stays, as users read it."""
        counts = (
            format_count(self.tracks, "track", "tracks"),
            format_count(self.boxes, "box", "boxes"),
            format_count(self.crops, "crop with its vector", "crops with their vectors"),
            format_count(self.decisions, "decision", "decisions"),
        )
        files = ", ".join(_count_kinds(self.paths))
        lines = [", ".join(counts), f"{files or 'no further files'} ({format_bytes(self.bytes)})"]
        if self.shared_with:
            lines.append(f"Stays, for the same clips are in other cases: {', '.join(self.shared_with)}")
        return [*lines, self.remaining] if self.remaining else lines


def _count_kinds(paths: Iterable[Path]) -> list[str]:
    counts: dict[str, int] = {}
    for path in paths:
        kind = next((part for part in reversed(path.parent.parts) if part in _KINDS), "")
        counts[kind] = counts.get(kind, 0) + 1
    return [
        format_count(count, *_KINDS.get(kind, ("other file", "other files"))) for kind, count in sorted(counts.items())
    ]


_RECORDING_STAYS = (
    "The recording still shows this person: cover the person in what you hand out, or delete the clip. "
    "So may pictures of others, in the background. Exports and back-ups that you saved elsewhere are not touched."
)


def plan_person(services: Services, case: Case, person: int) -> Removal:
    """What would be deleted with a person of the case, by number."""
    session = _session(case)
    keys = session.tracks(person)
    erased = find_erased(session.out, session.evidence, keys)
    files = _files(services, case, _digests(session, erased.boxes), whole_clips=False)
    return _removal(person_name(person), erased, _touching(session.review, keys), files, _RECORDING_STAYS)


def erase_person(services: Services, case: Case, person: int) -> Removal:
    """Delete a person of the case, by number; returns what went. `StoreError` while a run of the case is awaited."""
    with services.cases.lock(case.key):
        case = services.cases.load(case.key)
        plan = plan_person(services, case, person)
        session = _session(case)
        keys = session.tracks(person)
        erased = find_erased(session.out, session.evidence, keys)
        trails = erased.trails(read_record(session.out))
        files = _files(services, case, _digests(session, erased.boxes), whole_clips=False)
        by_digest = {_digests_of_camera(session)[name]: trail for name, trail in trails.items()}
        order = _order_without(services.jobs.get(case.run).order, by_digest)
        _switch(services, case, session, order, keys, erased)
        about = _about(session, keys)
        services.cases.change(case.key, lambda now: _with_trails(now, order.key, by_digest))
        services.cases.erase_payloads(case.key, about)
        services.cases.log(case.key, f"deleted a person for good: {'; '.join(plan.lines[:2])}")
        _remove_files(services, files, order.key)
    return plan


def plan_clip(services: Services, case: Case, camera: str) -> Removal:
    """What would be deleted with the clip of a camera of the case."""
    clip = case.clip(camera)
    files = _files(services, case, clip.digests, whole_clips=True)
    erased, decisions = ErasedTracks({}, 0, 0), 0
    session = session_of(case)
    if session is not None and (keys := _keys_of_clip(session, clip)):
        erased = find_erased(session.out, session.evidence, keys)
        decisions = _touching(session.review, keys)
    staying = [file.path for file in clip.files if Path(file.path) not in files.below]
    remaining = f"Your own file stays where it is: {', '.join(staying)}" if staying else ""
    return _removal(camera, erased, decisions, files, remaining)


def erase_clip(services: Services, case: Case, camera: str) -> Removal:
    """Delete a clip of the case with all that was made of it, unless another case needs it; returns what went."""
    with services.cases.lock(case.key), ExitStack() as claims:
        case = services.cases.load(case.key)
        clip = case.clip(camera)
        for digest in sorted(clip.digests):
            claims.enter_context(claim_upload(digest))
        plan = plan_clip(services, case, camera)
        files = _files(services, case, clip.digests, whole_clips=True)
        run = _run_without_clip(services, case, clip)
        services.cases.change(
            case.key, lambda now: _without_clip(now, camera, run), f"clip deleted for good: {camera} ({clip.digest})"
        )
        gone = clip.digests - files.needed_clips
        places = remembered_paths(gone) | own_paths(case, gone)
        forget_digests(gone, places)
        forget_lines(gone | places)
        _remove_files(services, files, run)
    return plan


def _session(case: Case) -> ReviewSession:
    if case.wanted:
        raise StoreError("a run of this case is waiting or in progress", "Wait until it is done, or stop it.")
    session = session_of(case)
    if session is None:
        raise StoreError("this case has no run with people", "Run it first.")
    return session


def _digests_of_camera(session: ReviewSession) -> dict[str, str]:
    return {name: about.digest for name, about in read_record(session.out).analysed.items()}


def _digests(session: ReviewSession, cameras: Iterable[str]) -> frozenset[str]:
    """The digests of the clips of these cameras, and of their recordings."""
    abouts = read_record(session.out).analysed
    own = {abouts[name].digest for name in cameras}
    return frozenset(own | {file.digest for name in cameras for file in abouts[name].recordings})


def _keys_of_clip(session: ReviewSession, clip: CaseClip) -> tuple[TrackKey, ...]:
    names = {name for name, digest in _digests_of_camera(session).items() if digest == clip.digest}
    return tuple(key for key in session.track_keys if key.camera in names)


@dataclass(frozen=True)
class _Files:
    """What goes, and which clips and cases need what stays; `names` are keys and digests with which names begin."""

    paths: tuple[Path, ...]
    names: frozenset[str]
    needed_clips: frozenset[str]
    shared_with: tuple[str, ...]

    @property
    def below(self) -> frozenset[Path]:
        """The files that go, as far as they lie directly in a folder that goes."""
        return frozenset(file for path in self.paths if path.is_dir() for file in path.iterdir()) | set(self.paths)


def _files(services: Services, case: Case, digests: frozenset[str], whole_clips: bool) -> _Files:
    """The runs and exports of these clips and what stages stored of them; with `whole_clips`, all that is of them."""
    needs = list(needs_of_others(services, case))
    needed_clips = frozenset[str]().union(*(need.clips | need.run_clips for need in needs))
    needed_runs = frozenset[str]().union(*(need.runs for need in needs))
    own = digests - needed_clips
    runs = (runs_of(own) | ({case.run} - {""})) - needed_runs
    paths = [*paths_of(runs), *paths_of({case.key}, ("backups",))]
    if whole_clips:
        paths += paths_of(own) if own else []
    else:
        paths += paths_of(own, ("stills", "strips")) if own else []
        stored = (folder for digest in sorted(own) for folder in (cache_dir() / "stages" / digest).glob("*"))
        paths += [folder for folder in stored if folder.name.startswith(_STAGES_WITH_PEOPLE)]
    cases = (each for each in services.cases.all() if each.key != case.key)
    sharing = (each.name for each in cases if any(clip.digests & digests for clip in each.clips))
    names = runs | own if whole_clips else runs
    return _Files(tuple(dict.fromkeys(paths)), frozenset(names), needed_clips, tuple(sharing))


def _removal(subject: str, erased: ErasedTracks, decisions: int, files: _Files, remaining: str) -> Removal:
    boxes = sum(map(len, erased.boxes.values()))
    counts = erased.tracks, boxes, erased.crops, decisions
    return Removal(subject, *counts, files.paths, sum(map(size_of, files.paths)), files.shared_with, remaining)


def _order_without(order: Order, trails: Mapping[str, tuple[str, ...]]) -> Order:
    """The order of a run that leaves these trails out, by the digest of the clip."""

    def regions(text: str, digest: str) -> str:
        old = from_json(text) if text else Regions()
        return to_json(replace(old, left_out=(*old.left_out, *trails[digest]))) if digest in trails else text

    sources = tuple(replace(source, regions=regions(source.regions, source.digest)) for source in order.sources)
    return replace(order, sources=sources)


def _switch(
    services: Services,
    case: Case,
    session: ReviewSession,
    order: Order,
    keys: Collection[TrackKey],
    erased: ErasedTracks,
    cameras: tuple[str, ...] = (),
) -> None:
    """Write the run of `order`, which lacks these tracks, and make the review that of this run."""
    began = services.jobs.get(case.run).began
    target = cache_dir() / "runs" / order.key
    with explain_refusal("nothing was deleted"), working_folder(target.parent) as work:
        write_run_without(session.out, work / "out", session.uncut_evidence, session.evidence, keys, cameras)
        save_job(RUN_JOB, work, RunJob(order=order, began=began))
        if target.is_dir():
            remove(target)
        work.rename(target)
    stored, path = stored_tracks(case), services.cases.review_file(case.key)
    review = _with_labels_of_others(load_review(path), session, keys)
    left = forget_tracks(review, session.out, target / "out", stored, keys, erased.boxes)
    save_review(path, left.review)
    stored.keep_only(left.review.sources)


def _with_labels_of_others(review: Review, session: ReviewSession, keys: Collection[TrackKey]) -> Review:
    """The review in which people of whom only some tracks go have their names and numbers on tracks that stay."""
    names: list[Name] = []
    numbers: list[PersonNumber] = []
    run_track = {(each.camera, each.new_track): each.track for each in session.evidence.cuts}
    for person in sorted({session.person_of(key) for key in keys}):
        stay = [key for key in session.tracks(person) if key not in keys]
        if not stay:
            continue
        camera, track = stay[0]
        texts = session.labels.names.get(person, ""), session.labels.notes.get(person, "")
        names += [Name(camera, track, *texts)] if any(texts) else []
        moment = round(max(session.evidence.clip_seconds(session.row(camera, track))[0], 0), 3)
        numbers.append(PersonNumber(person, camera, run_track.get((camera, track), track), moment))
    if not numbers:
        return review
    description = "Kept the names and numbers of people who are in other clips"
    return review.act(Action("carried", description, time.time(), names=tuple(names), numbers=tuple(numbers)))


def _with_trails(case: Case, run: str, trails: Mapping[str, tuple[str, ...]]) -> Case:
    def left_out(clip: CaseClip) -> CaseClip:
        regions = replace(clip.regions, left_out=(*clip.regions.left_out, *trails.get(clip.digest, ())))
        return replace(clip, regions=regions)

    return replace(case, clips=tuple(map(left_out, case.clips)), run=run, earlier=None)


def _run_without_clip(services: Services, case: Case, clip: CaseClip) -> str:
    """The key of the case's run without the clip; empty where nothing would be left of it."""
    if case.wanted:
        raise StoreError("a run of this case is waiting or in progress", "Wait until it is done, or stop it.")
    session = session_of(case)
    if session is None:
        return "" if case.run in runs_of(clip.digests) else case.run
    cameras = tuple(name for name, digest in _digests_of_camera(session).items() if digest == clip.digest)
    order = services.jobs.get(case.run).order
    if not cameras:
        return case.run
    sources = tuple(source for source in order.sources if source.digest != clip.digest)
    keys = _keys_of_clip(session, clip)
    if not sources or set(cameras) >= set(session.evidence.cameras):
        save_review(services.cases.review_file(case.key), Review())
        stored_tracks(case).keep_only(())
        return ""
    smaller = replace(order, sources=sources)
    erased = find_erased(session.out, session.evidence, keys)
    _switch(services, case, session, smaller, keys, erased, cameras)
    if keys:
        services.cases.erase_payloads(case.key, _about(session, keys))
    return smaller.key


def _without_clip(case: Case, camera: str, run: str) -> Case:
    gone = case.clip(camera)
    smaller = case.with_clips(clip for clip in case.clips if clip.camera != camera)
    removed = tuple(digest for digest in smaller.removed if digest not in gone.digests)
    return replace(smaller, removed=removed, run=run, earlier=None)


def _remove_files(services: Services, files: _Files, new_run: str) -> None:
    """Delete the files; what this server has in memory of runs is dropped with them."""
    for memo in (services.runs, services.people, services.retracking, services.repeated):
        memo.clear()
    stop_work(services, files.names - {new_run})
    for path in files.paths:
        if path.name != new_run:
            remove_path(path)
    forget_lines(files.names - {new_run, ""})


def _touching(review: Review, keys: Collection[TrackKey]) -> int:
    """How many decisions are about these tracks."""
    return len({action.time for action in review.done if action.touches(keys)})


def _about(session: ReviewSession, keys: Collection[TrackKey]) -> Callable[[str], bool]:
    """Whether a text of the log is about the tracks: numbers of people, names, and what was done with them."""
    actions = [action for action in (*session.review.done, *session.review.undone) if action.touches(keys)]
    rows = [session.row(*key) for key in keys]
    numbers = {re.escape(person_name(number)) for row in rows for number in session.row_numbers[row]}
    done = {re.escape(" ".join(action.description.split())) for action in actions}
    typed = {" ".join(name.name.split()) for action in actions for name in action.names if name.name.strip()}
    named = {rf"Named P\d+ {re.escape(name)}" for name in typed}
    about = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(numbers | done | named))})(?!\w)")
    return lambda text: about.search(text) is not None
