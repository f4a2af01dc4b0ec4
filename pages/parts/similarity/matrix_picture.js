// How the heat map is painted: the whole matrix once as a picture, then what lies over the part that is visible.

import { fitCanvas } from "../shell/dom.js";
import { drawAxes } from "./axes.js";
import { NONE, UNIT } from "./color_scale.js";
import { formatValue } from "./matrix.js";

const NUMBERS_FROM = 34; // CSS pixels of a cell
const FAINT_HATCH_UNDER = 8;
const OPAQUE_BLACK = 0xff000000;
const HATCH = [["rgb(0 0 0 / 75%)", 0], ["rgb(255 255 255 / 75%)", 1.2]];

// The matrix as a picture of a pixel per cell, and beside it which cells are hatched.
export class MatrixPicture {
  constructor() {
    for (const name of ["heat", "forbidden", "layer"]) this[name] = document.createElement("canvas");
  }

  paint(matrix, scale) {
    const { count, order } = matrix, table = scale.table();
    for (const canvas of [this.heat, this.forbidden]) canvas.width = canvas.height = count;
    const [heatPen, forbiddenPen] = [this.heat, this.forbidden].map((canvas) => canvas.getContext("2d"));
    const heat = heatPen.createImageData(count, count), forbidden = forbiddenPen.createImageData(count, count);
    const colours = new Uint32Array(heat.data.buffer), mask = new Uint32Array(forbidden.data.buffer);
    for (let row = 0, at = 0; row < count; row++) {
      const from = order[row] * count;
      for (let column = 0; column < count; column++, at++) {
        const cell = from + order[column], value = matrix.similarity[cell];
        // A track with itself says nothing.
        if (value !== NONE && !(matrix.isTracks && row === column)) colours[at] = table[value + UNIT];
        if (matrix.forbidden[cell]) mask[at] = OPAQUE_BLACK;
      }
    }
    heatPen.putImageData(heat, 0, 0);
    forbiddenPen.putImageData(forbidden, 0, 0);
  }

  destroy() {
    for (const canvas of [this.heat, this.forbidden, this.layer]) canvas.width = canvas.height = 0;
  }
}

// Paint the canvas. `map` has the matrix, viewport, scale, picture, and the cells `hover`, `cursor` and `pinned`;
// `portraitOf(row)` gives the picture of a row where it has come.
export function drawHeatMap(canvas, map) {
  const { viewport, picture } = map, { ratio, width, height } = fitCanvas(canvas);
  if (!width || !height) return;
  const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), { size, visible } = viewport;
  const box = [viewport.gutter.left, viewport.gutter.top, visible.width * size, visible.height * size];
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.save();
  pen.beginPath();
  pen.rect(...box);
  pen.clip();
  pen.fillStyle = style.getPropertyValue("--st-secondary-background-color") || "#8882";
  pen.fillRect(...box);
  pen.imageSmoothingEnabled = size * ratio < 1;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture.heat, visible.x, visible.y, visible.width, visible.height, ...box);
  drawHatching(pen, map, box, ratio);
  if (map.matrix.isTracks) drawBlocks(pen, map);
  if (size >= NUMBERS_FROM) drawNumbers(pen, map);
  drawMarks(pen, map);
  pen.restore();
  drawAxes(pen, map, style.color);
}

// The hatching has one width at any zoom: lines over everything, of which only those on hatched cells are left.
function drawHatching(pen, { picture, viewport }, box, ratio) {
  const { layer } = picture, { visible, size } = viewport;
  const width = Math.ceil(box[2] * ratio), height = Math.ceil(box[3] * ratio);
  if (layer.width !== width || layer.height !== height) Object.assign(layer, { width, height });
  const layerPen = layer.getContext("2d");
  layerPen.globalCompositeOperation = "copy";
  layerPen.fillStyle = hatchPattern(layerPen, ratio);
  layerPen.fillRect(0, 0, width, height);
  layerPen.globalCompositeOperation = "destination-in";
  layerPen.imageSmoothingEnabled = size * ratio < 1;
  layerPen.imageSmoothingQuality = "high";
  layerPen.drawImage(picture.forbidden, visible.x, visible.y, visible.width, visible.height, 0, 0, width, height);
  // Over cells smaller than its lines it would hide the colours.
  pen.globalAlpha = size < FAINT_HATCH_UNDER ? 0.3 : 1;
  pen.drawImage(layer, ...box);
  pen.globalAlpha = 1;
}

