// Which part of the heat map is visible: the size of a cell, and the cell at the upper left. Lengths in CSS pixels.

export const LARGEST_CELL = 96;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

export class Viewport {
  constructor() {
    Object.assign(this, { count: 0, width: 0, height: 0, gutter: { left: 0, top: 0 }, size: 0, x: 0, y: 0 });
  }

  // The canvas has this size, the axes take `gutter` of it, and there are `count` rows.
  setRoom({ width, height, gutter, count }) { Object.assign(this, { width, height, gutter, count }); }

  get plot() {
    return {
      width: Math.max(40, this.width - this.gutter.left - 2), height: Math.max(40, this.height - this.gutter.top - 2),
    };
  }

  // The size of a cell at which everything fits.
  get fittingSize() { return Math.min(LARGEST_CELL, Math.min(this.plot.width, this.plot.height) / this.count); }

  get isFitting() { return !this.size || this.size <= this.fittingSize; }

  // The visible part, in cells.
  get visible() {
    const { x, y, size, count, plot } = this;
    return { x, y, width: Math.min(plot.width / size, count - x), height: Math.min(plot.height / size, count - y) };
  }

  fit() { Object.assign(this, { size: this.fittingSize, x: 0, y: 0 }); }

  // Make cells larger or smaller; what is at the point `fixed` of the canvas stays there.
  zoom(factor, fixed = this.centre) {
    const size = clamp(this.size * factor, this.fittingSize, LARGEST_CELL);
    const [left, top] = [fixed[0] - this.gutter.left, fixed[1] - this.gutter.top];
    const column = this.x + left / this.size, row = this.y + top / this.size;
    this.size = size;
    this.moveTo(column - left / size, row - top / size);
  }

  get centre() {
    const { width, height } = this.plot, total = this.count * this.size;
    return [this.gutter.left + Math.min(width, total) / 2, this.gutter.top + Math.min(height, total) / 2];
  }

  // The middle of a cell, on the canvas.
  middleOf([row, column]) {
    return [
      this.gutter.left + (column + 0.5 - this.x) * this.size, this.gutter.top + (row + 0.5 - this.y) * this.size,
    ];
  }

  moveTo(x, y) {
    const { width, height } = this.plot;
    this.x = Math.max(0, Math.min(this.count - width / this.size, x));
    this.y = Math.max(0, Math.min(this.count - height / this.size, y));
  }

  moveBy(dx, dy) { this.moveTo(this.x - dx / this.size, this.y - dy / this.size); }

  reveal([row, column]) {
    const columns = this.plot.width / this.size, rows = this.plot.height / this.size;
    this.moveTo(
      Math.max(Math.min(this.x, column), column + 1 - columns), Math.max(Math.min(this.y, row), row + 1 - rows));
  }

  // The cell at a point of the canvas; null where there is none.
  cellAt([left, top]) {
    const across = left - this.gutter.left, down = top - this.gutter.top;
    const column = Math.floor(this.x + across / this.size), row = Math.floor(this.y + down / this.size);
    return across >= 0 && down >= 0 && row < this.count && column < this.count ? [row, column] : null;
  }
}

// Where a key of the heat map takes the cursor; null for a key that does not move it.
export function cursorAfter(event, cursor, count) {
  const step = event.shiftKey ? 10 : 1, [row, column] = cursor ?? [0, 0], last = count - 1;
  const moves = {
    ArrowUp: [row - step, column], ArrowDown: [row + step, column],
    ArrowLeft: [row, column - step], ArrowRight: [row, column + step],
    PageUp: [row - 10, column], PageDown: [row + 10, column],
    Home: event.ctrlKey ? [0, 0] : [row, 0], End: event.ctrlKey ? [last, last] : [row, last],
  };
  return moves[event.key]?.map((place) => clamp(place, 0, last)) ?? null;
}
