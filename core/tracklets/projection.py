"""Vectors on a plane: whoever looks alike lies close together.

t-SNE (van der Maaten and Hinton 2008) keeps neighbours together; how far groups lie from each other, and where left and
right are, says nothing. Principal components show the two directions in which vectors differ most.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.types import Floats

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
