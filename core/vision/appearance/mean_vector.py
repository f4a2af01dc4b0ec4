"""One vector for each track, from those of its crops: good crops count for more, and strangers among them for less.

Owns the mean. Refuses to judge a track that holds two people in equal parts: that is for the rooms that split tracks.

Vectors on a plane: whoever looks alike lies close together.

t-SNE (van der Maaten and Hinton 2008) keeps neighbours together; how far groups lie from each other, and where left and
right are, says nothing. Principal components show the two directions in which vectors differ most."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.base.types import Floats, Ints

FAR = 2.0
"""Crops that lie this many times as far from the mean as the middle one of their track count for half."""
CLOSE = 0.02
"""Distance (1 less the cosine) within which nothing is far, however close the others lie."""
CANCELLED = 1e-3
"""Length of a weighted mean of unit vectors below which it points nowhere."""
_TOLERANCE = 1e-2

Doubles = NDArray[np.float64]


def mean_vectors(vectors: Floats, weights: Floats, group: Ints) -> tuple[Ints, Floats]:
    """The groups (g,), rising, and a unit vector for each (g, d).

    `vectors` (n, d) have unit norm, `weights` (n,) are 0 or more and count within their group only, all alike where
    all of them are 0. After a first mean each weight falls with its vector's distance from it, once. A group whose
    vectors cancel each other has the vector of its heaviest crop.
    """
    rows, weight, group = _checked(vectors, weights, group)
    if not len(rows):
        return group, np.asarray(vectors, np.float32)
    # Heaviest last, equals by their own values: nothing depends on the order in which they came.
    order = np.lexsort((*rows.T[:4], weight, group))
    rows, weight = rows[order], weight[order]
    names, start, count = np.unique(group[order], return_index=True, return_counts=True)
    weight = _shared(weight, start, count)
    mean, _ = _unit(_sums(rows, weight, start))
    far = 1 - np.einsum("nd,nd->n", rows, np.repeat(mean, count, axis=0))
    usual = np.maximum(_middle(far, weight, start, count), CLOSE)
    trust = 1 / (1 + (far / (FAR * np.repeat(usual, count))) ** 2)
    mean, length = _unit(_sums(rows, _shared(weight * trust, start, count), start))
    heaviest = start + count - 1
    return names, np.where(length[:, None] < CANCELLED, rows[heaviest], mean).astype(np.float32)


def _checked(vectors: Floats, weights: Floats, group: Ints) -> tuple[Doubles, Doubles, Ints]:
    rows, weight, group = np.asarray(vectors, np.float64), np.asarray(weights, np.float64), np.asarray(group, np.int64)
    if rows.ndim != 2 or weight.shape != (len(rows),) or group.shape != (len(rows),):
        raise ValueError(f"expected (n, d), (n,) and (n,), got {rows.shape}, {weight.shape} and {group.shape}")
    if not (np.isfinite(weight) & (weight >= 0)).all():
        raise ValueError(f"weights: expected 0 or more, got {weight.min()}")
    length = np.linalg.norm(rows, axis=1)
    if not (np.abs(length - 1) <= _TOLERANCE).all():
        raise ValueError(f"vectors: expected unit norm, got {length[np.abs(length - 1).argmax()]:.3g}")
    return rows / length[:, None], weight, group


def _shared(weight: Doubles, start: Ints, count: Ints) -> Doubles:
    """Weights that sum to 1 in each group; equal ones where all were 0."""
    total = np.repeat(np.add.reduceat(weight, start), count)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / np.repeat(count, count))


def _sums(rows: Doubles, weight: Doubles, start: Ints) -> Doubles:
    return np.asarray(np.add.reduceat(rows * weight[:, None], start, axis=0))


def _unit(sums: Doubles) -> tuple[Doubles, Doubles]:
    """Unit vectors (g, d), 0 where the sums cancel, and how long the sums were (g,)."""
    length = np.linalg.norm(sums, axis=1)
    there = (length >= CANCELLED)[:, None]
    return np.where(there, sums / np.where(there, length[:, None], 1), 0), length


def _middle(far: Doubles, weight: Doubles, start: Ints, count: Ints) -> Doubles:
    """The weighted median of each group (g,): half of its weight lies no further. Weights sum to 1 in each."""
    of = np.repeat(np.arange(len(start)), count)
    order = np.lexsort((far, of))
    # Groups one after another on one rising line, a whole apart: half way into a group is at its number and a half.
    so_far = np.cumsum(weight[order])
    at = np.searchsorted(so_far, np.arange(len(start)) + 0.5 - 1e-9)
    return np.asarray(far[order][at])


FEW = 8
"""Under so many vectors there are no neighbourhoods to keep."""
_PERPLEXITY = 30.0
_STEPS = 500
_EXACT = 300
"""Up to so many vectors the exact method is the faster one."""
_WIDTH = 50
"""Directions that are left for t-SNE: what lies in the others is mostly noise."""

Method = Literal["t-SNE", "principal components"]


def project(vectors: Floats, method: Method = "t-SNE") -> tuple[NDArray[np.float64], Method]:
    """Places (n, 2) of `vectors` (n, d), the same each time, and the method: of a few, always principal components.

    >>> np.abs(project(np.array([[0, 0, 1], [0, 2, 1], [0, 4, 1]], np.float32))[0][:, 0]).round(6).tolist()
    [2.0, 0.0, 2.0]
    """
    components = _principal_components(vectors)
    if method == "principal components" or len(vectors) < FEW:
        return components[:, :2], "principal components"
    from sklearn.manifold import TSNE  # takes a second to import

    projection = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        init="pca",
        random_state=0,
        max_iter=_STEPS,
        method="exact" if len(vectors) <= _EXACT else "barnes_hut",
    )
    return np.asarray(projection.fit_transform(components), np.float64), "t-SNE"


def _principal_components(vectors: Floats) -> NDArray[np.float64]:
    """Along the directions in which they differ most, at least two."""
    centred = vectors.astype(np.float64)
    centred -= centred.mean(axis=0, keepdims=True) if len(vectors) else 0
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    found = centred @ axes[:_WIDTH].T
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))
