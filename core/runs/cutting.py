"""A track that mixed two people, cut at a moment that somebody names: its sides are two tracklets from then on.

Cuts what was loaded, never what a run left. Each side has the crops, and with them the looks, and the boxes, and with
them the times, that lie on it. Moments are read as tables write them, to the millisecond; what is seen at the very
moment lies after it. A side that has no crop would look like nobody: such cuts are refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import NamedTuple, NoReturn

import numpy as np

from core.base.errors import SettingsError
from core.base.types import Ints, Seconds, Tracklets, Tracks
from core.runs.crop_stage import mean_appearance
from core.runs.evidence import Cut, Evidence
from core.runs.record import spans
from core.vision.camera_overlap import TICK_SECONDS, Walks
from core.vision.match import subtract_mean


class CutPoint(NamedTuple):
    """A moment of a track at which it may be cut, in seconds of its camera's clip."""

    camera: str
    track: int
    seconds: float


def cut(evidence: Evidence, moments: Iterable[CutPoint], tracks: Mapping[str, Tracks]) -> Evidence:
    """`evidence` with `cuts`, in order of camera, track and time; `tracks` are the run's, of each camera that is cut.

    New parts are numbered on from the highest track of their camera and stand at the end.
    """
    cuts = _validate_cuts(evidence, moments, tracks)
    if not cuts:
        return evidence
    row_of, count = evidence.row_of, len(evidence.tracklets)
    whole = np.array([row_of[one.camera, one.track] for one in cuts])
    # A new part begins as a copy of its whole.
    longer = np.append(np.arange(count), whole)
    parts = np.unique(np.append(whole, np.arange(count, len(longer))))
    crops = replace(evidence.crops, row=_sides(evidence, cuts, whole))
    mine = crops[np.isin(crops.row, parts)]
    looks = mean_appearance(mine.row, mine.quality, mine.vector, mine.colours)
    colours = evidence.colours[longer]
    colours[parts] = looks.colours
    columns = {f.name: getattr(evidence.tracklets, f.name)[longer] for f in fields(Tracklets)}
    columns["track"][count:] = [one.new_track for one in cuts]
    columns["vector"][parts] = subtract_mean(looks.vector, evidence.camera_means[columns["camera"][parts]])
    seen = _track_times(cuts, tracks)
    for part in parts:
        place = columns["camera"][part]
        times = seen[evidence.cameras[place], int(columns["track"][part])]
        columns["start"][part], columns["end"][part] = np.array(times) + evidence.offsets[place]
    walks = _walks(evidence, cuts, whole)
    tracklets = Tracklets(**columns)
    return replace(evidence, tracklets=tracklets, colours=colours, crops=crops, walks=walks, cuts=tuple(cuts))


def _walks(evidence: Evidence, cuts: Sequence[Cut], whole: Ints) -> Walks:
    """Where each part stood."""
    walks, row = evidence.walks, evidence.walks.row.copy()
    for new, (one, old) in enumerate(zip(cuts, whole, strict=True), len(evidence.tracklets)):
        offset = evidence.offsets[evidence.tracklets.camera[old]]
        row[(walks.row == old) & one.is_after(walks.tick * TICK_SECONDS - offset)] = new
    return replace(walks, row=row)[np.lexsort((walks.tick, row))]


def _sides(evidence: Evidence, cuts: Sequence[Cut], whole: Ints) -> Ints:
    """The row of each crop among all parts, of which each has one."""
    crops, count = evidence.crops, len(evidence.tracklets)
    row = crops.row.copy()
    for new, (one, old) in enumerate(zip(cuts, whole, strict=True), count):
        row[(crops.row == old) & one.is_after(crops.seconds)] = new
    for new, (one, old) in enumerate(zip(cuts, whole, strict=True), count):
        if not (np.any(row == new) and np.any(row == old)):
            _reject_cut(one, np.unique(np.round(crops.seconds[crops.row == old], 3)))
    return row


def split_tracks(tracks: Tracks, cuts: Iterable[Cut]) -> Tracks:
    """The tracks of one camera, numbered as they are after its cuts, which rise in time."""
    track = tracks.track.copy()
    for one in cuts:
        track[(tracks.track == one.track) & one.is_after(tracks.seconds)] = one.new_track
    return replace(tracks, track=track)[np.lexsort((track, tracks.frame))]


def number_cuts(moments: Iterable[CutPoint], tracks: Mapping[str, Tracks], cameras: Sequence[str]) -> list[Cut]:
    """A cut at each moment, by camera (in the order of `cameras`), track and time.

    New parts are numbered in this order, each on from the highest track of its camera.
    """
    highest = {camera: int(found.track.max(initial=0)) for camera, found in tracks.items()}
    cuts = []
    for camera, track, seconds in sorted(moments, key=lambda moment: (cameras.index(moment[0]), *moment[1:])):
        highest[camera] += 1
        cuts.append(Cut(camera, track, seconds, highest[camera]))
    return cuts


def adjacent_parts(cuts: Iterable[Cut]) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Camera and track of what lies on either side of each cut."""
    before: dict[tuple[str, int], int] = {}
    for one in cuts:
        yield (one.camera, before.get((one.camera, one.track), one.track)), (one.camera, one.new_track)
        before[one.camera, one.track] = one.new_track


def _validate_cuts(evidence: Evidence, moments: Iterable[CutPoint], tracks: Mapping[str, Tracks]) -> list[Cut]:
    said, known = [CutPoint(*moment) for moment in moments], evidence.row_of
    if said and not evidence.has_times:
        raise SettingsError(
            "nobody knows when these pictures were taken, so there is no moment to cut at", "Sort them into folders."
        )
    for camera, track, _ in said:
        if (camera, track) not in known:
            raise SettingsError(
                f"there is no track {track} of camera {camera} to cut",
                "A cut names a track as the run numbered it in tracks/, also where it is cut more than once.",
            )
    return number_cuts(said, tracks, evidence.cameras)


def _reject_cut(one: Cut, seconds: Seconds) -> NoReturn:
    """It leaves a part without a crop; `seconds` are the moments of all crops of the track."""
    message = f"track {one.track} of camera {one.camera} cannot be cut at {one.seconds:g} seconds"
    if len(seconds) == 1:
        raise SettingsError(f"{message}: all its pictures are of one moment", "Leave this cut out.")
    raise SettingsError(
        f"{message}: a part of it would have no picture",
        f"Cut after {seconds[0]:.3f} and up to {seconds[-1]:.3f}. Each part needs one of its pictures, which are at "
        f"{', '.join(f'{moment:.3f}' for moment in seconds)}.",
    )


def _track_times(cuts: Iterable[Cut], tracks: Mapping[str, Tracks]) -> dict[tuple[str, int], tuple[float, float]]:
    """When each track of the cameras that are cut is first and last seen, in seconds of the clip."""
    own: dict[str, list[Cut]] = {}
    for one in cuts:
        own.setdefault(one.camera, []).append(one)
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for camera, its in own.items():
        span = spans(split_tracks(tracks[camera], its))
        times = zip(span.first_seconds.tolist(), span.last_seconds.tolist(), strict=True)
        found |= {(camera, number): time for number, time in zip(span.track.tolist(), times, strict=True)}
    return found
