"""Who joins whom, and at which similarity: one tree for a whole run, from which every threshold reads its people.

Groups join by the mean similarity of all pairs between them (average linkage), the most alike first, and never across a
pair that cannot be one person. Levels only fall on the way up, so a higher threshold never joins more. The nearest
neighbour chain (Benzécri 1982; Murtagh 1983) finds the same tree as "always the best pair of all" in quadratic time:
a mean never exceeds the larger of its parts, and what is forbidden stays forbidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from core.base.types import Floats, Ints
from core.vision.match.constraints import FREE, Reasons

JOINED = np.float32(np.inf)
"""The level of those whom the user joined: no threshold parts them."""
NEVER = np.float32(-np.inf)


@dataclass(frozen=True, eq=False)
class MergeTree:
    """`one` and `other` (m,) are leaves of the two groups that join, `level` (m,) the similarity, falling."""

    count: int
    one: Ints
    other: Ints
    level: Floats

    def cut(self, threshold: float) -> Ints:
        """The group of each tracklet at a threshold, named by the lowest row in it."""
        joined = int(np.searchsorted(-self.level, -np.float32(threshold), "right"))
        one, other = self.one[:joined], self.other[:joined]
        links = coo_matrix((np.ones(joined, np.int8), (one, other)), shape=(self.count, self.count))
        label = connected_components(links, directed=False)[1]
        return np.asarray(np.unique(label, return_index=True)[1][label], np.int64)

    def order(self) -> Ints:
        """All leaves in an order in which every group, at any threshold, stands together."""
        # Every group is a chain from its first leaf to its last; to join two is to tie the one's end to the other.
        root, after = np.arange(self.count), np.full(self.count, -1)
        first, last = np.arange(self.count), np.arange(self.count)
        for one, other in zip(self.one.tolist(), self.other.tolist(), strict=True):
            a, b = _root(root, one), _root(root, other)
            after[last[a]] = first[b]
            root[b], last[a] = a, last[b]
        order = []
        for leaf in np.flatnonzero(root == np.arange(self.count)).tolist():
            while leaf >= 0:
                order.append(leaf)
                leaf = int(after[leaf])
        return np.array(order, np.int64)


def pair_counts(tree: MergeTree, why: Reasons) -> tuple[Ints, Ints]:
    """Before each merge, and after the last: pairs of tracklets that are in two groups which could still join, and
    pairs that are in one group. Both (m + 1,)."""
    size, free = np.ones(tree.count, np.int64), why == FREE
    np.fill_diagonal(free, False)
    root = np.arange(tree.count)
    could, within = [int(free.sum()) // 2], [0]
    for one, other in zip(tree.one.tolist(), tree.other.tolist(), strict=True):
        a, b = _root(root, one), _root(root, other)
        keep, gone = min(a, b), max(a, b)
        before = size[a] * int(size[free[a]].sum()) + size[b] * int(size[free[b]].sum()) - size[a] * size[b]
        both = free[a] & free[b]
        within.append(within[-1] + int(size[a] * size[b]))
        free[[a, b]], free[:, [a, b]] = False, False
        free[keep], free[:, keep] = both, both
        root[gone], size[keep], size[gone] = keep, size[a] + size[b], 0
        could.append(could[-1] - int(before) + int(size[keep] * size[both].sum()))
    return np.array(could), np.array(within)


def _root(root: Ints, row: int) -> int:
    while root[row] != row:
        root[row] = root[root[row]]
        row = int(root[row])
    return row


def grow_merge_tree(similarity: Floats, why: Reasons, bundle: Ints) -> MergeTree:
    """The tree of n tracklets: `similarity` and `why` are (n, n), `bundle` (n,) alike for those joined by the user."""
    # Bundles are numbered by their lowest row, so that without any a bundle is a row.
    lowest = np.unique(bundle, return_index=True)[1][np.unique(bundle, return_inverse=True)[1]]
    leaf, bundle = np.unique(lowest, return_inverse=True)
    size = np.bincount(bundle).astype(np.float32)
    first = np.flatnonzero(leaf[bundle] != np.arange(len(bundle)))
    one, other, level = _chain(_between(similarity, why, bundle, size), size)
    order = np.argsort(-level, kind="stable")
    return MergeTree(
        count=len(bundle),
        one=np.concatenate([leaf[bundle[first]], leaf[one[order]]]).astype(np.int64),
        other=np.concatenate([first, leaf[other[order]]]).astype(np.int64),
        level=np.concatenate([np.full(len(first), JOINED), level[order]]).astype(np.float32),
    )


def _between(similarity: Floats, why: Reasons, bundle: Ints, size: Floats) -> Floats:
    """Mean similarity of every two bundles, (k, k); `NEVER` where any pair between them is forbidden."""
    means = np.where(why == FREE, similarity, NEVER).astype(np.float32, copy=False)
    if len(size) < len(bundle):
        order = np.argsort(bundle, kind="stable")
        begin = np.searchsorted(bundle[order], np.arange(len(size)))
        means = np.add.reduceat(np.add.reduceat(means[order][:, order], begin, axis=0), begin, axis=1)
        means /= size[:, None] * size[None]
    np.fill_diagonal(means, NEVER)
    return means


def _chain(means: Floats, size: Floats) -> tuple[Ints, Ints, Floats]:
    """Merges in the order in which they were found; `means` and `size` are used up."""
    count = len(means)
    one, other, levels = [], [], []
    reached = np.full(count, JOINED, np.float32)  # the level at which each group has joined so far
    chain: list[int] = []
    waiting = 0
    while True:
        while not chain and waiting < count:
            if size[waiting] > 0 and means[waiting].max() > NEVER:
                chain.append(waiting)
            else:
                waiting += 1
        if not chain:
            break
        top = chain[-1]
        near = int(means[top].argmax())
        if len(chain) > 1 and means[top, chain[-2]] >= means[top, near]:
            near = chain[-2]
            del chain[-2:]
            keep, gone = min(top, near), max(top, near)
            # Rounding must not lift a level over those below it.
            level = min(means[top, near], reached[keep], reached[gone])
            one.append(keep)
            other.append(gone)
            levels.append(level)
            reached[keep] = level
            _join(means, size, keep, gone)
        elif means[top, near] > NEVER:
            chain.append(near)
        else:
            chain.pop()
    return np.array(one, np.int64), np.array(other, np.int64), np.array(levels, np.float32)


def _join(means: Floats, size: Floats, keep: int, gone: int) -> None:
    both = size[keep] + size[gone]
    row = (size[keep] * means[keep] + size[gone] * means[gone]) / both
    row[[keep, gone]] = NEVER
    means[keep], means[:, keep] = row, row
    means[gone], means[:, gone] = NEVER, NEVER
    size[keep], size[gone] = both, 0
