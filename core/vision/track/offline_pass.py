"""The offline pass: what can be decided once a recording is over, with both sides of every gap at hand.

`doubled` finds where two tracks lie on one person. `rejoin` links the end of one track to the beginning of another
a few seconds later, by motion alone (where there are appearance vectors, `core.track.settle` does it instead).
`is_long` selects tracks that were seen often and long enough to count, `is_thing` static objects that the detector took
for a person. `fill` interpolates the missing boxes of a gap, `renumber` counts tracks by first appearance."""

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


HANDED_OVER = 0.3, 1.0
"""Seconds for which an old and a new track may both lie on one person."""
ONE_PERSON = 0.4, 0.6
"""Their boxes must all overlap by the first IoU where that lasts up to the shorter time, else by the second one."""
THING_SURE = 0.2
"""Most share of high-confidence boxes of a static object. People, on ten synthetic plazas, had .33 and more."""
THING_MOVED = 0.1
"""Body heights by which a static object may seem to move."""


@dataclass(frozen=True)
class MotionRules:
    """`gap_seconds` is the longest gap closed; `look_seconds` how much of each side its motion is read from.

    A pair fits when the places that both sides expect in the middle of the gap are at most `near` body heights
    apart (plus `drift` heights per second of gap) and the heights differ by at most the factor `growth`.
    Gaps up to `sure_seconds` inside a track are too short to doubt.
    """

    gap_seconds: float = 2.0
    sure_seconds: float = 0.2
    look_seconds: float = 1.0
    near: float = 0.2
    drift: float = 0.18
    growth: float = 1.5


@dataclass(frozen=True, eq=False)
class TrackEnds:
    """Both ends of each track: when, where (centre x, foot y), how tall, and how fast in pixels a second."""

    first: Numbers
    last: Numbers
    place: Numbers  # (n, 2 ends, 2)
    speed: Numbers  # (n, 2 ends, 2)
    height: Numbers  # (n, 2 ends)


def order_by_track(tracks: Tracks) -> tuple[Tracks, Ints, Ints]:
    """Rows ordered by (track, time), the track numbers, and where each track begins (with the end appended)."""
    ordered = tracks[np.lexsort((tracks.frame, tracks.track))]
    numbers, begin = np.unique(ordered.track, return_index=True)
    return ordered, numbers, np.append(begin, len(ordered))


def _line(seconds: Numbers, place: Numbers, at: float) -> tuple[Numbers, Numbers]:
    """Place at time `at` and speed of the straight line through `place` (k, 2), by least squares."""
    middle = seconds.mean()
    offset = seconds - middle
    spread = float(offset @ offset)
    speed = offset @ place / spread if spread > 0 else np.zeros(2)
    return place.mean(axis=0) + (at - middle) * speed, speed


def track_ends(ordered: Tracks, begin: Ints, look: float) -> TrackEnds:
    count = len(begin) - 1
    first, last = ordered.seconds[begin[:-1]], ordered.seconds[begin[1:] - 1]
    place, speed, height = np.zeros((count, 2, 2)), np.zeros((count, 2, 2)), np.zeros((count, 2))
    box = ordered.xyxy.astype(np.float64)
    foot = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    tall = box[:, 3] - box[:, 1]
    for i, (a, b) in enumerate(pairwise(begin.tolist())):
        seconds = ordered.seconds[a:b]
        head = slice(a, a + int(np.searchsorted(seconds, first[i] + look, "right")))
        tail = slice(a + int(np.searchsorted(seconds, last[i] - look, "left")), b)
        for end, (rows, at) in enumerate(((head, first[i]), (tail, last[i]))):
            place[i, end], speed[i, end] = _line(ordered.seconds[rows], foot[rows], at)
            height[i, end] = np.median(tall[rows])
    return TrackEnds(first, last, place, speed, height)


def candidate_links(ends: TrackEnds, gap_seconds: float) -> tuple[Ints, Ints]:
    """Pairs (earlier, later) in which the later track begins after the earlier one ended, within the gap."""
    order = np.argsort(ends.first, kind="stable")
    starts = ends.first[order]
    low = np.searchsorted(starts, ends.last, "right")
    high = np.searchsorted(starts, ends.last + gap_seconds, "right")
    earlier, at = pairs_in_ranges(low, high)
    return earlier, order[at]


