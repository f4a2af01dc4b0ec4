// What hands do on the drawing: pointers of any kind, and keys. A gesture that is finished goes through the drawing's
// `edit` or `commit`.

import { boxOf, clone, moveBy, outline, setCorner, tenth } from "./shapes.js";

const NEAR_PX = 12;
const SAME_PX = 3;
const LEAST_DRAG_PX = 4;
const TOOLS = { v: "select", b: "box", p: "polygon" };
const NOTHING_DRAWN = "Nothing drawn. Drag from one corner to the opposite corner.";

export class Gestures {
  constructor({ root, svg, drawing }) {
    Object.assign(this, { svg, drawing });
    root.onkeydown = (event) => this.press(event);
    root.onkeyup = () => drawing.finishNudge();
    svg.onpointerdown = (event) => this.down(event);
    svg.onpointermove = (event) => this.move(event);
    svg.onpointerup = () => this.up();
    svg.onpointercancel = () => drawing.escape();
    svg.ondblclick = (event) => this.doubleClick(event);
  }

  pointOf(event) {
    const box = this.svg.getBoundingClientRect(), { width, height } = this.drawing.size;
    const x = ((event.clientX - box.left) / box.width) * width, y = ((event.clientY - box.top) / box.height) * height;
    return [tenth(x, width), tenth(y, height)];
  }

  isNear(a, b, distance) {
    const box = this.svg.getBoundingClientRect();
    return Math.hypot((a[0] - b[0]) * box.width, (a[1] - b[1]) * box.height) < distance;
  }

  down(event) {
    const { drawing } = this;
    if (event.button || !event.isPrimary) return;
    event.preventDefault();
    drawing.finishNudge();
    drawing.error = "";
    try { this.svg.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
    this.svg.focus({ preventScroll: true });
    const point = this.pointOf(event);
    if (drawing.tool === "box") drawing.drag = { box: [point, point] };
    else if (drawing.tool === "polygon") this.setPolygonCorner(point);
    else this.grab(event, point);
    drawing.draw();
  }

  // A corner, the middle of a side, a shape, or nothing.
  grab(event, point) {
    const { drawing } = this, { corner, middle, shape } = event.target.dataset, before = drawing.history.snapshot;
    if (corner !== undefined && event.altKey) drawing.removeCorner(+corner);
    else if (corner !== undefined) {
      drawing.corner = +corner;
      drawing.drag = { corner: +corner, before };
    } else if (middle !== undefined) {
      drawing.corner = +middle + 1;
      drawing.chosenShape.points.splice(drawing.corner, 0, point);
      drawing.drag = { corner: drawing.corner, before };
    } else if (shape !== undefined) {
      drawing.select(+shape);
      drawing.drag = { from: point, points: clone(drawing.chosenShape.points), before };
    } else drawing.select(-1);
  }

  setPolygonCorner(point) {
    const { drawing } = this, { begun } = drawing;
    if (begun.length > 2 && this.isNear(point, begun[0], NEAR_PX)) drawing.finish();
    else if (!begun.length || !this.isNear(point, begun.at(-1), SAME_PX)) begun.push(point);
  }

  move(event) {
    const { drawing } = this, { drag } = drawing, point = this.pointOf(event);
    drawing.hover = event.pointerType === "mouse" ? point : null;
    if (drag?.box) drag.box[1] = point;
    else if (drag?.from) {
      drawing.chosenShape.points = moveBy(drag.points, point[0] - drag.from[0], point[1] - drag.from[1]);
    } else if (drag) {
      const corner = setCorner(drawing.chosenShape, drag.corner, point);
      if (corner >= 0) drag.corner = drawing.corner = corner;
    } else if (!drawing.begun.length) return;
    drawing.draw();
  }

  up() {
    const { drawing } = this, { drag } = drawing;
    drawing.drag = null;
    if (!drag) return;
    if (!drag.box) drawing.commit(drag.before);
    else if (this.isNear(...drag.box, LEAST_DRAG_PX)) {
      drawing.draw();
      drawing.showHint(NOTHING_DRAWN);
    } else drawing.put({ kind: "box", mode: "include", name: "", points: boxOf(...drag.box) });
  }

  doubleClick(event) {
    const { drawing } = this, { corner } = event.target.dataset;
    if (drawing.tool === "polygon" && drawing.begun.length) drawing.finish();
    else if (corner !== undefined) drawing.removeCorner(+corner);
  }

  press(event) {
    const { drawing } = this;
    // Streamlit has keys of its own for the whole page.
    event.stopPropagation();
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.target.matches("input, textarea, select") || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (this.runShortcut(key, event.shiftKey)) event.preventDefault();
    } else if (TOOLS[key]) drawing.use(TOOLS[key]);
    else if (key === "Escape") drawing.escape();
    else if (this.svg.contains(event.target) && this.runKey(key, event)) event.preventDefault();
  }

  // True where the key meant something.
  runShortcut(key, shift) {
    const command = { z: shift ? "redo" : "undo", y: "redo", d: "duplicate" }[key];
    if (!command || (command === "duplicate" && this.drawing.chosen < 0)) return false;
    this.drawing[command]();
    return true;
  }

  runKey(key, event) {
    const { drawing } = this, hasShape = drawing.chosen >= 0;
    const onCorner = drawing.corner >= 0 && event.target.dataset.corner !== undefined;
    if (key === "Enter" && drawing.tool !== "select") drawing.finish();
    else if (["Delete", "Backspace"].includes(key) && hasShape) this.removeChosen();
    else if ((key === "Insert" || key === "+") && onCorner) drawing.insertCorner(drawing.corner);
    else if (key.startsWith("Arrow") && hasShape) this.nudge(key, event.shiftKey ? 10 : 1);
    else return false;
    return true;
  }

  removeChosen() {
    const { drawing } = this;
    // After a drag the corner is still the one meant, wherever the focus is.
    if (drawing.corner >= 0 && drawing.chosenShape.kind === "polygon") drawing.removeCorner(drawing.corner);
    else drawing.remove();
  }

  // A key that repeats is one gesture, finished when it is let go.
  nudge(key, step) {
    const { drawing } = this, { width, height } = drawing.size, shape = drawing.chosenShape;
    const dx = ((key === "ArrowRight") - (key === "ArrowLeft")) * step;
    const dy = ((key === "ArrowDown") - (key === "ArrowUp")) * step;
    drawing.nudgeBefore ??= drawing.history.snapshot;
    if (drawing.corner < 0) shape.points = moveBy(shape.points, dx / width, dy / height);
    else {
      const [x, y] = outline(shape)[drawing.corner];
      const point = [tenth(x * width + dx, width), tenth(y * height + dy, height)];
      const corner = setCorner(shape, drawing.corner, point);
      if (corner >= 0) drawing.corner = corner;
    }
    drawing.error = "";
    drawing.draw();
  }
}
