// The buttons above the list: the queue of doubtful pairs, undo and redo, and the list of keys.

import { el, setText } from "../shell/dom.js";
import { describeHistory } from "./actions.js";
import { KEY_HELP } from "./keys.js";

export class Toolbar {
  // `dialogs` is where the list of keys is put.
  constructor({ place, dialogs, onReview, onUndo, onRedo }) {
    this.data = null;
    this.review = el("button", { type: "button", class: "main", "data-focus": "review", onclick: onReview });
    this.undo = el("button", { type: "button", class: "undo", onclick: onUndo });
    this.redo = el("button", { type: "button", class: "redo", onclick: onRedo });
    this.help = el("dialog", { class: "help", "aria-label": "Keys" }, el("h2", {}, "Keys"),
      el("dl", {}, KEY_HELP.flatMap(([key, text]) => [el("dt", {}, key), el("dd", {}, text)])),
      el("button", { type: "button", class: "main", onclick: () => this.help.close() }, "Close"));
    const keys = el("button", { type: "button", class: "quiet", onclick: () => this.help.showModal() },
      "Keys", el("kbd", {}, "?"));
    place.append(this.review, this.undo, this.redo, keys);
    dialogs.append(this.help);
  }

  // What can be undone and redone; returns what has happened meanwhile, to be read out.
  update({ undo, redo }) {
    const before = this.data;
    this.data = { undo, redo };
    labelHistoryButton(this.undo, "Undo", undo);
    labelHistoryButton(this.redo, "Redo", redo);
    return before ? describeHistory(before, this.data) : "";
  }

  labelReview(answer) {
    const doubts = answer?.doubts.length;
    const none = answer ? "No doubtful pairs" : "Looking for doubtful pairs…";
    const pairs = doubts > 1 ? `${doubts} most doubtful pairs` : "most doubtful pair";
    setText(this.review, doubts ? `Review the ${pairs}` : none);
    this.review.disabled = !doubts;
  }
}

function labelHistoryButton(button, verb, action) {
  setText(button, action ? `${verb}: ${action}` : verb);
  button.disabled = !action;
  button.title = action ? `${verb}: ${action}` : `Nothing to ${verb.toLowerCase()}`;
}
