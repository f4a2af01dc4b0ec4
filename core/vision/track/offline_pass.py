"""The offline pass: what can be decided once a recording is over, with both sides of every gap at hand.

`is_duplicate` finds where two tracks lie on one person. `link_by_motion` links the end of one track to the beginning of
another a few seconds later, by motion alone; where there are appearance vectors, `core.vision.track.relink` does it
instead. `is_long` selects tracks that were seen often and long enough to count, `is_static_object` objects that the
detector took for a person, and `static_objects` names their tracks. `fill_gaps` interpolates the missing boxes of a
gap, and `renumber` counts tracks by first appearance.

Masks are (n,), one entry per row of the tracks. Speeds are in pixels a second, distances in the rules in body
heights."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Ints, Timeline, Tracks
from core.vision.track.tracker import iou

Numbers = NDArray[np.float64]

GAP_COST = 0.2
"""Added to a pair's misfit for each second of gap; a misfit of 1 is the most that is allowed."""
HANDOVER_SECONDS = 0.3, 1.0
"""Seconds for which an old and a new track may both lie on one person: a short and the longest time."""
HANDOVER_IOU = 0.4, 0.6
"""Their boxes must all overlap by the first IoU where that lasts up to the short time, else by the second one."""
OBJECT_CONFIDENT_SHARE = 0.2
"""Largest share of high-confidence boxes of a static object. People, on ten synthetic plazas, had .33 and more."""
OBJECT_MOTION = 0.1
"""Body heights by which a static object may seem to move."""


@dataclass(frozen=True)
class MotionRules:
    """When the motion on both sides of a gap fits.

    max_gap_seconds       the longest gap that is closed
    certain_gap_seconds   gaps up to this inside a track are too short to doubt
    end_seconds           how much of each side its motion is read from
    max_distance          body heights that may lie between the places that both sides expect in the middle of the gap
    drift                 body heights that are added to `max_distance` for each second of gap
    max_height_ratio      the factor by which the heights of both sides may differ
    """

    max_gap_seconds: float = 2.0
    certain_gap_seconds: float = 0.2
    end_seconds: float = 1.0
    max_distance: float = 0.2
    drift: float = 0.18
    max_height_ratio: float = 1.5


@dataclass(frozen=True, eq=False)
class TrackEnds:
    """Both ends of each of n tracks: when, where (centre x, foot y), how tall in pixels, and how fast in pixels a
    second."""

    first: Numbers
    last: Numbers
    place: Numbers  # (n, 2 ends, 2)
    speed: Numbers  # (n, 2 ends, 2)
    height: Numbers  # (n, 2 ends)


def link_by_motion(tracks: Tracks, rules: MotionRules) -> Tracks:
    """Link tracks across gaps by motion alone, best fit first, each end once."""
    if not len(tracks):
        return tracks
    ordered, numbers, begin = order_by_track(tracks)
    ends = track_ends(ordered, begin, rules.end_seconds)
    a, b = candidate_links(ends, rules.max_gap_seconds)
    misfit = motion_misfit(ends, a, b, rules)
    follows = np.full(len(numbers), -1)
    is_taken = np.zeros(len(numbers), bool)
    # Of two that fit alike, the nearer in time: a chain is linked person by person, none is skipped.
    for k in np.argsort(misfit + GAP_COST * (ends.first[b] - ends.last[a]), kind="stable"):
        if misfit[k] <= 1 and follows[a[k]] < 0 and not is_taken[b[k]]:
            follows[a[k]], is_taken[b[k]] = b[k], True
    name = chain_numbers(numbers, follows, ends.first)
    return with_numbers(tracks, name[np.searchsorted(numbers, tracks.track)])


def is_long(tracks: Tracks, hits: int, seconds: float = 0.0) -> Bools:
    """Rows of tracks that were detected in `hits` frames or more, the first and last of them so many seconds apart."""
    detected = tracks[tracks.detected]
    numbers, index, count = np.unique(detected.track, return_inverse=True, return_counts=True)
    first, last = np.full(len(numbers), np.inf), np.full(len(numbers), -np.inf)
    np.minimum.at(first, index, detected.seconds)
    np.maximum.at(last, index, detected.seconds)
    # Times from a container are not exact.
    return np.isin(tracks.track, numbers[(count >= hits) & (last - first >= seconds - 1e-6)])


def is_static_object(tracks: Tracks, high_confidence: float) -> Bools:
    """Rows of tracks of static objects: a chair, a trunk, a coat on its hook.

    They never move, and few of their boxes have a confidence of `high_confidence` or more. People who sit or stand
    still move more within seconds, and are detected with high confidence more often.
    """
    if not len(tracks):
        return np.zeros(0, bool)
    _, index, count = np.unique(tracks.track, return_inverse=True, return_counts=True)
    box = tracks.xyxy.astype(np.float64)
    places = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    low, high = np.full((len(count), 2), np.inf), np.full((len(count), 2), -np.inf)
    np.minimum.at(low, index, places)
    np.maximum.at(high, index, places)
    height = np.bincount(index, box[:, 3] - box[:, 1]) / count
    confident_share = np.bincount(index, tracks.score >= high_confidence) / count
    is_still = (high - low).max(axis=1) <= OBJECT_MOTION * height
    return np.asarray((confident_share <= OBJECT_CONFIDENT_SHARE) & is_still)[index]


