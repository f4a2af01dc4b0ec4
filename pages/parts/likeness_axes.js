// What stands on the axes of the heat map: the numbers of people, and, where there is room, their pictures.

const FACES_FROM = 24; // CSS pixels of a cell

// Pictures for the axes, asked for once the view has come to rest.
class Portraits {
  constructor(loaded) {
    this.loaded = loaded;
    this.images = new Map();
    this.wanted = new Set();
  }

  get(address) {
    const image = this.images.get(address);
    if (image) return image.naturalWidth ? image : null;
    this.wanted.add(address);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.ask(), 90);
    return null;
  }

  ask() {
    for (const address of this.wanted) {
      const image = new Image();
      image.onload = this.loaded;
      image.src = address;
      this.images.set(address, image);
    }
    this.wanted.clear();
    if (this.images.size > 1500) this.images.clear();
  }
}

function axes(map, pen, seen, ink) {
  pen.fillStyle = pen.strokeStyle = ink;
  pen.textBaseline = "middle";
  for (const down of [true, false]) {
    const from = down ? seen.y : seen.x, length = down ? seen.height : seen.width, begin = down ? map.gutter.top : map.gutter.left;
    pen.save();
    pen.beginPath();
    if (down) pen.rect(0, begin, map.gutter.left, length * map.size); else pen.rect(begin, 0, length * map.size, map.gutter.top);
    pen.clip();
    persons(map, pen, down, from, length, begin);
    if (map.size >= FACES_FROM) faces(map, pen, down, from, length, begin);
    pen.restore();
  }
  const here = map.hover ?? map.cursor;
  if (here) pointers(map, pen, here);
}

// The number of each person beside its rows, as far as there is room, and a bracket over all of them.
function persons(map, pen, down, from, length, begin) {
  const faces = map.size >= FACES_FROM, edge = faces ? (down ? 28 : 20) : (down ? map.gutter.left : map.gutter.top) - 6;
  let free = -Infinity;
  pen.font = `600 12px ${FONT}`;
  for (const block of map.blocks) {
    const start = begin + (block.from - from) * map.size, end = begin + (block.end - from) * map.size;
    if (end < begin || start > begin + length * map.size) continue;
    const high = Math.max(start, begin), low = Math.min(end, begin + length * map.size);
    const words = String(block.person), need = down ? 14 : pen.measureText(words).width + 5;
    // Nobody's number is cut off at the ends.
    const at = Math.max(begin + need / 2, Math.min(begin + length * map.size - need / 2, (high + low) / 2));
    if (map.tracks && end - start > 8) {
      if (down) pen.fillRect(edge + 1, start + 1.5, 2, end - start - 3); else pen.fillRect(start + 1.5, edge + 1, end - start - 3, 2);
    }
    if (at - need / 2 < free) continue;
    free = at + need / 2;
    pen.textAlign = down ? "right" : "center";
    if (down) pen.fillText(words, edge - 3, at); else pen.fillText(words, at, edge - 9);
  }
}

// The best crop of each row beside it, and for tracks what they are called.
function faces(map, pen, down, from, length, begin) {
  pen.font = `10.5px ${FONT}`;
  const first = Math.max(0, Math.floor(from)), last = Math.min(map.count, Math.ceil(from + length));
  for (let at = first; at < last; at++) {
    const item = map.items[at], middle = begin + (at + 0.5 - from) * map.size;
    const image = map.portraits.get(crop_of(map, map.of.crop[item]));
    const words = map.tracks ? called(map, pen, item, down ? 42 : map.size - 2) : "";
    const room = map.tracks ? 12 : 0;
    let high, wide;
    if (down) { high = Math.min(map.size - 2, 66); wide = high / 2; } else { high = Math.min(66 - room, 2 * map.size - 4); wide = high / 2; }
    const x = down ? map.gutter.left - 4 - wide : middle - wide / 2, y = down ? middle - high / 2 : map.gutter.top - 4 - high;
    if (image) {
      const share = Math.min(wide / image.naturalWidth, high / image.naturalHeight);
      const [w, h] = [image.naturalWidth * share, image.naturalHeight * share];
      pen.drawImage(image, x + (wide - w) / 2, y + (high - h) / 2, w, h);
    } else {
      pen.globalAlpha = 0.15;
      pen.fillRect(x, y, wide, high);
      pen.globalAlpha = 1;
    }
    if (!words) continue;
    pen.textAlign = down ? "right" : "center";
    if (down) pen.fillText(words, x - 3, middle); else pen.fillText(words, middle, y - 7);
  }
}

// A track by its camera and number; by its number alone where there is no room.
function called(map, pen, item, room) {
  const number = map.of.track[item], words = `${map.shown.cameras[map.of.camera[item]]}·${number}`;
  return pen.measureText(words).width <= room ? words : `·${number}`;
}

// Where the cell is on either axis: a small mark, for one cannot follow a row by eye.
function pointers(map, pen, cell) {
  const [x, y] = map.middle(cell);
  for (const [px, py, dx, dy] of [[map.gutter.left, y, -7, 5], [x, map.gutter.top, 5, -7]]) {
    pen.beginPath();
    pen.moveTo(px, py);
    if (dx < 0) { pen.lineTo(px + dx, py - dy); pen.lineTo(px + dx, py + dy); } else { pen.lineTo(px - dx, py + dy); pen.lineTo(px + dx, py + dy); }
    pen.fill();
  }
}

function crop_of(map, file) {
  return `${map.data.crops}/${file.split("/").map(encodeURIComponent).join("/")}`;
}
