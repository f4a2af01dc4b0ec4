// Where the heat map is looked at from: zoom, drag, pinch and keys. Who stands there is none of its business.

const LARGEST = 96; // CSS pixels of a cell
const WHEEL = 1.0018;
const REST_MS = 140;

class Moves {
  // Room for pictures and numbers on the axes.
  get gutter() {
    return this.tracks ? { left: 112, top: 96 } : { left: 66, top: 92 };
  }

  resized() {
    if (this.items && (!this.size || this.size === this.fitting())) this.fit(); else this.later();
  }

  get plot() {
    return {
      width: Math.max(40, this.canvas.clientWidth - this.gutter.left - 2),
      height: Math.max(40, this.canvas.clientHeight - this.gutter.top - 2),
    };
  }

  fitting() {
    return Math.min(LARGEST, Math.min(this.plot.width, this.plot.height) / this.count);
  }

  fit() {
    if (!this.count) return;
    Object.assign(this, { size: this.fitting(), x: 0, y: 0 });
    this.canvas.style.touchAction = "pan-y";
    this.later();
  }

  // Make cells larger or smaller; what is at `where` (CSS pixels of the canvas) stays there.
  zoom(factor, where) {
    if (!this.items) return;
    const at = where ?? (this.cursor ? this.middle(this.cursor) : this.centre());
    const least = this.fitting(), size = Math.max(least, Math.min(LARGEST, this.size * factor));
    const column = this.x + (at[0] - this.gutter.left) / this.size, row = this.y + (at[1] - this.gutter.top) / this.size;
    this.size = size;
    this.place(column - (at[0] - this.gutter.left) / size, row - (at[1] - this.gutter.top) / size);
    this.canvas.style.touchAction = size > least ? "none" : "pan-y";
    if (this.cursor && !where) this.reveal(this.cursor);
  }

  centre() {
    const { width, height } = this.plot, wide = this.count * this.size;
    return [this.gutter.left + Math.min(width, wide) / 2, this.gutter.top + Math.min(height, wide) / 2];
  }

  middle([row, column]) {
    return [this.gutter.left + (column + 0.5 - this.x) * this.size, this.gutter.top + (row + 0.5 - this.y) * this.size];
  }

  place(x, y) {
    const { width, height } = this.plot;
    this.x = Math.max(0, Math.min(this.count - width / this.size, x));
    this.y = Math.max(0, Math.min(this.count - height / this.size, y));
    this.later();
  }

  reveal([row, column]) {
    const wide = this.plot.width / this.size, high = this.plot.height / this.size;
    this.place(Math.max(Math.min(this.x, column), column + 1 - wide), Math.max(Math.min(this.y, row), row + 1 - high));
  }

  // The cell, as row and column on the screen, at a place of the pointer.
  cell(event) {
    if (!this.items) return null;
    const box = this.canvas.getBoundingClientRect();
    const left = event.clientX - box.left - this.gutter.left, top = event.clientY - box.top - this.gutter.top;
    const column = Math.floor(this.x + left / this.size), row = Math.floor(this.y + top / this.size);
    return left >= 0 && top >= 0 && row < this.count && column < this.count ? [row, column] : null;
  }

  wheel(event) {
    if (!this.items || (event.deltaY > 0 && this.size <= this.fitting())) return; // then the page scrolls
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    const amount = event.deltaY * (event.deltaMode === 1 ? 30 : 1) * (event.ctrlKey ? 4 : 1);
    this.zoom(WHEEL ** -amount, [event.clientX - box.left, event.clientY - box.top]);
  }

  press(event) {
    if (event.button || !this.items) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    this.pressed = this.fingers.size === 1 ? { at: [event.clientX, event.clientY], moved: false } : null;
    this.canvas.focus({ preventScroll: true });
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return this.point(this.cell(event));
    const now = [event.clientX, event.clientY], others = [...this.fingers].filter(([id]) => id !== event.pointerId);
    this.fingers.set(event.pointerId, now);
    if (others.length) {
      const other = others[0][1], box = this.canvas.getBoundingClientRect();
      const apart = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]);
      const where = [(now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top];
      if (apart(before) > 5) this.zoom(apart(now) / apart(before), where);
    } else if (this.pressed) {
      this.pressed.moved ||= Math.hypot(now[0] - this.pressed.at[0], now[1] - this.pressed.at[1]) > 4;
      if (!this.pressed.moved) return;
      this.canvas.classList.add("dragged");
      this.place(this.x - (now[0] - before[0]) / this.size, this.y - (now[1] - before[1]) / this.size);
    }
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    this.canvas.classList.remove("dragged");
    if (event.type === "pointerup" && this.pressed && !this.pressed.moved) {
      const cell = this.cell(event);
      if (cell) { this.cursor = cell; this.keep(cell); }
    }
    this.pressed = null;
  }

  key(event) {
    if (!this.items || event.altKey || event.metaKey) return;
    const step = event.shiftKey ? 10 : 1, [row, column] = this.cursor ?? [0, 0], last = this.count - 1;
    const moves = {
      ArrowUp: [row - step, column], ArrowDown: [row + step, column],
      ArrowLeft: [row, column - step], ArrowRight: [row, column + step],
      PageUp: [row - 10, column], PageDown: [row + 10, column],
      Home: event.ctrlKey ? [0, 0] : [row, 0], End: event.ctrlKey ? [last, last] : [row, last],
    };
    if (moves[event.key]) {
      this.cursor = moves[event.key].map((at) => Math.max(0, Math.min(last, at)));
      this.hover = null;
      this.reveal(this.cursor);
      this.tell();
    } else if (event.ctrlKey) return;
    else if (event.key === "+" || event.key === "=") this.zoom(1.6);
    else if (event.key === "-") this.zoom(1 / 1.6);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter" || event.key === " ") this.keep(this.cursor);
    else if (event.key === "Escape" && this.kept) this.keep(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
