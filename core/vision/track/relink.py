"""Relinking: with the whole recording at hand, tracks are cut where they were in doubt, and the pieces are linked anew
by appearance and motion, all at once.

The tracker has to decide in the very frame in which two people part; here each piece has a mean appearance vector of
its unobstructed moments. What counts as similar is learned from this camera: pieces seen at the same time are different
people, and most neighbouring pieces of one track are the same person. Links over long gaps are for people hidden inside
the picture; whoever leaves it and returns is a new track."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.base.types import Bools, Floats, Ints, Tracks
from core.vision.track.appearance import GAP_SECONDS, TOUCHING_IOU, Stretch
from core.vision.track.offline_pass import (
    MotionRules,
    Numbers,
    TrackEnds,
    candidate_links,
    chain_numbers,
    motion_misfit,
    pairs_in_ranges,
    track_ends,
    with_numbers,
)
from core.vision.track.tracker import iou

MIN_PAIRS = 5
"""The number of pairs from which their mean or median is trusted."""
_MIN_CONTRAST = 0.05
"""Least distance between the cosines of one person and of strangers that likeness is scaled by."""
_MAX_MISFIT = 3.0
"""A motion that fits worse than this costs no more."""


@dataclass(frozen=True)
class RelinkRules:
    """Chosen by measurement on PETS 2009 and on synthetic plazas. Likeness is 0 for a stranger, 1 for the same person.

    A link over a short gap needs a likeness of `min_likeness_short` and, unless the tracker had made it, a motion that
    fits. A link over a long gap, up to `max_gap_seconds`, needs a likeness of `min_likeness_long` and a place that
    could be reached: within `reach` body heights, and `reach_per_second` more for each second.
    `unknown_likeness` stands in where appearance is not known. Boxes that overlap by `same_place_iou`, with nobody else
    near and inside the picture, are one person's, even where appearance is in doubt.
    Whoever comes within `border_px` of the border has left, unless the motion fits no more than `border_gap_seconds`
    later; whoever appears there more than `exit_seconds` after that is somebody new.

    The cost of a link is 1 - likeness, plus `cost_per_second` of gap. Over a short gap, `misfit_cost` times the misfit
    is added, and `tracker_discount` is taken off where the tracker had made the link. Over a long gap, `long_gap_cost`
    is added, and `distance_cost` times the share of the reachable distance that was used. Links above `max_cost` are
    not made.
    """

    max_gap_seconds: float = 15.0
    min_likeness_short: float = 0.2
    min_likeness_long: float = 0.55
    unknown_likeness: float = 0.5
    reach: float = 0.5
    reach_per_second: float = 0.8
    misfit_cost: float = 0.5
    distance_cost: float = 0.3
    cost_per_second: float = 0.05
    tracker_discount: float = 0.3
    long_gap_cost: float = 0.1
    max_cost: float = 1.3
    border_px: float = 8.0
    border_gap_seconds: float = 2.5
    exit_seconds: float = 1.8
    same_place_iou: float = 0.5


@dataclass(frozen=True, eq=False)
class ObservedTracks:
    """What tracking found: the tracks, and for each row (n,) what `StretchAppearance.update` returned.

    `cover` is the largest IoU of the row's box with another box of its frame, `stretch` the stretch of its track that
    it lies in. `vectors` are the mean vectors of the stretches. `size` is the picture's (width, height), None where it
    is not known.
    """

    tracks: Tracks
    cover: Numbers
    stretch: Ints
    vectors: dict[Stretch, Floats]
    size: tuple[int, int] | None

    def select(self, rows: Ints) -> ObservedTracks:
        """The same with some of the rows."""
        return replace(self, tracks=self.tracks[rows], cover=self.cover[rows], stretch=self.stretch[rows])


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Tracks cut where they were in doubt: piece i is the rows from `begin[i]` up to `begin[i + 1]`.

    `rows` are ordered by piece and time, `cover` (n,) belongs to them; `track` is the tracker's number of each piece.
    """

    rows: Tracks
    cover: Numbers
    begin: Ints
    track: Ints
    ends: TrackEnds


@dataclass(frozen=True, eq=False)
class _Links:
    """Candidate links from an earlier piece to a later one; each array has one entry per link.

    gap_seconds      from the end of the earlier piece to the beginning of the later one
    tracker_made     whether the tracker itself went on from the earlier piece to the later one
    body_heights     how far the place of the end is from the place of the beginning
    exits            whether the earlier piece ends at the picture's border
    enters           whether the later piece begins there
    same_place       whether the later piece begins where the earlier one ended, inside the picture and with nobody else
                     near: at the border it may be somebody who comes just as another goes
    """

    gap_seconds: Numbers
    tracker_made: Bools
    body_heights: Numbers
    exits: Bools
    enters: Bools
    same_place: Bools


@dataclass(frozen=True, eq=False)
class _LinkAppearance:
    """What appearance says of each candidate link: the likeness, and whether both pieces were seen unobstructed."""

    likeness: Numbers
    both_have_vectors: Bools


