"""Which track of a new run corresponds to each track of an old run, found by the boxes that they share.

Clips are known by their content, so a renamed camera is recognised. Each old track maps to the new track with which it
shares most boxes, and each new track has one dominant source, the old track from which it has most boxes. Where an old
track was split in two, the longer part counts.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from core.base.types import Ints, Table, Tracks
from core.machine.artifacts import read_arrays
from core.machine.paths import write_atomically
from core.machine.records import DAMAGE
from core.runs import Cut, CutPoint, Link, TrackKey, load_all_tracks, number_cuts, read_record, split_tracks

MIN_IOU = 0.5
"""Overlap (IoU) from which two boxes of one frame are taken to be of the same person."""
MIN_SHARED = 0.5
"""Fraction of the shorter track's boxes that two tracks must share to be taken for the same person's."""
_PAIRS_PER_BLOCK = 1 << 21
_DIGEST_LENGTH = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Applied(Generic[T]):
    """The decision holds in the new run, there as `value`."""

    value: T


@dataclass(frozen=True)
class AlreadyTrue:
    """The new run is so by itself: there is nothing to apply."""


@dataclass(frozen=True)
class Rejected:
    """The decision cannot be applied to the new run; `reason` is shown to the user."""

    reason: str


@dataclass(frozen=True, eq=False)
class SharedBoxes(Table):
    """One row per pair of tracks, `first` and `second`, that share `boxes`.

    `boxes_of_first` and `boxes_of_second` count all boxes of the tracks.
    """

    first: Ints
    second: Ints
    boxes: Ints
    boxes_of_first: Ints
    boxes_of_second: Ints

    def __post_init__(self) -> None:
        column = (np.int64, ())
        self._validate_columns(first=column, second=column, boxes=column, boxes_of_first=column, boxes_of_second=column)

    @property
    def boxes_of_shorter(self) -> Ints:
        return np.minimum(self.boxes_of_first, self.boxes_of_second)


@dataclass(frozen=True, eq=False)
class RunTracks:
    """The tracks of a run and the digest of the clip, both by camera; of a clip of several recordings, that of the
    first one, so that decisions hold when another one is added."""

    tracks: Mapping[str, Tracks]
    digests: Mapping[str, str]

    @cached_property
    def digest(self) -> str:
        """A digest of the clips, the boxes and the numbers of the tracks."""
        content = hashlib.sha256()
        for camera in sorted(self.tracks):
            tracks = self.tracks[camera]
            content.update(f"{camera}\n{self.digests[camera]}\n{len(tracks)}\n".encode())
            for column in (tracks.frame, tracks.track, tracks.xyxy):
                content.update(column.tobytes())
        return content.hexdigest()[:_DIGEST_LENGTH]

    def camera_of(self, camera: str, digest: str) -> Applied[str] | Rejected:
        """The camera with that clip; if several have it, the one that is called `camera`."""
        candidates = [name for name, found in self.digests.items() if found == digest]
        if not candidates:
            return Rejected(f"the clip of camera {camera} is not in this run")
        return Applied(camera if camera in candidates else candidates[0])

    def cut(self, points: Iterable[CutPoint]) -> tuple[list[Cut], RunTracks]:
        """The numbered cuts, and the tracks after them."""
        cuts = number_cuts(points, self.tracks, sorted(self.tracks))
        parts = {
            camera: split_tracks(tracks, [cut for cut in cuts if cut.camera == camera])
            for camera, tracks in self.tracks.items()
        }
        return cuts, RunTracks(parts, self.digests)

    def same_as(self, reference: RunTracks) -> bool:
        """Whether both hold the same boxes with the same track numbers."""
        return dict(self.digests) == dict(reference.digests) and all(
            len(a) == len(b)
            and np.array_equal(a.track, b.track)
            and np.array_equal(a.frame, b.frame)
            and np.array_equal(a.xyxy, b.xyxy)
            for a, b in ((self.tracks[name], reference.tracks[name]) for name in self.tracks)
        )


_DIGEST = re.compile(r"[0-9a-f]+")


@dataclass(frozen=True)
class StoredTracks:
    """The tracks that decisions are about, in a folder of the case: `<digest>.npz`.

    Runs can be removed, and a run that is repeated can have other tracks.
    """

    folder: Path

    def has(self, digest: str) -> bool:
        return bool(_DIGEST.fullmatch(digest)) and (self.folder / f"{digest}.npz").is_file()

    def save(self, tracks: RunTracks) -> None:
        if self.has(tracks.digest):
            return
        cameras = list(tracks.tracks)
        arrays = {
            "cameras": np.array(cameras, str),
            "digests": np.array([tracks.digests[name] for name in cameras], str),
        }
        for number, name in enumerate(cameras):
            of_camera = tracks.tracks[name]
            arrays |= {f"{column}{number}": getattr(of_camera, column) for column in _STORED_COLUMNS}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        write_atomically(self.folder / f"{tracks.digest}.npz", buffer.getvalue())

    def load(self, digest: str) -> RunTracks | None:
        """The tracks with this digest; None if they are not here, or cannot be read."""
        if not self.has(digest):
            return None
        try:
            file = read_arrays(self.folder / f"{digest}.npz")
            cameras = file["cameras"].tolist()
            tracks = {name: _read_stored(file, number) for number, name in enumerate(cameras)}
            return RunTracks(tracks, dict(zip(cameras, file["digests"].tolist(), strict=True)))
        except (OSError, *DAMAGE):
            return None

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove the tracks that nothing is about any more."""
        names = {f"{digest}.npz" for digest in digests}
        for path in self.folder.glob("*.npz"):
            if path.name not in names:
                path.unlink(missing_ok=True)


