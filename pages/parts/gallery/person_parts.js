// The parts of a person's row that take no input: facts, status, and the timeline of sightings.

import { el } from "../shell/dom.js";
import { formatSimilarity } from "../shell/text.js";
import { formatClock, formatDuration } from "../shell/time.js";
import { clothing, STATUS_SIGNS, statusText } from "./filter_rules.js";

export function statusBadge(status) {
  return el("span", { class: `status ${status}` },
    el("span", { "aria-hidden": "true" }, STATUS_SIGNS[status] || ""), statusText(status));
}

// A refusal, and the way to the moment that shows why, if there is one.
export function faultContent({ message, moment }, playMoment) {
  const play = () => playMoment(moment);
  return [message, moment ? el("button", { type: "button", onclick: play }, "Show this moment") : null];
}

// Cameras may see somebody at the same time, so that all sightings together can last longer than from first to last.
export function seenText({ first, last, seconds, cameras }, format = formatClock) {
  const added = cameras.length > 2 ? `, all ${cameras.length} cameras added` : ", both cameras added";
  const total = `${formatDuration(seconds)} on camera${cameras.length > 1 ? added : ""}`;
  return `${format(first)} to ${format(last)}, ${total}`;
}

export function factList(group, facts, people) {
  const lines = [];
  if (people.timed) lines.push(["Found", seenText(group, (seconds) => people.commonTime(seconds))]);
  lines.push(["Wears", group.upper || group.lower ? clothing(group.upper, group.lower) : "unknown"]);
  const similarity = facts.similarity === null ? "…" : formatSimilarity(facts.similarity);
  if (group.rows.length > 1) lines.push(["Similarity", similarity]);
  return el("dl", {}, lines.flatMap(([term, text]) => [el("dt", {}, term), el("dd", {}, text)]));
}

// When each camera saw the person, on the clock of all cameras: a line for each camera.
export function timeline(group, people, colour) {
  const [begin, end] = people.span, length = Math.max(end - begin, 0.001);
  const bar = (row) => {
    const [from, to] = people.extent([row]);
    const title = `${people.camera(row)}, ${people.commonTime(from)} to ${people.commonTime(to)}`;
    const element = el("i", { title });
    element.style.left = `${(100 * (from - begin)) / length}%`;
    element.style.width = `max(3px, ${(100 * (to - from)) / length}%)`;
    element.style.background = colour;
    return element;
  };
  const startOf = (row) => people.commonTime(people.extent([row])[0]);
  const label = group.rows.map((row) => `${people.camera(row)} ${startOf(row)}`).join(", ");
  const rowsOf = (camera) => group.rows.filter((row) => people.rows.camera[row] === camera);
  return el("div", { class: "timeline", role: "img", "aria-label": label }, group.cameras.map((camera) =>
    el("div", { class: "track", title: people.cameras[camera] }, rowsOf(camera).map(bar))));
}