def relink_tracks(observed: ObservedTracks, cosine: float, rules: RelinkRules, motion: MotionRules) -> Tracks:
    """The tracks under the numbers that the whole recording suggests, ordered by their former track and time.

    `cosine` is the user's threshold for one person; it counts where the recording itself teaches too little.
    """
    if not len(observed.tracks):
        return observed.tracks
    order = np.lexsort((observed.tracks.frame, observed.tracks.track))
    tracks, cover, stretch = observed.tracks[order], observed.cover[order], observed.stretch[order]
    stretch = _include_first_changed_box(tracks, cover, stretch)
    piece = _cut_at_doubts(tracks, cover, stretch)
    _, first, piece = np.unique(piece, return_index=True, return_inverse=True)
    begin = np.append(first, len(tracks))
    pieces = _Pieces(tracks, cover, begin, tracks.track[first], track_ends(tracks, begin, motion.end_seconds))
    has_vector, vectors = _vectors_of_pieces(tracks.track[first], stretch[first], observed.vectors)
    earlier, later = candidate_links(pieces.ends, rules.max_gap_seconds)
    both_have_vectors = has_vector[earlier] & has_vector[later]
    likeness = _learn_likeness(pieces, has_vector, vectors, cosine)(earlier, later)
    likeness = np.where(both_have_vectors, likeness, rules.unknown_likeness)
    links = _describe_links(pieces, earlier, later, observed.size, rules)
    certain = links.same_place & (links.gap_seconds <= motion.certain_gap_seconds + 1e-6)
    likeness = np.where(certain, np.maximum(likeness, rules.unknown_likeness), likeness)
    misfit = motion_misfit(pieces.ends, earlier, later, motion)
    cost = _link_costs(links, _LinkAppearance(likeness, both_have_vectors), misfit, rules, motion.max_gap_seconds)
    follows = _choose_links(earlier, later, cost, len(first), rules.max_cost)
    name = chain_numbers(np.arange(1, len(first) + 1), follows, pieces.ends.first)
    return with_numbers(tracks, name[piece])


def _include_first_changed_box(tracks: Tracks, cover: Numbers, stretch: Ints) -> Ints:
    """`stretch`, with the first box of a changed appearance in the new stretch too.

    A change is believed with the second such box; the first one still counts as the old stretch there.
    """
    continues = (np.diff(tracks.track) == 0) & (np.diff(tracks.seconds) <= GAP_SECONDS)
    changed = np.flatnonzero(continues & (np.diff(stretch) != 0) & (cover[1:] <= TOUCHING_IOU))
    included = stretch.copy()
    included[changed] = stretch[changed + 1]
    return included


def _cut_at_doubts(tracks: Tracks, cover: Numbers, stretch: Ints) -> Ints:
    """The piece of each row (n,). Pieces are the stretches; but where two people met, the cut lies where they covered
    each other most."""
    starts = np.flatnonzero((np.diff(tracks.track) != 0) | (np.diff(stretch) != 0)) + 1
    piece = np.zeros(len(tracks), np.int64)
    piece[starts] = 1
    piece = np.cumsum(piece)
    for a, b in pairwise([*starts.tolist(), len(tracks)]):
        continues = tracks.track[a] == tracks.track[a - 1] and tracks.seconds[a] - tracks.seconds[a - 1] <= GAP_SECONDS
        if continues and cover[a] > TOUCHING_IOU:
            clear = np.flatnonzero(cover[a:b] <= TOUCHING_IOU)
            end = a + int(clear[0]) if len(clear) else b
            piece[a : a + int(cover[a:end].argmax()) + 1] = piece[a - 1]
    return piece


def _vectors_of_pieces(track: Ints, stretch: Ints, vectors: dict[Stretch, Floats]) -> tuple[Bools, Floats]:
    """Which pieces have a vector, and their vectors (n, d), from the track and the stretch that each begins in."""
    width = len(next(iter(vectors.values()))) if vectors else 1
    table, has_vector = np.zeros((len(track), width), np.float32), np.zeros(len(track), bool)
    for i, key in enumerate(zip(track.tolist(), stretch.tolist(), strict=True)):
        if key in vectors:
            table[i], has_vector[i] = vectors[key], True
    return has_vector, table


@dataclass(frozen=True, eq=False)
class _Likeness:
    """Turns cosines of `vectors` into likenesses: 0 at the cosine of strangers, 1 at that of one person."""

    vectors: Floats
    stranger_cosine: float
    same_cosine: float

    def __call__(self, a: Ints, b: Ints) -> Numbers:
        cosine = np.einsum("nd,nd->n", self.vectors[a], self.vectors[b]).astype(np.float64)
        return np.asarray((cosine - self.stranger_cosine) / max(self.same_cosine - self.stranger_cosine, _MIN_CONTRAST))


