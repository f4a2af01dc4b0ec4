"""All cameras as one long recording: the frames of each behind those of the one before.

Ids of the truth are people, the same in every camera. Those of the result are people too, or tracklets: the tracks of
single cameras, each with the person that the result takes it for. Refuses what no result may say: one person twice in a
frame of one camera. A person whom two cameras see at the same time is nothing of the kind.

Links, pairs of tracklets said to be one person: how many are right, and how many of all right ones are said?

A tracklet is the person of the truth on whom more than half of its matched boxes lie; boxes are matched one to one in
each frame, for most overlap, at an overlap of a half or more. A tracklet without a matched box, or with no more than
half of them on one person, is nobody: every link to it is wrong, and the truth asks for none. A tracklet all of whose
boxes the protocol took out (they lie on who is hidden, or on a distractor) is in no link at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.base.errors import TruthError
from core.base.types import Bools, Ints
from core.lab.evaluate.measures import NOBODY
from core.lab.evaluate.paired_frames import MIN_IOU, EPSILON, Overlap, Counts, duplicate_rows, best_matching, in_frame_order, share_of
from core.vision.mot import MotRows

Names = NDArray[np.str_]
Persons = Mapping[tuple[str, int], str]
"""Who each (camera, track) is taken for."""


@dataclass(frozen=True, eq=False)
class CameraRows:
    """One camera: its name, its truth with ids of people, and its result with numbers of tracks."""

    camera: str
    truth: MotRows
    result: MotRows


@dataclass(frozen=True, eq=False)
class JoinedCameras:
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
            yield _frames_between(self.truth, start, end), _frames_between(result, start, end)


def join_cameras(cameras: Sequence[CameraRows], persons: Persons) -> JoinedCameras:
    """One recording of several; every track needs its person, and every person of these cameras a track."""
    if not cameras:
        raise ValueError("join: expected at least one camera, got none")
    tracks = [np.unique(one.result.id) for one in cameras]
    names = [(one.camera, int(track)) for one, own in zip(cameras, tracks, strict=True) for track in own]
    judged = {one.camera for one in cameras}
    _check_complete(names, {name: who for name, who in persons.items() if name[0] in judged})
    people, person = np.unique([persons[name] for name in names] or np.empty(0, str), return_inverse=True)
    truth, result, starts, tracklets = [], [], [0], 0
    for one, own in zip(cameras, tracks, strict=True):
        tracklet = tracklets + np.searchsorted(own, one.result.id)
        _check_unique(one, person[tracklet], people)
        truth.append(replace(one.truth, frame=one.truth.frame + starts[-1]))
        result.append(replace(one.result, frame=one.result.frame + starts[-1], id=tracklet))
        starts.append(starts[-1] + 1 + int(max(rows.frame.max(initial=-1) for rows in (one.truth, one.result))))
        tracklets += len(own)
    camera, track = np.array([c for c, _ in names], str), np.array([t for _, t in names], np.int64)
    return JoinedCameras(MotRows.concatenate(truth), MotRows.concatenate(result), camera, track, person, people, tuple(starts))


def _check_complete(tracks: Sequence[tuple[str, int]], persons: Persons) -> None:
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


def _check_unique(one: CameraRows, person: Ints, people: Names) -> None:
    """Nobody is twice in a frame, in the truth, among the tracks, and among the people of the result."""
    in_frame_order(f"truth of camera {one.camera}", one.truth)
    in_frame_order(f"result of camera {one.camera}", one.result)
    twice = duplicate_rows(one.result.frame, person)
    if len(twice):
        frame, who = one.result.frame[twice[0]], person[twice[0]]
        tracks = np.sort(one.result.id[(one.result.frame == frame) & (person == who)])
        raise TruthError(
            f"Person {people[who]} is in two places at once: tracks {tracks[0]} and {tracks[1]} of camera {one.camera},"
            f" both in frame {frame + 1}",
            "Two tracks that share a frame of one camera are two people; give them two names in people.csv.",
        )


def _frames_between(rows: MotRows, start: int, end: int) -> MotRows:
    return rows[(rows.frame >= start) & (rows.frame < end)]


@dataclass(frozen=True, eq=False)
class Links(Counts):
    """Pairs that the result shows, those of them that are right, and all pairs of which the truth says so."""

    shown: int
    right: int
    true: int

    @property
    def precision(self) -> float:
        """0 where nothing is shown."""
        return float(share_of(self.right, self.shown - self.right))

    @property
    def recall(self) -> float:
        """0 where there is nothing to find."""
        return float(share_of(self.right, self.true - self.right))

    def figures(self) -> dict[str, float | int]:
        return {**vars(self), "precision": self.precision, "recall": self.recall}


def true_person_rows(clip: Overlap) -> Ints:
    """For each identity of the result (dense) the one of the truth (dense) that it is, or NOBODY."""
    shared = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = best_matching(np.where(frame.iou < MIN_IOU - EPSILON, 0, frame.iou))
        shared[frame.truths[rows], frame.results[columns]] += 1
    if not len(shared):
        return np.full(len(clip.result_boxes), NOBODY)
    return np.where(2 * shared.max(axis=0) > shared.sum(axis=0), shared.argmax(axis=0), NOBODY)


def count_links(camera: Ints, person: Ints, true: Ints) -> tuple[Links, Links]:
    """Links across cameras, and all of them, returns within one camera included.

    All three are (n,), one number per tracklet: its camera, who the result and who the truth says it is (or NOBODY).
    """
    known = true != NOBODY
    every = _count_pairs(person, true, known)
    within = _count_pairs(_pair_numbers(person, camera), _pair_numbers(true, camera), known)
    return Links(every.shown - within.shown, every.right - within.right, every.true - within.true), every


def _count_pairs(person: Ints, true: Ints, known: Bools) -> Links:
    return Links(_pairs_within(person), _pairs_within(_pair_numbers(person, true)[known]), _pairs_within(true[known]))


def _pair_numbers(one: Ints, other: Ints) -> Ints:
    """A number for each pair of numbers."""
    return np.unique(np.stack([one, other]), axis=1, return_inverse=True)[1]


def _pairs_within(group: Ints) -> int:
    """How many pairs of rows are in one group.

    >>> _pairs(np.array([7, 7, 7, 8, 9, 9]))
    4
    """
    size = np.unique(group, return_counts=True)[1]
    return int((size * (size - 1) // 2).sum())
