// Drag and drop of clips, and the list of uploads.

import { el, setText } from "../shell/dom.js";
import { mounter } from "../shell/mounting.js";
import { formatBytes } from "../shell/text.js";
import { listedItems, summaryText } from "./transfer.js";
import { tabQueue } from "./upload_queue.js";

const DRAG_EVENTS = ["dragover", "drop", "dragleave"];

class Uploader {
  constructor(root) {
    this.root = root;
    this.queue = tabQueue();
    this.rows = new Map();
    const find = (selector) => root.querySelector(selector);
    [this.list, this.input, this.zone, this.status] = ["ul", "input", ".drop", ".status"].map(find);
    [this.hint, this.summary] = [".words", ".summary"].map(find);
    find(".choose").onclick = () => this.input.click();
    this.input.onchange = () => {
      this.queue.add([...this.input.files], this.data);
      this.input.value = "";
    };
    this.listener = (event) => this.handleDrag(event);
    for (const name of DRAG_EVENTS) document.addEventListener(name, this.listener);
    this.queue.views.add(this);
  }

  // Anywhere on the page: the browser would otherwise open a file that is dropped beside the box.
  handleDrag(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    this.zone.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") this.queue.add([...event.dataTransfer.files], this.data);
  }

  update({ data, setTriggerValue }) {
    this.data = data;
    this.trigger = setTriggerValue;
    this.input.accept = ["video/*", ...data.endings].join(",");
    this.hint.textContent = `or drop them anywhere on this page. ${formatBytes(data.free)} of disk space available.`;
    this.draw();
  }

  onAdded(item) {
    this.announce(item);
    if (item.address === this.data?.address) this.trigger("added", item.id);
  }

  announce(item) { this.status.textContent = `${item.file.name}: ${item.message}`; }

  draw() {
    if (!this.data) return;
    const all = this.queue.items.filter((item) => item.address === this.data.address), items = listedItems(all);
    setText(this.summary, summaryText(all));
    for (const [item, row] of this.rows) {
      if (items.includes(item)) continue;
      row.element.remove();
      this.rows.delete(item);
    }
    for (const item of items) {
      if (!this.rows.has(item)) this.rows.set(item, this.createRow(item));
      this.fillRow(item, this.rows.get(item));
    }
  }

  createRow({ file }) {
    const row = {
      state: el("span", { class: "state" }), buttons: el("span", { class: "buttons" }),
      bar: el("progress", { max: 1, "aria-label": `Upload of ${file.name}` }),
    };
    const name = el("span", { class: "name" }, `${file.name} (${formatBytes(file.size)})`);
    row.element = this.list.appendChild(el("li", {}, name, row.state, row.buttons, row.bar));
    return row;
  }

  fillRow(item, row) {
    const { state } = item;
    row.element.className = state;
    row.state.textContent = item.message;
    row.bar.hidden = !["sending", "checking"].includes(state);
    if (state === "checking") row.bar.removeAttribute("value");
    else row.bar.value = item.sent / Math.max(1, item.file.size);
    if (row.drawnState === state) return;
    row.drawnState = state;
    row.buttons.replaceChildren(...this.buttonsOf(item));
    if (state === "refused") this.announce(item);
  }

  buttonsOf(item) {
    const isOver = item.state === "done" || item.state === "refused", buttons = [];
    if (item.canRetry) buttons.push(["Try again", () => this.queue.retry(item)]);
    if (item.state !== "checking") buttons.push([isOver ? "Dismiss" : "Cancel", () => this.queue.drop(item)]);
    return buttons.map(([label, act]) =>
      el("button", { type: "button", "aria-label": `${label}: ${item.file.name}`, onclick: act }, label));
  }

  destroy() {
    for (const name of DRAG_EVENTS) document.removeEventListener(name, this.listener);
    this.queue.views.delete(this);
  }
}

export const mount = mounter(".uploader", (root) => new Uploader(root));
