// How the heat map is painted: the tiles that are there, each a picture, then what lies over the part that is visible.

import { fitCanvas } from "../shell/dom.js";
import { drawAxes } from "./axes.js";
import { NONE, UNIT } from "./color_scale.js";
import { formatValue } from "./matrix.js";
import { stepFor, TILE, tilesOver } from "./tiles.js";

const NUMBERS_FROM = 34; // CSS pixels of a cell
const FAINT_HATCH_UNDER = 8;
const HATCH = [["rgb(0 0 0 / 75%)", 0], ["rgb(255 255 255 / 75%)", 1.2]];

// A tile as a picture of a pixel per cell, `heat`, and beside it which cells are hatched, `mask`.
export function paintTile(tile, table, isTracks) {
  const { rows, columns, similarity, forbidden } = tile, canvases = [0, 1].map(() => document.createElement("canvas"));
  const [heat, mask] = canvases.map((canvas) => {
    Object.assign(canvas, { width: columns, height: rows });
    return canvas.getContext("2d").createImageData(columns, rows);
  });
  const colours = new Uint32Array(heat.data.buffer), shades = new Uint32Array(mask.data.buffer);
  similarity.forEach((value, at) => {
    if (value !== NONE) colours[at] = table[value + UNIT];
    shades[at] = forbidden[at] << 24;
  });
  // A track with itself says nothing.
  if (isTracks && tile.step === 1 && tile.row === tile.column) {
    for (let at = 0; at < colours.length; at += columns + 1) colours[at] = 0;
  }
  [heat, mask].forEach((image, place) => canvases[place].getContext("2d").putImageData(image, 0, 0));
  [tile.heat, tile.mask] = canvases;
  tile.free = () => { for (const canvas of canvases) canvas.width = canvas.height = 0; };
}

// Paint the canvas. `map` has the matrix, viewport, scale, and the cells `hover`, `cursor` and `pinned`;
// `portraitOf(row)` gives the picture of a row where it has come. Returns whether all tiles in view are there.
export function drawHeatMap(canvas, map) {
  const { viewport, matrix: { tiles } } = map, { ratio, width, height } = fitCanvas(canvas);
  if (!width || !height) return false;
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
  const overview = tilesOver(visible, stepFor(viewport.fittingSize * ratio), viewport.count);
  const near = tilesOver(visible, stepFor(size * ratio), viewport.count);
  tiles.want([...overview, ...near]);
  const isThere = near.every((place) => tiles.get(place));
  // Until all are there, the coarser ones are under those that are.
  const placeOf = tilePlacer(viewport, ratio);
  for (const place of isThere ? near : [...overview, ...near]) {
    const tile = tiles.get(place);
    if (tile) pen.drawImage(tile.heat, ...placeOf(tile));
  }
  const hatched = (isThere ? near : overview).map((place) => tiles.get(place)).filter(Boolean);
  drawHatching(pen, map, hatched, box, ratio);
  if (map.matrix.isTracks) drawBlocks(pen, map);
  if (size >= NUMBERS_FROM) drawNumbers(pen, map);
  drawMarks(pen, map);
  pen.restore();
  drawAxes(pen, map, style.color);
  return isThere;
}

// Where a tile is drawn on the canvas: on whole pixels of the screen, so that no seam is left between two.
function tilePlacer({ gutter, visible, size }, ratio) {
  const round = (length) => Math.round(length * ratio) / ratio;
  const range = (begin, from, first, cells, step) => {
    const start = round(begin + (first * TILE * step - from) * size);
    return [start, round(begin + ((first * TILE + cells) * step - from) * size) - start];
  };
  return ({ step, row, column, rows, columns }) => {
    const [left, width] = range(gutter.left, visible.x, column, columns, step);
    const [top, height] = range(gutter.top, visible.y, row, rows, step);
    return [left, top, width, height];
  };
}

// The hatching has one width at any zoom: lines over everything, of which only those on hatched cells are left.
function drawHatching(pen, { layer, viewport }, tiles, box, ratio) {
  const { size, gutter } = viewport, width = Math.ceil(box[2] * ratio), height = Math.ceil(box[3] * ratio);
  Object.assign(layer, { width, height });
  const layerPen = layer.getContext("2d"), placeOf = tilePlacer(viewport, ratio);
  layerPen.imageSmoothingEnabled = size * ratio < 1;
  layerPen.setTransform(ratio, 0, 0, ratio, -gutter.left * ratio, -gutter.top * ratio);
  for (const tile of tiles) layerPen.drawImage(tile.mask, ...placeOf(tile));
  layerPen.setTransform(1, 0, 0, 1, 0, 0);
  layerPen.globalCompositeOperation = "source-in";
  layerPen.fillStyle = hatchPattern(layerPen, ratio);
  layerPen.fillRect(0, 0, width, height);
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
      const { value = NONE, isForbidden } = matrix.tiles.cell(row, column) ?? {};
      if (value === NONE || (matrix.isTracks && row === column)) continue;
      const [x, y] = viewport.middleOf([row, column]), text = formatValue(value, 2);
      if (isForbidden) {
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
    if (!cell || cell.includes(-1)) continue;
    const side = Math.max(viewport.size, least), [x, y] = viewport.middleOf(cell);
    colours.forEach((colour, depth) => {
      pen.strokeStyle = colour;
      pen.lineWidth = depth ? 2 : 5;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    });
  }
}
