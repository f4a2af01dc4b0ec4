"""The tracks of a run again, with other settings, and what is known of their looks: no picture is read for that.

A new track looks like the crops of the run whose boxes lie on it. Where none does, the vectors by which it was tracked
stand in: they are of whole boxes, not of the best ones, so what comes of it is near to what a run would say, not equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.ground import walks_of
from core.people.cutting import parted
from core.people.evidence import CameraEvidence, Crops, Evidence, join_cameras, tracklets_of
from core.people.views import unmixed
from core.pipeline import looks_of
from core.retrack.held import Held, Seen
from core.review.shared import same_boxes
from core.settings import TrackSettings
from core.track import track
from core.tracklets import COLOURS
from core.types import Floats, Ints, Tracks


@dataclass(frozen=True, eq=False)
class Again:
    """Tracks by camera, numbered like those of `evidence`, which is there where the run has any."""

    tracks: Mapping[str, Tracks]
    evidence: Evidence | None


def again(held: Held, settings: TrackSettings, tell: Callable[[int], None] = lambda done: None) -> Again:
    """The run in `held` with other `settings`; `tell` hears how many of its frames are done."""
    found: dict[str, Tracks] = {}
    before = 0
    for seen in held.cameras:

        def frames(done: int, before: int = before) -> None:
            tell(before + done)

        found[seen.camera] = track(
            seen.timeline, seen.detections, settings, seen.features(), seen.inside, frames, seen.size
        )
        before += len(seen.timeline)
    if held.evidence is None:
        return Again(found, None)
    evidence = unmixed(_evidence(held, held.evidence, found), found)
    cuts = {name: [one for one in evidence.cuts if one.camera == name] for name in found}
    return Again({name: parted(its, cuts[name]) for name, its in found.items()}, replace(evidence, cuts=()))


def _evidence(held: Held, old: Evidence, found: Mapping[str, Tracks]) -> Evidence:
    """What the run knew, about the tracks of now; those of which nobody knows a look are left out."""
    seen = {one.camera: one for one in held.cameras}
    parts = []
    for number, name in enumerate(old.cameras):
        tracks, offset = found[name], float(old.offsets[number])
        mine, track_of = _crops_on(old, number, held.tracks[name], tracks)
        bare = np.setdiff1d(tracks.track, track_of)
        extra, track_of_extra = _boxes_of(seen[name], tracks[np.isin(tracks.track, bare)], mine)
        mine, track_of = Crops.joined([mine, extra]), np.append(track_of, track_of_extra)
        looks = looks_of(track_of, mine.quality, mine.vector, mine.colours)
        known = tracks[np.isin(tracks.track, looks.track)]
        crops = replace(mine, row=np.searchsorted(looks.track, track_of))
        walks = walks_of(known, seen[name].size, offset)
        parts.append(CameraEvidence(tracklets_of(known, looks, offset), looks.colours, crops, walks))
    return join_cameras(old.cameras, old.offsets, parts, old.overlaps)


def _crops_on(old: Evidence, camera: int, before: Tracks, now: Tracks) -> tuple[Crops, Ints]:
    """The crops of a camera whose boxes lie on a track of now, and its number."""
    crops = old.crops[old.tracklets.camera[old.crops.row] == camera]
    rows, others = same_boxes(before, now)
    now_at = np.full(len(before) + 1, -1)  # the last one for crops of no box
    now_at[rows] = others
    at = now_at[_row_of(before, old.tracklets.track[crops.row], crops.frame)]
    return crops[at >= 0], now.track[at[at >= 0]]


def _row_of(tracks: Tracks, track: Ints, frame: Ints) -> Ints:
    """The row of the box of each `track` in each `frame`; -1 where it has none. Tracks are in order of both."""
    if not len(tracks):
        return np.full(len(track), -1)
    wide = int(max(tracks.track.max(), track.max(initial=0))) + 1
    key, wanted = tracks.frame * wide + tracks.track, frame * wide + track
    at = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    return np.where(key[at] == wanted, at, -1)


def _boxes_of(seen: Seen, tracks: Tracks, like: Crops) -> tuple[Crops, Ints]:
    """A crop without a file for each box of `tracks` of which a vector is stored, and the number of its track."""
    if not len(tracks):
        return like[:0], np.empty(0, np.int64)
    _, rows, detection = np.intersect1d(
        _names(tracks.frame, tracks.xyxy), _names(seen.detections.frame, seen.detections.xyxy), return_indices=True
    )
    in_order = np.argsort(detection)
    rows, detection = rows[in_order], detection[in_order]
    at, vectors = [np.empty(0, np.int64)], [np.empty((0, like.vector.shape[1]), np.float32)]
    for chunk in seen.features():
        _, mine, its = np.intersect1d(detection, chunk.detection, assume_unique=True, return_indices=True)
        at.append(rows[mine])
        vectors.append(chunk.vector[its])
    row = np.concatenate(at)
    own, plain = tracks[row], np.full((len(row), 2, len(COLOURS)), 1 / len(COLOURS), np.float16)
    names = np.full(len(row), "", like.name.dtype)
    crops = Crops(row, own.frame, own.seconds, own.score, names, np.concatenate(vectors).astype(np.float16), plain)
    return crops, own.track


def _names(frame: Ints, xyxy: Floats) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """One value per box, equal for equal boxes of one frame."""
    columns = np.ascontiguousarray(np.column_stack([frame.astype(np.float64), xyxy.astype(np.float64)]))
    return columns.view(np.dtype((np.void, columns.itemsize * columns.shape[1]))).ravel()
