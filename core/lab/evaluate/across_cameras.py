"""All cameras scored together: one long recording, and the links between tracklets that a result gets right.

One long recording: the frames of each camera follow those of the camera before. Ids of the truth are people, the same
in every camera. Ids of the result are tracklets, the tracks of single cameras, each with the person that the result
assigns it to. A result that puts one person into two boxes of the same frame of one camera is refused; two cameras may
see the same person at the same time.

Links: a link is a pair of tracklets that are taken for the same person. Scored are the share of a result's links that
are right (precision) and the share of all true links that it has (recall). The true person of a tracklet is the one on
whom more than half of its matched boxes lie; boxes are matched one to one in each frame, for the greatest overlap, at
an IoU of 0.5 or more. A tracklet without a matched box, or with no more than half of them on one person, has no true
person: every link to it is wrong, and the truth asks for none. A tracklet all of whose boxes the protocol leaves out
(they lie on hidden people or on distractors) takes part in no link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.base.errors import TruthError
from core.base.types import Bools, Ints
from core.lab.evaluate.measures import NOBODY
from core.lab.evaluate.paired_frames import (
    EPSILON,
    MIN_IOU,
    Counts,
    Overlap,
    best_matching,
    duplicate_rows,
    in_frame_order,
    share_of,
)
from core.vision.mot import MotRows

Names = NDArray[np.str_]
Persons = Mapping[tuple[str, int], str]
"""The person that a result assigns each (camera, track) to."""


@dataclass(frozen=True, eq=False)
class CameraRows:
    """One camera: its name, its truth (ids are people) and its result (ids are tracks)."""

    camera: str
    truth: MotRows
    result: MotRows


@dataclass(frozen=True, eq=False)
class JoinedCameras:
    """All cameras as one recording. Ids of `result` are rows of `camera`, `track` and `person`, each (t,).

    Tracklets are ordered as the cameras came, then by track. `person` are rows of `people` (p,), the names in the
    result. `starts` holds the first frame of each camera, and the end of the last one.
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
        """The result with people instead of tracklets as ids."""
        return replace(self.result, id=self.person[self.result.id])

    def by_camera(self) -> Iterator[tuple[MotRows, MotRows]]:
        """Truth and result of each camera, with people as ids."""
        result = self.as_people
        for start, end in pairwise(self.starts):
            yield _frames_between(self.truth, start, end), _frames_between(result, start, end)


def join_cameras(cameras: Sequence[CameraRows], persons: Persons) -> JoinedCameras:
    """The cameras as one recording. Every track needs an entry in `persons`, and every entry a track."""
    if not cameras:
        raise ValueError("join_cameras: expected at least one camera, got none")
    tracks = [np.unique(rows.result.id) for rows in cameras]
    names = [(rows.camera, int(track)) for rows, ids in zip(cameras, tracks, strict=True) for track in ids]
    judged = {rows.camera for rows in cameras}
    _check_complete(names, {name: person for name, person in persons.items() if name[0] in judged})
    people, person = np.unique([persons[name] for name in names] or np.empty(0, str), return_inverse=True)
    truth, result, starts, tracklets = [], [], [0], 0
    for rows, ids in zip(cameras, tracks, strict=True):
        tracklet = tracklets + np.searchsorted(ids, rows.result.id)
        _check_unique(rows, person[tracklet], people)
        truth.append(replace(rows.truth, frame=rows.truth.frame + starts[-1]))
        result.append(replace(rows.result, frame=rows.result.frame + starts[-1], id=tracklet))
        starts.append(starts[-1] + 1 + int(max(part.frame.max(initial=-1) for part in (rows.truth, rows.result))))
        tracklets += len(ids)
    return JoinedCameras(
        MotRows.concatenate(truth),
        MotRows.concatenate(result),
        np.array([camera for camera, _ in names], str),
        np.array([track for _, track in names], np.int64),
        person,
        people,
        tuple(starts),
    )


