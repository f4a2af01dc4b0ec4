// The pointer on the heat map: wheel and pinch zoom, drag moves, a click that does not drag pins a pair.

const WHEEL = 1.0018;
const WHEEL_LINE_PX = 30;
const DRAG_PX = 4;
const PINCH_PX = 5;

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

export class PointerInput {
  // `isReady()` is false until there is a map; `onPoint` is called with a cell or null, `onClick` with a cell,
  // `onMove` after the viewport has changed, `onZoom(factor, point)` to change it.
  constructor({ canvas, viewport, isReady, onPoint, onClick, onMove, onZoom }) {
    Object.assign(this, { canvas, viewport, isReady, onPoint, onClick, onMove, onZoom });
    this.fingers = new Map();
    this.pressed = null;
    const on = (name, listener, options) => canvas.addEventListener(name, listener.bind(this), options);
    on("wheel", this.wheel, { passive: false });
    on("pointerdown", this.press);
    on("pointermove", this.move);
    on("pointerup", this.release);
    on("pointercancel", this.release);
    on("pointerleave", () => this.onPoint(null));
  }

  pointOf(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  cellOf(event) { return this.isReady() ? this.viewport.cellAt(this.pointOf(event)) : null; }

  wheel(event) {
    // With everything in view, turning the wheel further scrolls the page.
    if (!this.isReady() || (event.deltaY > 0 && this.viewport.isFitting)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? WHEEL_LINE_PX : 1, pinch = event.ctrlKey ? 4 : 1;
    this.onZoom(WHEEL ** -(event.deltaY * lines * pinch), this.pointOf(event));
  }

  press(event) {
    if (event.button || !this.isReady()) return;
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.pointOf(event);
    this.fingers.set(event.pointerId, point);
    this.pressed = this.fingers.size === 1 ? { point, dragged: false } : null;
    this.canvas.focus({ preventScroll: true });
  }

  move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      this.onPoint(this.cellOf(event));
      return;
    }
    const now = this.pointOf(event), second = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (second) this.pinch(before, now, second);
    else if (this.pressed) this.drag(before, now);
  }

  pinch(before, now, second) {
    if (distance(before, second) <= PINCH_PX) return;
    const middle = [(now[0] + second[0]) / 2, (now[1] + second[1]) / 2];
    this.onZoom(distance(now, second) / distance(before, second), middle);
  }

  drag(before, now) {
    this.pressed.dragged ||= distance(now, this.pressed.point) > DRAG_PX;
    if (!this.pressed.dragged) return;
    this.canvas.classList.add("dragged");
    this.viewport.moveBy(now[0] - before[0], now[1] - before[1]);
    this.onMove();
  }

  release(event) {
    this.fingers.delete(event.pointerId);
    this.canvas.classList.remove("dragged");
    const cell = event.type === "pointerup" && this.pressed && !this.pressed.dragged ? this.cellOf(event) : null;
    this.pressed = null;
    if (cell) this.onClick(cell);
  }
}
