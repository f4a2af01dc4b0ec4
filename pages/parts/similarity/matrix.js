// Who stands in the rows of the similarity matrix, in one of the orders in which they can be shown, and what is known
// of single pairs.

import { formatSimilarity, personName } from "../shell/text.js";
import { NONE, UNIT } from "./color_scale.js";

export const formatValue = (value, digits) => formatSimilarity(value / UNIT, digits);

export const trackTitle = (cameras, rows, row) => `${cameras[rows.camera[row]]} track ${rows.track[row]}`;

export class Matrix {
  // `content` says who stands in each row, `kind` is people or tracks.
  constructor(content, kind) {
    Object.assign(this, { content, rows: content[kind], isTracks: kind === "tracks" });
    this.count = Math.min(this.rows.person.length, content.most_rows);
    this.names = new Map(content.people.person.map((person, place) => [person, content.people.name[place]]));
    this.known = new Map();
  }

  // Show the rows in an order; `tiles` are those of that order. `blocks` are the ranges of neighbours that are one
  // person.
  arrange(order, tiles) {
    this.tiles = tiles;
    this.order = this.rows[order].slice(0, this.count);
    this.places = new Int32Array(this.rows.person.length).fill(-1);
    this.order.forEach((row, place) => { this.places[row] = place; });
    this.blocks = blocksOf(this.order.map((row) => this.rows.person[row]));
  }

  // Similarity and whether the two cannot be one person: from the tiles, or what Python has said of the pair; undefined
  // until either is there.
  cellOf([rowA, rowB]) {
    return this.tiles.cell(this.places[rowA], this.places[rowB]) ?? this.known.get(`${rowA} ${rowB}`);
  }

  // Python's answer about a pair.
  learn([rowA, rowB], { similarity, is_known_different: isForbidden }) {
    const value = similarity === null ? NONE : Math.round(similarity * UNIT);
    this.known.set(`${rowA} ${rowB}`, { value, isForbidden });
  }

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
    const cell = this.cellOf([rowA, rowB]);
    const relation = this.rows.person[rowA] === this.rows.person[rowB] ? "one person" : "two people";
    const forbidden = cell?.isForbidden ? ", known different" : "";
    let similarity = "…";
    if (cell) similarity = cell.value === NONE ? "not comparable" : formatValue(cell.value, 2);
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