def _check_complete(tracks: Sequence[tuple[str, int]], persons: Persons) -> None:
    without_person, without_track = set(tracks) - set(persons), set(persons) - set(tracks)
    if without_person:
        camera, track = min(without_person)
        raise TruthError(
            f"people.csv has no person for track {track} of camera {camera}",
            "Every track in tracks/ needs a line in people.csv; match the people of the run again.",
        )
    if without_track:
        camera, track = min(without_track)
        raise TruthError(
            f"people.csv names track {track} of camera {camera}, which is not among its tracks",
            "The file belongs to other tracks; match the people of the run again.",
        )


def _check_unique(rows: CameraRows, person: Ints, people: Names) -> None:
    """No id appears twice in a frame: neither in the truth, nor among the tracks or the people of the result."""
    in_frame_order(f"truth of camera {rows.camera}", rows.truth)
    in_frame_order(f"result of camera {rows.camera}", rows.result)
    duplicates = duplicate_rows(rows.result.frame, person)
    if len(duplicates):
        frame, who = rows.result.frame[duplicates[0]], person[duplicates[0]]
        tracks = np.sort(rows.result.id[(rows.result.frame == frame) & (person == who)])
        raise TruthError(
            f"Person {people[who]} has two boxes in one frame: tracks {tracks[0]} and {tracks[1]} of camera "
            f"{rows.camera}, both in frame {frame + 1}",
            "Two tracks that share a frame of one camera are two people; give each its own name in people.csv.",
        )


def _frames_between(rows: MotRows, start: int, end: int) -> MotRows:
    return rows[(rows.frame >= start) & (rows.frame < end)]


@dataclass(frozen=True, eq=False)
class Links(Counts):
    """Numbers of pairs: predicted by the result, correct among these, and true according to the truth."""

    predicted: int
    correct: int
    true: int

    @property
    def precision(self) -> float:
        """0 where the result has no link."""
        return float(share_of(self.correct, self.predicted - self.correct))

    @property
    def recall(self) -> float:
        """0 where the truth has no link."""
        return float(share_of(self.correct, self.true - self.correct))

    def figures(self) -> dict[str, float | int]:
        """Under the names that tables and JSON files use."""
        counts = {"shown": self.predicted, "right": self.correct, "true": self.true}
        return {**counts, "precision": self.precision, "recall": self.recall}


def true_person_rows(clip: Overlap) -> Ints:
    """The true person of each identity of the result, (r,): its row in `clip.truth_ids`, or NOBODY."""
    shared = np.zeros((len(clip.truth_boxes), len(clip.result_boxes)), np.int64)
    for frame in clip.frames:
        rows, columns = best_matching(np.where(frame.iou < MIN_IOU - EPSILON, 0, frame.iou))
        shared[frame.truths[rows], frame.results[columns]] += 1
    if not len(shared):
        return np.full(len(clip.result_boxes), NOBODY)
    return np.where(2 * shared.max(axis=0) > shared.sum(axis=0), shared.argmax(axis=0), NOBODY)


def count_links(camera: Ints, person: Ints, true: Ints) -> tuple[Links, Links]:
    """Links across cameras, and all links, which include returns within one camera.

    One number per tracklet, (n,): its camera, its person in the result, and its true person (or NOBODY).
    """
    has_person = true != NOBODY
    total = _count_pairs(person, true, has_person)
    within = _count_pairs(_pair_numbers(person, camera), _pair_numbers(true, camera), has_person)
    across = Links(total.predicted - within.predicted, total.correct - within.correct, total.true - within.true)
    return across, total


def _count_pairs(person: Ints, true: Ints, has_person: Bools) -> Links:
    correct = _pairs_within(_pair_numbers(person, true)[has_person])
    return Links(_pairs_within(person), correct, _pairs_within(true[has_person]))


def _pair_numbers(first: Ints, second: Ints) -> Ints:
    """(n,) and (n,) to (n,): equal numbers for equal pairs of numbers."""
    return np.unique(np.stack([first, second]), axis=1, return_inverse=True)[1]


def _pairs_within(group: Ints) -> int:
    """How many pairs of rows share a group.

    >>> _pairs_within(np.array([7, 7, 7, 8, 9, 9]))
    4
    """
    size = np.unique(group, return_counts=True)[1]
    return int((size * (size - 1) // 2).sum())
