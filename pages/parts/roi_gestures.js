// What hands do on the drawing: pointers of any kind, and keys. A gesture that is finished goes through `edit` or `keep`.

const NEAR = 12;

class Gestures {
  place(event) {
    const box = this.svg.getBoundingClientRect(), { width, height } = this.data;
    return [tenth(((event.clientX - box.left) / box.width) * width, width),
      tenth(((event.clientY - box.top) / box.height) * height, height)];
  }

  near(a, b, distance) {
    const box = this.svg.getBoundingClientRect();
    return Math.hypot((a[0] - b[0]) * box.width, (a[1] - b[1]) * box.height) < distance;
  }

  down(event) {
    if (event.button || !event.isPrimary) return;
    event.preventDefault();
    this.settle();
    this.told = "";
    const at = this.place(event), { corner, middle, shape } = event.target.dataset;
    try { this.svg.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
    this.svg.focus({ preventScroll: true });
    const before = JSON.stringify(this.shapes);
    if (this.tool === "box") this.drag = { box: [at, at] };
    else if (this.tool === "polygon") this.set(at);
    else if (corner !== undefined && event.altKey) this.removeCorner(+corner);
    else if (corner !== undefined) { this.corner = +corner; this.drag = { corner: +corner, before }; }
    else if (middle !== undefined) this.split(+middle, at, before);
    else if (shape !== undefined) {
      Object.assign(this, { chosen: +shape, corner: -1 });
      this.drag = { from: at, points: clone(this.shapes[+shape].points), before };
    } else Object.assign(this, { chosen: -1, corner: -1 });
    this.draw();
  }

  set(at) {
    if (this.begun.length > 2 && this.near(at, this.begun[0], NEAR)) this.finish();
    else if (!this.begun.length || !this.near(at, this.begun.at(-1), 3)) this.begun.push(at);
  }

  split(after, at, before) {
    this.shapes[this.chosen].points.splice(after + 1, 0, at);
    this.corner = after + 1;
    this.drag = { corner: after + 1, before };
  }

  moved(event) {
    const at = this.place(event), { drag } = this;
    this.hover = event.pointerType === "mouse" ? at : null;
    if (drag?.box) drag.box[1] = at;
    else if (drag?.from) this.shapes[this.chosen].points = moveBy(drag.points, at[0] - drag.from[0], at[1] - drag.from[1]);
    else if (drag) this.pull(at);
    else if (!this.begun.length) return;
    this.draw();
  }

  pull(at) {
    const now = setCorner(this.shapes[this.chosen], this.drag.corner, at);
    if (now >= 0) this.drag.corner = this.corner = now;
  }

  up() {
    const drag = this.drag;
    this.drag = null;
    if (!drag) return;
    if (!drag.box) this.keep(drag.before);
    else if (this.near(...drag.box, 4)) { this.draw(); this.say("Nothing drawn: drag from one corner to the opposite one."); }
    else this.put({ kind: "box", mode: "include", name: "", points: boxOf(...drag.box) });
  }

  twice(event) {
    if (this.tool === "polygon" && this.begun.length) this.finish();
    else if (event.target.dataset.corner !== undefined) this.removeCorner(+event.target.dataset.corner);
  }

  key(event) {
    // Streamlit has keys of its own for the whole page.
    event.stopPropagation();
    const typing = event.target.matches("input, textarea, select"), drawing = this.svg.contains(event.target);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, held = event.ctrlKey || event.metaKey;
    if (typing || event.altKey) return;
    if (held) {
      const acts = { z: event.shiftKey ? "redo" : "undo", y: "redo", d: "duplicate" }, act = acts[key];
      if (!act || (act === "duplicate" && this.chosen < 0)) return;
      event.preventDefault();
      this[act]();
      return;
    }
    const tools = { v: "select", b: "box", p: "polygon" };
    if (tools[key]) this.use(tools[key]);
    else if (key === "Escape") this.escape();
    else if (drawing && this.onDrawing(key, event)) event.preventDefault();
  }

  onDrawing(key, event) {
    const corner = this.corner >= 0 && event.target.dataset.corner !== undefined ? this.corner : -1;
    if (key === "Enter" && this.tool !== "select") this.finish();
    else if ((key === "Delete" || key === "Backspace") && this.chosen >= 0) {
      // After a drag the corner is still the one meant, wherever the focus is.
      if (this.corner >= 0 && this.shapes[this.chosen].kind === "polygon") this.removeCorner(this.corner);
      else this.remove();
    } else if ((key === "Insert" || key === "+") && corner >= 0) this.insertCorner(corner);
    else if (key.startsWith("Arrow") && this.chosen >= 0) this.nudge(key, event.shiftKey ? 10 : 1);
    else return false;
    return true;
  }

  // Held keys are one gesture, finished when the key is let go.
  nudge(key, step) {
    const { width, height } = this.data, shape = this.shapes[this.chosen];
    const dx = ((key === "ArrowRight") - (key === "ArrowLeft")) * step, dy = ((key === "ArrowDown") - (key === "ArrowUp")) * step;
    this.before ??= JSON.stringify(this.shapes);
    if (this.corner < 0) shape.points = moveBy(shape.points, dx / width, dy / height);
    else {
      const at = outline(shape)[this.corner];
      const now = setCorner(shape, this.corner, [tenth(at[0] * width + dx, width), tenth(at[1] * height + dy, height)]);
      if (now >= 0) this.corner = now;
    }
    this.told = "";
    this.draw();
  }
}
