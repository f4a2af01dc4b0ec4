// The drawing of regions: owns the shapes while the page is open, and sends Python each gesture that is finished;
// Python's shapes are taken over only where their revision is another one.

import { mounter } from "../shell/mounting.js";
import { Board } from "./board.js";
import { Gestures } from "./gestures.js";
import { Scrubber } from "./scrubber.js";
import { ShapeHistory } from "./shape_history.js";
import { ShapeList } from "./shape_list.js";
import { clone, middleOf, moveBy, shapeError, shapeInMiddle } from "./shapes.js";

const HINTS = {
  select: "Drag a shape or its corners. Arrow keys move it by one pixel, with Shift by ten.",
  box: "Drag from one corner to the opposite corner, or press Enter to add a box in the middle.",
  polygon: "Click each corner; close with the first corner, a double-click or Enter. Or press Enter to add a polygon.",
};
const COPY_SHIFT = 0.02;

class Drawing {
  constructor(root) {
    this.root = root;
    this.histories = new Map();
    Object.assign(this, { tool: "select", chosen: -1, corner: -1, begun: [], hover: null, drag: null });
    Object.assign(this, { showDots: true, error: "", nudgeBefore: null, isDrawing: false });
    const find = (selector) => root.querySelector(selector);
    this.svg = find(".board");
    this.hint = find(".hint");
    this.board = new Board({
      svg: this.svg, below: find(".below"), canvas: find("canvas"),
      on: { shapeFocused: (index) => this.reach(index), cornerFocused: (index) => { this.corner = index; } },
    });
    this.list = new ShapeList(find(".list"), {
      choose: (index) => this.choose(index), duplicate: (index) => this.duplicate(index),
      remove: (index) => this.remove(index), change: (index, edit) => this.edit((shapes) => edit(shapes[index])),
    });
    this.scrubber = new Scrubber(root, (seconds) => this.send("moment", { camera: this.data.camera, seconds }));
    this.gestures = new Gestures({ root, svg: this.svg, drawing: this });
    this.listen(find);
  }

