// A person as a tile: the best picture, who it is, how often and by how many cameras seen, and the status.

import { el } from "../shell/dom.js";
import { formatCount } from "../shell/text.js";
import { statusBadge } from "./person_parts.js";

// The best of the best crops of some sightings; undefined where there is none.
export function bestCrop(rows, crops) {
  const best = rows.map((row) => crops[row][0]).filter(Boolean);
  return best.sort((a, b) => (b[2] ?? 0) - (a[2] ?? 0))[0];
}

// `tick` is the box that selects the person, `pending` what is said of what is not saved yet.
export function tileContent({ group, facts, people, tick, pending, pictureAddress, onOpen }) {
  const crop = bestCrop(group.rows, people.rows.crops);
  return [
    el("div", { class: "line" }, tick, el("span", { class: "title", title: group.title }, group.title)),
    el("button", {
      type: "button", class: "crop", "data-focus": "open", "aria-expanded": "false", onclick: onOpen,
      "aria-label": `Show all of ${group.title}`, title: "All crops (Enter)",
    }, crop ? el("img", { src: pictureAddress(crop[0]), alt: "", loading: "lazy", decoding: "async" }) : "No picture"),
    el("div", { class: "quiet-words" }, pending ||
      `${formatCount(group.cameras.length, "camera")} · ${formatCount(group.rows.length, "sighting")}`),
    statusBadge(facts.status),
  ];
}
