"""What other tracking settings would change: the tracks, compared by their boxes, and the number of people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.base.memo import Memo
from core.base.types import Bools, Ints, Tracks
from core.review import (
    Review,
    RunTracks,
    SharedBoxes,
    count_pending,
    count_shared_boxes,
    describe_pending,
    migrate_onto,
)
from core.review.whatif.retrack import LoadedRun, RetrackResult
from core.runs import Evidence, Link, MatchRules, cut, mark_objects, match_tracklets

PeopleCounts = Memo[tuple[tuple[Link, ...], float | None, MatchRules], int]
"""The number of people in one run, by links, threshold and rules of matching."""

MIN_SHARED = 0.5
"""A track continues another, or is a part of it, if they share more than this fraction of the shorter one's boxes."""


@dataclass(frozen=True)
class CameraChange:
    """How the tracks of one camera change: their number, their boxes, and which of them split, merge, appear or vanish.

    `split` holds the number of an old track and those of its new parts, `joined` that of a new track and those of its
    old parts.
    """

    camera: str
    before: int
    after: int
    boxes_before: int
    boxes_after: int
    split: tuple[tuple[int, tuple[int, ...]], ...] = ()
    joined: tuple[tuple[int, tuple[int, ...]], ...] = ()
    appeared: tuple[int, ...] = ()
    vanished: tuple[int, ...] = ()
    unchanged: bool = False

    @property
    def description(self) -> str:
        """
        >>> CameraChange("gate", 7, 8, 90, 95, split=((3, (3, 8)),)).description
        'gate: 7 tracks become 8. Track 3 is split in 2; 5 more boxes'
        >>> CameraChange("gate", 7, 6, 90, 80, joined=((2, (2, 5)),)).description
        'gate: 7 tracks become 6. Tracks 2 and 5 are joined; 10 fewer boxes'
        """
        if self.unchanged:
            return f"{self.camera}: no change"
        head = _describe_counts(self.before, self.after) if self.before != self.after else _count_tracks(self.after)
        details = [f"track {number} is split in {len(parts)}" for number, parts in self.split]
        details += [f"tracks {_join_numbers(parts)} are joined" for _, parts in self.joined]
        if self.vanished:
            details.append(f"{_count_tracks(len(self.vanished))} removed ({_join_numbers(self.vanished)})")
        if self.appeared:
            details.append(f"{_count_tracks(len(self.appeared))} added")
        if more := self.boxes_after - self.boxes_before:
            details.append(f"{abs(more)} {'more' if more > 0 else 'fewer'} {'box' if abs(more) == 1 else 'boxes'}")
        text = "; ".join(details) or "some boxes move to another track"
        return f"{self.camera}: {head}. {text[0].upper()}{text[1:]}"


@dataclass(frozen=True)
class RunChanges:
    """The changes in all cameras. The numbers of people are None for a run that tracked by motion alone.

    So many decisions as `unapplied_count` cannot be applied to the new tracks, and `unapplied` says which and why.
    """

    cameras: tuple[CameraChange, ...]
    people_before: int | None = None
    people_after: int | None = None
    unapplied_count: int = 0
    unapplied: tuple[str, ...] = ()

    @property
    def unchanged(self) -> bool:
        return all(camera.unchanged for camera in self.cameras)

    @property
    def description(self) -> str:
        """
        >>> RunChanges((CameraChange("a", 7, 8, 9, 9), CameraChange("b", 5, 5, 9, 9)), 9, 10).description
        '12 tracks become 13, and 9 people become 10'
        """
        if self.unchanged:
            return "Nothing changes"
        before, after = (sum(getattr(camera, name) for camera in self.cameras) for name in ("before", "after"))
        tracks = _describe_counts(before, after) if before != after else f"still {_count_tracks(after)}"
        if self.people_before is None or self.people_after is None:
            return tracks
        people = "1 person" if self.people_before == 1 else f"{self.people_before} people"
        if self.people_before == self.people_after:
            return f"{tracks}, and still {people}"
        return f"{tracks}, and {people} {'becomes' if self.people_before == 1 else 'become'} {self.people_after}"


