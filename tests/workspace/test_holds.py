"""What was said holds over real runs of the sample: numbers, merges and refusals, through thresholds, clocks, regions,
settings and a repetition. The sample's truth tells who somebody is."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from core.base.types import Ints, Tracks
from core.lab.evaluate import NOBODY, iou
from core.lab.synthetic import sample_clips, sample_folder
from core.review import Review, ReviewSession, SeenTogether, confirm, cut, merge, reject, same
from core.runs import TrackKey, load_tracks, split_tracks
from core.vision.match import FREE, Contradiction
from core.vision.mot import MotRows, read_mot
from core.vision.regions import Region, Regions
from core.vision.video import probe
from core.workspace import (
    Saved,
    Services,
    Switched,
    act,
    review_of,
    serve_with,
    services,
    session_of,
    set_threshold,
    switch_to_finished_run,
)
from core.workspace.cases import Case, CaseClip
from core.workspace.jobs import order_of

LEVELS = np.linspace(0, 1, 21).tolist()
PARTS_LEVEL = 0.8
"""A threshold at which people are in several parts."""
MIN_IOU, MIN_SHARE = 0.5, 0.9
"""A box shows whom it overlaps by so much, and a track whom so many of its boxes show."""
RUN_SECONDS = 500


@dataclass
class Memory:
    """Whom each number meant so far by the `truth` of each camera, and which numbers the user made one or parted."""

    truth: dict[str, MotRows]
    person_of: dict[int, int] = field(default_factory=dict)
    joined: list[frozenset[int]] = field(default_factory=list)
    parted: list[tuple[frozenset[int], frozenset[int]]] = field(default_factory=list)

    def check(self, case: Case) -> ReviewSession:
        """At no threshold does a number mean somebody else, a merge come apart, or somebody parted come back."""
        session = opened(case)
        person_of_row = self.people(session)
        row_of = {number: row for row, numbers in enumerate(session.row_numbers) for number in numbers}
        assert all(session.row_numbers) and len(row_of) == sum(map(len, session.row_numbers))
        for number, row in row_of.items():
            if person_of_row[row] != NOBODY:
                person = self.person_of.setdefault(number, person_of_row[row])
                assert person == person_of_row[row], f"P{number:03d} was {person}"
        for level in LEVELS:
            shown = session.at(level).people.person
            for each in np.unique(shown).tolist():
                assert each == min(session.row_numbers[row][0] for row in np.flatnonzero(shown == each))
            # A track in which two people are mixed cannot be one person with the tracks of either.
            shown_for = {number: int(shown[row]) for number, row in row_of.items() if person_of_row[row] != NOBODY}
            for numbers in self.joined:
                assert len({shown_for[number] for number in numbers & shown_for.keys()}) <= 1, (level, numbers)
            for some, others in self.parted:
                groups = ({shown_for[number] for number in side & shown_for.keys()} for side in (some, others))
                assert not set.intersection(*groups), (level, some, others)
        return session

    def people(self, session: ReviewSession) -> list[int]:
        """Whom each row shows; nobody where the tracker mixed two people, or took something for a person."""
        found = [NOBODY] * len(session.track_keys)
        for camera in session.evidence.cameras:
            tracks = tracks_of(session, camera)
            people = people_in(tracks, self.truth[camera])
            for (name, number), row in session.row_of.items():
                if name == camera:
                    found[row] = person_in(people[tracks.track == number])
        return found


def people_in(tracks: Tracks, truth: MotRows) -> Ints:
    """The person in each box (n,)."""
    found = np.full(len(tracks), NOBODY)
    for frame in np.unique(tracks.frame):
        true, rows = truth[truth.frame == frame], np.flatnonzero(tracks.frame == frame)
        if len(true):
            overlap = iou(tracks.xyxy[rows].astype(np.float64), true.xyxy)
            found[rows] = np.where(overlap.max(axis=1) >= MIN_IOU, true.id[overlap.argmax(axis=1)], NOBODY)
    return found


def person_in(people: Ints) -> int:
    """The person whom most boxes of a track show."""
    numbers, counts = np.unique(people[people != NOBODY], return_counts=True)
    return int(numbers[counts.argmax()]) if counts.max(initial=0) > MIN_SHARE * counts.sum() else NOBODY


def tracks_of(session: ReviewSession, camera: str) -> Tracks:
    cuts = [each for each in session.evidence.cuts if each.camera == camera]
    return split_tracks(load_tracks(session.out, camera), cuts)


def numbers_of(session: ReviewSession, keys: Iterable[TrackKey]) -> frozenset[int]:
    return frozenset(number for key in keys for number in session.row_numbers[session.row(*key)])


def opened(case: Case) -> ReviewSession:
    session = session_of(services().cases.load(case.key))
    assert session is not None
    return session


@pytest.fixture
def case(exported: Path) -> Iterator[Case]:
    """The first twelve seconds of the sample, of which five frames a second are analysed."""
    serve_with(Services())
    clips = [probe(path) for path in sample_clips(sample_folder())]
    listed = [CaseClip(Path(clip.path).stem, clip.path, clip.digest, end_seconds=12) for clip in clips]
    new = services().cases.new("The plaza")
    plan = replace(new.plan, video=replace(new.plan.video, fps=5))
    yield services().cases.change(new.key, lambda old: replace(old.with_clips(listed), plan=plan))
    serve_with(None)


def run(case: Case) -> Case:
    """The case with a run of it as it is planned now, and the decisions migrated to that run."""
    job = services().jobs.start(order_of(case))
    end = time.monotonic() + RUN_SECONDS
    while services().jobs.get(job.key).is_active:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert services().jobs.get(job.key).state == "done", (job.out.parent / "log").read_text()
    result = switch_to_finished_run(services().cases.change(case.key, lambda now: replace(now, wanted=job.key)))
    assert isinstance(result, Switched)
    return result.case


def review(case: Case, memory: Memory) -> None:
    """Merge, answer, confirm, reject and cut, each about other people, as somebody would who knows the plaza."""
    set_threshold(case, PARTS_LEVEL)
    session = opened(case)
    person_of_row = memory.people(session)
    parts: dict[int, list[tuple[TrackKey, ...]]] = {}
    for person in np.unique(session.people.person).tolist():
        tracks = session.tracks(person)
        shown = {person_of_row[session.row(*key)] for key in tracks}
        parts.setdefault(shown.pop() if len(shown) == 1 else NOBODY, []).append(tracks)
    (confused, *_) = parts.pop(NOBODY)
    merged, answered = [person for person in parts if len(parts[person]) > 1][:2]
    said = merged, answered
    confirmed = next(tracks for person in parts if person not in said for tracks in parts[person] if len(tracks) > 1)
    commands: list[Callable[[ReviewSession], Review]] = [
        lambda now: merge(now, [now.person_of(tracks[0]) for tracks in parts[merged][:2]]),
        lambda now: same(now, *(tracks[-1] for tracks in parts[answered][:2])),
        lambda now: confirm(now, now.person_of(confirmed[0])),
        lambda now: reject(now, *confused[-1]),
        lambda now: cut_longest(now, [tracks[0] for person in parts if person not in said for tracks in parts[person]]),
    ]
    for command in commands:
        assert act(services().cases.load(case.key), command) == Saved(changed=True)
    session = opened(case)
    memory.joined += [numbers_of(session, sum(parts[person][:2], ())) for person in said]
    memory.joined.append(numbers_of(session, confirmed))
    memory.parted.append((numbers_of(session, confused[-1:]), numbers_of(session, confused[:-1])))


def cut_longest(session: ReviewSession, keys: Iterable[TrackKey]) -> Review:
    """The longest of the tracks, cut in its middle."""
    spans = {key: session.evidence.clip_seconds(session.row(*key)) for key in keys}
    key = max(spans, key=lambda each: spans[each][1] - spans[each][0])
    seconds = np.unique(session.evidence.crops.of(session.row(*key)).seconds)
    return cut(session, *key, float(seconds[len(seconds) // 2]))


def check_refusals(session: ReviewSession) -> int:
    """Two tracks that are said to be one are accepted, or refused with a frame in which both parties have a box."""
    alone, refused = session.at(1.0), 0
    for a, b in np.argwhere(np.triu(alone.match.why != FREE, 1)).tolist():
        try:
            same(alone, alone.track_keys[a], alone.track_keys[b])
        except Contradiction as fault:
            assert isinstance(fault, SeenTogether), fault
            first, second = (alone.track_keys[row] for row in fault.pair)
            assert first.camera == second.camera == fault.moment.camera
            tracks = tracks_of(alone, first.camera)
            is_shown = np.round(tracks.seconds, 3) == fault.moment.seconds
            assert {first.track, second.track} <= set(tracks.track[is_shown].tolist())
            refused += 1
    return refused


def later_clock(case: Case) -> Case:
    """The second camera began two seconds later than was thought."""
    return case.with_clip("cam2", replace(case.clip("cam2"), offset_seconds=2.0))


def half_a_picture(case: Case) -> Case:
    """The left half of the first camera does not count."""
    left = Regions((Region("box", ((0, 0), (0.5, 1)), "exclude"),))
    return case.with_clip("cam1", replace(case.clip("cam1"), regions=left))


def surer_boxes(case: Case) -> Case:
    return replace(case, plan=replace(case.plan, track=replace(case.plan.track, conf=0.6)))


def again(case: Case, planned: Case) -> Case:
    """The case with the clips and the plan of `planned`, and a run of that."""
    plan = services().cases.change(case.key, lambda now: replace(now.with_clips(planned.clips), plan=planned.plan))
    return run(plan)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_numbers_merges_and_refusals_hold_through_real_runs(case: Case) -> None:
    memory = Memory({path.stem: read_mot(path) for path in (sample_folder() / "truth").glob("cam*.txt")})
    shown = run(case)
    memory.check(shown)
    review(shown, memory)
    before = memory.check(shown)
    assert check_refusals(before) > 0
    later, half = later_clock(case), half_a_picture(later_clock(case))
    for planned in later, half, surer_boxes(half), case:
        shown = again(shown, planned)
        session = memory.check(shown)
        assert check_refusals(session) > 0
    # Back at the first run, everything holds that did at first.
    tracks = before.review.tracks
    assert session.review.tracks == tracks and session.review.pending == () and session.review.absent == ()
    assert set(session.review.links) == set(before.review.links)
    assert all(set(old) <= set(now) for old, now in zip(before.row_numbers, session.row_numbers, strict=True))
    services().jobs.forget(shown.run)
    shown = run(shown)
    assert memory.check(shown).row_numbers == session.row_numbers
    assert set(review_of(shown).links) == set(before.review.links)
