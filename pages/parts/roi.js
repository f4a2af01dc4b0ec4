// The drawing: tools, gestures and keys. Owns the shapes while the page is open, and tells Python once for each gesture
// that is finished; Python's shapes are taken over only where their revision is another one.

const HINTS = {
  select: "Drag a shape or its corners. Arrow keys move by one pixel, with Shift by ten.",
  box: "Drag from one corner to the opposite one. Without a pointer, press Enter.",
  polygon: "Click the corners; the first one again, Enter or a double click closes. Without a pointer, press Enter.",
};

class Drawing extends Gestures {
  constructor(root) {
    super();
    this.root = root;
    this.cameras = new Map();
    Object.assign(this, { tool: "select", chosen: -1, corner: -1, begun: [], hover: null, drag: null, dotted: true });
    const find = (selector) => root.querySelector(selector);
    this.svg = find(".board");
    this.view = new View(this, this.svg, find(".below"), find("canvas"));
    this.list = new ShapeList(find(".list"), this);
    this.scrubber = new Scrubber(root, (seconds) => this.send("moment", { camera: this.data.camera, seconds }));
    root.querySelectorAll("[data-tool]").forEach((b) => { b.onclick = () => this.use(b.dataset.tool); });
    root.querySelectorAll("[data-do]").forEach((b) => { b.onclick = () => this[b.dataset.do](); });
    find(".dotted input").onchange = (event) => { this.dotted = event.target.checked; this.view.dots(); };
    root.onkeydown = (event) => this.key(event);
    root.onkeyup = () => this.settle();
    this.svg.addEventListener("focusout", () => { if (!this.drawn) this.settle(); });
    this.svg.onpointerdown = (event) => this.down(event);
    this.svg.onpointermove = (event) => this.moved(event);
    this.svg.onpointerup = () => this.up();
    this.svg.onpointercancel = () => this.escape();
    this.svg.ondblclick = (event) => this.twice(event);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.svg);
  }

  // What Python says. Each camera keeps its own history, so that switching to and fro loses none.
  show(data, send) {
    const known = this.cameras.get(data.camera), other = this.data?.camera !== data.camera;
    Object.assign(this, { data, send });
    if (other) this.leave();
    if (known?.revision !== data.revision) {
      const earlier = known ? known.shapes : data.earlier, undone = known?.undone ?? [];
      if (earlier && JSON.stringify(earlier) !== JSON.stringify(data.shapes)) undone.push(JSON.stringify(earlier));
      this.cameras.set(data.camera, { revision: data.revision, shapes: clone(data.shapes), undone, redone: [] });
      this.leave();
    }
    this.now = this.cameras.get(data.camera);
    const stage = this.root.querySelector(".stage");
    stage.style.setProperty("--ratio", data.width / data.height);
    this.root.querySelector(".count").textContent = data.count;
    this.root.querySelector(".dotted").hidden = !data.dots;
    this.scrubber.show(data);
    this.draw();
  }

  get shapes() { return this.now.shapes; }

  leave() {
    Object.assign(this, { chosen: -1, corner: -1, begun: [], drag: null, before: null });
  }

  draw() {
    if (!this.data) return;
    // Elements that are replaced lose the focus: that is nobody's going away.
    this.drawn = true;
    this.view.show();
    this.list.show();
    this.drawn = false;
    const { undone, redone } = this.now, usable = { undo: undone.length || this.begun.length, redo: redone.length };
    this.root.querySelectorAll("[data-do]").forEach((b) => { b.disabled = !(usable[b.dataset.do] ?? true); });
    this.root.querySelectorAll("[data-tool]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.tool === this.tool));
    if (!this.told) this.say("");
  }

  // A hint, or what was refused; a refusal stays until the next gesture.
  say(words) {
    this.told = words;
    const said = this.root.querySelector(".said");
    said.textContent = words || (this.begun.length ? `${this.begun.length} corners so far. ${HINTS.polygon}` : HINTS[this.tool]);
    said.classList.toggle("refused", Boolean(words));
  }

  // Every change goes through here: what cannot be is put back, what can is told to Python and can be undone.
  keep(before) {
    if (before === JSON.stringify(this.shapes)) { this.draw(); return ""; }
    const { width, height } = this.data, kept = JSON.parse(before).map((shape) => JSON.stringify(shape));
    const fresh = this.shapes.filter((shape) => !kept.includes(JSON.stringify(shape)));
    const wrong = fresh.map((shape) => wrongWith(shape, width, height)).find(Boolean) ?? "";
    if (wrong) {
      this.now.shapes = JSON.parse(before);
      this.chosen = Math.min(this.chosen, this.shapes.length - 1);
      this.corner = -1;
    } else {
      this.now.undone.push(before);
      this.now.redone = [];
      this.tell();
    }
    this.told = wrong;
    this.draw();
    if (wrong) this.say(wrong);
    return wrong;
  }

  tell() {
    const id = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.send("drawn", { id, camera: this.data.camera, revision: this.data.revision, shapes: clone(this.shapes) });
  }

  edit(how) {
    this.settle();
    const before = JSON.stringify(this.shapes), words = how(this.shapes);
    if (!words) return this.keep(before);
    this.now.shapes = JSON.parse(before);
    return words;
  }

  change(at, how) { return this.edit((shapes) => how(shapes[at])); }

  use(tool) {
    this.settle();
    Object.assign(this, { tool, begun: [], corner: -1, told: "" });
    if (tool !== "select") this.chosen = -1;
    this.draw();
    this.svg.focus({ preventScroll: true });
  }

  choose(at) {
    this.settle();
    Object.assign(this, { tool: "select", chosen: at, corner: -1, told: "" });
    this.draw();
  }

  // The focus has come to a shape, by Tab.
  reach(at) {
    if (this.drawn || this.drag || (this.chosen === at && this.corner < 0)) return;
    this.choose(at);
  }

  // A shape in the middle, a little beside one that is there already.
  add() {
    const shape = inTheMiddle(this.tool === "polygon" ? "polygon" : "box"), taken = this.shapes.map((s) => String(s.points));
    for (let tries = 0; tries < 10 && taken.includes(String(shape.points)); tries++) {
      shape.points = moveBy(shape.points, 0.02, 0.02);
    }
    this.put(shape);
    this.view.focus(`shape ${this.chosen}`);
  }

  put(shape) {
    const begun = this.begun, count = this.shapes.length;
    this.begun = [];
    if (this.edit((shapes) => { shapes.push(shape); })) {
      this.begun = begun;
      return;
    }
    Object.assign(this, { tool: "select", chosen: count, corner: -1 });
    this.draw();
  }

  duplicate(at = this.chosen) {
    const shape = clone(this.shapes[at]);
    const aside = moveBy(shape.points, 0.02, 0.02);
    shape.points = JSON.stringify(aside) === JSON.stringify(shape.points) ? moveBy(shape.points, -0.02, -0.02) : aside;
    this.put(shape);
  }

  remove(at = this.chosen) {
    if (at < 0) return;
    Object.assign(this, { chosen: -1, corner: -1, told: "" });
    this.edit((shapes) => { shapes.splice(at, 1); });
  }

  removeCorner(at) {
    const shape = this.shapes[this.chosen];
    if (shape.kind === "box") return this.say("A box keeps its four corners. Select the box itself to delete it.");
    if (shape.points.length < 4) return this.say("A polygon needs three corners. Select the shape itself to delete it.");
    Object.assign(this, { corner: -1, told: "" });
    return this.edit(() => { shape.points.splice(at, 1); });
  }

  insertCorner(after) {
    const { width, height } = this.data, points = this.shapes[this.chosen].points;
    if (this.shapes[this.chosen].kind === "box") return this.say("A box keeps its four corners. Draw a polygon for more.");
    this.corner = after + 1;
    const middle = middleOf(points[after], points[(after + 1) % points.length], width, height);
    return this.edit(() => { points.splice(after + 1, 0, middle); });
  }

  undo() { this.begun.length ? this.lift() : this.travel(this.now.undone, this.now.redone); }

  redo() { this.travel(this.now.redone, this.now.undone); }

  lift() { this.begun.pop(); this.draw(); }

  travel(from, to) {
    this.settle();
    if (!from.length) return;
    to.push(JSON.stringify(this.shapes));
    this.now.shapes = JSON.parse(from.pop());
    Object.assign(this, { chosen: Math.min(this.chosen, this.shapes.length - 1), corner: -1, told: "" });
    this.tell();
    this.draw();
  }

  finish() {
    const points = this.begun;
    if (!points.length) return this.add();
    if (points.length < 3) return this.say("A polygon needs three corners: click on.");
    return this.put({ kind: "polygon", mode: "include", name: "", points });
  }

  escape() {
    if (this.drag?.before) this.now.shapes = JSON.parse(this.drag.before);
    const idle = !this.drag && !this.begun.length;
    Object.assign(this, { drag: null, begun: [], told: "" });
    if (idle) Object.assign(this, { tool: "select", chosen: this.tool === "select" ? -1 : this.chosen, corner: -1 });
    this.draw();
  }

  settle() {
    const before = this.before;
    this.before = null;
    if (before) this.keep(before);
  }

  end() {
    this.settle();
    this.sizes.disconnect();
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".roi");
  root.drawing ??= new Drawing(root);
  root.drawing.show(data, setStateValue);
  return () => { root.drawing?.end(); root.drawing = undefined; };
}