def static_objects(tracks: Tracks, high_confidence: float) -> Ints:
    """The numbers of the tracks that are probably of static objects, rising; boxes in gaps do not count."""
    detected = tracks[tracks.detected]
    return np.unique(detected.track[is_static_object(detected, high_confidence)])


def is_duplicate(tracks: Tracks) -> Bools:
    """Rows at the end of a track that lie on the beginning of another one: both boxes were of one person.

    Without these rows one track ends before the other begins, and they can be linked.
    """
    duplicate = np.zeros(len(tracks), bool)
    if not len(tracks):
        return duplicate
    order = np.lexsort((tracks.frame, tracks.track))
    _, begin = np.unique(tracks.track[order], return_index=True)
    rows = [order[a:b] for a, b in pairwise([*begin.tolist(), len(order)])]
    first, last = (np.array([tracks.seconds[r[end]] for r in rows]) for end in (0, -1))
    by_start = np.argsort(first, kind="stable")
    low = np.searchsorted(first[by_start], last - HANDOVER_SECONDS[1], "left")
    high = np.searchsorted(first[by_start], last, "right")
    older, at = pairs_in_ranges(low, high)
    for i, j in zip(older.tolist(), by_start[at].tolist(), strict=True):
        if first[i] < first[j] and last[i] < last[j]:
            tail, head = rows[i][tracks.seconds[rows[i]] >= first[j]], rows[j][tracks.seconds[rows[j]] <= last[i]]
            _, in_tail, in_head = np.intersect1d(tracks.frame[tail], tracks.frame[head], return_indices=True)
            shared = iou(tracks.xyxy[tail[in_tail]], tracks.xyxy[head[in_head]])
            if len(shared) and shared.min() > HANDOVER_IOU[int(last[i] - first[j] > HANDOVER_SECONDS[0])]:
                duplicate[tail] = True
    return duplicate


def fill_gaps(tracks: Tracks, timeline: Timeline, rules: MotionRules) -> Tracks:
    """Add boxes on a straight line through gaps of at most `max_gap_seconds`; they are marked as not detected.

    A gap longer than `certain_gap_seconds` is filled only where the motion on both sides fits, as in `link_by_motion`:
    behind a pillar people walk on, but a camera that turned has left the line.
    """
    if not len(tracks):
        return tracks
    ordered, _, _ = order_by_track(tracks)
    at = np.searchsorted(timeline.frame, ordered.frame)
    missing = np.diff(at) - 1
    same_track = np.diff(ordered.track) == 0
    gap_seconds = np.diff(ordered.seconds)
    fillable = same_track & (missing > 0) & (gap_seconds <= rules.max_gap_seconds)
    is_break = ~same_track | (gap_seconds > rules.certain_gap_seconds)
    begin = np.concatenate([[0], np.flatnonzero(is_break) + 1, [len(ordered)]])
    doubtful = np.flatnonzero(is_break & fillable)
    if len(doubtful):
        ends = track_ends(ordered, begin, rules.end_seconds)
        later = np.searchsorted(begin, doubtful + 1)
        fillable[doubtful[motion_misfit(ends, later - 1, later, rules) > 1]] = False
    filled = _interpolate(ordered, timeline, at, np.flatnonzero(fillable), missing)
    return _order_by_frame(Tracks.concatenate([ordered, filled]))


def _interpolate(ordered: Tracks, timeline: Timeline, at: Ints, before_gap: Ints, missing: Ints) -> Tracks:
    """The boxes between each row of `before_gap` and the row after it, one for each of the `missing` frames between."""
    gap, within = repeat_with_index(missing[before_gap])
    side = before_gap[gap]
    row = at[side] + within + 1
    seconds = timeline.seconds[row]
    share = ((seconds - ordered.seconds[side]) / (ordered.seconds[side + 1] - ordered.seconds[side]))[:, None]
    return Tracks(
        frame=timeline.frame[row],
        seconds=seconds,
        track=ordered.track[side],
        xyxy=((1 - share) * ordered.xyxy[side] + share * ordered.xyxy[side + 1]).astype(np.float32),
        score=np.minimum(ordered.score[side], ordered.score[side + 1]),
        detected=np.zeros(len(side), bool),
    )


def renumber(tracks: Tracks) -> Tracks:
    """Tracks numbered 1, 2, 3, ... by first appearance (ties: by their former number)."""
    if not len(tracks):
        return tracks
    numbers, first, index = np.unique(tracks.track, return_index=True, return_inverse=True)
    rank = np.empty(len(numbers), np.int64)
    rank[np.lexsort((numbers, tracks.frame[first]))] = np.arange(1, len(numbers) + 1)
    return _order_by_frame(with_numbers(tracks, rank[index]))


