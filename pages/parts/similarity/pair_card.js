// The card beside the heat map: who a pair are, how alike, the two pictures most alike, and why they are or are not
// together.

import { el } from "../shell/dom.js";
import { fileAddress, formatSimilarity } from "../shell/text.js";
import { formatClockTenths, formatMoment } from "../shell/time.js";
import { NONE, UNIT } from "./color_scale.js";
import { formatValue } from "./matrix.js";

const paragraph = (text, kind = null) => el("p", { class: kind }, text);

// The card while no pair is pointed at.
export function emptyCard(isTracks) {
  return [
    el("h2", {}, isTracks ? "All pairs of tracks" : "All pairs of people"),
    paragraph("Point at a cell to see its pair. Click the cell or press Enter to pin the pair."),
    paragraph("Zoom with the wheel, a pinch, or + and −; drag to move; 0 shows the whole matrix. When it has the " +
      "focus, the arrow keys move by one cell, with Shift by ten.", "quiet"),
  ];
}

// The card of a pair; `detail` is what Python knows of it, undefined until that has come.
export function pairCard({ matrix, scale, crops, clocks }, pair, detail, unpin) {
  const parts = [el("h2", {}, matrix.pairTitle(pair))];
  if (matrix.isTracks) parts.push(paragraph(matrix.personsTitle(pair), "quiet"));
  if (pair[0] !== pair[1] || !matrix.isTracks) parts.push(similarityLine(matrix, scale, pair));
  if (detail?.failure) return [...parts, paragraph(detail.failure)];
  if (!detail) return [...parts, paragraph("…", "quiet")];
  const isSame = detail.crops[0].file === detail.crops[1].file;
  const best = `The two most similar crops: ${formatSimilarity(detail.crop_similarity)}.`;
  parts.push(paragraph(detail.text), pictures(crops, clocks, isSame ? detail.crops.slice(0, 1) : detail.crops));
  parts.push(paragraph(isSame ? "The best crop." : best, "quiet"));
  if (unpin) parts.push(el("button", { type: "button", title: "Escape", onclick: unpin }, "Unpin"));
  return parts;
}

function similarityLine(matrix, scale, pair) {
  const cell = matrix.cellOf(pair), { threshold } = matrix.content;
  if (!cell) return el("div", { class: "value" }, el("small", {}, "…"));
  const { value } = cell;
  if (value === NONE) return el("div", { class: "value" }, el("small", {}, "Not comparable."));
  const swatch = el("i"), side = value / UNIT < threshold ? "below" : "at or above";
  swatch.style.background = scale.css(value);
  return el("div", { class: "value" }, swatch, el("span", {}, formatValue(value, 3)),
    el("small", {}, `similarity, ${side} the threshold of ${threshold.toFixed(3)}`));
}

function pictures(folder, clocks, crops) {
  return el("div", { class: "crops" }, crops.map(({ file, camera, track, seconds }) => {
    const time = formatMoment(clocks, camera, seconds, true) || formatClockTenths(seconds);
    return el("figure", {},
      el("img", { src: fileAddress(folder, file), alt: `${camera}, track ${track}, at ${time}` }),
      el("figcaption", {}, `${camera} · track ${track} · ${time}`));
  }));
}
