"""Carrying the numbers of people over to another run, by the boxes that both runs share.

A number lies at a moment of a track, and stands for the boxes of that track from there to the next number in it. It
goes to the new track that has most of these boxes, and lies at the first of them: where several tracks became one, each
number still has the boxes of its person, and finds them again when a later run separates them. The first number in a
track lies at its beginning. Where no track has the boxes, a number is kept as absent, with the digest of the tracks
that it lies in, and tried again with later runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core.base.types import Ints, Tracks
from core.review.history import AbsentNumber
from core.review.track_mapping import Rejected, RunTracks, best_targets, count_shared_boxes, match_boxes
from core.runs import CutPoint, PersonNumber


class MigratedNumbers(NamedTuple):
    """The numbers that lie in the new run, and those of people who are not in it."""

    numbers: tuple[PersonNumber, ...]
    absent: tuple[AbsentNumber, ...]


def migrate_numbers(
    numbers: Iterable[AbsentNumber],
    tracks_of: Callable[[str], RunTracks | None],
    new: RunTracks,
    cuts: Iterable[CutPoint] = (),
) -> MigratedNumbers:
    """Where `numbers` lie among the tracks `new` after `cuts`; `tracks_of` finds the tracks with a digest."""
    by_tracks: dict[str, list[PersonNumber]] = {}
    for digest, number in numbers:
        by_tracks.setdefault(digest, []).append(number)
    made, parts = new.cut(cuts)
    run_track = {(each.camera, each.new_track): each.track for each in made}
    found: dict[int, PersonNumber] = {}
    absent: list[AbsentNumber] = []
    for digest, old_numbers in by_tracks.items():
        old = tracks_of(digest)
        if old is not None:
            found |= {each.number: each for each in _place_numbers(old_numbers, old, parts)}
        absent += [AbsentNumber(digest, each) for each in old_numbers if each.number not in found]
    begun = _from_the_beginning(found.values(), parts)
    placed = (each._replace(track=run_track.get((each.camera, each.track), each.track)) for each in begun)
    return MigratedNumbers(tuple(sorted(placed)), tuple(absent))


def _place_numbers(numbers: Sequence[PersonNumber], old: RunTracks, parts: RunTracks) -> Iterable[PersonNumber]:
    """The numbers for which a new track has the boxes, at the first of these boxes."""
    for camera in sorted({each.camera for each in numbers} & set(old.tracks)):
        new_camera = parts.camera_of(camera, old.digests[camera])
        if isinstance(new_camera, Rejected):
            continue
        new_tracks = parts.tracks[new_camera.value]
        of_camera = [each for each in numbers if each.camera == camera]
        pieces = sorted({(each.track, each.seconds) for each in of_camera})
        boxes = _cut_at_numbers(old.tracks[camera], pieces)
        matched = match_boxes(boxes, new_tracks)
        target_of = dict(best_targets(count_shared_boxes(boxes, new_tracks, matched)))
        piece, target, seconds = boxes.track[matched[0]], new_tracks.track[matched[1]], new_tracks.seconds[matched[1]]
        for each in of_camera:
            place = pieces.index((each.track, each.seconds))
            if place in target_of:
                shared = seconds[(piece == place) & (target == target_of[place])]
                yield PersonNumber(each.number, new_camera.value, target_of[place], round(float(shared.min()), 3))


def _from_the_beginning(numbers: Iterable[PersonNumber], parts: RunTracks) -> Iterable[PersonNumber]:
    """The numbers, of which the first one in each track lies at the first moment of that track."""
    first_of: dict[tuple[str, int], float] = {}
    for each in (numbers := tuple(numbers)):
        key = each.camera, each.track
        first_of[key] = min(each.seconds, first_of.get(key, each.seconds))
    for each in numbers:
        tracks = parts.tracks[each.camera]
        start = round(float(tracks.seconds[np.argmax(tracks.track == each.track)]), 3)
        yield each._replace(seconds=start) if each.seconds == first_of[each.camera, each.track] else each


def _cut_at_numbers(tracks: Tracks, pieces: Sequence[tuple[int, float]]) -> Tracks:
    """The boxes from each piece's moment to the next piece of its track; `track` is the place of the piece."""
    piece: Ints = np.full(len(tracks), -1)
    moments = np.round(tracks.seconds, 3)
    for place, (track, seconds) in enumerate(pieces):
        piece[(tracks.track == track) & (moments >= round(seconds, 3))] = place
    numbered = replace(tracks, track=piece)[piece >= 0]
    return numbered[np.lexsort((numbered.track, numbered.frame))]
