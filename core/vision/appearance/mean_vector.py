"""Appearance vectors: the mean of a track's crops, and a map of many vectors on a plane.

In the mean, good crops count for more, and crops of strangers among them for less. A track that holds two people in
equal parts is left to the rooms that split tracks.

On the map, people who look alike lie close together. t-SNE (van der Maaten and Hinton 2008) keeps neighbours together;
how far groups lie from each other, and where left and right are, says nothing. Principal components show the two
directions in which vectors differ most."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints

OUTLIER_DISTANCE = 2.0
"""A crop this many times as far from the mean as the median crop of its track counts for half."""
MIN_MEDIAN_DISTANCE = 0.02
"""Distance (1 less the cosine) within which no crop is an outlier, however close the others lie."""
MIN_LENGTH = 1e-3
"""Length of a weighted mean of unit vectors below which it points nowhere."""
_TOLERANCE = 1e-2

MIN_VECTORS_TSNE = 8
"""With fewer vectors there are no neighbourhoods to keep."""
_PERPLEXITY = 30.0
_STEPS = 500
_MAX_EXACT = 300
"""Up to so many vectors the exact method is the faster one."""
_COMPONENTS = 50
"""Directions that are left for t-SNE: what lies in the others is mostly noise."""

Doubles = NDArray[np.float64]
Method = Literal["t-SNE", "principal components"]


def mean_vectors(vectors: Floats, weights: Floats, group: Ints) -> tuple[Ints, Floats]:
    """The groups (g,), rising, and a unit vector for each (g, d).

    `vectors` (n, d) have unit norm, `weights` (n,) are 0 or more and count within their group only, all alike where
    all of them are 0. After a first mean each weight falls with its vector's distance from it, once. A group whose
    vectors cancel each other has the vector of its heaviest crop.
    """
    rows, weight, group = _validate(vectors, weights, group)
    if not len(rows):
        return group, np.asarray(vectors, np.float32)
    # Heaviest last, equals by their own values: nothing depends on the order in which they came.
    order = np.lexsort((*rows.T[:4], weight, group))
    rows, weight = rows[order], weight[order]
    groups, start, count = np.unique(group[order], return_index=True, return_counts=True)
    weight = _normalize_weights(weight, start, count)
    mean, _ = _to_unit(_group_sums(rows, weight, start))
    distance = 1 - np.einsum("nd,nd->n", rows, np.repeat(mean, count, axis=0))
    median = np.maximum(_weighted_median(distance, weight, start, count), MIN_MEDIAN_DISTANCE)
    outlier_factor = 1 / (1 + (distance / (OUTLIER_DISTANCE * np.repeat(median, count))) ** 2)
    mean, length = _to_unit(_group_sums(rows, _normalize_weights(weight * outlier_factor, start, count), start))
    heaviest = start + count - 1
    return groups, np.where(length[:, None] < MIN_LENGTH, rows[heaviest], mean).astype(np.float32)


def _validate(vectors: Floats, weights: Floats, group: Ints) -> tuple[Doubles, Doubles, Ints]:
    """The arguments of `mean_vectors` in double precision, the vectors scaled to unit norm exactly."""
    rows, weight, group = np.asarray(vectors, np.float64), np.asarray(weights, np.float64), np.asarray(group, np.int64)
    if rows.ndim != 2 or weight.shape != (len(rows),) or group.shape != (len(rows),):
        raise ValueError(f"expected (n, d), (n,) and (n,), got {rows.shape}, {weight.shape} and {group.shape}")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(f"weights: expected 0 or more, got {weight.min()}")
    length = np.linalg.norm(rows, axis=1)
    if not (np.abs(length - 1) <= _TOLERANCE).all():
        raise ValueError(f"vectors: expected unit norm, got {length[np.abs(length - 1).argmax()]:.3g}")
    return rows / length[:, None], weight, group


# Below, rows are ordered by group: each group begins at `start` (g,) and has `count` (g,) rows.


def _normalize_weights(weight: Doubles, start: Ints, count: Ints) -> Doubles:
    """Weights that sum to 1 in each group; equal ones where all were 0."""
    total = np.repeat(np.add.reduceat(weight, start), count)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / np.repeat(count, count))


def _group_sums(rows: Doubles, weight: Doubles, start: Ints) -> Doubles:
    """The weighted sum of each group (g, d)."""
    return np.asarray(np.add.reduceat(rows * weight[:, None], start, axis=0))


def _to_unit(sums: Doubles) -> tuple[Doubles, Doubles]:
    """Unit vectors (g, d), 0 where the sums cancel, and how long the sums were (g,)."""
    length = np.linalg.norm(sums, axis=1)
    is_nonzero = (length >= MIN_LENGTH)[:, None]
    return np.where(is_nonzero, sums / np.where(is_nonzero, length[:, None], 1), 0), length


def _weighted_median(distance: Doubles, weight: Doubles, start: Ints, count: Ints) -> Doubles:
    """The weighted median of each group (g,): half of its weight lies no further. Weights sum to 1 in each."""
    group = np.repeat(np.arange(len(start)), count)
    order = np.lexsort((distance, group))
    # The groups lie one after another on a rising line, each 1 long: half way into group i is at i + 0.5.
    cumulative = np.cumsum(weight[order])
    at = np.searchsorted(cumulative, np.arange(len(start)) + 0.5 - 1e-9)
    return np.asarray(distance[order][at])


def project(vectors: Floats, method: Method = "t-SNE") -> tuple[NDArray[np.float64], Method]:
    """Places (n, 2) of `vectors` (n, d), the same each time, and the method: of a few, always principal components.

    >>> np.abs(project(np.array([[0, 0, 1], [0, 2, 1], [0, 4, 1]], np.float32))[0][:, 0]).round(6).tolist()
    [2.0, 0.0, 2.0]
    """
    components = _principal_components(vectors)
    if method == "principal components" or len(vectors) < MIN_VECTORS_TSNE:
        return components[:, :2], "principal components"
    from sklearn.manifold import TSNE  # takes a second to import

    projection = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        init="pca",
        random_state=0,
        max_iter=_STEPS,
        method="exact" if len(vectors) <= _MAX_EXACT else "barnes_hut",
    )
    return np.asarray(projection.fit_transform(components), np.float64), "t-SNE"


def _principal_components(vectors: Floats) -> NDArray[np.float64]:
    """`vectors` (n, d) along the directions in which they differ most (n, k), k at least two."""
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0, keepdims=True) if len(vectors) else 0
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    components = centred @ axes[:_COMPONENTS].T
    return np.pad(components, ((0, 0), (0, max(0, 2 - components.shape[1]))))
