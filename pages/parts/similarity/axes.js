// The axes of the heat map: names or numbers of people and, where there is room, the pictures of the visible rows.

const PORTRAITS_FROM = 24; // CSS pixels of a cell
const REST_MS = 90;
const MOST_PORTRAITS = 1500;
const LABEL_PX = [30, 96];
const GAP_PX = 8;
const labelFont = (font) => `600 12px ${font}`;

// Pictures for the axes, asked for once the view has come to rest.
export class Portraits {
  constructor(onLoad) {
    this.onLoad = onLoad;
    this.images = new Map();
    this.wanted = new Set();
  }

  // The picture at an address, where it has come; otherwise it is asked for.
  get(address) {
    const image = this.images.get(address);
    if (image) return image.naturalWidth ? image : null;
    this.wanted.add(address);
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.ask(), REST_MS);
    return null;
  }

  ask() {
    if (this.images.size > MOST_PORTRAITS) this.images.clear();
    for (const address of this.wanted) {
      const image = new Image();
      image.onload = this.onLoad;
      image.src = address;
      this.images.set(address, image);
    }
    this.wanted.clear();
  }

  destroy() {
    clearTimeout(this.rest);
    this.images.clear();
  }
}

// How wide the words about people are beside the rows; longer ones are cut off.
export function labelWidth(pen, matrix, font) {
  pen.font = labelFont(font);
  const [least, most] = LABEL_PX;
  let widest = least;
  for (const { person } of matrix.blocks) {
    widest = Math.max(widest, Math.ceil(pen.measureText(matrix.personTexts(person)[0]).width));
    if (widest >= most) return most;
  }
  return widest;
}

// The text, or as much of its beginning as there is room for.
export function shorten(text, room, widthOf) {
  if (widthOf(text) <= room) return text;
  let length = text.length;
  while (length > 1 && widthOf(`${text.slice(0, length)}…`) > room) length--;
  return `${text.slice(0, length)}…`;
}

export function drawAxes(pen, map, ink) {
  const { viewport } = map, { gutter, visible, size } = viewport;
  pen.fillStyle = pen.strokeStyle = ink;
  pen.textBaseline = "middle";
  for (const down of [true, false]) {
    const axis = down
      ? { down, from: visible.y, length: visible.height, begin: gutter.top }
      : { down, from: visible.x, length: visible.width, begin: gutter.left };
    pen.save();
    pen.beginPath();
    if (down) pen.rect(0, axis.begin, gutter.left, axis.length * size);
    else pen.rect(axis.begin, 0, axis.length * size, gutter.top);
    pen.clip();
    drawPersons(pen, map, axis);
    if (size >= PORTRAITS_FROM) drawPortraits(pen, map, axis);
    pen.restore();
  }
  const cell = map.hover ?? map.cursor;
  if (cell) drawPointers(pen, viewport, cell);
}

// Name or number of each person beside the rows, as far as there is room, and a bracket over all of them.
function drawPersons(pen, { matrix, viewport, labels, font }, { down, from, length, begin }) {
  const { size, gutter } = viewport, last = begin + length * size;
  const room = down ? gutter.left - 6 : gutter.top - 6, beside = down ? labels + GAP_PX : 20;
  const edge = size >= PORTRAITS_FROM ? beside : room;
  let free = -Infinity;
  pen.font = labelFont(font);
  pen.textAlign = down ? "right" : "center";
  const widthOf = (text) => pen.measureText(text).width;
  const visible = matrix.blocks.filter((block) => block.end >= from && block.from <= from + length);
  for (const block of visible) {
    const start = begin + (block.from - from) * size, end = begin + (block.end - from) * size;
    const text = personLabel(matrix, block.person, down ? { room: labels } : { across: end - start - 4 }, widthOf);
    const need = down ? 14 : widthOf(text) + 5;
    const middle = (Math.max(start, begin) + Math.min(end, last)) / 2;
    // Nothing is cut off at the ends.
    const at = Math.max(begin + need / 2, Math.min(last - need / 2, middle));
    if (matrix.isTracks && end - start > 8) drawBracket(pen, down, edge, start, end);
    if (at - need / 2 < free) continue;
    free = at + need / 2;
    if (down) pen.fillText(text, edge - 3, at);
    else pen.fillText(text, at, edge - 9);
  }
}

// A person beside a row, shortened to the `room`; or above columns, where there may be room for the number alone.
function personLabel(matrix, person, { room, across }, widthOf) {
  const texts = matrix.personTexts(person);
  if (room) return shorten(texts[0], room, widthOf);
  return texts.find((text) => widthOf(text) <= across) ?? String(person);
}

function drawBracket(pen, down, edge, start, end) {
  if (down) pen.fillRect(edge + 1, start + 1.5, 2, end - start - 3);
  else pen.fillRect(start + 1.5, edge + 1, end - start - 3, 2);
}

// The best crop of each visible row beside it, and for tracks their names.
function drawPortraits(pen, map, axis) {
  const { matrix, viewport, font } = map, { size, gutter } = viewport, { down, from, length, begin } = axis;
  const first = Math.max(0, Math.floor(from)), end = Math.min(matrix.count, Math.ceil(from + length));
  const height = down ? Math.min(size - 2, 66) : Math.min(66 - (matrix.isTracks ? 12 : 0), 2 * size - 4);
  const width = height / 2;
  pen.font = `10.5px ${font}`;
  pen.textAlign = down ? "right" : "center";
  for (let place = first; place < end; place++) {
    const row = matrix.order[place], middle = begin + (place + 0.5 - from) * size;
    const x = down ? gutter.left - 4 - width : middle - width / 2;
    const y = down ? middle - height / 2 : gutter.top - 4 - height;
    drawPortrait(pen, map.portraitOf(row), x, y, width, height);
    if (!matrix.isTracks) continue;
    const text = trackLabel(pen, matrix, row, down ? 42 : size - 2);
    if (down) pen.fillText(text, x - 3, middle);
    else pen.fillText(text, middle, y - 7);
  }
}

function drawPortrait(pen, image, x, y, width, height) {
  if (!image) {
    pen.globalAlpha = 0.15;
    pen.fillRect(x, y, width, height);
    pen.globalAlpha = 1;
    return;
  }
  const share = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  const [w, h] = [image.naturalWidth * share, image.naturalHeight * share];
  pen.drawImage(image, x + (width - w) / 2, y + (height - h) / 2, w, h);
}

// A track by camera and number; by number alone where there is no room.
function trackLabel(pen, { content, rows }, row, room) {
  const number = rows.track[row], text = `${content.cameras[rows.camera[row]]}·${number}`;
  return pen.measureText(text).width <= room ? text : `·${number}`;
}

// Where the cell is on either axis: a small mark, since a row is hard to follow by eye.
function drawPointers(pen, viewport, cell) {
  const [x, y] = viewport.middleOf(cell), { left, top } = viewport.gutter;
  const besideRow = [[left, y], [left - 7, y - 5], [left - 7, y + 5]];
  const aboveColumn = [[x, top], [x - 5, top - 7], [x + 5, top - 7]];
  for (const corners of [besideRow, aboveColumn]) {
    pen.beginPath();
    for (const corner of corners) pen.lineTo(...corner);
    pen.fill();
  }
}
