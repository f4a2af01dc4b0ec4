// The similarity of everybody with everybody, as Python sends it, in one of the orders in which it can be shown.

import { formatSimilarity, personName } from "../shell/text.js";
import { NONE, UNIT } from "./color_scale.js";

export const formatValue = (value, digits) => formatSimilarity(value / UNIT, digits);

export const trackTitle = (cameras, rows, row) => `${cameras[rows.camera[row]]} track ${rows.track[row]}`;

export class Matrix {
  // `content` says who stands in each row, `kind` is people or tracks; `bytes` are the similarities in two bytes each,
  // then one byte each that is not 0 where the two cannot be one person.
  constructor(content, kind, bytes) {
    Object.assign(this, { content, rows: content[kind], isTracks: kind === "tracks" });
    this.count = this.rows.person.length;
    this.names = new Map(content.people.person.map((person, place) => [person, content.people.name[place]]));
    this.similarity = new Int16Array(bytes, 0, this.count ** 2);
    this.forbidden = new Uint8Array(bytes, 2 * this.count ** 2, this.count ** 2);
  }

  // Show the rows in an order; `blocks` are the ranges of neighbours that are one person.
  arrange(order) {
    this.order = this.rows[order];
    this.places = new Int32Array(this.count);
    this.order.forEach((row, place) => { this.places[row] = place; });
    this.blocks = blocksOf(this.order.map((row) => this.rows.person[row]));
  }

  valueOf(rowA, rowB) { return this.similarity[rowA * this.count + rowB]; }

  isForbidden(rowA, rowB) { return this.forbidden[rowA * this.count + rowB] > 0; }

  blockOf(person) { return this.blocks.find((block) => block.person === person); }

  pairAt([place, otherPlace]) { return [this.order[place], this.order[otherPlace]]; }

  rowTitle(row) {
    if (!this.isTracks) return personTitle(this.content.people, this.rows.person[row]);
    return trackTitle(this.content.cameras, this.rows, row);
  }

  // What the axes say of a person: the name, where there is one, and the number.
  personTexts(person) { return [this.names.get(person), personName(person)].filter(Boolean); }

  pairTitle([rowA, rowB]) {
    return rowA === rowB ? this.rowTitle(rowA) : `${this.rowTitle(rowA)} and ${this.rowTitle(rowB)}`;
  }

  // Who the tracks of a pair are.
  personsTitle([rowA, rowB]) {
    const [a, b] = [rowA, rowB].map((row) => personTitle(this.content.people, this.rows.person[row]));
    if (a !== b) return `${a} and ${b}.`;
    return `${rowA === rowB ? "This is" : "Both are"} ${a}.`;
  }

  // A pair in a sentence.
  describe([rowA, rowB]) {
    const value = this.valueOf(rowA, rowB);
    const relation = this.rows.person[rowA] === this.rows.person[rowB] ? "one person" : "two people";
    const forbidden = this.isForbidden(rowA, rowB) ? ", known different" : "";
    const similarity = value === NONE ? "not comparable" : formatValue(value, 2);
    return `${this.pairTitle([rowA, rowB])}: ${similarity}, ${relation}${forbidden}`;
  }
}

// Ranges [from, end) of equal neighbours.
export function blocksOf(persons) {
  const blocks = [];
  persons.forEach((person, place) => {
    const last = blocks.at(-1);
    if (last && last.person === person) last.end = place + 1;
    else blocks.push({ person, from: place, end: place + 1 });
  });
  return blocks;
}

// A person as the gallery says: by name and number, or by number where there is no name.
export function personTitle(people, person) {
  const name = people.name[people.person.indexOf(person)];
  return name ? `${name} (${personName(person)})` : personName(person);
}
