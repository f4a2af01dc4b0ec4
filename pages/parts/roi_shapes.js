// Shapes as they are kept: { kind, points, mode, name }, points as shares of the picture. A point that nobody touched
// stays the very number that it was; what is dragged or typed is a tenth of a pixel.

const LEAST_PIXELS = 3;
const clone = (value) => JSON.parse(JSON.stringify(value));
const within = (value) => Math.min(1, Math.max(0, value));
const tenth = (pixels, side) => within(Math.round(pixels * 10) / 10 / side);
const pixels = (share, side) => Math.round(share * side * 10) / 10;

// The outline in order: two corners of a box are four.
function outline(shape) {
  if (shape.kind === "polygon") return shape.points;
  const [[left, top], [right, bottom]] = shape.points;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

// Opposite corners of a box, whichever way it was dragged.
function boxOf(a, b) {
  return [[Math.min(a[0], b[0]), Math.min(a[1], b[1])], [Math.max(a[0], b[0]), Math.max(a[1], b[1])]];
}

// Put corner `at` of the outline at `point`; returns its number, another one where a box was turned round by it.
function setCorner(shape, at, point) {
  if (shape.kind === "polygon") {
    shape.points[at] = point;
    return at;
  }
  const other = outline(shape)[(at + 2) % 4];
  shape.points = boxOf(other, point);
  return outline(shape).findIndex((corner) => corner[0] === point[0] && corner[1] === point[1]);
}

// Move the whole shape by (dx, dy) shares, no further than the edge of the picture.
function moveBy(points, dx, dy) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const x = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const y = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return points.map((p) => [within(p[0] + x), within(p[1] + y)]);
}

function middleOf(a, b, width, height) {
  return [tenth(((a[0] + b[0]) / 2) * width, width), tenth(((a[1] + b[1]) / 2) * height, height)];
}

// A new shape in the middle of the picture, where no pointer said any place.
function inTheMiddle(kind) {
  const box = [[0.375, 0.375], [0.625, 0.625]];
  return { kind, mode: "include", name: "", points: kind === "box" ? box : outline({ kind: "box", points: box }) };
}

// Why a shape cannot be, in words; nothing where it can.
function wrongWith(shape, width, height) {
  const points = shape.points.map((p) => [p[0] * width, p[1] * height]);
  if (shape.kind === "box") {
    const small = points[1][0] - points[0][0] < LEAST_PIXELS || points[1][1] - points[0][1] < LEAST_PIXELS;
    return small ? `Too small: a box needs at least ${LEAST_PIXELS} pixels each way.` : "";
  }
  if (new Set(points.map(String)).size < 3) return "A polygon needs three different corners.";
  const start = points[0];
  const far = points.reduce((best, p) => (apart(start, p) > apart(start, best) ? p : best), start);
  const long = apart(start, far);
  const off = points.map((p) => Math.abs((far[0] - start[0]) * (p[1] - start[1]) - (far[1] - start[1]) * (p[0] - start[0])));
  const thin = Math.max(...off) / long < LEAST_PIXELS;
  return thin ? "Too thin: the corners lie on one line." : "";
}

function apart(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

// What was typed as "x, y" lines, as points; or the words that say which line is wrong.
function typedCorners(text, width, height) {
  const points = [];
  for (const [number, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const cells = line.trim().split(/\s*[,;]\s*|\s+/).map(Number);
    if (cells.length !== 2 || !cells.every(Number.isFinite)) return { wrong: `Line ${number + 1}: write x, y.` };
    const [x, y] = cells;
    if (x < 0 || x > width || y < 0 || y > height) {
      return { wrong: `Line ${number + 1}: x is 0 to ${width}, y is 0 to ${height}.` };
    }
    points.push([tenth(x, width), tenth(y, height)]);
  }
  return { points };
}

function nameOf(shape, number) {
  return shape.name || `Region ${number + 1}`;
}

function clock(seconds) {
  const tenths = Math.round(seconds * 10), minutes = Math.floor(tenths / 600), hours = Math.floor(minutes / 60);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
