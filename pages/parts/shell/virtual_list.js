// A list of any length, of which only the rows near the window are in the page. The row with the focus stays wherever
// the page is scrolled to; each row says its place among all of them to a screen reader. A list may have columns.

import { el, focusedElement } from "./dom.js";
import { layoutWithGaps, packLines, visibleRange } from "./visible_range.js";

const MARGIN_PX = 700;

const rowsOf = ([first, end]) => Array.from({ length: end - first }, (_, place) => first + place);

export class VirtualList {
  // `render(item, element)` paints a row into its element, which `create(item)` makes once for each `keyOf(item)`.
  // `estimate` is the height of a row until it is measured; `isWide(item)` is true for one that takes all columns.
  constructor({ label, keyOf, create, render, estimate, gap, isWide = () => true }) {
    Object.assign(this, { keyOf, create, render, estimate, gap, isWide, columns: 1, columnPx: Infinity });
    this.element = el("div", { class: "rows", role: "list", "aria-label": label });
    this.items = [];
    this.elements = new Map();
    this.heights = new Map();
    this.indexes = new Map();
    this.later = () => this.schedule();
    addEventListener("scroll", this.later, { capture: true, passive: true });
    addEventListener("resize", this.later, { passive: true });
    this.sizes = new ResizeObserver((entries) => this.measure(entries));
    this.sizes.observe(this.element);
  }

  update(items) {
    this.items = items;
    this.indexes = new Map(items.map((item, index) => [this.keyOf(item), index]));
    this.draw();
  }

  // Another look of the rows: columns of at least `columnPx`, and the height of a row until it is measured.
  setShape({ columnPx = Infinity, estimate }) {
    Object.assign(this, { columnPx, estimate });
    this.heights.clear();
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => { this.frame = undefined; this.draw(); });
  }

  measure(entries) {
    for (const { target } of entries) {
      const key = target.rowKey;
      if (key !== undefined && target.isConnected) this.heights.set(key, target.offsetHeight + this.gap);
    }
    this.schedule();
  }

  heightOf(item) { return this.heights.get(this.keyOf(item)) ?? this.estimate; }

  // Rows near the window, the one with the focus, and the one that is asked for.
  draw(asked = -1) {
    const focused = focusedElement(this.element), row = this.element.contains(focused) ? this.rowOf(focused) : null;
    this.columns = Math.max(1, Math.floor((this.element.clientWidth + this.gap) / (this.columnPx + this.gap)));
    this.element.style.setProperty("--columns", this.columns);
    const lines = packLines(this.items.map((item) => this.isWide(item)), this.columns);
    const lineOf = (index) => lines.findIndex(([first, end]) => first <= index && index < end);
    const pinned = [asked, this.indexes.get(row?.rowKey) ?? -1].map(lineOf);
    const heights = lines.map((line) => Math.max(...this.items.slice(...line).map((item) => this.heightOf(item))));
    const top = this.element.getBoundingClientRect().top;
    const range = visibleRange(heights, -top - MARGIN_PX, innerHeight - top + MARGIN_PX);
    this.place(layoutWithGaps(heights, range, pinned).flatMap((part) =>
      (Number.isInteger(part) ? rowsOf(lines[part]) : part)));
    if (row && focused.isConnected && focusedElement(this.element) !== focused) focused.focus({ preventScroll: true });
  }

  rowOf(element) { return element.closest('[role="listitem"]'); }

  // Rows are painted before anything is taken away: a list that is shorter for a moment would lose its scroll position.
  place(layout) {
    const children = layout.map((part) => (Number.isInteger(part) ? this.row(part) : this.spacer(part.height)));
    const wanted = new Set(children);
    let next = this.element.firstElementChild;
    for (const child of children) {
      while (next && !wanted.has(next)) next = this.remove(next);
      if (child === next) {
        next = next.nextElementSibling;
        continue;
      }
      if (!child.isConnected && child.rowKey !== undefined) this.sizes.observe(child);
      this.element.insertBefore(child, next);
    }
    while (next) next = this.remove(next);
  }

  remove(child) {
    const next = child.nextElementSibling;
    if (child.rowKey !== undefined) {
      this.sizes.unobserve(child);
      this.elements.delete(child.rowKey);
    }
    child.remove();
    return next;
  }

  row(index) {
    const item = this.items[index], key = this.keyOf(item);
    let element = this.elements.get(key);
    if (!element) {
      element = this.create(item);
      element.rowKey = key;
      element.setAttribute("role", "listitem");
      element.style.marginBottom = `${this.gap}px`;
      this.elements.set(key, element);
    }
    element.setAttribute("aria-setsize", this.items.length);
    element.setAttribute("aria-posinset", index + 1);
    this.render(item, element);
    return element;
  }

  spacer(height) {
    const element = el("div", { class: "spacer", "aria-hidden": "true" });
    element.style.height = `${height}px`;
    return element;
  }

  // The element of an item; undefined where it is not in the page.
  elementOf(item) { return this.elements.get(this.keyOf(item)); }

  // Bring an item into the page and the focus to it.
  focus(item) {
    const index = this.indexes.get(this.keyOf(item));
    if (index === undefined) return;
    this.draw(index);
    const element = this.elementOf(item);
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }

  destroy() {
    removeEventListener("scroll", this.later, { capture: true });
    removeEventListener("resize", this.later);
    cancelAnimationFrame(this.frame);
    this.sizes.disconnect();
  }
}
