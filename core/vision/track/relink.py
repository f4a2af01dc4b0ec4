"""Relinking: with the whole recording at hand, tracks are cut where they were in doubt, and the pieces are linked anew
by appearance and motion, all at once.

The tracker has to decide in the very frame in which two people part; here each piece has a mean appearance vector of
its unobstructed moments. What counts as similar is learned from this camera: pieces seen at the same time are different
people, and most neighbouring pieces of one track are the same person. Links over long gaps are for people hidden inside
the picture; whoever leaves it and returns is a new track."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from core.base.types import Bools, Floats, Ints, Tracks
from core.vision.track.appearance import GAP_SECONDS, TOUCH, Stretch
from core.vision.track.offline_pass import (
    TrackEnds,
    Numbers,
    MotionRules,
    candidate_links,
    chain_numbers,
    track_ends,
    misfit,
    pairs_in_ranges,
    with_numbers,
)
from core.vision.track.tracker import iou


@dataclass(frozen=True)
class RelinkRules:
    """Chosen by measurement on PETS 2009 and on synthetic plazas. Likeness is 0 for a stranger, 1 for the same person.

    A link over a short gap needs a likeness of `likely` and, unless the tracker had made it, a motion that fits.
    A link over a long gap, up to `long_seconds`, needs a likeness of `surely` and a place that could be reached: within
    `reach` body heights, and `pace` more for each second.
    `unknown` is the likeness where appearance is not known. Boxes that overlap by `same_place`, with nobody else near
    and inside the picture, are one person's, even where appearance is in doubt.
    Whoever comes within `edge` pixels of the border has left, unless the motion fits no more than `edge_seconds` later;
    whoever appears there more than `gone_seconds` after that is somebody new.

    The cost of a link is 1 - likeness, plus `gap` per second. Over a short gap, `motion` times the misfit is added, and
    `stay` is taken off where the tracker had made the link. Over a long gap, `long` is added, and `far` times the share
    of the reachable distance that was used. Links above `limit` are not made.
    """

    long_seconds: float = 15.0
    likely: float = 0.2
    surely: float = 0.55
    unknown: float = 0.5
    reach: float = 0.5
    pace: float = 0.8
    motion: float = 0.5
    far: float = 0.3
    gap: float = 0.05
    stay: float = 0.3
    long: float = 0.1
    limit: float = 1.3
    edge: float = 8.0
    edge_seconds: float = 2.5
    gone_seconds: float = 1.8
    same_place: float = 0.5


FEW = 5
"""The number of pairs from which their mean or median is trusted."""


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Tracks cut where they were in doubt: piece i is the rows from `begin[i]` up to `begin[i + 1]`."""

    rows: Tracks  # ordered by piece and time
    begin: Ints
    track: Ints  # the tracker's number of each piece
    ends: TrackEnds


def relink_tracks(
    tracks: Tracks,
    cover: Numbers,
    stretch: Ints,
    looks: dict[Stretch, Floats],
    cosine: float,
    size: tuple[int, int] | None,
    rules: RelinkRules,
    near: MotionRules,
) -> Tracks:
    """`tracks` under the numbers that the whole recording suggests.

    `cover` and `stretch` hold for each row what `Looks.see` returned: by how much another box covers it, and in which
    stretch of its track it lies. `looks` are the stretches' mean vectors, `size` the picture's (width, height), None
    where it is not known.
    """
    if not len(tracks):
        return tracks
    order = np.lexsort((tracks.frame, tracks.track))
    tracks, cover, stretch = tracks[order], cover[order], stretch[order]
    stretch = _from_the_first(tracks, cover, stretch)
    piece = _piece(tracks, cover, stretch)
    _, first, piece = np.unique(piece, return_index=True, return_inverse=True)
    begin = np.append(first, len(tracks))
    pieces = _Pieces(tracks, begin, tracks.track[first], track_ends(tracks, begin, near.look_seconds))
    known, look = _looks(tracks.track[first], stretch[first], looks)
    earlier, later = candidate_links(pieces.ends, rules.long_seconds)
    like = _likeness(pieces, known, look, cosine)(earlier, later)
    like = np.where(known[earlier] & known[later], like, rules.unknown)
    continues = _walks_on(pieces, cover, earlier, later, size, rules, near.sure_seconds)
    like = np.where(continues, np.maximum(like, rules.unknown), like)
    links = _links(pieces, earlier, later, size, rules.edge)
    fit = misfit(pieces.ends, earlier, later, near)
    appearance = _Appearance(like, known[earlier] & known[later])
    cost = _link_costs(links, appearance, fit, rules, near.gap_seconds)
    follows = _linked(earlier, later, cost, len(first), rules.limit)
    name = chain_numbers(np.arange(1, len(first) + 1), follows, pieces.ends.first)
    return with_numbers(tracks, name[piece])


