"""A finished run without some of its tracks, in another folder, as if nobody had found them.

Boxes, vectors, colours, crops and tables are those of the tracks that stay, and these keep their numbers. Where a track
was cut by hand and one part of it goes, what stays is described anew from the crops that stay. Cuts are not carried
out: they are decisions of a review, which is applied again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.base.types import Bools, Ints, Tracks
from core.runs.crop_stage import mean_appearance
from core.runs.cutting import split_tracks
from core.runs.decisions import TrackKey
from core.runs.evidence import CROPS_FOLDER, Crops, Cut, Evidence, save_evidence
from core.runs.record import CameraRecord, RunRecord, read_record, save_record
from core.runs.tables import load_all_tracks, load_timelines, spans, write_frames, write_parquet
from core.runs.who_is_who import decide, run_prior, write_tables
from core.vision.camera_overlap import Walks
from core.vision.match import Presence, subtract_mean
from core.vision.mot import write_tracks
from core.vision.regions import Regions, write_trail

T = TypeVar("T", Crops, Walks, Presence)


@dataclass(frozen=True, eq=False)
class ErasedTracks:
    """What a run without some tracks lacks: their boxes by camera, and how many crops and vectors they had."""

    boxes: Mapping[str, Tracks]
    crops: int
    tracks: int

    def trails(self, record: RunRecord) -> dict[str, tuple[str, ...]]:
        """Where and when they were in the picture, by camera: as `Regions.left_out` has it."""
        return {name: _trails(found, record.cameras[name]) for name, found in self.boxes.items() if len(found)}


def _trails(tracks: Tracks, about: CameraRecord) -> tuple[str, ...]:
    size = about.width, about.height
    groups = (tracks[tracks.track == number] for number in np.unique(tracks.track))
    return tuple(write_trail(group.seconds, group.xyxy, *size) for group in groups)


def find_erased(out: Path, cut_evidence: Evidence, keys: Collection[TrackKey]) -> ErasedTracks:
    """What would go with the tracks `keys` of the run in folder `out`, as they are numbered in `cut_evidence`."""
    boxes = {
        name: split_tracks(tracks, _cuts_of(cut_evidence, name)) for name, tracks in _tracks_of_run(out, keys).items()
    }
    erased = {name: tracks[np.isin(tracks.track, _numbers(keys, name))] for name, tracks in boxes.items()}
    rows = [row for key, row in cut_evidence.row_of.items() if TrackKey(*key) in keys]
    return ErasedTracks(erased, int(np.isin(cut_evidence.crops.row, rows).sum()), len(rows))


def write_run_without(
    out: Path,
    to: Path,
    evidence: Evidence,
    cut_evidence: Evidence,
    keys: Collection[TrackKey],
    cameras: Sequence[str] = (),
) -> None:
    """Write the run in folder `out` to the folder `to` without the tracks `keys`, and without the `cameras`.

    `evidence` is as the run left it, `cut_evidence` as the review has cut it: the keys are numbered as there.
    """
    record, names = read_record(out), [name for name in evidence.cameras if name not in cameras]
    erased = find_erased(out, cut_evidence, keys)
    tracks = {
        name: _without(found, cut_evidence, name, keys)
        for name, found in load_all_tracks(out, record.analysed).items()
        if name not in cameras
    }
    smaller = _without_cameras(_smaller_evidence(evidence, cut_evidence, keys, tracks), names)
    (to / "tracks").mkdir(parents=True, exist_ok=True)
    write_parquet(to, tracks)
    if (out / "frames.parquet").is_file():
        write_frames(to, {name: each for name, each in load_timelines(out).items() if name not in cameras})
    for name, found in tracks.items():
        write_tracks(to / "tracks" / f"{name}.txt", found.without(record.cameras[name].objects))
    save_evidence(smaller, to)
    for crop in smaller.crops.name.tolist():
        target = to / CROPS_FOLDER / crop
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(out / CROPS_FOLDER / crop, target)
    save_record(to, _with_faces(_record_without(record, erased, tracks, cameras), smaller))
    write_tables(decide(smaller, to, run_prior(record)), to)


def _with_faces(record: RunRecord, evidence: Evidence) -> RunRecord:
    """The record, which says of how many of the tracks that stay there is no face."""
    missing = ~evidence.faces.any(axis=1)
    counts = np.bincount(evidence.tracklets.camera[missing], minlength=len(evidence.cameras)).tolist()
    abouts = dict(record.cameras)
    for name, count in zip(evidence.cameras, counts, strict=True):
        if abouts[name].faceless is not None:
            abouts[name] = replace(abouts[name], faceless=count)
    return replace(record, cameras=abouts)


def _record_without(
    record: RunRecord, erased: ErasedTracks, tracks: Mapping[str, Tracks], cameras: Sequence[str]
) -> RunRecord:
    abouts = {
        name: replace(
            about,
            tracks=len(np.unique(tracks[name].track)),
            boxes=len(tracks[name]),
            objects=tuple(number for number in about.objects if number in tracks[name].track),
        )
        if name in tracks
        else about
        for name, about in record.cameras.items()
        if name not in cameras
    }
    trails = erased.trails(record)
    regions = {name: each for name, each in (record.regions or {}).items() if name not in cameras}
    for name in set(trails) - set(cameras):
        old = regions.get(name) or Regions()
        regions[name] = replace(old, left_out=(*old.left_out, *trails[name]))
    # What two cameras or a cut said may have been about those who are gone.
    overlaps = tuple(each for each in record.same_ground or () if not set(each.cameras) & set(cameras))
    cuts = tuple(
        each
        for each in record.cut_where_views_disagree or ()
        if each.camera in tracks and {each.track, each.rest} <= set(tracks[each.camera].track.tolist())
    )
    return replace(
        record,
        cameras=abouts,
        regions=regions,
        same_ground=None if record.same_ground is None else overlaps,
        cut_where_views_disagree=None if record.cut_where_views_disagree is None else cuts,
    )


def _tracks_of_run(out: Path, keys: Collection[TrackKey]) -> dict[str, Tracks]:
    return load_all_tracks(out, sorted({key.camera for key in keys} & set(read_record(out).analysed)))


def _cuts_of(evidence: Evidence, camera: str) -> list[Cut]:
    return [each for each in evidence.cuts if each.camera == camera]


def _numbers(keys: Collection[TrackKey], camera: str) -> list[int]:
    return [key.track for key in keys if key.camera == camera]


def _without(tracks: Tracks, cut_evidence: Evidence, camera: str, keys: Collection[TrackKey]) -> Tracks:
    """The tracks of a camera, numbered as in the run, without the boxes of those that go."""
    cuts = _cuts_of(cut_evidence, camera)
    parts = split_tracks(tracks, cuts)
    parts = parts[~np.isin(parts.track, _numbers(keys, camera))]
    run_track = {each.new_track: each.track for each in cuts}
    track = np.array([run_track.get(number, number) for number in parts.track.tolist()], np.int64)
    return replace(parts, track=track)[np.lexsort((track, parts.frame))]


def _smaller_evidence(
    evidence: Evidence, cut_evidence: Evidence, keys: Collection[TrackKey], tracks: Mapping[str, Tracks]
) -> Evidence:
    row_of = evidence.row_of
    run_row = np.array(
        [*range(len(row_of)), *(row_of[each.camera, each.track] for each in cut_evidence.cuts)], np.int64
    )
    goes = np.array([TrackKey(*key) in keys for key in cut_evidence.row_of], bool)
    stays = np.zeros(len(row_of), bool)
    stays[run_row[~goes]] = True
    new_row = np.cumsum(stays) - 1
    place: Ints = np.where(goes, -1, new_row[run_row])
    crops = _placed(cut_evidence.crops, place)
    walks, presence = _placed(cut_evidence.walks, place), _placed(cut_evidence.presence, place)
    partly = np.zeros(len(row_of), bool)
    partly[run_row[goes]] = True
    smaller = replace(
        evidence,
        tracklets=evidence.tracklets[stays],
        colours=evidence.colours[stays],
        crops=crops,
        walks=walks[np.lexsort((walks.tick, walks.row))],
        presence=presence[np.lexsort((presence.first, presence.row))],
    )
    return _described_anew(smaller, partly[stays], tracks)


def _placed(table: T, place: Ints) -> T:
    """The rows of a table about tracklets that stay, with the rows that these have now."""
    row = place[table.row]
    return replace(table[row >= 0], row=row[row >= 0])


def _described_anew(evidence: Evidence, partly: Bools, tracks: Mapping[str, Tracks]) -> Evidence:
    """The evidence, in which tracklets of which a part went have the appearance and times of what is left of them."""
    rows = np.flatnonzero(partly)
    if not len(rows):
        return evidence
    crops = evidence.crops[np.isin(evidence.crops.row, rows)]
    appearance = mean_appearance(crops.row, crops.quality, crops.vector, crops.colours)
    found = evidence.tracklets
    vector, colours, start, end = found.vector.copy(), evidence.colours.copy(), found.start.copy(), found.end.copy()
    vector[rows] = subtract_mean(appearance.vector, evidence.camera_means[found.camera[rows]])
    colours[rows] = appearance.colours
    for row in rows.tolist():
        camera = int(found.camera[row])
        boxes = tracks[evidence.cameras[camera]]
        span = spans(boxes[boxes.track == found.track[row]])
        start[row], end[row] = span.first_seconds[0], span.last_seconds[0]
        start[row], end[row] = start[row] + evidence.offsets[camera], end[row] + evidence.offsets[camera]
    return replace(evidence, tracklets=replace(found, start=start, end=end, vector=vector), colours=colours)


def _without_cameras(evidence: Evidence, names: Sequence[str]) -> Evidence:
    """The evidence of these cameras alone; no tracklet is of another."""
    numbers = [evidence.cameras.index(name) for name in names]
    new_number = {old: new for new, old in enumerate(numbers)}
    camera = np.array([new_number[old] for old in evidence.tracklets.camera.tolist()], np.int64)
    overlaps = tuple(
        replace(each, camera_a=new_number[each.camera_a], camera_b=new_number[each.camera_b])
        for each in evidence.overlaps
        if {each.camera_a, each.camera_b} <= set(new_number)
    )
    return replace(
        evidence,
        cameras=tuple(names),
        offsets=evidence.offsets[numbers],
        camera_means=evidence.camera_means[numbers],
        tracklets=replace(evidence.tracklets, camera=camera),
        overlaps=overlaps,
    )