  listen(find) {
    const commands = { add: () => this.add(), undo: () => this.undo(), redo: () => this.redo() };
    this.tools = [...this.root.querySelectorAll("[data-tool]")];
    this.buttons = [...this.root.querySelectorAll("[data-do]")];
    for (const button of this.tools) button.onclick = () => this.use(button.dataset.tool);
    for (const button of this.buttons) button.onclick = commands[button.dataset.do];
    find(".dotted input").onchange = (event) => {
      this.showDots = event.target.checked;
      this.draw();
    };
    this.svg.addEventListener("focusout", () => { if (!this.isDrawing) this.finishNudge(); });
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.svg);
  }

  update({ data, setStateValue }) {
    const isOtherCamera = this.data?.camera !== data.camera;
    Object.assign(this, { data, send: setStateValue });
    if (isOtherCamera) this.leave();
    const before = this.histories.get(data.camera);
    this.history = ShapeHistory.receive(before, data);
    if (this.history !== before) this.leave();
    this.histories.set(data.camera, this.history);
    const find = (selector) => this.root.querySelector(selector);
    find(".stage").style.setProperty("--ratio", data.width / data.height);
    find(".count").textContent = data.count;
    find(".dotted").hidden = !data.dots;
    this.scrubber.update(data);
    this.draw();
  }

  get shapes() { return this.history.shapes; }

  get chosenShape() { return this.shapes[this.chosen]; }

  get size() { return { width: this.data.width, height: this.data.height }; }

  leave() {
    Object.assign(this, { chosen: -1, corner: -1, begun: [], drag: null, nudgeBefore: null });
  }

  draw() {
    if (!this.data) return;
    const { size, shapes, tool, chosen, corner, drag, begun, hover } = this, { camera } = this.data;
    // Elements that are replaced lose the focus: the user has not gone away.
    this.isDrawing = true;
    const dots = this.showDots ? this.data.dots : null;
    this.board.update({ size, shapes, tool, chosen, corner, drag, begun, hover, dots });
    this.list.update({ camera, size, shapes, chosen });
    this.isDrawing = false;
    const usable = { undo: this.history.undoable.length || begun.length, redo: this.history.redoable.length };
    for (const button of this.buttons) button.disabled = !(usable[button.dataset.do] ?? true);
    for (const button of this.tools) button.setAttribute("aria-pressed", button.dataset.tool === tool);
    if (!this.error) this.showHint("");
  }

  // A hint, or why something was refused; that stays until the next gesture.
  showHint(error) {
    this.error = error;
    const hint = this.begun.length ? `${this.begun.length} corners so far. ${HINTS.polygon}` : HINTS[this.tool];
    this.hint.textContent = error || hint;
    this.hint.classList.toggle("refused", Boolean(error));
  }

  // Every change since a snapshot goes through here: what cannot be is put back, what can is sent and can be undone.
  commit(before) {
    const { history } = this, { width, height } = this.size;
    if (!history.isChangedSince(before)) {
      this.draw();
      return "";
    }
    const errors = history.newSince(before).map((shape) => shapeError(shape, width, height));
    const error = errors.find(Boolean) ?? "";
    if (error) {
      history.restore(before);
      this.chosen = Math.min(this.chosen, this.shapes.length - 1);
      this.corner = -1;
    } else {
      history.commit(before);
      this.sendShapes();
    }
    this.error = error;
    this.draw();
    if (error) this.showHint(error);
    return error;
  }

  sendShapes() {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-"), { camera, revision } = this.data;
    this.send("drawn", { id, camera, revision, shapes: clone(this.shapes) });
  }

  // Run `change(shapes)`; where it returns an error, nothing is changed.
  edit(change) {
    this.finishNudge();
    const before = this.history.snapshot, error = change(this.shapes);
    if (!error) return this.commit(before);
    this.history.restore(before);
    return error;
  }

  use(tool) {
    this.finishNudge();
    Object.assign(this, { tool, begun: [], corner: -1, error: "" });
    if (tool !== "select") this.chosen = -1;
    this.draw();
    this.svg.focus({ preventScroll: true });
  }

  select(index) { Object.assign(this, { chosen: index, corner: -1 }); }

  choose(index) {
    this.finishNudge();
    this.select(index);
    Object.assign(this, { tool: "select", error: "" });
    this.draw();
  }

  // The focus has come to a shape, by Tab.
  reach(index) {
    if (this.isDrawing || this.drag || (this.chosen === index && this.corner < 0)) return;
    this.choose(index);
  }

  // A shape in the middle, a little beside one that is there already.
  add() {
    const shape = shapeInMiddle(this.tool === "polygon" ? "polygon" : "box");
    const taken = this.shapes.map(({ points }) => String(points));
    for (let tries = 0; tries < 10 && taken.includes(String(shape.points)); tries++) {
      shape.points = moveBy(shape.points, COPY_SHIFT, COPY_SHIFT);
    }
    this.put(shape);
    this.board.focus(`shape ${this.chosen}`);
  }

  put(shape) {
    const { begun } = this, index = this.shapes.length;
    this.begun = [];
    if (this.edit((shapes) => { shapes.push(shape); })) {
      this.begun = begun;
      return;
    }
    this.tool = "select";
    this.select(index);
    this.draw();
  }

  duplicate(index = this.chosen) {
    const shape = clone(this.shapes[index]), shifted = moveBy(shape.points, COPY_SHIFT, COPY_SHIFT);
    const isStuck = JSON.stringify(shifted) === JSON.stringify(shape.points);
    shape.points = isStuck ? moveBy(shape.points, -COPY_SHIFT, -COPY_SHIFT) : shifted;
    this.put(shape);
  }

  remove(index = this.chosen) {
    if (index < 0) return;
    this.select(-1);
    this.error = "";
    this.edit((shapes) => { shapes.splice(index, 1); });
  }

  removeCorner(index) {
    const shape = this.chosenShape;
    if (shape.kind === "box") {
      this.showHint("A box always has four corners. To delete the box, select it first.");
    } else if (shape.points.length < 4) {
      this.showHint("A polygon needs at least three corners. To delete the polygon, select it first.");
    } else {
      Object.assign(this, { corner: -1, error: "" });
      this.edit(() => { shape.points.splice(index, 1); });
    }
  }

  insertCorner(after) {
    const { width, height } = this.size, { kind, points } = this.chosenShape;
    if (kind === "box") {
      this.showHint("A box always has four corners. For more, draw a polygon.");
      return;
    }
    this.corner = after + 1;
    const middle = middleOf(points[after], points[(after + 1) % points.length], width, height);
    this.edit(() => { points.splice(after + 1, 0, middle); });
  }

  undo() {
    if (this.begun.length) {
      this.begun.pop();
      this.draw();
    } else this.travel("undo");
  }

  redo() { this.travel("redo"); }

  travel(direction) {
    this.finishNudge();
    if (!this.history[direction]()) return;
    this.select(Math.min(this.chosen, this.shapes.length - 1));
    this.error = "";
    this.sendShapes();
    this.draw();
  }

  // Close the polygon that has been begun; without one, put a shape in the middle.
  finish() {
    const points = this.begun;
    if (!points.length) this.add();
    else if (points.length < 3) this.showHint("A polygon needs at least three corners. Click to add more.");
    else this.put({ kind: "polygon", mode: "include", name: "", points });
  }

  escape() {
    if (this.drag?.before) this.history.restore(this.drag.before);
    const isIdle = !this.drag && !this.begun.length;
    Object.assign(this, { drag: null, begun: [], error: "" });
    if (isIdle) {
      this.select(this.tool === "select" ? -1 : this.chosen);
      this.tool = "select";
    }
    this.draw();
  }

  finishNudge() {
    const before = this.nudgeBefore;
    this.nudgeBefore = null;
    if (before) this.commit(before);
  }

  destroy() {
    this.finishNudge();
    this.sizes.disconnect();
  }
}

export const mount = mounter(".regions", (root) => new Drawing(root));