def _from_the_first(tracks: Tracks, cover: Numbers, stretch: Ints) -> Ints:
    """Changed looks are believed with the second box: the first one belongs to the new stretch as well."""
    goes_on = (np.diff(tracks.track) == 0) & (np.diff(tracks.seconds) <= GAP_SECONDS)
    changed = np.flatnonzero(goes_on & (np.diff(stretch) != 0) & (cover[1:] <= TOUCH))
    begun = stretch.copy()
    begun[changed] = stretch[changed + 1]
    return begun


def _piece(tracks: Tracks, cover: Numbers, stretch: Ints) -> Ints:
    """Like the stretches, but where two people met, the cut lies where they covered each other most."""
    starts = np.flatnonzero((np.diff(tracks.track) != 0) | (np.diff(stretch) != 0)) + 1
    piece = np.zeros(len(tracks), np.int64)
    piece[starts] = 1
    piece = np.cumsum(piece)
    for a, b in pairwise([*starts.tolist(), len(tracks)]):
        met = tracks.track[a] == tracks.track[a - 1] and tracks.seconds[a] - tracks.seconds[a - 1] <= GAP_SECONDS
        if met and cover[a] > TOUCH:
            apart = np.flatnonzero(cover[a:b] <= TOUCH)
            end = a + int(apart[0]) if len(apart) else b
            piece[a : a + int(cover[a:end].argmax()) + 1] = piece[a - 1]
    return piece


def _looks(track: Ints, stretch: Ints, looks: dict[Stretch, Floats]) -> tuple[Bools, Floats]:
    """Which pieces were seen clean, and their vectors (n, d), from the track and the stretch that each begins in."""
    width = len(next(iter(looks.values()))) if looks else 1
    look, known = np.zeros((len(track), width), np.float32), np.zeros(len(track), bool)
    for i, key in enumerate(zip(track.tolist(), stretch.tolist(), strict=True)):
        if key in looks:
            look[i], known[i] = looks[key], True
    return known, look


@dataclass(frozen=True, eq=False)
class _Likeness:
    """Turns cosines of `vectors` into likenesses: 0 at the cosine of strangers, 1 at that of one person."""

    vectors: Floats
    stranger_cosine: float
    same_cosine: float

    def __call__(self, a: Ints, b: Ints) -> Numbers:
        cosine = np.einsum("nd,nd->n", self.vectors[a], self.vectors[b]).astype(np.float64)
        return np.asarray((cosine - self.stranger_cosine) / max(self.same_cosine - self.stranger_cosine, 0.05))


def _likeness(pieces: _Pieces, known: Bools, look: Floats, cosine: float) -> _Likeness:
    """Learned from this camera: neighbouring pieces of one track are mostly one person, pieces seen at the same time
    are strangers. Where there are too few pairs of either kind, `cosine` is taken to lie half way between the two.
    """
    raw = _Likeness(look, 0.0, 1.0)
    before = np.flatnonzero((pieces.track[1:] == pieces.track[:-1]) & known[1:] & known[:-1])
    same = float(np.median(raw(before, before + 1))) if len(before) >= FEW else (1 + cosine) / 2
    a, b = _together(pieces.ends, known)
    stranger = float(raw(a, b).mean()) if len(a) >= FEW else 2 * cosine - same
    return _Likeness(look, stranger, same)


def _together(ends: TrackEnds, known: Bools) -> tuple[Ints, Ints]:
    """Pairs of known pieces that were in the picture at the same time."""
    rows = np.flatnonzero(known)
    order = rows[np.argsort(ends.first[rows], kind="stable")]
    until = np.searchsorted(ends.first[order], ends.last[order], "right")
    a, b = pairs_in_ranges(np.arange(1, len(order) + 1), until)
    return order[a], order[b]


@dataclass(frozen=True, eq=False)
class _Links:
    """Candidate links from an earlier piece to a later one; each array has one entry per link.

    gap_seconds      from the end of the earlier piece to the beginning of the later one
    tracker_made     whether the tracker itself went on from the one to the other
    body_heights     how far the place of the end is from the place of the beginning
    exits            whether the earlier piece ends at the picture's border
    enters           whether the later piece begins there
    """

    gap_seconds: Numbers
    tracker_made: Bools
    body_heights: Numbers
    exits: Bools
    enters: Bools


