"""Which tracks of two results of one camera show the same people: told by the boxes that they share.

A box is shared where two of one frame cover each other by half or more, each the other's best. Owns the counting;
refuses to say what follows from it.

Which track of a new run takes the place of each track of an old one, cuts included: found by the boxes they share.

A clip is known by its content, so a camera that was renamed is the same one. A track hands over to the one that has
most of its boxes, and takes over from the one of which it has most: where one became two, the longer part counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from core.base.types import Ints, Table, Tracks
from core.review.history import TrackKey
from core.runs import Cut, Link, CutPoint, number_cuts, split_tracks, read_record, load_tracks

LEAST = 0.5
"""Overlap (IoU) from which two boxes of one frame are the same person's."""
_PAIRS = 1 << 21
"""So many pairs of boxes are looked at together."""


@dataclass(frozen=True, eq=False)
class Shared(Table):
    """One row per pair of tracks that share `boxes`; `of_one` and `of_other` are all the boxes that each has."""

    one: Ints
    other: Ints
    boxes: Ints
    of_one: Ints
    of_other: Ints

    def __post_init__(self) -> None:
        whole = (np.int64, ())
        self._validate_columns(one=whole, other=whole, boxes=whole, of_one=whole, of_other=whole)


def shared(one: Tracks, other: Tracks) -> Shared:
    """Every pair that shares a box, by both numbers."""
    rows, others = same_boxes(one, other)
    pairs, boxes = np.unique(np.stack([one.track[rows], other.track[others]], axis=1), axis=0, return_counts=True)
    return Shared(pairs[:, 0], pairs[:, 1], boxes, _sizes(one.track, pairs[:, 0]), _sizes(other.track, pairs[:, 1]))


def same_boxes(one: Tracks, other: Tracks) -> tuple[Ints, Ints]:
    """The rows of both whose boxes are the same; none is named twice."""
    parts = [np.empty((2, 0), np.int64)]
    begin, end = np.searchsorted(other.frame, one.frame, "left"), np.searchsorted(other.frame, one.frame, "right")
    upto = np.cumsum(end - begin)
    at = 0
    while at < len(one):
        # Whole frames only: the best of a box is looked for among all of its frame.
        stop = max(int(np.searchsorted(upto, (upto[at - 1] if at else 0) + _PAIRS)), at + 1)
        stop = int(np.searchsorted(one.frame, one.frame[min(stop, len(one)) - 1], "right"))
        parts.append(_best_overlap(one, other, np.arange(at, stop), begin[at:stop], end[at:stop]))
        at = stop
    rows, others = np.concatenate(parts, axis=1)
    return rows, others