_STORED_COLUMNS = ("frame", "seconds", "track", "xyxy")


def _read_stored(file: Mapping[str, Any], number: int) -> Tracks:
    frame, seconds, track, xyxy = (file[f"{column}{number}"] for column in _STORED_COLUMNS)
    return Tracks(frame, seconds, track, xyxy, np.zeros(len(frame)), np.ones(len(frame)))  # type: ignore[arg-type]


@dataclass(frozen=True)
class TrackMapping:
    """The new track of each old track in `targets`; why an old track has none in `reasons`.

    `dominant_source` is the old track from which a new track has most of its boxes.
    """

    targets: Mapping[TrackKey, TrackKey]
    dominant_source: Mapping[TrackKey, TrackKey]
    reasons: Mapping[TrackKey, str]

    def target_of(self, key: TrackKey) -> Applied[TrackKey] | Rejected:
        if key in self.targets:
            return Applied(self.targets[key])
        return Rejected(self.reasons.get(key, _missing_track(*key)))

    def targets_of(self, a: TrackKey, b: TrackKey) -> Applied[tuple[TrackKey, TrackKey]] | Rejected:
        """The new tracks of both, or why the first of them that has none has none."""
        first, second = self.target_of(a), self.target_of(b)
        if isinstance(first, Rejected):
            return first
        return second if isinstance(second, Rejected) else Applied((first.value, second.value))


def load_run_tracks(out: Path) -> RunTracks:
    """The tracks of the run in folder `out`."""
    cameras = read_record(out).analysed
    tracks = load_all_tracks(out, cameras)
    return RunTracks(tracks, {name: about.first_digest for name, about in cameras.items()})


def map_tracks(old: RunTracks, new: RunTracks, joined: Iterable[frozenset[TrackKey]] = ()) -> TrackMapping:
    """The mapping from old to new tracks.

    Where several old tracks became one, only the one with most boxes maps to it, and those that are `joined` with that.
    """
    group_of = {key: number for number, keys in enumerate(joined) for key in keys}
    targets: dict[TrackKey, TrackKey] = {}
    dominant: dict[TrackKey, TrackKey] = {}
    reasons: dict[TrackKey, str] = {}
    for camera, old_tracks in old.tracks.items():
        new_camera = new.camera_of(camera, old.digests[camera])
        if isinstance(new_camera, Rejected):
            numbers = np.unique(old_tracks.track).tolist()
            reasons |= {TrackKey(camera, number): new_camera.reason for number in numbers}
            continue
        for old_number, new_number in best_targets(count_shared_boxes(old_tracks, new.tracks[new_camera.value])):
            source, target = TrackKey(camera, old_number), TrackKey(new_camera.value, new_number)
            first = dominant.setdefault(target, source)
            if first == source or group_of.get(source, -1) == group_of.get(first, -2):
                targets[source] = target
            else:
                reasons[source] = f"tracks {old_number} and {first.track} of {camera} are one track in this run"
    return TrackMapping(targets, dominant, reasons)


def best_targets(shared: SharedBoxes) -> list[tuple[int, int]]:
    """Each old track with the new track that has most of its boxes; those that share most come first."""
    order = np.lexsort((shared.second, -shared.boxes, shared.first))
    best = shared[order[np.flatnonzero(np.diff(shared.first[order], prepend=-1))]]
    best = best[best.boxes >= MIN_SHARED * best.boxes_of_shorter]
    best = best[np.argsort(-best.boxes, kind="stable")]
    return list(zip(best.first.tolist(), best.second.tolist(), strict=True))


