"""All cameras as one long recording: the frames of each behind those of the one before.

Ids of the truth are people, the same in every camera. Those of the result are people too, or tracklets: the tracks of
single cameras, each with the person that the result takes it for. Refuses what no result may say: one person twice in a
frame of one camera. A person whom two cameras see at the same time is nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.errors import TruthError
from core.mot import MotRows
from core.score.overlap import at_once, ordered
from core.types import Ints

Names = NDArray[np.str_]
Persons = Mapping[tuple[str, int], str]
"""Who each (camera, track) is taken for."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """One camera: its name, its truth with ids of people, and its result with numbers of tracks."""

    camera: str
    truth: MotRows
    result: MotRows


@dataclass(frozen=True, eq=False)
class Joined:
    """All cameras. Ids of `result` are rows of the tracklets: `camera` and `track` name one, `person` is its number.

    Tracklets are ordered as the cameras came, then by track. `people` (p,) holds the names behind `person`; `starts`
    holds the first frame of each camera, and the end of the last one.
    """

    truth: MotRows
    result: MotRows
    camera: Names
    track: Ints
    person: Ints
    people: Names
    starts: tuple[int, ...]

    @property
    def as_people(self) -> MotRows:
        """The result with people for ids."""
        return replace(self.result, id=self.person[self.result.id])

    def by_camera(self) -> Iterator[tuple[MotRows, MotRows]]:
        """Truth and result, with people for ids, of one camera after the other."""
        result = self.as_people
        for start, end in pairwise(self.starts):
            yield _between(self.truth, start, end), _between(result, start, end)


def join(cameras: Sequence[Recorded], persons: Persons) -> Joined:
    """One recording of several; every track needs its person, and every person of these cameras a track."""
    if not cameras:
        raise ValueError("join: expected at least one camera, got none")
    tracks = [np.unique(one.result.id) for one in cameras]
    names = [(one.camera, int(track)) for one, own in zip(cameras, tracks, strict=True) for track in own]
    judged = {one.camera for one in cameras}
    _fit(names, {name: who for name, who in persons.items() if name[0] in judged})
    people, person = np.unique([persons[name] for name in names] or np.empty(0, str), return_inverse=True)
    truth, result, starts, tracklets = [], [], [0], 0
    for one, own in zip(cameras, tracks, strict=True):
        tracklet = tracklets + np.searchsorted(own, one.result.id)
        _check(one, person[tracklet], people)
        truth.append(replace(one.truth, frame=one.truth.frame + starts[-1]))
        result.append(replace(one.result, frame=one.result.frame + starts[-1], id=tracklet))
        starts.append(starts[-1] + 1 + int(max(rows.frame.max(initial=-1) for rows in (one.truth, one.result))))
        tracklets += len(own)
    camera, track = np.array([c for c, _ in names], str), np.array([t for _, t in names], np.int64)
    return Joined(MotRows.joined(truth), MotRows.joined(result), camera, track, person, people, tuple(starts))


def _fit(tracks: Sequence[tuple[str, int]], persons: Persons) -> None:
    lacking, idle = set(tracks) - set(persons), set(persons) - set(tracks)
    if lacking:
        camera, track = min(lacking)
        raise TruthError(
            f"Nobody says who track {track} of camera {camera} is",
            "Every track in tracks/ needs a line in people.csv; let the run find the people again.",
        )
    if idle:
        camera, track = min(idle)
        raise TruthError(
            f"people.csv names track {track} of camera {camera}, which is not among its tracks",
            "It belongs to other tracks; let the run find the people again.",
        )


def _check(one: Recorded, person: Ints, people: Names) -> None:
    """Nobody is twice in a frame, in the truth, among the tracks, and among the people of the result."""
    ordered(f"truth of camera {one.camera}", one.truth)
    ordered(f"result of camera {one.camera}", one.result)
    twice = at_once(one.result.frame, person)
    if len(twice):
        frame, who = one.result.frame[twice[0]], person[twice[0]]
        tracks = np.sort(one.result.id[(one.result.frame == frame) & (person == who)])
        raise TruthError(
            f"Person {people[who]} is in two places at once: tracks {tracks[0]} and {tracks[1]} of camera {one.camera},"
            f" both in frame {frame + 1}",
            "Two tracks that share a frame of one camera are two people; give them two names in people.csv.",
        )


def _between(rows: MotRows, start: int, end: int) -> MotRows:
    return rows[(rows.frame >= start) & (rows.frame < end)]
