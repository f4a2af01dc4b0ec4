// What is visible of the drawing: shapes, handles, the shade over what does not count, and the boxes' points.

import { fitCanvas, focusedElement, svgElement } from "../shell/dom.js";
import { boxOf, middleOf, nameOf, outline, pixels } from "./shapes.js";

const DOT_COLOURS = { inside: "#56B4E9", outside: "#E69F00" };

export class Board {
  // `on.shapeFocused(index)` and `on.cornerFocused(index)` follow the focus.
  constructor({ svg, below, canvas, on }) {
    Object.assign(this, { svg, below, canvas, on });
  }

  // `drawing` has the size of the clip, shapes, tool, chosen shape and corner, and what has been begun.
  update(drawing) {
    const { svg } = this, focused = focusedElement(svg);
    const focusName = svg.contains(focused) ? focused.dataset.focus ?? "" : null;
    this.size = drawing.size;
    for (const layer of [svg, this.below]) {
      layer.setAttribute("viewBox", `0 0 ${this.size.width} ${this.size.height}`);
      layer.replaceChildren();
    }
    svg.classList.toggle("draws", drawing.tool !== "select");
    this.drawShade(drawing.shapes);
    drawing.shapes.forEach((shape, index) => this.drawShape(shape, index, index === drawing.chosen));
    const chosen = drawing.tool === "select" ? drawing.shapes[drawing.chosen] : undefined;
    if (chosen) this.drawHandles(chosen, drawing.corner);
    this.drawBegun(drawing);
    this.drawDots(drawing.dots);
    if (focusName !== null) this.focus(drawing.corner >= 0 ? `corner ${drawing.corner}` : focusName);
  }

  // Pixels of the clip in one pixel of the screen.
  get scale() { return this.size.width / (this.svg.getBoundingClientRect().width || this.size.width); }

  pointsText(points) {
    const { width, height } = this.size;
    return points.map((p) => `${p[0] * width},${p[1] * height}`).join(" ");
  }

  focus(name) {
    (this.svg.querySelector(`[data-focus="${name}"]`) ?? this.svg).focus({ preventScroll: true });
  }

  drawShade(shapes) {
    if (!shapes.length) return;
    const all = { x: 0, y: 0, ...this.size };
    const mask = svgElement("mask", { id: "uncounted", maskUnits: "userSpaceOnUse", ...all }, this.below);
    svgElement("rect", { ...all, fill: shapes.some((shape) => shape.mode === "include") ? "white" : "black" }, mask);
    for (const [mode, fill] of [["include", "black"], ["exclude", "white"]]) {
      for (const shape of shapes.filter((candidate) => candidate.mode === mode)) {
        svgElement("polygon", { points: this.pointsText(outline(shape)), fill, "fill-rule": "evenodd" }, mask);
      }
    }
    svgElement("rect", { ...all, class: "shade", mask: "url(#uncounted)" }, this.below);
  }

  drawShape(shape, index, isChosen) {
    const points = this.pointsText(outline(shape)), counts = shape.mode === "include" ? "" : "do not ";
    svgElement("polygon", { class: "under", points }, this.svg);
    const polygon = svgElement("polygon", {
      class: `shape ${shape.mode}${isChosen ? " on" : ""}`, points, tabindex: 0, role: "button",
      "aria-pressed": isChosen, "aria-label": `${nameOf(shape, index)}, ${shape.kind}, people inside ${counts}count`,
      "data-shape": index, "data-focus": `shape ${index}`,
    }, this.svg);
    polygon.addEventListener("focus", () => this.on.shapeFocused(index));
    this.drawName(shape, index);
  }

  // Beside the uppermost corner, on the side where there is room.
  drawName(shape, index) {
    const { scale } = this, { width, height } = this.size;
    const top = outline(shape).reduce((best, p) => (p[1] < best[1] ? p : best)), isRight = top[0] > 0.6;
    const x = top[0] * width + (isRight ? -5 : 5) * scale;
    const y = Math.min(height - 4 * scale, top[1] * height + 16 * scale);
    const anchor = isRight ? "end" : "start";
    const style = `font-size: ${13 * scale}px; stroke-width: ${3 * scale}px; text-anchor: ${anchor}`;
    const suffix = shape.mode === "exclude" ? " (not counted)" : "";
    svgElement("text", { x, y, style }, this.svg).textContent = nameOf(shape, index) + suffix;
  }

  drawHandles(shape, chosenCorner) {
    const { width, height } = this.size, { scale } = this, corners = outline(shape);
    const circle = ([x, y], radius, attributes) =>
      svgElement("circle", { cx: x * width, cy: y * height, r: radius * scale, ...attributes }, this.svg);
    if (shape.kind === "polygon") {
      corners.forEach((corner, index) => {
        const middle = middleOf(corner, corners[(index + 1) % corners.length], width, height);
        circle(middle, 6, { class: "middle", "data-middle": index });
      });
    }
    corners.forEach((corner, index) => {
      const [x, y] = [pixels(corner[0], width), pixels(corner[1], height)];
      const handle = circle(corner, 7, {
        class: `corner${index === chosenCorner ? " on" : ""}`, tabindex: 0, role: "button",
        "aria-label": `Corner ${index + 1} of ${corners.length}, at ${x}, ${y}`,
        "data-corner": index, "data-focus": `corner ${index}`,
      });
      handle.addEventListener("focus", () => this.on.cornerFocused(index));
    });
  }

  // What is only begun: a box that is being dragged out, the corners of a polygon set so far.
  drawBegun({ drag, begun, hover }) {
    const { width, height } = this.size, { scale } = this;
    const lines = (tag, points) => {
      for (const name of ["under", "begun"]) {
        svgElement(tag, { class: name, points: this.pointsText(points) }, this.svg);
      }
    };
    if (drag?.box) lines("polygon", outline({ kind: "box", points: boxOf(...drag.box) }));
    if (!begun.length) return;
    lines("polyline", [...begun, ...(hover ? [hover] : [])]);
    begun.forEach(([x, y], index) => {
      const r = (index || begun.length < 3 ? 4 : 8) * scale;
      svgElement("circle", { class: "corner", cx: x * width, cy: y * height, r }, this.svg);
    });
  }

  // Inside: a full dot. Outside: a ring, so that colour is not the only difference.
  drawDots(dots) {
    const { canvas } = this, { ratio } = fitCanvas(canvas), pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!dots) return;
    pen.lineWidth = 1.5 * ratio;
    dots.places.forEach(([x, y], index) => {
      const isInside = dots.counts[index] === "1";
      pen.beginPath();
      pen.arc(x * canvas.width, y * canvas.height, (isInside ? 2.5 : 3) * ratio, 0, 2 * Math.PI);
      pen.fillStyle = pen.strokeStyle = isInside ? DOT_COLOURS.inside : DOT_COLOURS.outside;
      if (isInside) pen.fill();
      else pen.stroke();
    });
  }
}