def join_numbered(tracks: Tracks, others: Tracks) -> Tracks:
    """Both, with the numbers of `others` after those of `tracks`."""
    last = int(tracks.track.max(initial=0))
    return _order_by_frame(Tracks.concatenate([tracks, with_numbers(others, others.track + last)]))


def order_by_track(tracks: Tracks) -> tuple[Tracks, Ints, Ints]:
    """Rows ordered by (track, time), the track numbers, and where each track begins (with the end appended)."""
    ordered = tracks[np.lexsort((tracks.frame, tracks.track))]
    numbers, begin = np.unique(ordered.track, return_index=True)
    return ordered, numbers, np.append(begin, len(ordered))


def _order_by_frame(tracks: Tracks) -> Tracks:
    return tracks[np.lexsort((tracks.track, tracks.frame))]


def with_numbers(tracks: Tracks, track: Ints) -> Tracks:
    """The same rows under other track numbers (n,)."""
    return Tracks(tracks.frame, tracks.seconds, track, tracks.xyxy, tracks.score, tracks.detected)


def track_ends(ordered: Tracks, begin: Ints, end_seconds: float) -> TrackEnds:
    """Both ends of the tracks that begin at rows `begin` (with the end appended); motion is read from `end_seconds` of
    each end."""
    count = len(begin) - 1
    first, last = ordered.seconds[begin[:-1]], ordered.seconds[begin[1:] - 1]
    place, speed, height = np.zeros((count, 2, 2)), np.zeros((count, 2, 2)), np.zeros((count, 2))
    box = ordered.xyxy.astype(np.float64)
    foot = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    box_height = box[:, 3] - box[:, 1]
    for i, (a, b) in enumerate(pairwise(begin.tolist())):
        seconds = ordered.seconds[a:b]
        head = slice(a, a + int(np.searchsorted(seconds, first[i] + end_seconds, "right")))
        tail = slice(a + int(np.searchsorted(seconds, last[i] - end_seconds, "left")), b)
        for end, (rows, at) in enumerate(((head, first[i]), (tail, last[i]))):
            place[i, end], speed[i, end] = _fit_line(ordered.seconds[rows], foot[rows], at)
            height[i, end] = np.median(box_height[rows])
    return TrackEnds(first, last, place, speed, height)


def _fit_line(seconds: Numbers, place: Numbers, at: float) -> tuple[Numbers, Numbers]:
    """Place at time `at` and speed of the straight line through `place` (k, 2), by least squares."""
    middle = seconds.mean()
    offset = seconds - middle
    spread = float(offset @ offset)
    speed = offset @ place / spread if spread > 0 else np.zeros(2)
    return place.mean(axis=0) + (at - middle) * speed, speed


def candidate_links(ends: TrackEnds, gap_seconds: float) -> tuple[Ints, Ints]:
    """Pairs (earlier, later) in which the later track begins after the earlier one ended, within the gap."""
    order = np.argsort(ends.first, kind="stable")
    starts = ends.first[order]
    low = np.searchsorted(starts, ends.last, "right")
    high = np.searchsorted(starts, ends.last + gap_seconds, "right")
    earlier, at = pairs_in_ranges(low, high)
    return earlier, order[at]


def motion_misfit(ends: TrackEnds, a: Ints, b: Ints, rules: MotionRules) -> Numbers:
    """How badly the motion of each pair (a before b) fits: 0 is perfect, 1 the most allowed; infinite where heights
    differ too much.

    Both sides are extrapolated to the middle of the gap; what counts is how far apart they end up there.
    """
    gap = (ends.first[b] - ends.last[a])[:, None]
    distance = ends.place[a, 1] + ends.speed[a, 1] * gap / 2 - (ends.place[b, 0] - ends.speed[b, 0] * gap / 2)
    height = np.sqrt(ends.height[a, 1] * ends.height[b, 0])
    relative = np.hypot(distance[:, 0], distance[:, 1]) / height / (rules.max_distance + rules.drift * gap[:, 0])
    height_differs = np.abs(np.log(ends.height[a, 1] / ends.height[b, 0])) > np.log(rules.max_height_ratio)
    return np.where(height_differs, np.inf, relative)


def chain_numbers(numbers: Ints, follows: Ints, first: Numbers) -> Ints:
    """`numbers`, with each track that continues another one taking over its number.

    `follows` is the index of the track that continues each track (-1: none), `first` when each track begins.
    """
    name = numbers.copy()
    for i in np.argsort(first, kind="stable"):
        if follows[i] >= 0:
            name[follows[i]] = name[i]
    return name


def repeat_with_index(count: Ints) -> tuple[Ints, Ints]:
    """Each i `count[i]` times, and the running number of each repetition: [2, 0, 1] gives [0, 0, 2], [0, 1, 0]."""
    index = np.repeat(np.arange(len(count)), count)
    return index, np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)


def pairs_in_ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Every pair of an i and a number from `low[i]` up to, not including, `high[i]`."""
    index, within = repeat_with_index(np.maximum(high - low, 0))
    return index, low[index] + within
