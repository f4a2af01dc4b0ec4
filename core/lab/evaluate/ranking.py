"""How well vectors find the same person again in another camera: rank-k and mean average precision (mAP).

The protocol of Market-1501. For each query, gallery rows of the same person in the same camera are left out; rows of
person -1 (junk) are nobody's and left out for all; rows of person 0 (distractors) stay and are always wrong. A query
that no remaining row could answer is not counted, in the divisor neither.

Average precision is the mean of the precision at each right row, as Python tools of the field take it (the first
MATLAB script averaged precisions on both sides of a step, which comes out slightly lower). Of equally similar rows the
one that stands first in the gallery ranks first. Refuses to make vectors: they come with unit length.

Tracklets of a run follow it too, but for one rule (`rank_across`): whoever the query's camera shows is not asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.base.types import Bools, Floats, Ints
from core.vision.mot import Doubles

SimilarityBlock = Callable[[Ints], NDArray[np.floating[Any]]]
"""The similarities of some queries, by number, to the whole gallery: (block, gallery), free to be written over."""
RANKS = (1, 5, 10)
_BLOCK = 1 << 23  # similarities held at a time: 32 MB, and as much again for their order


@dataclass(frozen=True, eq=False)
class Ranking:
    """`queries` were counted; `cmc` is the share of them answered within the first k rows. All 0 where none counted.

    `precision` is each query's average precision, in the order in which they were given; NaN where not counted.
    """

    queries: int
    cmc: dict[int, float]
    map: float
    precision: Doubles

    def figures(self) -> dict[str, float]:
        """What a table or a curve shows: rank1, rank5, ..., map."""
        return {**{f"rank{k}": share for k, share in self.cmc.items()}, "map": self.map}

    def worst(self, count: int) -> Ints:
        """The counted queries with the lowest average precision, lowest first."""
        order = np.argsort(self.precision, kind="stable")  # NaN sorts last
        return np.asarray(order[: min(count, self.queries)], np.int64)


def rank(
    query_vectors: Floats,
    query_person: Ints,
    query_camera: Ints,
    gallery_vectors: Floats,
    gallery_person: Ints,
    gallery_camera: Ints,
    ranks: Sequence[int] = RANKS,
) -> Ranking:
    """Rank the gallery for every query by cosine similarity; vectors are (n, d), the rest (n,)."""
    asked = _Rows(query_vectors, query_person, query_camera)
    gallery = _Rows(gallery_vectors, gallery_person, gallery_camera)
    gallery = gallery.chosen(gallery.person >= 0)
    if len(asked.person) and len(gallery.person) and asked.vectors.shape[1] != gallery.vectors.shape[1]:
        raise ValueError(f"vectors differ in length: {asked.vectors.shape[1]} and {gallery.vectors.shape[1]}")
    return _ranking(_right_ranks(lambda block: asked.vectors[block] @ gallery.vectors.T, asked, gallery), ranks)


def rank_across(similarity: ArrayLike, camera: ArrayLike, person: ArrayLike, ranks: Sequence[int] = RANKS) -> Ranking:
    """Every row asks, and the rows of all other cameras answer, by similarities that are known.

    `similarity` is (n, n), finite between cameras, row by row one query's; `camera` (n,) holds anything that can be
    told apart, `person` (n,) is -1 for junk and above 0 for somebody.
    """
    known, who = np.asarray(similarity), np.asarray(person, np.int64)
    where = np.unique(np.asarray(camera), return_inverse=True)[1]
    if known.shape != 2 * who.shape or where.shape != who.shape:
        raise ValueError(f"expected (n, n), (n,) and (n,), got {known.shape}, {where.shape} and {who.shape}")
    apart = where[:, None] != where
    if not (np.isfinite(known) | ~apart).all():
        raise ValueError("similarity: expected finite numbers between cameras")
    rows = _Rows(np.empty((len(who), 0)), who, where)
    answers = who >= 0

    def similar(block: Ints) -> NDArray[np.floating[Any]]:
        return np.where(apart[block], known[block], -np.inf)[:, answers]

    return _ranking(_right_ranks(similar, rows, rows.chosen(answers)), ranks)


def _ranking(places: list[Ints], ranks: Sequence[int]) -> Ranking:
    """The figures, from the places of the right rows of each query."""
    if not ranks or min(ranks) < 1:
        raise ValueError(f"ranks: expected numbers from 1 up, got {tuple(ranks)}")
    counted = np.array([len(p) > 0 for p in places], bool)
    first = np.array([p[0] for p in places if len(p)], np.int64)
    precision = np.array([np.mean(np.arange(1, len(p) + 1) / (p + 1)) if len(p) else np.nan for p in places])
    cmc = {int(k): float((first < k).mean()) if len(first) else 0.0 for k in ranks}
    return Ranking(len(first), cmc, float(precision[counted].mean()) if len(first) else 0.0, precision)


def rank_within(vectors: Floats, person: Ints, camera: Ints, asks: Bools, ranks: Sequence[int] = RANKS) -> Ranking:
    """One set: the rows that `asks` marks are the queries, the rest is the gallery."""
    rows, asks = _Rows(vectors, person, camera), np.asarray(asks, bool)
    if asks.shape != rows.person.shape:
        raise ValueError(f"asks: expected shape {rows.person.shape}, got {asks.shape}")
    asked, rest = rows.chosen(asks), rows.chosen(~asks)
    return rank(asked.vectors, asked.person, asked.camera, rest.vectors, rest.person, rest.camera, ranks)


def nearest(vectors: Floats, person: Ints, camera: Ints, query: int, gallery: Bools, top: int = 10) -> Ints:
    """The rows that stand first for row `query` among those that `gallery` marks, by the protocol; `top` at most."""
    own = (person == person[query]) & (camera == camera[query])
    rows = np.flatnonzero(gallery & ~own & (person >= 0))
    order = np.argsort(-(vectors[rows] @ vectors[query]), kind="stable")
    return np.asarray(rows[order[:top]], np.int64)


class _Rows:
    """Vectors, person and camera of as many rows, checked."""

    def __init__(self, vectors: ArrayLike, person: ArrayLike, camera: ArrayLike) -> None:
        self.vectors = np.asarray(vectors, np.float32)
        self.person, self.camera = np.asarray(person, np.int64), np.asarray(camera, np.int64)
        lengths = {len(self.vectors), len(self.person), len(self.camera)}
        if self.vectors.ndim != 2 or self.person.ndim != 1 or self.camera.ndim != 1 or len(lengths) > 1:
            shapes = self.vectors.shape, self.person.shape, self.camera.shape
            raise ValueError(f"expected vectors (n, d), person (n,) and camera (n,), got {shapes}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("vectors: expected finite numbers")

    def chosen(self, keep: Bools) -> _Rows:
        return _Rows(self.vectors[keep], self.person[keep], self.camera[keep])


def _right_ranks(similar_to: SimilarityBlock, asked: _Rows, gallery: _Rows) -> list[Ints]:
    """For each query the places, from 0 and rising, of the right rows; empty where there are none."""
    size = len(gallery.person)
    by_person = np.argsort(gallery.person, kind="stable")
    start, end = (np.searchsorted(gallery.person[by_person], asked.person, side) for side in ("left", "right"))
    places: list[Ints] = [np.empty(0, np.int64)] * len(asked.person)
    wanted = np.flatnonzero((asked.person > 0) & (start < end))
    step = max(1, _BLOCK // max(1, size))
    for at in range(0, len(wanted), step):
        block = wanted[at : at + step]
        similar = similar_to(block)
        rows = [by_person[start[q] : end[q]] for q in block]
        own = [gallery.camera[r] == asked.camera[q] for q, r in zip(block, rows, strict=True)]
        for i in range(len(block)):
            similar[i, rows[i][own[i]]] = -np.inf
        ordered = np.sort(similar, axis=1)
        for i, q in enumerate(block):
            places[q] = _ranks_of(similar[i], ordered[i], rows[i][~own[i]])
    return places


def _ranks_of(similar: NDArray[np.floating[Any]], ordered: NDArray[np.floating[Any]], right: Ints) -> Ints:
    """Places of the rows `right`: how many are more similar, and of equally similar ones how many stand before it."""
    its = similar[right]
    above = np.searchsorted(ordered, its, "right")
    place = len(ordered) - above
    for i in np.flatnonzero(above - np.searchsorted(ordered, its, "left") > 1):
        place[i] += np.count_nonzero(similar[: right[i]] == its[i])
    return np.asarray(np.sort(place), np.int64)
