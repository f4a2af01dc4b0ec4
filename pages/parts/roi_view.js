// What is seen of the drawing: shapes, handles, the shade over what does not count, and the boxes' points.

const NS = "http://www.w3.org/2000/svg";
const DOTS = { in: "#56B4E9", out: "#E69F00" };

function svgElement(kind, attributes, parent) {
  const made = document.createElementNS(NS, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent?.appendChild(made);
  return made;
}

class View {
  constructor(drawing, svg, below, canvas) {
    Object.assign(this, { drawing, svg, below, canvas });
  }

  // Pixels of the clip in one pixel of the screen.
  get scale() {
    return this.drawing.data.width / (this.svg.getBoundingClientRect().width || this.drawing.data.width);
  }

  points(points) {
    const { width, height } = this.drawing.data;
    return points.map((p) => `${p[0] * width},${p[1] * height}`).join(" ");
  }

  show() {
    const { drawing, svg } = this, focused = svg.getRootNode().activeElement;
    const held = svg.contains(focused) ? focused.dataset.focus ?? "" : null;
    for (const one of [svg, this.below]) {
      one.setAttribute("viewBox", `0 0 ${drawing.data.width} ${drawing.data.height}`);
      one.replaceChildren();
    }
    svg.classList.toggle("draws", drawing.tool !== "select");
    this.shade();
    drawing.shapes.forEach((shape, at) => this.shape(shape, at));
    if (drawing.tool === "select" && drawing.chosen >= 0) this.handles(drawing.shapes[drawing.chosen]);
    this.begun();
    this.dots();
    if (held !== null) this.focus(drawing.corner >= 0 ? `corner ${drawing.corner}` : held);
  }

  focus(what) {
    (this.svg.querySelector(`[data-focus="${what}"]`) ?? this.svg).focus({ preventScroll: true });
  }

  shade() {
    const { width, height } = this.drawing.data, shapes = this.drawing.shapes;
    if (!shapes.length) return;
    const all = { x: 0, y: 0, width, height };
    const mask = svgElement("mask", { id: "uncounted", maskUnits: "userSpaceOnUse", ...all }, this.below);
    svgElement("rect", { ...all, fill: shapes.some((s) => s.mode === "include") ? "white" : "black" }, mask);
    for (const mode of ["include", "exclude"]) {
      for (const shape of shapes.filter((s) => s.mode === mode)) {
        const fill = mode === "include" ? "black" : "white";
        svgElement("polygon", { points: this.points(outline(shape)), fill, "fill-rule": "evenodd" }, mask);
      }
    }
    svgElement("rect", { ...all, class: "shade", mask: "url(#uncounted)" }, this.below);
  }

  shape(shape, at) {
    const on = at === this.drawing.chosen, q = this.scale, { width, height } = this.drawing.data;
    const points = this.points(outline(shape));
    svgElement("polygon", { class: "under", points }, this.svg);
    const drawn = svgElement("polygon", {
      class: `shape ${shape.mode}${on ? " on" : ""}`, points, tabindex: 0, role: "button", "aria-pressed": on,
      "aria-label": `${nameOf(shape, at)}, ${shape.kind}, people inside ${shape.mode === "include" ? "" : "do not "}count`,
      "data-shape": at, "data-focus": `shape ${at}`,
    }, this.svg);
    drawn.addEventListener("focus", () => this.drawing.reach(at));
    const top = outline(shape).reduce((best, p) => (p[1] < best[1] ? p : best));
    const late = top[0] > 0.6, x = top[0] * width + (late ? -5 : 5) * q, y = Math.min(height - 4 * q, top[1] * height + 16 * q);
    const style = `font-size: ${13 * q}px; stroke-width: ${3 * q}px; text-anchor: ${late ? "end" : "start"}`;
    svgElement("text", { x, y, style }, this.svg).textContent =
      nameOf(shape, at) + (shape.mode === "exclude" ? " (not counted)" : "");
  }

  handles(shape) {
    const { width, height } = this.drawing.data, q = this.scale, corners = outline(shape);
    if (shape.kind === "polygon") {
      corners.forEach((p, at) => {
        const next = corners[(at + 1) % corners.length], [x, y] = middleOf(p, next, width, height);
        svgElement("circle", { class: "middle", cx: x * width, cy: y * height, r: 6 * q, "data-middle": at }, this.svg);
      });
    }
    corners.forEach((p, at) => {
      const [x, y] = [pixels(p[0], width), pixels(p[1], height)];
      const handle = svgElement("circle", {
        class: `corner${at === this.drawing.corner ? " on" : ""}`, cx: p[0] * width, cy: p[1] * height, r: 7 * q,
        tabindex: 0, role: "button", "aria-label": `Corner ${at + 1} of ${corners.length}, at ${x}, ${y}`,
        "data-corner": at, "data-focus": `corner ${at}`,
      }, this.svg);
      handle.addEventListener("focus", () => { this.drawing.corner = at; });
    });
  }

  // What is only begun: a box that is being dragged out, the corners of a polygon set so far.
  begun() {
    const { drag, begun, hover } = this.drawing, { width, height } = this.drawing.data, q = this.scale;
    if (drag?.box) {
      const points = this.points(outline({ kind: "box", points: boxOf(...drag.box) }));
      svgElement("polygon", { class: "under", points }, this.svg);
      svgElement("polygon", { class: "begun", points }, this.svg);
    }
    if (!begun.length) return;
    const points = this.points([...begun, ...(hover ? [hover] : [])]);
    svgElement("polyline", { class: "under", points }, this.svg);
    svgElement("polyline", { class: "begun", points }, this.svg);
    begun.forEach((p, at) => {
      const r = (at || begun.length < 3 ? 4 : 8) * q;
      svgElement("circle", { class: "corner", cx: p[0] * width, cy: p[1] * height, r }, this.svg);
    });
  }

  // Inside: a full dot. Outside: a ring, so that colour is not all that tells them apart.
  dots() {
    const { data, dotted } = this.drawing, canvas = this.canvas, ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    if (!dotted || !data.dots) return;
    const pen = canvas.getContext("2d"), { places, counts } = data.dots;
    pen.lineWidth = 1.5 * ratio;
    places.forEach(([x, y], row) => {
      const inside = counts[row] === "1";
      pen.beginPath();
      pen.arc(x * canvas.width, y * canvas.height, (inside ? 2.5 : 3) * ratio, 0, 2 * Math.PI);
      pen.fillStyle = pen.strokeStyle = inside ? DOTS.in : DOTS.out;
      if (inside) pen.fill(); else pen.stroke();
    });
  }
}