def _best_overlap(one: Tracks, other: Tracks, rows: Ints, begin: Ints, end: Ints) -> Ints:
    """Pairs of rows (2, k), each the other's best, that overlap enough."""
    count = end - begin
    left = np.repeat(rows, count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    a, b = one.xyxy[left].astype(np.float64), other.xyxy[right].astype(np.float64)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.clip(sides, 0, None).prod(axis=1)
    whole = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - common
    overlap = common / np.maximum(whole, 1e-9)
    enough = np.flatnonzero(overlap >= LEAST)
    left, right, overlap = left[enough], right[enough], overlap[enough]
    mutual = np.zeros(len(left), np.int64)
    for names in (left, right):
        # The first of equals, in the order of rows.
        order = np.lexsort((left, right, -overlap, names))
        mutual[order[np.flatnonzero(np.diff(names[order], prepend=-1))]] += 1
    return np.stack([left[mutual == 2], right[mutual == 2]])


def _sizes(track: Ints, named: Ints) -> Ints:
    numbers, count = np.unique(track, return_counts=True)
    return count[np.searchsorted(numbers, named)]


MOST = 0.5
"""So much of the shorter of two tracks must be shared, or they are not the same person's."""

T = TypeVar("T")


@dataclass(frozen=True)
class Applied(Generic[T]):
    """It holds of the new run, there as `value`."""

    value: T


@dataclass(frozen=True)
class AlreadyTrue:
    """The new run says so by itself: there is nothing to apply."""


@dataclass(frozen=True)
class Rejected:
    """It cannot be said of the new run, and why, as words to show."""

    reason: str


@dataclass(frozen=True, eq=False)
class RunTracks:
    """The tracks of a run by camera, and which clip each camera saw."""

    tracks: Mapping[str, Tracks]
    digests: Mapping[str, str]

    def camera_of(self, camera: str, digest: str) -> str:
        """The camera that saw that clip; the one called `camera` where several did. Empty where none did."""
        saw = [name for name, seen in self.digests.items() if seen == digest]
        return camera if camera in saw else saw[0] if saw else ""

    def cut(self, moments: Iterable[CutPoint]) -> tuple[list[Cut], RunTracks]:
        """The cuts, and the tracks as they are after them."""
        cuts = number_cuts(moments, self.tracks, sorted(self.tracks))
        parts = {
            camera: split_tracks(found, [cut for cut in cuts if cut.camera == camera])
            for camera, found in self.tracks.items()
        }
        return cuts, RunTracks(parts, self.digests)

    def same_as(self, other: RunTracks) -> bool:
        """Whether both hold the same boxes under the same names."""
        return dict(self.digests) == dict(other.digests) and all(
            len(a) == len(b)
            and np.array_equal(a.track, b.track)
            and np.array_equal(a.frame, b.frame)
            and np.array_equal(a.xyxy, b.xyxy)
            for a, b in ((self.tracks[name], other.tracks[name]) for name in self.tracks)
        )


def run_tracks(out: Path) -> RunTracks:
    """Those of the run in folder `out`."""
    there = {name: about for name, about in read_record(out)["cameras"].items() if "failed" not in about}
    tracks = {name: load_tracks(out, name) for name in there}
    return RunTracks(tracks, {name: str(about["digest"]) for name, about in there.items()})


@dataclass(frozen=True)
class TrackMapping:
    """`targets` names the track that takes the place of each old one; `reasons` says of the others why none does.

    `dominant_source` is, for each of the new ones, the old one with most of its boxes.
    """

    targets: Mapping[TrackKey, TrackKey]
    dominant_source: Mapping[TrackKey, TrackKey]
    reasons: Mapping[TrackKey, str]

    def target_of(self, sight: TrackKey) -> Applied[TrackKey] | Rejected:
        """The track that takes its place, or why none does."""
        if sight in self.targets:
            return Applied(self.targets[sight])
        camera, track = sight
        return Rejected(self.reasons.get(sight, f"track {track} of {camera} is not in the run"))

    def targets_of(self, a: TrackKey, b: TrackKey) -> Applied[tuple[TrackKey, TrackKey]] | Rejected:
        """The tracks that take the places of both, or why one of them has none."""
        first, second = self.target_of(a), self.target_of(b)
        if isinstance(first, Rejected):
            return first
        return second if isinstance(second, Rejected) else Applied((first.value, second.value))


def map_tracks(old: RunTracks, new: RunTracks, joined: Iterable[frozenset[TrackKey]] = ()) -> TrackMapping:
    """Tracks that became one hand over where they are `joined`; else only the longest does."""
    group = {sight: number for number, sights in enumerate(joined) for sight in sights}
    targets: dict[TrackKey, TrackKey] = {}
    dominant: dict[TrackKey, TrackKey] = {}
    reasons: dict[TrackKey, str] = {}
    for camera, before in old.tracks.items():
        name = new.camera_of(camera, old.digests[camera])
        if not name:
            reason = f"the clip of camera {camera} is not in the run"
            reasons |= {(camera, number): reason for number in np.unique(before.track).tolist()}
            continue
        for old_track, new_track in _best(shared(before, new.tracks[name])):
            source = camera, old_track
            first = dominant.setdefault((name, new_track), source)
            if first == source or group.get(source, -1) == group.get(first, -2):
                targets[source] = name, new_track
            else:
                reasons[source] = f"track {old_track} of {camera} is one with track {first[1]} now"
    return TrackMapping(targets, dominant, reasons)


def _best(found: Shared) -> list[tuple[int, int]]:
    """Each old track and the new one that has most of its boxes, those that share most first."""
    order = np.lexsort((found.other, -found.boxes, found.one))
    best = found[order[np.flatnonzero(np.diff(found.one[order], prepend=-1))]]
    best = best[best.boxes >= MOST * np.minimum(best.of_one, best.of_other)]
    best = best[np.argsort(-best.boxes, kind="stable")]
    return list(zip(best.one.tolist(), best.other.tolist(), strict=True))


def place_cut(link: Link, old: RunTracks, new: RunTracks) -> Applied[CutPoint] | AlreadyTrue | Rejected:
    """Where a cut falls in the new run: on the track that has most boxes of the old one, some on either side."""
    camera, track, seconds = link["camera"], int(link["track"]), float(link["seconds"])
    name = new.camera_of(camera, old.digests.get(camera, "?"))
    if not name:
        return Rejected(f"the clip of camera {camera} is not in the run")
    before, now = old.tracks[camera], new.tracks[name]
    whole = before[before.track == track]
    rows, new_rows = same_boxes(whole, now)
    after = np.round(whole.seconds[rows], 3) >= round(seconds, 3)
    numbers, place, count = np.unique(now.track[new_rows], return_inverse=True, return_counts=True)
    later = np.bincount(place[after], minlength=len(numbers))
    on_both_sides = (later > 0) & (later < count)
    if not len(numbers):
        return Rejected(f"track {track} of {camera} is not in the run")
    if not on_both_sides.any():
        return AlreadyTrue()
    return Applied(CutPoint(name, int(numbers[np.argmax(np.where(on_both_sides, count, 0))]), seconds))
