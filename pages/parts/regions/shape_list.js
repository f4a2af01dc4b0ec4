// The list beside the picture: name, effect and coordinates of each shape, as fields. An invalid value stays in its
// field, with the reason, until it is corrected; the drawing keeps the last valid shape.

import { el, focusedElement } from "../shell/dom.js";
import { capitalized } from "../shell/text.js";
import { fieldText, largestValue, setField } from "./typed_values.js";

const COPY_ICON = `<svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
<path d="M5 5h9v9H5z M2 11V2h9" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
const EMPTY = "No regions: people count everywhere. Draw a box or a polygon to count only people inside it.";
const MODES = [["include", "People inside count"], ["exclude", "People inside do not count"]];

export class ShapeList {
  // `on.change(index, edit)` runs `edit(shape)` and returns its error; `on.choose`, `on.duplicate` and `on.remove` take
  // the shape's index.
  constructor(root, on) {
    Object.assign(this, { root, on, signature: "" });
  }

  // Built anew only where there are other shapes than before: a field that is being typed in must stay.
  update({ camera, size, shapes, chosen }) {
    Object.assign(this, { size, shapes, chosen });
    const signature = JSON.stringify([camera, shapes.map((shape) => shape.kind), chosen]);
    if (signature !== this.signature) {
      const focused = focusedElement(this.root)?.dataset?.field;
      this.signature = signature;
      const items = shapes.map((_, index) => this.item(index));
      this.root.replaceChildren(...(items.length ? items : [el("li", { class: "none" }, EMPTY)]));
      if (focused) this.root.querySelector(`[data-field="${focused}"]`)?.focus({ preventScroll: true });
    }
    this.refill();
  }

  refill() {
    this.root.querySelectorAll("[data-field]").forEach((field) => this.fill(field));
  }

  item(index) {
    const isChosen = index === this.chosen, number = index + 1;
    const choose = this.button("pick", index, `Select region ${number}`, () => this.on.choose(index), String(number));
    choose.setAttribute("aria-pressed", isChosen);
    const copy = this.button("copy", index, `Duplicate region ${number}`, () => this.on.duplicate(index));
    copy.innerHTML = COPY_ICON;
    const mode = this.field("select", index, "mode", `Effect of region ${number}`);
    mode.append(...MODES.map(([value, label]) => new Option(label, value)));
    return el("li", { class: isChosen ? "on" : null },
      el("div", { class: "head" }, choose,
        this.field("input", index, "name", `Name of region ${number}`, { type: "text", maxlength: 60 }), copy,
        this.button("drop", index, `Delete region ${number}`, () => this.on.remove(index), "✕")),
      mode, isChosen ? this.numbers(index) : null);
  }

  numbers(index) {
    const { width, height } = this.size, shape = this.shapes[index], number = index + 1;
    const error = el("p", { class: "wrong", role: "alert", id: "wrong" });
    if (shape.kind === "polygon") {
      const rows = Math.min(10, shape.points.length + 1), name = `Corners of region ${number}, one x, y per line`;
      const corners = this.field("textarea", index, "corners", name, { rows });
      return [el("label", {}, `Corners: x, y in pixels of ${width} × ${height}, one per line`, corners), error];
    }
    const sides = ["left", "top", "right", "bottom"].map((side) => {
      const name = `${side} of region ${number}, 0 to ${largestValue(side, this.size)} pixels`;
      const field = this.field("input", index, side, name, { type: "text", inputmode: "decimal" });
      return el("label", {}, capitalized(side), field);
    });
    return [el("div", { class: "numbers" }, sides), error];
  }

  field(tag, index, name, label, attributes = {}) {
    const describes = tag === "textarea" || name === "left";
    const field = el(tag, {
      ...attributes, "data-field": `${index} ${name}`, "aria-label": label,
      "aria-describedby": describes ? "wrong" : null,
    });
    field.onchange = () => this.takeTyped(field, index, name);
    return field;
  }

  button(name, index, label, act, sign = "") {
    return el("button", {
      type: "button", class: name, title: label, "aria-label": label, "data-field": `${index} ${name}`, onclick: act,
    }, sign);
  }

  // The field's value as the shape has it, unless it is being typed in or waits to be mended.
  fill(field) {
    const [index, name] = field.dataset.field.split(" "), shape = this.shapes[index];
    if (name === "pick") field.classList.toggle("exclude", shape.mode === "exclude");
    if (["pick", "copy", "drop"].includes(name)) return;
    if (name === "name") field.placeholder = `Region ${Number(index) + 1}`;
    const text = fieldText(shape, name, this.size);
    const busy = field.getAttribute("aria-invalid") || field.matches(":focus");
    // A shape that was dragged since is right: what was typed before is of no more use.
    if (field.dataset.filled === text && busy) return;
    field.dataset.filled = field.value = text;
    field.removeAttribute("aria-invalid");
    if (!this.hasErrors) this.showError("");
  }

  get hasErrors() { return Boolean(this.root.querySelector("[aria-invalid]")); }

  takeTyped(field, index, name) {
    const error = this.on.change(index, (shape) => setField(shape, name, field.value, this.size));
    if (error) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    if (error || !this.hasErrors) this.showError(error);
    if (!error) this.refill();
  }

  showError(error) {
    const place = this.root.querySelector(".wrong");
    if (place) place.textContent = error;
  }
}