def compare_runs(
    run: LoadedRun,
    retracked: RetrackResult,
    threshold: float | None = None,
    review: Review | None = None,
    people_counts: PeopleCounts | None = None,
    rules: MatchRules | None = None,
) -> RunChanges:
    """What changes from `run` to `retracked`.

    People are matched at `threshold` (None: at the one suggested for each side), by `rules` and by `review`, as much of
    it as holds for the new tracks. `people_counts` remembers the number of people in `run` for the next comparison.
    """
    cameras = tuple(compare_camera(name, _people_of(run, name), _people_of(retracked, name)) for name in run.tracks)
    evidence = run.evidence
    if evidence is None or retracked.evidence is None:
        return RunChanges(cameras)
    review = review or Review()
    digests = {name: name for name in run.tracks}
    old, new = RunTracks(run.tracks, digests), RunTracks(retracked.tracks, digests)
    migrated = migrate_onto(review, old, new, retracked.evidence)
    counts: PeopleCounts = Memo(1) if people_counts is None else people_counts
    rules = rules or MatchRules()

    def count_people(evidence: Evidence, tracks: Mapping[str, Tracks], links: tuple[Link, ...]) -> int:
        parts = mark_objects(links, cut(evidence, [link.cut_point for link in links if link.is_cut], tracks))
        people = match_tracklets(parts, run.prior, threshold, links, rules).people()
        return len(np.unique(people.person[~people.no_person]))

    key = review.links, threshold, rules
    before = counts.get(key, lambda: count_people(evidence, run.tracks, review.links))
    after = count_people(retracked.evidence, retracked.tracks, migrated.links)
    return RunChanges(cameras, before, after, count_pending(migrated), describe_pending(migrated))


def _people_of(run: LoadedRun | RetrackResult, camera: str) -> Tracks:
    """The tracks of a camera without those of things."""
    tracks = run.tracks[camera]
    return tracks.without(run.objects[camera])


def compare_camera(name: str, before: Tracks, after: Tracks) -> CameraChange:
    """What changes in the camera called `name`."""
    pairs = count_shared_boxes(before, after)
    old, new = np.unique(before.track), np.unique(after.track)
    continued = pairs[pairs.boxes > MIN_SHARED * pairs.boxes_of_shorter]
    return CameraChange(
        name,
        len(old),
        len(new),
        len(before),
        len(after),
        split=_tracks_with_parts(pairs.first, pairs.second, pairs.boxes > MIN_SHARED * pairs.boxes_of_second),
        joined=_tracks_with_parts(pairs.second, pairs.first, pairs.boxes > MIN_SHARED * pairs.boxes_of_first),
        appeared=_unmatched(new, continued.second),
        vanished=_unmatched(old, continued.first),
        unchanged=_is_unchanged(before, after, pairs),
    )


def _tracks_with_parts(track: Ints, part: Ints, is_part: Bools) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Tracks that have several parts, with these; row by row, `is_part` says whether `part` is one of `track`."""
    numbers, count = np.unique(track[is_part], return_counts=True)
    return tuple((int(number), tuple(part[is_part & (track == number)].tolist())) for number in numbers[count > 1])


def _unmatched(tracks: Ints, matched_tracks: Ints) -> tuple[int, ...]:
    return tuple(np.setdiff1d(tracks, matched_tracks).tolist())


def _is_unchanged(before: Tracks, after: Tracks, pairs: SharedBoxes) -> bool:
    """Whether both have the same boxes in the same tracks, whatever the tracks' numbers."""
    complete = (pairs.boxes == pairs.boxes_of_first) & (pairs.boxes == pairs.boxes_of_second)
    return len(before) == len(after) == int(pairs.boxes.sum()) and bool(complete.all())


def _count_tracks(number: int) -> str:
    return f"{number} track{'s' * (number != 1)}"


def _describe_counts(before: int, after: int) -> str:
    return f"{_count_tracks(before)} {'becomes' if before == 1 else 'become'} {after}"


def _join_numbers(numbers: Iterable[int]) -> str:
    """
    >>> _join_numbers([3]), _join_numbers([3, 4, 5])
    ('3', '3, 4 and 5')
    """
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
