// Jumping within a long list: to an hour or a minute where it is in order of time, otherwise by tens of people.

import { el } from "../shell/dom.js";

const MANY = 30;
const MOST_TARGETS = 24;
const UNITS = [60, 600, 3600, 6 * 3600, 24 * 3600];

// Places in the list and what to call them: [index, label].
export function jumpTargets(groups, isByTime, timeOf) {
  if (groups.length < MANY) return [];
  if (!isByTime) {
    const step = 10 * Math.ceil(groups.length / MOST_TARGETS / 10);
    return groups.map(({ title }, index) => [index, `${index + 1}: ${title}`]).filter(([index]) => index % step === 0);
  }
  const unitAt = (unit) => groups.map(({ first }) => Math.floor(first / unit));
  const begins = (units) => groups.map((_, index) => index).filter((at) => at === 0 || units[at] !== units[at - 1]);
  const found = UNITS.map((unit) => begins(unitAt(unit)));
  const targets = found.find((indexes) => indexes.length <= MOST_TARGETS) ?? found.at(-1);
  return targets.map((index) => [index, timeOf(groups[index].first)]);
}

export class Jump {
  // `onJump(group)` is called with the person that was chosen.
  constructor({ place, onJump }) {
    this.select = el("select", { onchange: () => {
      const group = this.groups[Number(this.select.value)];
      this.select.value = "";
      onJump(group);
    } });
    this.label = place.appendChild(el("label", { hidden: true }, "Jump to", this.select));
  }

  update(groups, isByTime, timeOf) {
    const targets = jumpTargets(groups, isByTime, timeOf), signature = JSON.stringify(targets);
    this.groups = groups;
    this.label.hidden = !targets.length;
    if (signature === this.signature) return;
    this.signature = signature;
    this.select.replaceChildren(el("option", { value: "" }, "…"),
      ...targets.map(([index, text]) => el("option", { value: index }, text)));
  }
}