def repeat_with_index(many: Ints) -> tuple[Ints, Ints]:
    """Each i `many[i]` times, and the running number of each repetition: [2, 0, 1] gives [0, 0, 2], [0, 1, 0]."""
    owner = np.repeat(np.arange(len(many)), many)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(many) - many, many)


def pairs_in_ranges(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Every pair of an i and a number from `low[i]` up to, not including, `high[i]`."""
    owner, within = repeat_with_index(np.maximum(high - low, 0))
    return owner, low[owner] + within


def misfit(ends: TrackEnds, a: Ints, b: Ints, rules: MotionRules) -> Numbers:
    """How badly the motion of each pair fits: 0 is perfect, 1 the most allowed; infinite where heights differ too much.

    Both sides are extrapolated to the middle of the gap; what counts is how far apart they end up there.
    """
    gap = (ends.first[b] - ends.last[a])[:, None]
    distance = ends.place[a, 1] + ends.speed[a, 1] * gap / 2 - (ends.place[b, 0] - ends.speed[b, 0] * gap / 2)
    height = np.sqrt(ends.height[a, 1] * ends.height[b, 0])
    relative = np.hypot(distance[:, 0], distance[:, 1]) / height / (rules.near + rules.drift * gap[:, 0])
    height_differs = np.abs(np.log(ends.height[a, 1] / ends.height[b, 0])) > np.log(rules.growth)
    return np.where(height_differs, np.inf, relative)


def link_by_motion(tracks: Tracks, rules: MotionRules) -> Tracks:
    """Link tracks across gaps by motion alone, best fit first, each end once."""
    if not len(tracks):
        return tracks
    ordered, numbers, begin = order_by_track(tracks)
    ends = track_ends(ordered, begin, rules.look_seconds)
    a, b = candidate_links(ends, rules.gap_seconds)
    fit = misfit(ends, a, b, rules)
    follows = np.full(len(numbers), -1)
    taken = np.zeros(len(numbers), bool)
    # Of two that fit alike, the nearer in time: a chain is linked person by person, none is skipped.
    for k in np.argsort(fit + GAP_COST * (ends.first[b] - ends.last[a]), kind="stable"):
        if fit[k] <= 1 and follows[a[k]] < 0 and not taken[b[k]]:
            follows[a[k]], taken[b[k]] = b[k], True
    name = chain_numbers(numbers, follows, ends.first)
    return with_numbers(tracks, name[np.searchsorted(numbers, tracks.track)])


def chain_numbers(numbers: Ints, follows: Ints, first: Numbers) -> Ints:
    """`numbers`, with each track that follows another one taking over its number; `first` is when each track begins."""
    name = numbers.copy()
    for i in np.argsort(first, kind="stable"):
        if follows[i] >= 0:
            name[follows[i]] = name[i]
    return name


def is_long(tracks: Tracks, hits: int, seconds: float = 0.0) -> Bools:
    """Rows of tracks that were seen in `hits` frames or more, the first and last of them so many seconds apart."""
    seen = tracks[tracks.detected]
    numbers, of, count = np.unique(seen.track, return_inverse=True, return_counts=True)
    first, last = np.full(len(numbers), np.inf), np.full(len(numbers), -np.inf)
    np.minimum.at(first, of, seen.seconds)
    np.maximum.at(last, of, seen.seconds)
    # Times from a container are not exact.
    return np.isin(tracks.track, numbers[(count >= hits) & (last - first >= seconds - 1e-6)])


def is_static_object(tracks: Tracks, sure: float) -> Bools:
    """Rows of tracks of static objects: a chair, a trunk, a coat on its hook.

    They never move, and few of their boxes have a confidence of `sure` or more. People who sit or stand still move more
    within seconds, and are detected with high confidence more often.
    """
    if not len(tracks):
        return np.zeros(0, bool)
    _, of, count = np.unique(tracks.track, return_inverse=True, return_counts=True)
    box = tracks.xyxy.astype(np.float64)
    places = np.column_stack([(box[:, 0] + box[:, 2]) / 2, box[:, 3]])
    low, high = np.full((len(count), 2), np.inf), np.full((len(count), 2), -np.inf)
    np.minimum.at(low, of, places)
    np.maximum.at(high, of, places)
    tall = np.bincount(of, box[:, 3] - box[:, 1]) / count
    certain = np.bincount(of, tracks.score >= sure) / count
    return np.asarray((certain <= THING_SURE) & ((high - low).max(axis=1) <= THING_MOVED * tall))[of]


def is_duplicate(tracks: Tracks) -> Bools:
    """Rows at the end of a track that lie on the beginning of another one: both boxes were of one person.

    Without these rows one track ends before the other begins, and they can be linked.
    """
    twice = np.zeros(len(tracks), bool)
    if not len(tracks):
        return twice
    order = np.lexsort((tracks.frame, tracks.track))
    _, begin = np.unique(tracks.track[order], return_index=True)
    rows = [order[a:b] for a, b in pairwise([*begin.tolist(), len(order)])]
    first, last = (np.array([tracks.seconds[r[end]] for r in rows]) for end in (0, -1))
    by_start = np.argsort(first, kind="stable")
    low = np.searchsorted(first[by_start], last - HANDED_OVER[1], "left")
    high = np.searchsorted(first[by_start], last, "right")
    older, at = pairs_in_ranges(low, high)
    for i, j in zip(older.tolist(), by_start[at].tolist(), strict=True):
        if first[i] < first[j] and last[i] < last[j]:
            tail, head = rows[i][tracks.seconds[rows[i]] >= first[j]], rows[j][tracks.seconds[rows[j]] <= last[i]]
            _, one, other = np.intersect1d(tracks.frame[tail], tracks.frame[head], return_indices=True)
            shared = iou(tracks.xyxy[tail[one]], tracks.xyxy[head[other]])
            if len(shared) and shared.min() > ONE_PERSON[int(last[i] - first[j] > HANDED_OVER[0])]:
                twice[tail] = True
    return twice


def fill_gaps(tracks: Tracks, timeline: Timeline, rules: MotionRules) -> Tracks:
    """With boxes drawn on a straight line through gaps of at most `gap_seconds`; they are marked as not seen.

    A gap longer than `sure_seconds` is filled only where both sides expect to meet, as in `rejoin`: behind a pillar
    people walk on, but a camera that turned has left the line.
    """
    if not len(tracks):
        return tracks
    ordered, _, _ = order_by_track(tracks)
    at = np.searchsorted(timeline.frame, ordered.frame)
    hole = np.diff(at) - 1
    same = np.diff(ordered.track) == 0
    apart = np.diff(ordered.seconds)
    bridges = same & (hole > 0) & (apart <= rules.gap_seconds)
    long = ~same | (apart > rules.sure_seconds)
    begin = np.concatenate([[0], np.flatnonzero(long) + 1, [len(ordered)]])
    doubtful = np.flatnonzero(long & bridges)
    if len(doubtful):
        ends = track_ends(ordered, begin, rules.look_seconds)
        later = np.searchsorted(begin, doubtful + 1)
        bridges[doubtful[misfit(ends, later - 1, later, rules) > 1]] = False
    return _in_order(Tracks.concatenate([ordered, _drawn(ordered, timeline, at, np.flatnonzero(bridges), hole)]))


def _drawn(ordered: Tracks, timeline: Timeline, at: Ints, left: Ints, hole: Ints) -> Tracks:
    """The boxes between row `left` and the row after it, one for each analysed frame in the hole."""
    whose, within = repeat_with_index(hole[left])
    side = left[whose]
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
    numbers, first, back = np.unique(tracks.track, return_index=True, return_inverse=True)
    rank = np.empty(len(numbers), np.int64)
    rank[np.lexsort((numbers, tracks.frame[first]))] = np.arange(1, len(numbers) + 1)
    return _in_order(with_numbers(tracks, rank[back]))


def _in_order(tracks: Tracks) -> Tracks:
    return tracks[np.lexsort((tracks.track, tracks.frame))]


def with_numbers(tracks: Tracks, track: Ints) -> Tracks:
    return Tracks(tracks.frame, tracks.seconds, track, tracks.xyxy, tracks.score, tracks.detected)
