"""Who went on as whom, decided again with the whole recording in hand: tracks are cut where they were in doubt, and the
pieces linked anew by looks and motion together, all at once.

The tracker decides in the frame in which two people part; here each piece has a mean look of its clean moments. What
counts as alike is read from this camera: pieces seen at the same time are strangers, most neighbours of one track are
not. Links over long gaps are for people hidden inside the picture; whoever leaves it and returns is a new track.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from core.track.assign import overlap_each
from core.track.hindsight import Ends, Numbers, RejoinRules, candidates, chained, ends_of, misfit, ranged, renamed
from core.track.looks import GAP_SECONDS, TOUCH, Stretch
from core.types import Bools, Floats, Ints, Tracks


@dataclass(frozen=True)
class SettleRules:
    """Chosen by measurement on PETS 2009 and on drawn plazas. Likeness is 0 for a stranger, 1 for the same person.

    A link over a short gap needs `likely` looks and, unless the tracker had made it, a motion that fits. One over a
    long gap, up to `long_seconds`, needs looks `surely` alike and a place that could be reached: `reach` body heights,
    and `pace` more for each second.
    Boxes that share `same_place` with nobody else near, inside the picture, are one person's, even where the looks are
    in doubt.
    Who comes within `edge` pixels of the border has left, unless the motion fits no more than `edge_seconds` later;
    and who appears there more than `gone_seconds` later has come.
    A link costs `motion` x misfit + unlikeness + `gap` x seconds, less `stay` where the tracker had made it; more than
    `limit` is too much.
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
"""So many pairs of a kind are needed to say what is usual for them."""


@dataclass(frozen=True, eq=False)
class _Pieces:
    rows: Tracks  # ordered by piece and time
    begin: Ints
    track: Ints  # the tracker's number of each piece
    ends: Ends


def settle(
    tracks: Tracks,
    cover: Numbers,
    stretch: Ints,
    looks: dict[Stretch, Floats],
    cosine: float,
    size: tuple[int, int] | None,
    rules: SettleRules,
    near: RejoinRules,
) -> Tracks:
    """`cover` and `stretch` say of each row what `Looks` said; `size` of the picture (width, height), where known."""
    if not len(tracks):
        return tracks
    order = np.lexsort((tracks.frame, tracks.track))
    tracks, cover, stretch = tracks[order], cover[order], stretch[order]
    stretch = _from_the_first(tracks, cover, stretch)
    piece = _piece(tracks, cover, stretch)
    _, first, piece = np.unique(piece, return_index=True, return_inverse=True)
    begin = np.append(first, len(tracks))
    pieces = _Pieces(tracks, begin, tracks.track[first], ends_of(tracks, begin, near.look_seconds))
    known, look = _looks(tracks.track[first], stretch[first], looks)
    earlier, later = candidates(pieces.ends, rules.long_seconds)
    like = _likeness(pieces, known, look, cosine)(earlier, later)
    like = np.where(known[earlier] & known[later], like, rules.unknown)
    on = _walks_on(pieces, cover, earlier, later, size, rules, near.sure_seconds)
    like = np.where(on, np.maximum(like, rules.unknown), like)
    cost = _cost(pieces, earlier, later, like, known, size, rules, near)
    follows = _linked(earlier, later, cost, len(first), rules.limit)
    name = chained(np.arange(1, len(first) + 1), follows, pieces.ends.first)
    return renamed(tracks, name[piece])


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
    look: Floats
    strange: float
    same: float

    def __call__(self, one: Ints, other: Ints) -> Numbers:
        cosine = np.einsum("nd,nd->n", self.look[one], self.look[other]).astype(np.float64)
        return np.asarray((cosine - self.strange) / max(self.same - self.strange, 0.05))


def _likeness(pieces: _Pieces, known: Bools, look: Floats, cosine: float) -> _Likeness:
    """Cosines become likenesses by what strangers and neighbours of one track have in this camera.

    Where it shows too few of either, `cosine` lies half way between them.
    """
    raw = _Likeness(look, 0.0, 1.0)
    chain = np.flatnonzero((pieces.track[1:] == pieces.track[:-1]) & known[1:] & known[:-1])
    same = float(np.median(raw(chain, chain + 1))) if len(chain) >= FEW else (1 + cosine) / 2
    one, other = _together(pieces.ends, known)
    strange = float(raw(one, other).mean()) if len(one) >= FEW else 2 * cosine - same
    return _Likeness(look, strange, same)


def _together(ends: Ends, known: Bools) -> tuple[Ints, Ints]:
    """Pairs of known pieces that were in the picture at the same time."""
    rows = np.flatnonzero(known)
    order = rows[np.argsort(ends.first[rows], kind="stable")]
    until = np.searchsorted(ends.first[order], ends.last[order], "right")
    one, other = ranged(np.arange(1, len(order) + 1), until)
    return order[one], order[other]


def _cost(
    pieces: _Pieces,
    a: Ints,
    b: Ints,
    like: Numbers,
    known: Bools,
    size: tuple[int, int] | None,
    rules: SettleRules,
    near: RejoinRules,
) -> Numbers:
    """What linking b to a costs; infinite where it cannot be."""
    ends = pieces.ends
    gap = ends.first[b] - ends.last[a]
    fit = misfit(ends, a, b, near)
    own = (pieces.track[a] == pieces.track[b]) & (b == a + 1)
    looks = 1 - like + rules.gap * gap
    short = rules.motion * np.minimum(fit, 3) + looks - rules.stay * own
    short[~((like >= rules.likely) & (own | ((fit <= 1) & (gap <= near.gap_seconds))))] = np.inf
    tall = np.sqrt(ends.height[a, 1] * ends.height[b, 0])
    way = np.hypot(*(ends.place[a, 1] - ends.place[b, 0]).T) / tall / (rules.reach + rules.pace * gap)
    hidden = np.isfinite(fit) & (way <= 1) & (like >= rules.surely) & known[a] & known[b]
    left = _at_border(pieces.rows.xyxy[pieces.begin[a + 1] - 1], size, rules.edge)
    came = _at_border(pieces.rows.xyxy[pieces.begin[b]], size, rules.edge)
    hidden &= ~(left | came) | ((fit <= 1) & (gap <= rules.edge_seconds))
    cost = np.minimum(short, np.where(hidden, rules.far * way + looks + rules.long, np.inf))
    return np.asarray(np.where(left & came & (gap > rules.gone_seconds), np.inf, cost))


def _walks_on(
    pieces: _Pieces, cover: Numbers, a: Ints, b: Ints, size: tuple[int, int] | None, rules: SettleRules, soon: float
) -> Bools:
    """Pairs in which b begins at once and where a ended, nobody else near: one person who turned, however they look.

    At the border it may be somebody who comes just as another goes.
    """
    last, first = pieces.begin[a + 1] - 1, pieces.begin[b]
    xyxy = pieces.rows.xyxy
    inside = ~_at_border(xyxy, size, rules.edge)
    alone = (cover <= TOUCH) & inside
    at_once = pieces.ends.first[b] - pieces.ends.last[a] <= soon + 1e-6
    here = overlap_each(xyxy[last], xyxy[first]) >= rules.same_place
    return np.asarray(alone[last] & alone[first] & at_once & here)


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
