// The run's people at any threshold: the groups of the tree, and what Python has answered about each of them.

import { personName } from "../shell/text.js";
import { epochOf, formatClock, formatEpoch, formatMoment, parseEpoch, parseTime } from "../shell/time.js";
import { MergeTree } from "./merge_tree.js";

export class People {
  // `clocks` as time.js knows them, null where clips have no time of day.
  constructor(content, clocks = null) {
    Object.assign(this, content);
    this.clocks = clocks;
    this.begin = clocks ? Math.min(...Object.values(clocks.began)) : 0;
    const { rank, track } = content.rows;
    this.mergeTree = new MergeTree(track.length, content.tree.leaf_a, content.tree.leaf_b, content.tree.level);
    this.rowsByRank = rank.map((_, row) => row).sort((a, b) => rank[a] - rank[b]);
    this.mergedNumbers = new Set(content.merged);
    this.groups = new Map();
    this.answers = new Map();
    this.rowOf = new Map(track.map((_, row) => [this.key(row), row]));
    this.span = this.timed ? this.extent(this.rowsByRank) : [0, 1];
  }

  key(row) { return `${this.camera(row)}:${this.rows.track[row]}`; }

  camera(row) { return this.cameras[this.rows.camera[row]]; }

  // Camera and track, as Python names a sighting.
  sighting(row) { return [this.camera(row), this.rows.track[row]]; }

  // A second of the row's clip: the time of day, or the time of the clip where no clock is known.
  time(row, seconds) { return formatMoment(this.clocks, this.camera(row), seconds) || formatClock(seconds); }

  // A second of the clip, to stand beside a time of day; empty where the time shown is the clip's.
  clipTime(seconds) { return this.clocks ? formatClock(seconds) : ""; }

  // A second on the clock of all cameras, as `extent` gives it.
  commonTime(seconds) {
    return this.clocks ? formatEpoch(this.clocks, this.begin + seconds) : formatClock(seconds);
  }

  // A typed time as a second on the clock of all cameras; null where it is none. `last` counts where it exists twice.
  parseCommonTime(text, last) {
    if (!this.clocks) return parseTime(text);
    const epoch = parseEpoch(this.clocks, text, last);
    return epoch === null ? null : epoch - this.begin;
  }

  // A second of the row's clip as a second on the clock of all cameras.
  toCommonTime(row, seconds) {
    if (this.clocks) return epochOf(this.clocks, this.camera(row), seconds) - this.begin;
    return this.offsets[this.rows.camera[row]] + seconds;
  }

  // First and last moment of some sightings, on the clock of all cameras.
  extent(rows) {
    let first = Infinity, last = -Infinity;
    for (const row of rows) {
      first = Math.min(first, this.toCommonTime(row, this.rows.start[row]));
      last = Math.max(last, this.toCommonTime(row, this.rows.end[row]));
    }
    return [first, last];
  }

  // Groups in the order in which they were first seen. A group of the same rows as before is the same object.
  at(threshold) {
    return this.mergeTree.groupsAt(threshold, this.rowsByRank).map((rows) => this.group(rows));
  }

  group(rows) {
    const key = rows.join();
    if (!this.groups.has(key)) this.groups.set(key, this.describe(key, rows));
    return this.groups.get(key);
  }

  describe(key, rows) {
    const { rows: columns } = this;
    const numbers = rows.flatMap((row) => columns.numbers[row]).sort((a, b) => a - b);
    const [number] = numbers, name = this.firstText(rows, "name");
    const [first, last] = this.timed ? this.extent(rows) : [0, 0];
    return {
      key, rows, number, numbers, name, first, last,
      // Numbers of people whom the user merged into this one.
      aliases: numbers.filter((other) => other !== number && this.mergedNumbers.has(other)),
      cameras: [...new Set(rows.map((row) => columns.camera[row]))].sort((a, b) => a - b),
      note: this.firstText(rows, "note"),
      id: this.key(rows[0]),
      title: name || personName(number),
      seconds: this.timed ? rows.reduce((sum, row) => sum + columns.end[row] - columns.start[row], 0) : 0,
      upper: mostCommon(rows.map((row) => columns.upper[row])),
      lower: mostCommon(rows.map((row) => columns.lower[row])),
      isThing: rows.every((row) => columns.thing[row]),
      certain: this.certainFacts(rows),
    };
  }

  firstText(rows, column) { return rows.map((row) => this.rows[column][row]).find(Boolean) || ""; }

  // What holds before Python has answered: a person joined by the user is confirmed, and nothing is known of doubts.
  certainFacts(rows) {
    const bundled = rows.every((row) => this.bundle[row] === this.bundle[rows[0]]);
    const matched = rows.length === 1 ? "alone" : bundled ? "confirmed" : "candidate";
    const status = rows.every((row) => this.rows.thing[row]) ? "thing" : matched;
    return { status, similarity: null, margin: Infinity };
  }

  // Python's answer about all groups at one threshold.
  takeAnswer(threshold, answer) {
    this.answers = new Map(this.at(threshold).map((group) => [group.key, summarize(group, threshold, answer)]));
    this.answer = answer;
  }

  factsOf(group) { return this.answers.get(group.key) || group.certain; }

  isAnswered(group) { return this.answers.has(group.key); }
}

export function summarize(group, threshold, answer) {
  const status = group.rows.map((row) => answer.status[row]);
  const similarities = group.rows.map((row) => answer.similarity[row]).filter((value) => value !== null);
  const margins = group.rows
    .filter((row) => answer.rival[row])
    .map((row) => (answer.similarity[row] ?? threshold) - answer.rival_similarity[row]);
  return {
    status: status.includes("doubtful") ? "doubtful" : status[0],
    similarity: similarities.length ? similarities.reduce((a, b) => a + b, 0) / similarities.length : null,
    margin: Math.min(Infinity, ...margins),
  };
}

export function mostCommon(words) {
  const counts = new Map();
  for (const word of words) if (word) counts.set(word, (counts.get(word) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] || "";
}
