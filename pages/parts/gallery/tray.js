// The tray below the list: who is selected, and what can be done with them.

import { el } from "../shell/dom.js";
import { formatCount } from "../shell/text.js";

const NAMED = 5;

export class Tray {
  constructor({ place, onMerge, onGo, onClear }) {
    Object.assign(this, { element: place, onMerge, onGo, onClear });
  }

  paint(groups) {
    const signature = groups.map((group) => group.id).join();
    if (this.element.dataset.signature === signature) return;
    this.element.dataset.signature = signature;
    this.element.replaceChildren(...(groups.length ? this.content(groups) : []));
  }

  content(groups) {
    const few = groups.length < 2, more = groups.length > NAMED ? "…" : "";
    const names = groups.slice(0, NAMED).map((group) => group.title).join(", ") + more;
    return [
      el("span", {}, `${formatCount(groups.length, "person", "people")} selected: ${names}`),
      el("button", {
        type: "button", class: "main", disabled: few, onclick: this.onMerge,
        title: few ? "Select at least one more person" : "They are the same person (m)",
      }, "Merge", el("kbd", {}, "m")),
      el("button", { type: "button", class: "quiet", onclick: this.onGo }, "Go to selected"),
      el("button", { type: "button", class: "quiet", onclick: this.onClear }, "Clear selection"),
    ];
  }
}