def map_cut(link: Link, old: RunTracks, new: RunTracks) -> Applied[CutPoint] | AlreadyTrue | Rejected:
    """Where a cut falls in the new run: on the track with most boxes of the old one, some of them on each side.

    Already true if no new track has boxes on both sides.
    """
    camera, track, seconds = link.cut_point
    new_camera = new.camera_of(camera, old.digests.get(camera, "?"))
    if isinstance(new_camera, Rejected):
        return new_camera
    old_tracks, new_tracks = old.tracks[camera], new.tracks[new_camera.value]
    cut_track = old_tracks[old_tracks.track == track]
    rows, new_rows = match_boxes(cut_track, new_tracks)
    is_later = np.round(cut_track.seconds[rows], 3) >= round(seconds, 3)
    numbers, place, count = np.unique(new_tracks.track[new_rows], return_inverse=True, return_counts=True)
    later_count = np.bincount(place[is_later], minlength=len(numbers))
    on_both_sides = (later_count > 0) & (later_count < count)
    if not len(numbers):
        return Rejected(_missing_track(camera, track))
    if not on_both_sides.any():
        return AlreadyTrue()
    number = int(numbers[np.argmax(np.where(on_both_sides, count, 0))])
    return Applied(CutPoint(new_camera.value, number, seconds))


def _missing_track(camera: str, track: int) -> str:
    return f"track {track} of {camera} is not in this run"


def count_shared_boxes(first: Tracks, second: Tracks, matched: tuple[Ints, Ints] | None = None) -> SharedBoxes:
    """Every pair of tracks that shares a box, in order of both numbers. Both are tracks of the same clip.

    `matched` are their matching boxes, where `match_boxes` has found them already.
    """
    rows, second_rows = matched or match_boxes(first, second)
    numbers = np.stack([first.track[rows], second.track[second_rows]], axis=1)
    pairs, boxes = np.unique(numbers, axis=0, return_counts=True)
    a, b = pairs[:, 0], pairs[:, 1]
    return SharedBoxes(a, b, boxes, _count_boxes(first.track, a), _count_boxes(second.track, b))


def match_boxes(first: Tracks, second: Tracks) -> tuple[Ints, Ints]:
    """The rows of matching boxes in both, (k,) each: of one frame, overlapping by `MIN_IOU`, each the other's best."""
    parts = [np.empty((2, 0), np.int64)]
    begin, end = np.searchsorted(second.frame, first.frame, "left"), np.searchsorted(second.frame, first.frame, "right")
    pairs_up_to = np.cumsum(end - begin)
    at = 0
    while at < len(first):
        # A block ends with a frame: the best match of a box is looked for among all boxes of the frame.
        pairs_before = pairs_up_to[at - 1] if at else 0
        stop = max(int(np.searchsorted(pairs_up_to, pairs_before + _PAIRS_PER_BLOCK)), at + 1)
        stop = int(np.searchsorted(first.frame, first.frame[min(stop, len(first)) - 1], "right"))
        parts.append(_match_block(first, second, np.arange(at, stop), begin[at:stop], end[at:stop]))
        at = stop
    rows, second_rows = np.concatenate(parts, axis=1)
    return rows, second_rows


def _match_block(first: Tracks, second: Tracks, rows: Ints, begin: Ints, end: Ints) -> Ints:
    """Matching rows (2, k) among `rows` of `first`; row n is compared with rows `begin[n]` to `end[n]` of `second`."""
    count = end - begin
    left = np.repeat(rows, count)
    right = np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(begin, count)
    a, b = first.xyxy[left].astype(np.float64), second.xyxy[right].astype(np.float64)
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    intersection = np.clip(sides, 0, None).prod(axis=1)
    union = (a[:, 2:] - a[:, :2]).prod(axis=1) + (b[:, 2:] - b[:, :2]).prod(axis=1) - intersection
    iou = intersection / np.maximum(union, 1e-9)
    candidates = np.flatnonzero(iou >= MIN_IOU)
    left, right, iou = left[candidates], right[candidates], iou[candidates]
    times_best = np.zeros(len(left), np.int64)
    for box in (left, right):
        # Equal overlaps: the lower row comes first.
        order = np.lexsort((left, right, -iou, box))
        times_best[order[np.flatnonzero(np.diff(box[order], prepend=-1))]] += 1
    return np.stack([left[times_best == 2], right[times_best == 2]])


def _count_boxes(track: Ints, numbers: Ints) -> Ints:
    """How often each of `numbers` occurs in `track`."""
    unique, count = np.unique(track, return_counts=True)
    return count[np.searchsorted(unique, numbers)]
