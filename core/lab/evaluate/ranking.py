"""How well vectors find the same person in another camera: rank-k and mean average precision (mAP).

The protocol of Market-1501: for each query, gallery rows of the same person in the same camera are left out. Rows of
person -1 (junk) belong to nobody and are left out for all queries; rows of person 0 (distractors) stay and are always
wrong. A query without any right row is not counted, not in the divisor either.

Average precision is the mean of the precision at each right row, as Python tools of the field compute it (the first
MATLAB script averaged the precisions on both sides of a step, which gives slightly less). Of equally similar rows the
first one of the gallery ranks first. Vectors have unit length.

`rank_across` ranks the tracklets of a run by the same protocol, except that every row of the query's own camera is
left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.base.types import Bools, Floats, Ints
from core.vision.mot import Doubles

SimilarityBlock = Callable[[Ints], NDArray[np.floating[Any]]]
"""From rows of queries (b,) to similarities to the whole gallery, (b, gallery), which the caller may overwrite."""
RANKS = (1, 5, 10)
_BLOCK = 1 << 23  # similarities in memory at a time: 32 MB, and as much again for their sorted copy


@dataclass(frozen=True, eq=False)
class Ranking:
    """`queries` is the number that counted; `cmc` the share of these with a right row among the first k. 0 without any.

    `precision` is the average precision of each query, in the order of the queries; NaN where not counted.
    """

    queries: int
    cmc: dict[int, float]
    map: float
    precision: Doubles

    def figures(self) -> dict[str, float]:
        """For tables and curves: rank1, rank5, ..., map."""
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
    """Rank the gallery for every query by cosine similarity; vectors are (n, d), people and cameras (n,)."""
    queries = _Rows(query_vectors, query_person, query_camera)
    gallery = _Rows(gallery_vectors, gallery_person, gallery_camera)
    gallery = gallery.select(gallery.person >= 0)
    if len(queries.person) and len(gallery.person) and queries.vectors.shape[1] != gallery.vectors.shape[1]:
        raise ValueError(f"vectors differ in length: {queries.vectors.shape[1]} and {gallery.vectors.shape[1]}")
    return _ranking(_right_ranks(lambda block: queries.vectors[block] @ gallery.vectors.T, queries, gallery), ranks)


def rank_across(similarity: ArrayLike, camera: ArrayLike, person: ArrayLike, ranks: Sequence[int] = RANKS) -> Ranking:
    """Every row is a query, and the rows of all other cameras are its gallery, ranked by given similarities.

    `similarity` is (n, n), a row per query, finite between cameras; `camera` (n,) holds names or numbers; `person` (n,)
    is -1 for junk and above 0 for somebody.
    """
    scores, people = np.asarray(similarity), np.asarray(person, np.int64)
    cameras = np.unique(np.asarray(camera), return_inverse=True)[1]
    if scores.shape != 2 * people.shape or cameras.shape != people.shape:
        raise ValueError(f"expected (n, n), (n,) and (n,), got {scores.shape}, {cameras.shape} and {people.shape}")
    other_camera = cameras[:, None] != cameras
    if not (np.isfinite(scores) | ~other_camera).all():
        raise ValueError("similarity: expected finite numbers between cameras")
    rows = _Rows(np.empty((len(people), 0)), people, cameras)
    answers = people >= 0

    def similar(block: Ints) -> NDArray[np.floating[Any]]:
        return np.where(other_camera[block], scores[block], -np.inf)[:, answers]

    return _ranking(_right_ranks(similar, rows, rows.select(answers)), ranks)


def _ranking(ranks_by_query: list[Ints], ks: Sequence[int]) -> Ranking:
    """The figures, from the ranks of the right rows of each query."""
    if not ks or min(ks) < 1:
        raise ValueError(f"ranks: expected numbers from 1 up, got {tuple(ks)}")
    counted = np.array([len(p) > 0 for p in ranks_by_query], bool)
    first = np.array([p[0] for p in ranks_by_query if len(p)], np.int64)
    precision = np.array([np.mean(np.arange(1, len(p) + 1) / (p + 1)) if len(p) else np.nan for p in ranks_by_query])
    cmc = {int(k): float((first < k).mean()) if len(first) else 0.0 for k in ks}
    return Ranking(len(first), cmc, float(precision[counted].mean()) if len(first) else 0.0, precision)


def rank_within(vectors: Floats, person: Ints, camera: Ints, is_query: Bools, ranks: Sequence[int] = RANKS) -> Ranking:
    """One set: rows marked in `is_query` (n,) are the queries, the others the gallery."""
    rows, is_query = _Rows(vectors, person, camera), np.asarray(is_query, bool)
    if is_query.shape != rows.person.shape:
        raise ValueError(f"is_query: expected shape {rows.person.shape}, got {is_query.shape}")
    queries, gallery = rows.select(is_query), rows.select(~is_query)
    return rank(queries.vectors, queries.person, queries.camera, gallery.vectors, gallery.person, gallery.camera, ranks)


def nearest(vectors: Floats, person: Ints, camera: Ints, query: int, gallery: Bools, top: int = 10) -> Ints:
    """The `top` rows most similar to row `query` among those marked in `gallery` (n,), by the protocol."""
    same_camera = (person == person[query]) & (camera == camera[query])
    rows = np.flatnonzero(gallery & ~same_camera & (person >= 0))
    order = np.argsort(-(vectors[rows] @ vectors[query]), kind="stable")
    return np.asarray(rows[order[:top]], np.int64)


class _Rows:
    """Vectors (n, d), person (n,) and camera (n,), checked."""

    def __init__(self, vectors: ArrayLike, person: ArrayLike, camera: ArrayLike) -> None:
        self.vectors = np.asarray(vectors, np.float32)
        self.person, self.camera = np.asarray(person, np.int64), np.asarray(camera, np.int64)
        lengths = {len(self.vectors), len(self.person), len(self.camera)}
        if self.vectors.ndim != 2 or self.person.ndim != 1 or self.camera.ndim != 1 or len(lengths) > 1:
            shapes = self.vectors.shape, self.person.shape, self.camera.shape
            raise ValueError(f"expected vectors (n, d), person (n,) and camera (n,), got {shapes}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("vectors: expected finite numbers")

    def select(self, keep: Bools) -> _Rows:
        return _Rows(self.vectors[keep], self.person[keep], self.camera[keep])


def _right_ranks(similarities_of: SimilarityBlock, queries: _Rows, gallery: _Rows) -> list[Ints]:
    """For each query the ranks of its right rows, from 0 and rising; empty where there are none."""
    size = len(gallery.person)
    by_person = np.argsort(gallery.person, kind="stable")
    start, end = (np.searchsorted(gallery.person[by_person], queries.person, side) for side in ("left", "right"))
    ranks: list[Ints] = [np.empty(0, np.int64)] * len(queries.person)
    answerable = np.flatnonzero((queries.person > 0) & (start < end))
    step = max(1, _BLOCK // max(1, size))
    for at in range(0, len(answerable), step):
        block = answerable[at : at + step]
        similar = similarities_of(block)
        rows = [by_person[start[q] : end[q]] for q in block]
        same_camera = [gallery.camera[r] == queries.camera[q] for q, r in zip(block, rows, strict=True)]
        for i in range(len(block)):
            similar[i, rows[i][same_camera[i]]] = -np.inf
        ordered = np.sort(similar, axis=1)
        for i, q in enumerate(block):
            ranks[q] = _ranks_of(similar[i], ordered[i], rows[i][~same_camera[i]])
    return ranks


def _ranks_of(similar: NDArray[np.floating[Any]], ordered: NDArray[np.floating[Any]], right: Ints) -> Ints:
    """Ranks of the rows `right`: the number of rows that are more similar, or equally similar and earlier."""
    values = similar[right]
    above = np.searchsorted(ordered, values, "right")
    rank = len(ordered) - above
    for i in np.flatnonzero(above - np.searchsorted(ordered, values, "left") > 1):
        rank[i] += np.count_nonzero(similar[: right[i]] == values[i])
    return np.asarray(np.sort(rank), np.int64)
