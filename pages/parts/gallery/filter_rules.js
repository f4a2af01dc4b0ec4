// Which people match the filters, and in which order they are listed.

import { personName } from "../shell/text.js";

export const STATUS_SIGNS = { alone: "○", candidate: "◔", doubtful: "?", confirmed: "✓", thing: "▢" };
// As the list says it; a person with a single sighting was seen once, as the counts above the list say.
export const statusText = (status) => ({ alone: "seen once", thing: "thing?" })[status] ?? status;
export const clothing = (upper, lower) => `${upper || "unknown"} top, ${lower || "unknown"} bottom`;
export const NO_FILTERS = { camera: "", upper: "", lower: "", status: "", from: "", to: "", text: "", matched: false };

const doubt = (facts) => (facts.status === "doubtful" ? 10 : 0) - Math.min(9, facts.margin);

// Each order compares two groups; `factsOf` gives what Python has answered about one.
export const ORDERS = {
  "first seen": (a, b) => a.first - b.first || a.number - b.number,
  "most cameras": (a, b) => b.cameras.length - a.cameras.length || a.number - b.number,
  "most similar": (a, b, factsOf) =>
    (factsOf(b).similarity ?? -2) - (factsOf(a).similarity ?? -2) || a.number - b.number,
  "most doubtful": (a, b, factsOf) => doubt(factsOf(b)) - doubt(factsOf(a)) || a.number - b.number,
  "seen longest": (a, b) => b.seconds - a.seconds || a.number - b.number,
};

// The filters in force by name: a label, and whom it lets pass.
export function activeFilters(values, people) {
  const { camera, upper, lower, status, matched } = values, filters = {};
  const text = values.text.trim(), [from, to] = timesOf(values, people);
  const cameraNumber = people.cameras.indexOf(camera);
  const add = (name, label, passes) => { filters[name] = { label, passes }; };
  if (text) add("text", `search “${text}”`, (group) => mentions(group, people, text.toLowerCase()));
  if (camera) add("camera", `camera ${camera}`, (group) => group.cameras.includes(cameraNumber));
  for (const [part, colour, label] of [["upper", upper, "top"], ["lower", lower, "bottom"]]) {
    if (colour) add(part, `${colour} ${label}`, (group) => wears(group, people, part, colour));
  }
  if (status) add("status", `status ${statusText(status)}`, (group) => people.factsOf(group).status === status);
  if (from !== null) {
    add("from", `from ${values.from.trim()}`, (group) => group.rows.some((row) => people.extent([row])[1] >= from));
  }
  if (to !== null) {
    add("to", `to ${values.to.trim()}`, (group) => group.rows.some((row) => people.extent([row])[0] <= to + 1));
  }
  if (matched) add("matched", "several cameras only", (group) => group.cameras.length > 1);
  return filters;
}

// From and to in seconds; null where there is none, or no time is known.
export function timesOf({ from, to }, people) {
  return [from, to].map((text, place) => (people.timed ? people.parseCommonTime(text, place === 1) : null));
}

// Times that were typed and cannot be read.
export function unreadableTimes(values, people) {
  const seconds = timesOf(values, people);
  return ["from", "to"].filter((name, index) => values[name].trim() && seconds[index] === null);
}

export function applyFilters(groups, filters, order, factsOf) {
  const rules = Object.values(filters);
  const passing = groups.filter((group) => rules.every(({ passes }) => passes(group)));
  // Things come last, in any order.
  return passing.sort((a, b) => Boolean(a.isThing) - Boolean(b.isThing) || ORDERS[order](a, b, factsOf));
}

// The groups that are listed, and how many things there are among all. Hidden things are shown where there is nothing
// else: whoever searches for one finds it.
export function hideThings(groups, isHiding) {
  const people = groups.filter((group) => !group.isThing), count = groups.length - people.length;
  return { listed: isHiding && people.length ? people : groups, count, isHidden: isHiding && people.length > 0 };
}

const FEW = 12;

// Of more than a dozen people in the order of cameras, those with a single sighting apart from the others, and things
// behind both. No filter hides them: whoever is searched for is shown.
export function splitSeenOnce(groups, { order, isFiltered }) {
  const people = groups.filter((group) => !group.isThing), things = groups.filter((group) => group.isThing);
  const seenOnce = people.filter((group) => group.rows.length === 1);
  const apart = order === "most cameras" && !isFiltered && people.length > FEW && seenOnce.length < people.length;
  if (!apart) return { others: people, seenOnce: [], things };
  return { others: people.filter((group) => group.rows.length > 1), seenOnce, things };
}

// For each filter, how many people would pass without it.
export function passingWithout(groups, filters) {
  return Object.keys(filters).map((name) => {
    const others = Object.keys(filters).filter((key) => key !== name).map((key) => filters[key].passes);
    const count = groups.filter((group) => others.every((passes) => passes(group))).length;
    return { name, label: filters[name].label, count };
  });
}

// The colours of tops ("upper") or of bottoms ("lower") that occur.
export function coloursOf(people, part) {
  const words = people.rows[part].flatMap((text) => text.split(" and "));
  return [...new Set(words)].filter(Boolean).sort();
}

function wears(group, people, part, colour) {
  return group.rows.some((row) => people.rows[part][row].split(" and ").includes(colour));
}

// Whether the text is among all that the row shows.
function mentions(group, people, text) {
  const cameras = group.cameras.map((camera) => people.cameras[camera]);
  const names = [group.number, ...group.aliases].map(personName);
  const { upper, lower } = people.rows, clothes = group.rows.map((row) => clothing(upper[row], lower[row]));
  const status = statusText(people.factsOf(group).status);
  const shown = [...names, group.name, group.note, status, ...cameras, ...clothes].join("\n").toLowerCase();
  // A number that one of the sightings has at another threshold finds the person too.
  return shown.includes(text) || group.numbers.some((number) => personName(number).toLowerCase() === text);
}