@dataclass(frozen=True, eq=False)
class _Appearance:
    """What appearance says of each candidate link: the likeness, and whether both pieces were seen unobstructed."""

    likeness: Numbers
    both_seen: Bools


def _links(pieces: _Pieces, earlier: Ints, later: Ints, size: tuple[int, int] | None, edge: float) -> _Links:
    ends, xyxy = pieces.ends, pieces.rows.xyxy
    height = np.sqrt(ends.height[earlier, 1] * ends.height[later, 0])
    return _Links(
        gap_seconds=ends.first[later] - ends.last[earlier],
        tracker_made=(pieces.track[earlier] == pieces.track[later]) & (later == earlier + 1),
        body_heights=np.hypot(*(ends.place[earlier, 1] - ends.place[later, 0]).T) / height,
        exits=_at_border(xyxy[pieces.begin[earlier + 1] - 1], size, edge),
        enters=_at_border(xyxy[pieces.begin[later]], size, edge),
    )


def _link_costs(
    links: _Links, appearance: _Appearance, motion_misfit: Numbers, rules: RelinkRules, short_seconds: float
) -> Numbers:
    """What each link costs; infinite where it cannot be. `motion_misfit` is up to 1 where the motion fits."""
    gap, likeness = links.gap_seconds, appearance.likeness
    motion_fits = motion_misfit <= 1
    appearance_cost = 1 - likeness + rules.gap * gap

    short_cost = rules.motion * np.minimum(motion_misfit, 3) + appearance_cost - rules.stay * links.tracker_made
    short_allowed = (likeness >= rules.likely) & (links.tracker_made | (motion_fits & (gap <= short_seconds)))

    # Somebody was hidden inside the picture: not across its border, unless the motion goes on there at once.
    share_of_reach = links.body_heights / (rules.reach + rules.pace * gap)
    long_cost = rules.far * share_of_reach + appearance_cost + rules.long
    long_allowed = np.isfinite(motion_misfit) & (share_of_reach <= 1)
    long_allowed &= (likeness >= rules.surely) & appearance.both_seen
    long_allowed &= ~(links.exits | links.enters) | (motion_fits & (gap <= rules.edge_seconds))

    cost = np.minimum(np.where(short_allowed, short_cost, np.inf), np.where(long_allowed, long_cost, np.inf))
    left_for_good = links.exits & links.enters & (gap > rules.gone_seconds)
    return np.asarray(np.where(left_for_good, np.inf, cost))


def _walks_on(
    pieces: _Pieces, cover: Numbers, a: Ints, b: Ints, size: tuple[int, int] | None, rules: RelinkRules, soon: float
) -> Bools:
    """Pairs in which b begins at once and where a ended, nobody else near: one person who turned, however they look.

    At the border it may be somebody who comes just as another goes.
    """
    last, first = pieces.begin[a + 1] - 1, pieces.begin[b]
    xyxy = pieces.rows.xyxy
    inside = ~_at_border(xyxy, size, rules.edge)
    alone = (cover <= TOUCH) & inside
    at_once = pieces.ends.first[b] - pieces.ends.last[a] <= soon + 1e-6
    same_place = iou(xyxy[last], xyxy[first]) >= rules.same_place
    return np.asarray(alone[last] & alone[first] & at_once & same_place)


def _at_border(xyxy: Floats, size: tuple[int, int] | None, edge: float) -> Bools:
    """Boxes that touch the picture's left, right or lower border: there people come and go."""
    if size is None:
        return np.zeros(len(xyxy), bool)
    return np.asarray((xyxy[:, 0] < edge) | (xyxy[:, 2] > size[0] - edge) | (xyxy[:, 3] > size[1] - edge))


def _linked(a: Ints, b: Ints, cost: Numbers, count: int, limit: float) -> NDArray[np.int64]:
    """The piece that follows each piece (-1: none), so that all links together cost least against `limit` for none."""
    good = np.flatnonzero(cost < limit)
    follows = np.full(count, -1)
    if not len(good):
        return follows
    # Piece i may also go with column count + i: nobody. The solver takes no zeros, so all costs are lifted alike.
    lift = 1.0 - float(min(cost[good].min(), 0))
    every = np.arange(count)
    weight = np.concatenate([cost[good], np.full(count, limit)]) + lift
    where = np.concatenate([a[good], every]), np.concatenate([b[good], count + every])
    row, column = min_weight_full_bipartite_matching(coo_matrix((weight, where), shape=(count, 2 * count)).tocsr())
    real = column < count
    follows[row[real]] = column[real]
    return follows
