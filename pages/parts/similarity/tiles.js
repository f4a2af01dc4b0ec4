// The tiles of the similarity matrix near the eye: asked for as they come into view, a few at a time, and only so many
// of them kept.

export const TILE = 512;
const MOST_KEPT = 48;
const AT_ONCE = 4;
const COARSEST = 5;

// How many rows a cell of a tile stands for, where a row is `size` pixels of the screen high: so many that a cell is
// about a pixel, and one where rows are larger.
export const stepFor = (size) => 2 ** Math.max(0, Math.min(COARSEST, Math.floor(Math.log2(1 / size))));

// The tiles over the visible part of the matrix.
export function tilesOver({ x, y, width, height }, step, count) {
  const span = TILE * step, last = Math.ceil(count / span) - 1, places = [];
  const range = (from, length) => [Math.floor(from / span), Math.min(last, Math.ceil((from + length) / span) - 1)];
  const [[top, bottom], [left, right]] = [range(y, height), range(x, width)];
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) places.push({ step, row, column });
  }
  return places;
}

const keyOf = ({ step, row, column }) => `${step} ${row} ${column}`;

// `similarity` in two bytes each, then a byte each: which share of 255 of its pairs cannot be one person.
function unpack({ step, row, column }, count, bytes) {
  const cells = (number) => Math.ceil(Math.min(TILE * step, count - number * TILE * step) / step);
  const rows = cells(row), columns = cells(column);
  return {
    step, row, column, rows, columns,
    similarity: new Int16Array(bytes, 0, rows * columns), forbidden: new Uint8Array(bytes, 2 * rows * columns),
  };
}

export class Tiles {
  // `count` is the number of rows. `fetchTile(place)` brings the bytes of a tile, `paint(tile)` adds what is drawn of
  // it, `onLoad(failure)` is called when one has come, or cannot come.
  constructor({ count, fetchTile, paint, onLoad }) {
    Object.assign(this, { count, fetchTile, paint, onLoad, kept: new Map(), wanted: [], coming: new Set() });
  }

  // The tile at a place, if it is there.
  get(place) { return this.kept.get(keyOf(place)); }

  // A cell by places in the order shown; undefined where its tile is not there.
  cell(row, column) {
    const tile = this.get({ step: 1, row: Math.floor(row / TILE), column: Math.floor(column / TILE) });
    if (!tile) return undefined;
    const at = (row % TILE) * tile.columns + (column % TILE);
    return { value: tile.similarity[at], isForbidden: tile.forbidden[at] > 0 };
  }

  // Ask for these tiles, the first first; what was asked for before and has not begun to come is given up.
  want(places) {
    for (const place of places) {
      const key = keyOf(place), tile = this.kept.get(key);
      // What was looked at last is at the end, and goes last.
      if (tile) {
        this.kept.delete(key);
        this.kept.set(key, tile);
      }
    }
    this.wanted = places.filter((place) => !this.get(place));
    this.fetchNext();
  }

  fetchNext() {
    if (this.hasFailed) return;
    for (const place of this.wanted) {
      if (this.coming.size >= AT_ONCE) return;
      if (!this.coming.has(keyOf(place))) this.fetch(place);
    }
  }

  async fetch(place) {
    const key = keyOf(place);
    this.coming.add(key);
    try {
      const tile = unpack(place, this.count, await this.fetchTile(place));
      if (!this.coming) return;
      this.paint(tile);
      this.kept.set(key, tile);
      while (this.kept.size > MOST_KEPT) this.drop(this.kept.keys().next().value);
      this.wanted = this.wanted.filter((other) => keyOf(other) !== key);
      this.onLoad(null);
    } catch (failure) {
      this.hasFailed = true;
      if (this.coming) this.onLoad(failure);
    } finally {
      this.coming?.delete(key);
    }
    if (this.coming) this.fetchNext();
  }

  drop(key) {
    this.kept.get(key).free?.();
    this.kept.delete(key);
  }

  destroy() {
    for (const key of [...this.kept.keys()]) this.drop(key);
    this.wanted = [];
    this.coming = null;
  }
}
