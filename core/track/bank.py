"""What each track has looked like lately: a bounded ring of unit vectors per track, all in one array."""

from __future__ import annotations

import numpy as np

from core.types import Bools, Floats, Ints


class FeatureBank:
    """`size` last vectors for each of n tracks. Rows follow the tracker's tracks through `keep` and `grow`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: Floats = np.empty((0, size, 0), np.float32)
        self._count: Ints = np.empty(0, np.int64)

    @property
    def filled(self) -> Bools:
        """Which tracks have any vector."""
        return np.asarray(self._count > 0)

    def similarity(self, tracks: Ints, vectors: Floats) -> Floats:
        """Cosine (tracks, vectors) of each vector with the closest one in each track's ring; -1 for an empty ring."""
        depth = int(min(self._count[tracks].max(initial=0), self._size))
        if not depth:
            return np.full((len(tracks), len(vectors)), -1, np.float32)
        # Over the whole bank: copying out the rows asked for costs more than multiplying the few others too.
        every = self._vectors.reshape(-1, self._vectors.shape[2]) @ vectors.T
        cosine = every.reshape(len(self._count), self._size, len(vectors))[tracks, :depth]
        cosine[np.arange(depth)[None] >= self._count[tracks][:, None]] = -1
        return np.asarray(cosine.max(axis=1))

    def add(self, tracks: Ints, vectors: Floats) -> None:
        """One more vector for each of `tracks` (no track twice); the oldest goes when the ring is full."""
        if self._vectors.shape[2] != vectors.shape[1]:
            self._vectors = np.zeros((len(self._count), self._size, vectors.shape[1]), np.float32)
        self._vectors[tracks, self._count[tracks] % self._size] = vectors
        self._count[tracks] += 1

    def keep(self, alive: Bools) -> None:
        self._vectors, self._count = self._vectors[alive], self._count[alive]

    def grow(self, more: int) -> None:
        empty = np.zeros((more, *self._vectors.shape[1:]), np.float32)
        self._vectors = np.concatenate([self._vectors, empty])
        self._count = np.concatenate([self._count, np.zeros(more, np.int64)])
