"""Who joins whom, and at which similarity: one tree for a whole run, from which every threshold reads its people.

Groups join by the mean similarity of all pairs between them (average linkage), the most alike first, and never across a
pair that cannot be one person. Levels only fall on the way up, so a higher threshold never joins more. The nearest
neighbour chain (Benzécri 1982; Murtagh 1983) finds the same tree as "always the best pair of all" in quadratic time:
a mean never exceeds the larger of its parts, and what is forbidden stays forbidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.base.types import Floats, Ints
from core.vision.match.constraints import FREE, Reasons

JOINED = np.float32(np.inf)
"""The level of tracklets that the user joined: no threshold separates them."""
NEVER = np.float32(-np.inf)
"""The similarity of groups that cannot be one person."""


@dataclass(frozen=True, eq=False)
class MergeTree:
    """The merges of `count` tracklets (leaves), from the most similar on.

    `leaf_a` and `leaf_b` (m,) are a leaf of each of the two groups that join, `level` (m,) the similarity, falling.
    """

    count: int
    leaf_a: Ints
    leaf_b: Ints
    level: Floats

    def cut(self, threshold: float) -> Ints:
        """The group of each tracklet at a threshold, named by the lowest row in it."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        merges = int(np.searchsorted(-self.level, -np.float32(threshold), "right"))
        pairs = self.leaf_a[:merges], self.leaf_b[:merges]
        links = coo_matrix((np.ones(merges, np.int8), pairs), shape=(self.count, self.count))
        label = connected_components(links, directed=False)[1]
        return np.asarray(np.unique(label, return_index=True)[1][label], np.int64)

    def order(self) -> Ints:
        """All leaves in an order in which every group, at any threshold, stands together."""
        # Every group is a chain from its first leaf to its last; to join two groups is to tie their chains together.
        root, following = np.arange(self.count), np.full(self.count, -1)
        first, last = np.arange(self.count), np.arange(self.count)
        for leaf_a, leaf_b in zip(self.leaf_a.tolist(), self.leaf_b.tolist(), strict=True):
            a, b = _root(root, leaf_a), _root(root, leaf_b)
            following[last[a]] = first[b]
            root[b], last[a] = a, last[b]
        order = []
        for leaf in np.flatnonzero(root == np.arange(self.count)).tolist():
            while leaf >= 0:
                order.append(leaf)
                leaf = int(following[leaf])
        return np.array(order, np.int64)


def pair_counts(tree: MergeTree, why: Reasons) -> tuple[Ints, Ints]:
    """Before each merge, and after the last: how many pairs of tracklets are in two groups that could still join, and
    how many are in one group. Both (m + 1,)."""
    size, free = np.ones(tree.count, np.int64), why == FREE
    np.fill_diagonal(free, False)
    root = np.arange(tree.count)
    joinable, joined = [int(free.sum()) // 2], [0]
    for leaf_a, leaf_b in zip(tree.leaf_a.tolist(), tree.leaf_b.tolist(), strict=True):
        a, b = _root(root, leaf_a), _root(root, leaf_b)
        keep, gone = min(a, b), max(a, b)
        before = size[a] * int(size[free[a]].sum()) + size[b] * int(size[free[b]].sum()) - size[a] * size[b]
        both = free[a] & free[b]
        joined.append(joined[-1] + int(size[a] * size[b]))
        free[[a, b]], free[:, [a, b]] = False, False
        free[keep], free[:, keep] = both, both
        root[gone], size[keep], size[gone] = keep, size[a] + size[b], 0
        joinable.append(joinable[-1] - int(before) + int(size[keep] * size[both].sum()))
    return np.array(joinable), np.array(joined)


def _root(root: Ints, row: int) -> int:
    """The row by which the group of a row is named (union-find, with path halving)."""
    while root[row] != row:
        root[row] = root[root[row]]
        row = int(root[row])
    return row


def grow_merge_tree(similarity: Floats, why: Reasons, must_link: Ints) -> MergeTree:
    """The tree of n tracklets: `similarity` and `why` are (n, n), `must_link` (n,) is alike for tracklets that the user
    joined."""
    # Must-link groups are numbered by their lowest row, so that without any a group is a row.
    lowest = np.unique(must_link, return_index=True)[1][np.unique(must_link, return_inverse=True)[1]]
    leaf, group = np.unique(lowest, return_inverse=True)
    size = np.bincount(group).astype(np.float32)
    joined = np.flatnonzero(leaf[group] != np.arange(len(group)))
    group_a, group_b, level = _nearest_neighbour_chain(_group_means(similarity, why, group, size), size)
    order = np.argsort(-level, kind="stable")
    return MergeTree(
        count=len(group),
        leaf_a=np.concatenate([leaf[group[joined]], leaf[group_a[order]]]).astype(np.int64),
        leaf_b=np.concatenate([joined, leaf[group_b[order]]]).astype(np.int64),
        level=np.concatenate([np.full(len(joined), JOINED), level[order]]).astype(np.float32),
    )


def _group_means(similarity: Floats, why: Reasons, group: Ints, size: Floats) -> Floats:
    """Mean similarity of every two groups (k, k), of `size` (k,); `NEVER` where any pair between them is forbidden."""
    means = np.where(why == FREE, similarity, NEVER).astype(np.float32, copy=False)
    if len(size) < len(group):
        order = np.argsort(group, kind="stable")
        begin = np.searchsorted(group[order], np.arange(len(size)))
        means = np.add.reduceat(np.add.reduceat(means[order][:, order], begin, axis=0), begin, axis=1)
        means /= size[:, None] * size[None]
    np.fill_diagonal(means, NEVER)
    return means


def _nearest_neighbour_chain(means: Floats, size: Floats) -> tuple[Ints, Ints, Floats]:
    """Merges (group, group, level) in the order in which they are found; overwrites `means` (k, k) and `size` (k,)."""
    count = len(means)
    groups_a, groups_b, levels = [], [], []
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
        nearest = int(means[top].argmax())
        if len(chain) > 1 and means[top, chain[-2]] >= means[top, nearest]:
            nearest = chain[-2]
            del chain[-2:]
            keep, gone = min(top, nearest), max(top, nearest)
            # Rounding must not lift a level over those below it.
            level = min(means[top, nearest], reached[keep], reached[gone])
            groups_a.append(keep)
            groups_b.append(gone)
            levels.append(level)
            reached[keep] = level
            _join(means, size, keep, gone)
        elif means[top, nearest] > NEVER:
            chain.append(nearest)
        else:
            chain.pop()
    return np.array(groups_a, np.int64), np.array(groups_b, np.int64), np.array(levels, np.float32)


def _join(means: Floats, size: Floats, keep: int, gone: int) -> None:
    """Update `means` and `size` for the group `gone` joining the group `keep`."""
    both = size[keep] + size[gone]
    row = (size[keep] * means[keep] + size[gone] * means[gone]) / both
    row[[keep, gone]] = NEVER
    means[keep], means[:, keep] = row, row
    means[gone], means[:, gone] = NEVER, NEVER
    size[keep], size[gone] = both, 0
