// The tree by which sightings join, cut at a threshold. Python grows it; `leftRow` and `rightRow` are rows of the two
// groups that join, `level` the similarity at which they do, falling.

export class MergeTree {
  constructor(count, leftRow, rightRow, level) {
    Object.assign(this, { count, leftRow, rightRow, level: Float32Array.from(level) });
  }

  // How many merges hold at a threshold: compared in single precision, as Python does.
  mergesAt(threshold) {
    const least = Math.fround(threshold);
    let low = 0, high = this.level.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.level[middle] >= least) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // A row of its group for each row: the same one for all rows of a group.
  cut(threshold) {
    const parent = Int32Array.from({ length: this.count }, (_, row) => row);
    for (let merge = 0, end = this.mergesAt(threshold); merge < end; merge++) {
      parent[rootOf(parent, this.leftRow[merge])] = rootOf(parent, this.rightRow[merge]);
    }
    return Array.from(parent, (_, row) => rootOf(parent, row));
  }

  // Groups as lists of rows; rows, and groups by their first row, in the given order.
  groupsAt(threshold, order) {
    const root = this.cut(threshold), groups = new Map();
    for (const row of order) {
      if (groups.has(root[row])) groups.get(root[row]).push(row);
      else groups.set(root[row], [row]);
    }
    return [...groups.values()];
  }
}

// Union-find with path halving.
export function rootOf(parent, row) {
  while (parent[row] !== row) {
    parent[row] = parent[parent[row]];
    row = parent[row];
  }
  return row;
}
