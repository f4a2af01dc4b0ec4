"""Which two tracklets cannot, and which must, be one person, and why.

What cannot be is a matrix with a small number for each pair, the reason, so that a screen can say why two people were
kept apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.base.errors import SettingsError
from core.base.types import Bools, Floats, Ints, Seconds, Table, Tracklets, Tracks

Reasons = NDArray[np.uint8]

FREE, TOGETHER, TOO_SOON, REJECTED, ELSEWHERE, OBJECT = range(6)
REASON_TEXTS = {
    FREE: "nothing forbids it",
    TOGETHER: "both were in the picture of one camera at the same time",
    TOO_SOON: "there was no time to go from one camera to the other",
    REJECTED: "you said that they are two people",
    ELSEWHERE: "two cameras saw them at different places at the same moment",
    OBJECT: "one of them is probably a thing",
}

IMPOSTOR_REASONS = TOGETHER, ELSEWHERE
"""Reasons by which a pair is two people whatever the clocks say, unless the user knows better."""
ESTIMATES = ELSEWHERE, TOO_SOON, OBJECT
"""Reasons that rest on an estimate, of places, of the time that a way takes, or of what is a person: joining two tracks
overrules them."""
MIN_ELSEWHERE_DISTANCE = 1.0
"""Body heights between the feet of two, on ground that two cameras see, from which they stood at different places."""
_MAX_STEPS = 2
"""A gap is longer than so many steps from one analysed frame to the next: not every step is equally long."""

Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Presence(Table):
    """In which frames tracklets are: the tracklet `row` has a box in every analysed frame of its clip from `first` to
    `last`, the seconds `start` to `end` of the clip. It has several such rows if it was out of sight in between.

    Rows of two tracklets of one camera overlap if and only if these share a frame. The seconds are nan where a run did
    not store them.
    """

    row: Ints
    first: Ints
    last: Ints
    start: Seconds
    end: Seconds

    def __post_init__(self) -> None:
        number, moment = (np.int64, ()), (np.float64, ())
        self._validate_columns(row=number, first=number, last=number, start=moment, end=moment)

    @classmethod
    def empty(cls) -> Presence:
        none, no_time = np.empty(0, np.int64), np.empty(0, np.float64)
        return cls(none, none, none, no_time, no_time)


def find_presence(tracks: Tracks, numbers: Ints) -> Presence:
    """Where the tracks of one camera that are among `numbers`, rising, have boxes; row n is track `numbers[n]`.

    Boxes interpolated over a short gap count: nobody may have two boxes in one frame. A gap in which the camera saw
    nobody is one as well, for somebody may have gone to another camera meanwhile.
    """
    boxes = tracks[np.isin(tracks.track, numbers)]
    frames, place = np.unique(boxes.frame, return_inverse=True)
    order = np.lexsort((place, boxes.track))
    track, frame, seconds = boxes.track[order], boxes.frame[order], boxes.seconds[order]
    longest_step = _MAX_STEPS * np.diff(frames).min() if len(frames) > 1 else 1
    has_gap = (np.diff(place[order], prepend=-2) != 1) | (np.diff(frame, prepend=-1) > longest_step)
    is_first = (np.diff(track, prepend=-1) != 0) | has_gap
    is_last = np.append(is_first[1:], True)[: len(is_first)]
    row = np.searchsorted(numbers, track[is_first])
    return Presence(row, frame[is_first], frame[is_last], seconds[is_first], seconds[is_last])


@dataclass(frozen=True)
class Decisions:
    """What the user has decided, as pairs of rows of the tracklets."""

    same: tuple[Pair, ...] = ()
    different: tuple[Pair, ...] = ()


class Contradiction(SettingsError):
    """The user joined two tracklets, directly or through others, that cannot be one person. `pair` holds their rows."""

    def __init__(self, pair: Pair, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.pair = pair


def reasons(
    tracklets: Tracklets,
    travel: Seconds | None = None,
    different: Iterable[Pair] = (),
    foot_distance: Floats | None = None,
    presence: Presence | None = None,
) -> Reasons:
    """Why each pair cannot be one person, (n, n), `FREE` where nothing forbids it.

    `travel` (cameras, cameras) holds the fewest seconds from one camera to another; 0 where views overlap.
    `foot_distance` (n, n) is how many body heights two were from each other at one moment; NaN where nobody knows.
    `presence` says in which frames each was seen. Tracklets without any count as seen from `start` to `end`. A thing is
    nobody, and no pair with one says anything about people: that comes before all other reasons.
    """
    n, presence = len(tracklets), Presence.empty() if presence is None else presence
    why = np.zeros((n, n), np.uint8)
    for camera in np.unique(tracklets.camera):
        rows = np.flatnonzero(tracklets.camera == camera)
        together = _share_frames(tracklets, rows, presence)
        why[np.ix_(rows, rows)] = np.where(together, TOGETHER, FREE)
    if travel is not None:
        _add_travel(why, tracklets, travel, presence)
    if foot_distance is not None:
        why[(why == FREE) & (np.nan_to_num(foot_distance, nan=0) > MIN_ELSEWHERE_DISTANCE)] = ELSEWHERE
    for a, b in different:
        if why[a, b] == FREE:
            why[a, b] = why[b, a] = REJECTED
    why[tracklets.is_object] = why[:, tracklets.is_object] = OBJECT
    np.fill_diagonal(why, FREE)
    return why


def _share_frames(tracklets: Tracklets, rows: Ints, presence: Presence) -> Bools:
    """Which pairs of these rows, of one camera, were seen in one frame, (k, k)."""
    together = _gap_seconds(tracklets, rows, rows) <= 0
    own = presence[np.isin(presence.row, rows)]
    has_presence = np.isin(rows, own.row)
    together[np.ix_(has_presence, has_presence)] = False
    own = own[np.argsort(own.first, kind="stable")]
    a, b = (np.searchsorted(rows, own.row[side]) for side in _overlaps(own.first, own.last))
    together[a, b] = together[b, a] = True
    return np.asarray(together)


def _overlaps(start: Ints | Seconds, end: Ints | Seconds) -> tuple[Ints, Ints]:
    """The pairs of spans that overlap, (k,) each, the earlier one first. Spans are given in order of their starts."""
    # The spans after each one that begin before it ends.
    count = np.searchsorted(start, end, "right") - np.arange(len(start)) - 1
    left = np.repeat(np.arange(len(start)), count)
    return left, left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(count) - count, count)


def _gap_seconds(tracklets: Tracklets, a: Ints, b: Ints) -> Seconds:
    """Seconds between the end of the earlier and the start of the later tracklet of each pair of rows (len a, len b);
    below 0 where they overlap."""
    start = np.maximum(tracklets.start[a][:, None], tracklets.start[b][None])
    end = np.minimum(tracklets.end[a][:, None], tracklets.end[b][None])
    return np.asarray(start - end)


def _add_travel(why: Reasons, tracklets: Tracklets, travel: Seconds, presence: Presence) -> None:
    """Mark pairs of two cameras that had less than the travel time between them.

    Whoever was out of sight for a while may have been in the other camera meanwhile.
    """
    cameras, stretches = np.unique(tracklets.camera), _on_common_clock(tracklets, presence)
    for a in cameras:
        for b in cameras[cameras > a]:
            shortest = max(float(travel[a, b]), 0.0)
            if shortest:
                rows_a, rows_b = (np.flatnonzero(tracklets.camera == c) for c in (a, b))
                is_too_soon = _gap_seconds(tracklets, rows_a, rows_b) < shortest
                is_too_soon[np.ix_(np.isin(rows_a, stretches.row), np.isin(rows_b, stretches.row))] = False
                near = _seen_within(shortest, stretches[np.isin(stretches.row, (*rows_a, *rows_b))])
                near = near[(tracklets.camera[near] == (a, b)).all(axis=1)]
                is_too_soon[np.searchsorted(rows_a, near[:, 0]), np.searchsorted(rows_b, near[:, 1])] = True
                reason = np.where(is_too_soon, TOO_SOON, FREE).astype(np.uint8)
                why[np.ix_(rows_a, rows_b)], why[np.ix_(rows_b, rows_a)] = reason, reason.T


def _on_common_clock(tracklets: Tracklets, presence: Presence) -> Presence:
    """The presence whose moments are known, by the clock of the tracklets and in order of time."""
    timed = presence[np.isfinite(presence.start)]
    first = np.full(len(tracklets), np.inf)
    np.minimum.at(first, timed.row, timed.start)
    shift = (tracklets.start - first)[timed.row]
    shifted = replace(timed, start=timed.start + shift, end=timed.end + shift)
    return shifted[np.argsort(shifted.start, kind="stable")]


def _seen_within(seconds: float, stretches: Presence) -> Ints:
    """Rows of two tracklets (k, 2), in either order, between which less than so many seconds lay at some time."""
    left, right = _overlaps(stretches.start, stretches.end + seconds)
    is_near = stretches.start[right] - stretches.end[left] < seconds
    pairs = stretches.row[np.stack([left, right], axis=1)[is_near]]
    return np.concatenate([pairs, pairs[:, ::-1]])


def refuses_joining(why: Reasons) -> Bools:
    """Which pairs the user cannot join: neither two in one frame nor two that the user has separated."""
    return np.asarray((why != FREE) & ~np.isin(why, ESTIMATES))


def overrule(why: Reasons, must_link: Ints) -> Reasons:
    """The reasons without those that the user overruled by joining; `must_link` is the result of `must_link_groups`."""
    return np.where(np.isin(why, ESTIMATES) & (must_link[:, None] == must_link), FREE, why).astype(np.uint8)


def must_link_groups(count: int, same: Iterable[Pair], why: Reasons) -> Ints:
    """A number per tracklet, 0 to k - 1, alike for tracklets that the user joined, directly or through others.

    Raises `Contradiction` where two of them cannot be one person, whoever says so.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(same), np.int64).reshape(-1, 2)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    group: Ints = np.asarray(connected_components(links, directed=False)[1], np.int64)
    for number in np.unique(group[pairs[:, 0]]) if len(pairs) else ():
        rows = np.flatnonzero(group == number)
        why_not = why[np.ix_(rows, rows)]
        forbidden = np.argwhere(refuses_joining(why_not))
        if len(forbidden):
            # What anybody can see in one frame convinces most.
            a, b = rows[next(iter(np.argwhere(why_not == TOGETHER)), forbidden[0])]
            raise _contradiction(int(a), int(b), why)
    return group


def _contradiction(a: int, b: int, why: Reasons) -> Contradiction:
    message = f"two tracks that you joined cannot be one person: {REASON_TEXTS[int(why[a, b])]}"
    return Contradiction((a, b), message, "Undo one of these decisions.")
