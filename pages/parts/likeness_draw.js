// How the heat map is painted: the whole matrix once as a picture, then what lies over the part that is seen.

const NUMBERS_FROM = 34; // CSS pixels of a cell
const FAINT_UNDER = 8;
const FONT = "sans-serif";

// The matrix as a picture of a pixel per cell, and beside it which cells are hatched.
class Picture {
  constructor() {
    this.heat = document.createElement("canvas");
    this.never = document.createElement("canvas");
    this.layer = document.createElement("canvas");
  }

  paint(alike, why, items, scale, tracks) {
    const count = items.length, table = scale.table(), dark = 0xff000000;
    for (const canvas of [this.heat, this.never]) canvas.width = canvas.height = count;
    const pen = this.heat.getContext("2d"), other = this.never.getContext("2d");
    const heat = pen.createImageData(count, count), never = other.createImageData(count, count);
    const colour = new Uint32Array(heat.data.buffer), mask = new Uint32Array(never.data.buffer);
    for (let row = 0, at = 0; row < count; row++) {
      const from = items[row] * count;
      for (let column = 0; column < count; column++, at++) {
        const value = alike[from + items[column]];
        // A track with itself says nothing.
        if (value !== NONE && !(tracks && row === column)) colour[at] = table[value + UNIT];
        if (why[from + items[column]]) mask[at] = dark;
      }
    }
    pen.putImageData(heat, 0, 0);
    other.putImageData(never, 0, 0);
  }

  end() {
    for (const canvas of [this.heat, this.never, this.layer]) canvas.width = canvas.height = 0;
  }
}

function draw(map) {
  const { canvas, size, picture } = map, ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width || !height) return;
  const wide = Math.round(width * ratio), high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  const pen = canvas.getContext("2d"), style = getComputedStyle(map.root);
  const ink = style.color, ground = style.getPropertyValue("--st-secondary-background-color") || "#8882";
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const { left, top } = map.gutter, plot = map.plot;
  const seen = {
    x: map.x, y: map.y, width: Math.min(plot.width / size, map.count - map.x),
    height: Math.min(plot.height / size, map.count - map.y),
  };
  const box = [left, top, seen.width * size, seen.height * size];
  pen.save();
  pen.beginPath();
  pen.rect(...box);
  pen.clip();
  pen.fillStyle = ground;
  pen.fillRect(...box);
  pen.imageSmoothingEnabled = size * ratio < 1;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture.heat, seen.x, seen.y, seen.width, seen.height, ...box);
  hatched(map, pen, seen, box, ratio);
  blocks(map, pen, seen);
  if (size >= NUMBERS_FROM) numbers(map, pen, seen);
  marked(map, pen);
  pen.restore();
  axes(map, pen, seen, ink);
  map.canvas.dataset.size = size.toFixed(3);
  map.canvas.dataset.painted = map.data.matrix;
}

// The hatching has one width at any zoom: lines over all, of which only what lies on hatched cells is left.
function hatched(map, pen, seen, box, ratio) {
  const layer = map.picture.layer, wide = Math.ceil(box[2] * ratio), high = Math.ceil(box[3] * ratio);
  if (layer.width !== wide || layer.height !== high) Object.assign(layer, { width: wide, height: high });
  const over = layer.getContext("2d");
  over.globalCompositeOperation = "copy";
  over.fillStyle = hatch(over, ratio);
  over.fillRect(0, 0, wide, high);
  over.globalCompositeOperation = "destination-in";
  over.imageSmoothingEnabled = map.size * ratio < 1;
  over.imageSmoothingQuality = "high";
  over.drawImage(map.picture.never, seen.x, seen.y, seen.width, seen.height, 0, 0, wide, high);
  // Over cells smaller than its lines it would hide the colours.
  pen.globalAlpha = map.size < FAINT_UNDER ? 0.3 : 1;
  pen.drawImage(layer, box[0], box[1], box[2], box[3]);
  pen.globalAlpha = 1;
}

// A frame around the tracks of each person; from some size on, thin lines from side to side.
function blocks(map, pen, seen) {
  if (!map.tracks) return;
  const { size } = map, at = (value, from) => (value - from) * size;
  const shown = map.blocks.filter((b) => b.end > Math.min(seen.x, seen.y) &&
    b.from < Math.max(seen.x + seen.width, seen.y + seen.height));
  if ((size * map.count) / map.blocks.length > 16) {
    pen.fillStyle = "rgb(255 255 255 / 55%)";
    for (const block of shown) {
      pen.fillRect(map.gutter.left, map.gutter.top + at(block.end, seen.y) - 0.5, seen.width * size, 1);
      pen.fillRect(map.gutter.left + at(block.end, seen.x) - 0.5, map.gutter.top, 1, seen.height * size);
    }
  }
  for (const [colour, line] of [["#000", 3.5], ["#fff", 1.5]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = line;
    for (const block of shown) {
      const side = (block.end - block.from) * size;
      if (side < 4) continue;
      pen.strokeRect(map.gutter.left + at(block.from, seen.x), map.gutter.top + at(block.from, seen.y), side, side);
    }
  }
}

function numbers(map, pen, seen) {
  const { size, items, count } = map;
  pen.font = `${size > 60 ? 14 : 11.5}px ${FONT}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (let row = Math.floor(seen.y); row < Math.min(count, seen.y + seen.height); row++) {
    for (let column = Math.floor(seen.x); column < Math.min(count, seen.x + seen.width); column++) {
      const cell = items[row] * count + items[column], value = map.alike[cell];
      if (value === NONE || (map.tracks && row === column)) continue;
      const [x, y] = map.middle([row, column]), words = amount_of(value, 2);
      if (map.why[cell]) {
        // Hatching under a number makes it hard to read.
        const half = pen.measureText(words).width / 2 + 2;
        pen.fillStyle = map.scale.css(value);
        pen.fillRect(x - half, y - 9, 2 * half, 17);
      }
      pen.fillStyle = map.scale.ink(value);
      pen.fillText(words, x, y + 0.5);
    }
  }
}

// The cells pointed at, at the cursor, and kept: each with a frame, the last two so that they are seen when small.
function marked(map, pen) {
  const kept = map.kept && map.kept.map((item) => map.places[item]);
  for (const [cell, colours] of [[map.hover, ["#000", "#fff"]], [map.cursor, ["#000", "#fff"]], [kept, ["#fff", "#d00000"]]]) {
    if (!cell) continue;
    const side = Math.max(map.size, cell === map.hover ? 5 : 9), [x, y] = map.middle(cell);
    colours.forEach((colour, depth) => {
      pen.strokeStyle = colour;
      pen.lineWidth = depth ? 2 : 5;
      pen.strokeRect(x - side / 2, y - side / 2, side, side);
    });
  }
}