// Slanted lines, dark beside light, so that they are visible on any colour.
function hatchPattern(pen, ratio) {
  const size = Math.round(7 * ratio), tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const tilePen = tile.getContext("2d");
  tilePen.lineWidth = 1.2 * ratio;
  for (const [colour, shift] of HATCH) {
    tilePen.strokeStyle = colour;
    tilePen.beginPath();
    for (const from of [-size, 0, size]) {
      tilePen.moveTo(from + shift * ratio - size, 2 * size);
      tilePen.lineTo(from + shift * ratio + 2 * size, -size);
    }
    tilePen.stroke();
  }
  return pen.createPattern(tile, "repeat");
}

// A frame around the tracks of each person; from some size on, thin lines from side to side.
function drawBlocks(pen, { matrix, viewport }) {
  const { size, visible, gutter, count } = viewport;
  const left = (place) => gutter.left + (place - visible.x) * size;
  const top = (place) => gutter.top + (place - visible.y) * size;
  const end = Math.max(visible.x + visible.width, visible.y + visible.height), begin = Math.min(visible.x, visible.y);
  const blocks = matrix.blocks.filter((block) => block.end > begin && block.from < end);
  if ((size * count) / matrix.blocks.length > 16) {
    pen.fillStyle = "rgb(255 255 255 / 55%)";
    for (const block of blocks) {
      pen.fillRect(gutter.left, top(block.end) - 0.5, visible.width * size, 1);
      pen.fillRect(left(block.end) - 0.5, gutter.top, 1, visible.height * size);
    }
  }
  for (const [colour, line] of [["#000", 3.5], ["#fff", 1.5]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    for (const block of blocks) {
      const side = (block.end - block.from) * size;
      if (side >= 4) pen.strokeRect(left(block.from), top(block.from), side, side);
    }
  }
}

function drawNumbers(pen, { matrix, viewport, scale, font }) {
  const { size, visible, count } = viewport;
  pen.font = `${size > 60 ? 14 : 11.5}px ${font}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let row = Math.floor(visible.y); row < Math.min(count, visible.y + visible.height); row++) {
    for (let column = Math.floor(visible.x); column < Math.min(count, visible.x + visible.width); column++) {
      const pair = matrix.pairAt([row, column]), value = matrix.valueOf(...pair);
      if (value === NONE || (matrix.isTracks && row === column)) continue;
      const [x, y] = viewport.middleOf([row, column]), text = formatValue(value, 2);
      if (matrix.isForbidden(...pair)) {
        // Hatching under a number makes it hard to read.
        const half = pen.measureText(text).width / 2 + 2;
        pen.fillStyle = scale.css(value);
        pen.fillRect(x - half, y - 9, 2 * half, 17);
      }
      pen.fillStyle = scale.ink(value);
      pen.fillText(text, x, y + 0.5);
    }
  }
}

// The cells pointed at, at the cursor, and pinned: each with a frame, the last two large enough to be found.
function drawMarks(pen, { matrix, viewport, hover, cursor, pinned }) {
  const pinnedCell = pinned?.map((row) => matrix.places[row]);
  const marks = [[hover, ["#000", "#fff"], 5], [cursor, ["#000", "#fff"], 9], [pinnedCell, ["#fff", "#d00000"], 9]];
  for (const [cell, colours, least] of marks) {
    if (!cell) continue;
    const side = Math.max(viewport.size, least), [x, y] = viewport.middleOf(cell);
    colours.forEach((colour, depth) => {
      pen.strokeStyle = colour;
      pen.lineWidth = depth ? 2 : 5;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    });
  }
}
