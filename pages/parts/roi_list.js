// The list beside the picture: names, what each shape does, and its numbers, typed. What is typed wrong stays as it was
// typed, with the reason beside it, until it is mended; the drawing keeps the last good shape.

const TWO_SHEETS = `<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
<path d="M5 5h9v9H5z M2 11V2h9" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;

class ShapeList {
  constructor(root, drawing) {
    this.root = root;
    this.drawing = drawing;
    this.made = "";
  }

  // Built anew only where there are other shapes than before: an input that somebody types in must stay.
  show() {
    const { shapes, chosen } = this.drawing;
    const wanted = JSON.stringify([this.drawing.data.camera, shapes.map((shape) => shape.kind), chosen]);
    if (wanted !== this.made) {
      const focused = this.root.getRootNode().activeElement?.dataset?.field;
      this.made = wanted;
      this.root.replaceChildren(...(shapes.length ? shapes.map((_, at) => this.item(at)) : [this.empty()]));
      if (focused) this.root.querySelector(`[data-field="${focused}"]`)?.focus({ preventScroll: true });
    }
    this.root.querySelectorAll("[data-field]").forEach((field) => this.fill(field));
  }

  empty() {
    const words = element("li", { className: "none" });
    words.textContent = "No regions: people count everywhere. Draw a box or a polygon, and only who is inside counts.";
    return words;
  }

  item(at) {
    const on = at === this.drawing.chosen;
    const item = element("li", { className: on ? "on" : "" });
    const head = element("div", { className: "head" });
    const pick = this.button("pick", at, String(at + 1), `Select region ${at + 1}`, () => this.drawing.choose(at));
    pick.setAttribute("aria-pressed", on);
    const name = this.field("input", at, "name", `Name of region ${at + 1}`, { type: "text", maxLength: 60 });
    head.append(pick, name,
      this.button("copy", at, "", `Duplicate region ${at + 1}`, () => this.drawing.duplicate(at)),
      this.button("drop", at, "✕", `Delete region ${at + 1}`, () => this.drawing.remove(at)));
    const mode = this.field("select", at, "mode", `What region ${at + 1} does`, {});
    mode.append(new Option("People inside count", "include"), new Option("People inside do not count", "exclude"));
    item.append(head, mode);
    if (on) item.append(...this.numbers(at));
    return item;
  }

  numbers(at) {
    const shape = this.drawing.shapes[at], { width, height } = this.drawing.data;
    const wrong = element("p", { className: "wrong" });
    wrong.setAttribute("role", "alert");
    wrong.id = "wrong";
    if (shape.kind === "polygon") {
      const label = element("label", {});
      label.append(`Corners: x, y in pixels of ${width} × ${height}, one a line`);
      const words = `Corners of region ${at + 1}, one x, y a line`;
      label.append(this.field("textarea", at, "corners", words, { rows: Math.min(10, shape.points.length + 1) }));
      return [label, wrong];
    }
    const grid = element("div", { className: "numbers" });
    for (const side of ["left", "top", "right", "bottom"]) {
      const label = element("label", {}), most = side === "left" || side === "right" ? width : height;
      label.append(side[0].toUpperCase() + side.slice(1));
      const words = `${side} of region ${at + 1}, 0 to ${most} pixels`;
      label.append(this.field("input", at, side, words, { type: "text", inputMode: "decimal" }));
      grid.append(label);
    }
    return [grid, wrong];
  }

  field(kind, at, what, label, attributes) {
    const field = element(kind, attributes);
    Object.assign(field.dataset, { field: `${at} ${what}` });
    field.setAttribute("aria-label", label);
    if (kind === "textarea" || what === "left") field.setAttribute("aria-describedby", "wrong");
    field.onchange = () => this.typed(field, at, what);
    return field;
  }

  button(kind, at, sign, words, act) {
    const button = element("button", { type: "button", className: kind, title: words, onclick: act });
    button.dataset.field = `${at} ${kind}`;
    button.setAttribute("aria-label", words);
    button.textContent = sign;
    if (kind === "copy") button.innerHTML = TWO_SHEETS;
    return button;
  }

  // The field's value as the shape has it, unless somebody is at it or it waits to be mended.
  fill(field) {
    const [at, what] = field.dataset.field.split(" ");
    const shape = this.drawing.shapes[at], { width, height } = this.drawing.data;
    if (what === "pick") return field.classList.toggle("exclude", shape.mode === "exclude");
    if (what === "copy" || what === "drop") return undefined;
    if (what === "name") field.placeholder = `Region ${+at + 1}`;
    const now = this.text(shape, what, width, height);
    // A shape that was dragged since is right: what was typed before is of no more use.
    if (field.dataset.was === now && (field.getAttribute("aria-invalid") || field.matches(":focus"))) return undefined;
    field.dataset.was = field.value = now;
    field.removeAttribute("aria-invalid");
    if (!this.root.querySelector("[aria-invalid]")) this.say("");
    return undefined;
  }

  text(shape, what, width, height) {
    if (what === "name" || what === "mode") return shape[what];
    const at = shape.points.map((p) => [pixels(p[0], width), pixels(p[1], height)]);
    if (what === "corners") return at.map((p) => p.join(", ")).join("\n");
    return String({ left: at[0][0], top: at[0][1], right: at[1][0], bottom: at[1][1] }[what]);
  }

  typed(field, at, what) {
    const wrong = this.drawing.change(at, (shape) => this.take(shape, what, field.value));
    if (!wrong) field.removeAttribute("aria-invalid");
    else field.setAttribute("aria-invalid", "true");
    if (wrong || !this.root.querySelector("[aria-invalid]")) this.say(wrong);
    if (!wrong) this.show();
  }

  // Put what was typed into the shape; words where it cannot be.
  take(shape, what, text) {
    const { width, height } = this.drawing.data;
    if (what === "name" || what === "mode") {
      shape[what] = text.trim();
      return "";
    }
    if (what === "corners") {
      const { points, wrong } = typedCorners(text, width, height);
      // What was not changed stays the very number that it was.
      const known = new Map(shape.points.map((p) => [`${pixels(p[0], width)} ${pixels(p[1], height)}`, p]));
      if (!wrong) shape.points = points.map((p) => known.get(`${pixels(p[0], width)} ${pixels(p[1], height)}`) ?? p);
      return wrong ?? "";
    }
    const across = what === "left" || what === "right", most = across ? width : height;
    const value = text.trim() ? Number(text.trim().replace(",", ".")) : NaN;
    if (!Number.isFinite(value) || value < 0 || value > most) return `${what[0].toUpperCase()}${what.slice(1)}: write a number from 0 to ${most}.`;
    shape.points[what === "left" || what === "top" ? 0 : 1][across ? 0 : 1] = tenth(value, most);
    const [[left, top], [right, bottom]] = shape.points;
    if (left >= right || top >= bottom) return across ? "Left must be less than right." : "Top must be less than bottom.";
    return "";
  }

  say(words) {
    const place = this.root.querySelector(".wrong");
    if (place) place.textContent = words;
  }
}

function element(kind, attributes) {
  return Object.assign(document.createElement(kind), attributes);
}
