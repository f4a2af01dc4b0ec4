// Of many people, those who were seen once are folded: the line below the list says how many, and shows them.

import { el, setText } from "../shell/dom.js";
import { formatCount } from "../shell/text.js";
import { splitSeenOnce } from "./filter_rules.js";

export class Fold {
  // `onChange` is called when the user folds or unfolds.
  constructor({ place, onChange }) {
    this.isOpen = false;
    this.element = place;
    // Until the people are known there is nothing to unfold, and the button has no name.
    this.element.hidden = true;
    this.button = el("button", { type: "button", "data-focus": "fold", onclick: () => {
      this.isOpen = !this.isOpen;
      onChange();
    } });
    place.append(this.button);
  }

  // Those of the groups that are listed.
  apply(groups, filters) {
    const { others, seenOnce, things } = splitSeenOnce(groups, filters);
    this.element.hidden = !seenOnce.length;
    const people = `${formatCount(seenOnce.length, "person", "people")} seen once`;
    setText(this.button, this.isOpen ? `Hide ${people}` : `Show ${people}`);
    this.button.setAttribute("aria-expanded", String(this.isOpen));
    return [...others, ...(this.isOpen ? seenOnce : []), ...things];
  }
}
