"""Cutting a track that mixed two people into two tracklets.

Only the loaded evidence is cut; the files of the run stay as they are. Each part gets the crops and boxes on its side
of the cut, and its vector, colours and times are computed from them. Moments are compared to the millisecond, as tables
write them, and a box at the moment of the cut belongs to the later part. A part without a crop would have no vector, so
such a cut is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple, NoReturn

import numpy as np

from core.base.errors import SettingsError
from core.base.types import Ints, Seconds, Tracklets, Tracks
from core.runs.crop_stage import mean_appearance
from core.runs.evidence import Cut, Evidence
from core.runs.tables import spans
from core.vision.camera_overlap import TICK_SECONDS, Walks
from core.vision.match import Presence, find_presence, subtract_mean


class CutPoint(NamedTuple):
    """Where to cut a track, in seconds of its camera's clip."""

    camera: str
    track: int
    seconds: float


def cut(evidence: Evidence, points: Iterable[CutPoint], tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with the tracks cut at `points`; `tracks` are the run's, of each camera in which a track is cut.

    New parts get the numbers after the highest track of their camera, by track and time. Their rows follow all others.
    """
    cuts = _validate_cuts(evidence, points, tracks)
    if not cuts:
        return evidence
    row_of, count = evidence.row_of, len(evidence.tracklets)
    cut_rows = np.array([row_of[each.camera, each.track] for each in cuts])
    # Each new part starts as a copy of the row that is cut.
    source_row = np.append(np.arange(count), cut_rows)
    parts = np.unique(np.append(cut_rows, np.arange(count, len(source_row))))
    crops = replace(evidence.crops, row=_sides(evidence, cuts, cut_rows))
    part_crops = crops[np.isin(crops.row, parts)]
    appearance = mean_appearance(part_crops.row, part_crops.quality, part_crops.vector, part_crops.colours)
    colours = evidence.colours[source_row]
    colours[parts] = appearance.colours
    columns = {f.name: getattr(evidence.tracklets, f.name)[source_row] for f in fields(Tracklets)}
    columns["track"][count:] = [each.new_track for each in cuts]
    columns["vector"][parts] = subtract_mean(appearance.vector, evidence.camera_means[columns["camera"][parts]])
    split = {
        name: split_tracks(tracks[name], [c for c in cuts if c.camera == name]) for name in {c.camera for c in cuts}
    }
    times_of = _track_times(split)
    for part in parts:
        camera = columns["camera"][part]
        times = times_of[evidence.cameras[camera], int(columns["track"][part])]
        columns["start"][part], columns["end"][part] = np.array(times) + evidence.offsets[camera]
    walks = _walks(evidence, cuts, cut_rows)
    tracklets = Tracklets(**columns)
    parts_of_run = replace(evidence, tracklets=tracklets, colours=colours, crops=crops, walks=walks, cuts=tuple(cuts))
    return replace(parts_of_run, presence=_presence(parts_of_run, parts, split))


def _presence(evidence: Evidence, parts: Ints, split: Mapping[str, Tracks]) -> Presence:
    """The frames in which each tracklet was seen: found anew for the `parts` in the `split` tracks of their cameras."""
    presence = evidence.presence
    if not len(presence):
        return presence
    found = [presence[~np.isin(presence.row, parts)]]
    for name, tracks in split.items():
        rows = parts[evidence.tracklets.camera[parts] == evidence.cameras.index(name)]
        rows = rows[np.argsort(evidence.tracklets.track[rows])]
        of_camera = find_presence(tracks, evidence.tracklets.track[rows])
        found.append(replace(of_camera, row=rows[of_camera.row]))
    return Presence.concatenate(found)


def _walks(evidence: Evidence, cuts: Sequence[Cut], cut_rows: Ints) -> Walks:
    """The footpaths, with the row of the part that each tick belongs to."""
    walks, row = evidence.walks, evidence.walks.row.copy()
    for new, (each, old) in enumerate(zip(cuts, cut_rows, strict=True), len(evidence.tracklets)):
        offset = evidence.offsets[evidence.tracklets.camera[old]]
        row[(walks.row == old) & each.is_after(walks.tick * TICK_SECONDS - offset)] = new
    return replace(walks, row=row)[np.lexsort((walks.tick, row))]


def _sides(evidence: Evidence, cuts: Sequence[Cut], cut_rows: Ints) -> Ints:
    """The row of the part that each crop belongs to; a part without any crop is an error."""
    crops, count = evidence.crops, len(evidence.tracklets)
    row = crops.row.copy()
    for new, (each, old) in enumerate(zip(cuts, cut_rows, strict=True), count):
        row[(crops.row == old) & each.is_after(crops.seconds)] = new
    for new, (each, old) in enumerate(zip(cuts, cut_rows, strict=True), count):
        if not (np.any(row == new) and np.any(row == old)):
            _reject_cut(each, np.unique(np.round(crops.seconds[crops.row == old], 3)))
    return row


def split_tracks(tracks: Tracks, cuts: Iterable[Cut]) -> Tracks:
    """The tracks of one camera with the numbers that they have after its cuts, given in order of time."""
    track = tracks.track.copy()
    for each in cuts:
        track[(tracks.track == each.track) & each.is_after(tracks.seconds)] = each.new_track
    return replace(tracks, track=track)[np.lexsort((track, tracks.frame))]


def number_cuts(points: Iterable[CutPoint], tracks: Mapping[str, Tracks], cameras: Sequence[str]) -> list[Cut]:
    """The cuts in order of camera (as in `cameras`), track and time.

    New parts are numbered in this order, from the number after the highest track of their camera.
    """
    highest = {camera: int(found.track.max(initial=0)) for camera, found in tracks.items()}
    cuts = []
    for camera, track, seconds in sorted(points, key=lambda point: (cameras.index(point[0]), *point[1:])):
        highest[camera] += 1
        cuts.append(Cut(camera, track, seconds, highest[camera]))
    return cuts


def adjacent_parts(cuts: Iterable[Cut]) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Camera and track of the two parts on either side of each cut."""
    part_before: dict[tuple[str, int], int] = {}
    for each in cuts:
        yield (each.camera, part_before.get((each.camera, each.track), each.track)), (each.camera, each.new_track)
        part_before[each.camera, each.track] = each.new_track


def _validate_cuts(evidence: Evidence, points: Iterable[CutPoint], tracks: Mapping[str, Tracks]) -> list[Cut]:
    named, row_of = [CutPoint(*point) for point in points], evidence.row_of
    if named and not evidence.has_times:
        raise SettingsError(
            "these pictures have no times, so a track cannot be cut", "Sort the pictures of each person into a folder."
        )
    for camera, track, _ in named:
        if (camera, track) not in row_of:
            raise SettingsError(
                f"there is no track {track} of camera {camera} to cut",
                "Use the track's number in tracks/, also if you cut it more than once.",
            )
    return number_cuts(named, tracks, evidence.cameras)


def _reject_cut(cut_point: Cut, seconds: Seconds) -> NoReturn:
    """Raise for a cut that leaves a part without a crop; `seconds` are the moments of all crops of the track."""
    message = f"track {cut_point.track} of camera {cut_point.camera} cannot be cut at {cut_point.seconds:g} seconds"
    if len(seconds) == 1:
        raise SettingsError(f"{message}: all its pictures are of one moment", "Remove this cut.")
    raise SettingsError(
        f"{message}: one part would have no picture",
        f"Cut after {seconds[0]:.3f} and up to {seconds[-1]:.3f}. Each part needs a picture; the pictures are at "
        f"{', '.join(f'{moment:.3f}' for moment in seconds)}.",
    )


def _track_times(split: Mapping[str, Tracks]) -> dict[tuple[str, int], tuple[float, float]]:
    """First and last second (of the clip) of each track in the cameras that are cut, by camera and track."""
    times_of: dict[tuple[str, int], tuple[float, float]] = {}
    for camera, tracks in split.items():
        span = spans(tracks)
        times = zip(span.first_seconds.tolist(), span.last_seconds.tolist(), strict=True)
        times_of |= {(camera, number): time for number, time in zip(span.track.tolist(), times, strict=True)}
    return times_of