def _learn_likeness(pieces: _Pieces, has_vector: Bools, vectors: Floats, cosine: float) -> _Likeness:
    """Learned from this camera: neighbouring pieces of one track are mostly one person, pieces seen at the same time
    are strangers. Where there are too few pairs of either kind, `cosine` is taken to lie half way between the two.
    """
    plain_cosine = _Likeness(vectors, 0.0, 1.0)
    before = np.flatnonzero((pieces.track[1:] == pieces.track[:-1]) & has_vector[1:] & has_vector[:-1])
    same = float(np.median(plain_cosine(before, before + 1))) if len(before) >= MIN_PAIRS else (1 + cosine) / 2
    a, b = _pairs_at_once(pieces.ends, has_vector)
    stranger = float(plain_cosine(a, b).mean()) if len(a) >= MIN_PAIRS else 2 * cosine - same
    return _Likeness(vectors, stranger, same)


def _pairs_at_once(ends: TrackEnds, has_vector: Bools) -> tuple[Ints, Ints]:
    """Pairs of pieces with vectors that were in the picture at the same time."""
    rows = np.flatnonzero(has_vector)
    order = rows[np.argsort(ends.first[rows], kind="stable")]
    until = np.searchsorted(ends.first[order], ends.last[order], "right")
    a, b = pairs_in_ranges(np.arange(1, len(order) + 1), until)
    return order[a], order[b]


def _describe_links(
    pieces: _Pieces, earlier: Ints, later: Ints, size: tuple[int, int] | None, rules: RelinkRules
) -> _Links:
    ends, xyxy = pieces.ends, pieces.rows.xyxy
    height = np.sqrt(ends.height[earlier, 1] * ends.height[later, 0])
    last, first = pieces.begin[earlier + 1] - 1, pieces.begin[later]
    at_border = _is_at_border(xyxy, size, rules.border_px)
    alone_inside = (pieces.cover <= TOUCHING_IOU) & ~at_border
    overlap = iou(xyxy[last], xyxy[first]) >= rules.same_place_iou
    return _Links(
        gap_seconds=ends.first[later] - ends.last[earlier],
        tracker_made=(pieces.track[earlier] == pieces.track[later]) & (later == earlier + 1),
        body_heights=np.hypot(*(ends.place[earlier, 1] - ends.place[later, 0]).T) / height,
        exits=at_border[last],
        enters=at_border[first],
        same_place=np.asarray(alone_inside[last] & alone_inside[first] & overlap),
    )


def _is_at_border(xyxy: Floats, size: tuple[int, int] | None, border_px: float) -> Bools:
    """Boxes that touch the picture's left, right or lower border: there people come and go."""
    if size is None:
        return np.zeros(len(xyxy), bool)
    left, right, bottom = xyxy[:, 0], xyxy[:, 2], xyxy[:, 3]
    return np.asarray((left < border_px) | (right > size[0] - border_px) | (bottom > size[1] - border_px))


def _link_costs(
    links: _Links, appearance: _LinkAppearance, misfit: Numbers, rules: RelinkRules, short_seconds: float
) -> Numbers:
    """What each link costs; infinite where it cannot be. `misfit` is up to 1 where the motion fits, and gaps up to
    `short_seconds` are short."""
    gap, likeness = links.gap_seconds, appearance.likeness
    motion_fits = misfit <= 1
    appearance_cost = 1 - likeness + rules.cost_per_second * gap

    short_cost = rules.misfit_cost * np.minimum(misfit, _MAX_MISFIT) + appearance_cost
    short_cost = short_cost - rules.tracker_discount * links.tracker_made
    short_allowed = links.tracker_made | (motion_fits & (gap <= short_seconds))
    short_allowed = (likeness >= rules.min_likeness_short) & short_allowed

    # Somebody was hidden inside the picture: not across its border, unless the motion goes on there at once.
    share_of_reach = links.body_heights / (rules.reach + rules.reach_per_second * gap)
    long_cost = rules.distance_cost * share_of_reach + appearance_cost + rules.long_gap_cost
    long_allowed = np.isfinite(misfit) & (share_of_reach <= 1)
    long_allowed &= (likeness >= rules.min_likeness_long) & appearance.both_have_vectors
    long_allowed &= ~(links.exits | links.enters) | (motion_fits & (gap <= rules.border_gap_seconds))

    cost = np.minimum(np.where(short_allowed, short_cost, np.inf), np.where(long_allowed, long_cost, np.inf))
    is_gone = links.exits & links.enters & (gap > rules.exit_seconds)
    return np.asarray(np.where(is_gone, np.inf, cost))


def _choose_links(a: Ints, b: Ints, cost: Numbers, count: int, limit: float) -> NDArray[np.int64]:
    """The piece that follows each piece (-1: none), so that all links together cost least against `limit` for none."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    good = np.flatnonzero(cost < limit)
    follows = np.full(count, -1)
    if not len(good):
        return follows
    # Column count + i stands for "nothing follows piece i". The solver takes no zeros, so all costs are raised alike.
    raised = 1.0 - float(min(cost[good].min(), 0))
    every = np.arange(count)
    weight = np.concatenate([cost[good], np.full(count, limit)]) + raised
    where = np.concatenate([a[good], every]), np.concatenate([b[good], count + every])
    row, column = min_weight_full_bipartite_matching(coo_matrix((weight, where), shape=(count, 2 * count)).tocsr())
    is_link = column < count
    follows[row[is_link]] = column[is_link]
    return follows
