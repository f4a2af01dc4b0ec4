// Shapes: { kind, points, mode, name }, points as shares of the picture. A point that was not touched stays the very
// number that it was; what is dragged or typed is a tenth of a pixel. No page is needed for any of this.

const LEAST_PIXELS = 3;
export const clone = (value) => JSON.parse(JSON.stringify(value));
const clampShare = (value) => Math.min(1, Math.max(0, value));
export const tenth = (pixels, side) => clampShare(Math.round(pixels * 10) / 10 / side);
export const pixels = (share, side) => Math.round(share * side * 10) / 10;

// The outline in order: two corners of a box are four.
export function outline(shape) {
  if (shape.kind === "polygon") return shape.points;
  const [[left, top], [right, bottom]] = shape.points;
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

// Opposite corners of a box, whichever way it was dragged.
export function boxOf(a, b) {
  return [[Math.min(a[0], b[0]), Math.min(a[1], b[1])], [Math.max(a[0], b[0]), Math.max(a[1], b[1])]];
}

// Put corner `at` of the outline at `point`; returns its number, another one where a box was turned round by it.
export function setCorner(shape, at, point) {
  if (shape.kind === "polygon") {
    shape.points[at] = point;
    return at;
  }
  const opposite = outline(shape)[(at + 2) % 4];
  shape.points = boxOf(opposite, point);
  return outline(shape).findIndex((corner) => corner[0] === point[0] && corner[1] === point[1]);
}

// Move the whole shape by (dx, dy) shares, no further than the edge of the picture.
export function moveBy(points, dx, dy) {
  const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
  const x = Math.min(1 - Math.max(...xs), Math.max(-Math.min(...xs), dx));
  const y = Math.min(1 - Math.max(...ys), Math.max(-Math.min(...ys), dy));
  return points.map((p) => [clampShare(p[0] + x), clampShare(p[1] + y)]);
}

export function middleOf(a, b, width, height) {
  return [tenth(((a[0] + b[0]) / 2) * width, width), tenth(((a[1] + b[1]) / 2) * height, height)];
}

// A new shape in the middle of the picture, for when no pointer gives a place.
export function shapeInMiddle(kind) {
  const box = [[0.375, 0.375], [0.625, 0.625]];
  return { kind, mode: "include", name: "", points: kind === "box" ? box : outline({ kind: "box", points: box }) };
}

// Why a shape cannot be; empty where it can.
export function shapeError(shape, width, height) {
  const points = shape.points.map((p) => [p[0] * width, p[1] * height]);
  if (shape.kind === "box") {
    const small = points[1][0] - points[0][0] < LEAST_PIXELS || points[1][1] - points[0][1] < LEAST_PIXELS;
    return small ? `Too small. A box must be at least ${LEAST_PIXELS} pixels wide and high.` : "";
  }
  if (new Set(points.map(String)).size < 3) return "A polygon needs at least three different corners.";
  const start = points[0];
  const far = points.reduce((best, p) => (distance(start, p) > distance(start, best) ? p : best), start);
  // Twice the area of the triangle that a corner makes with the longest line from the first one.
  const area = (p) => Math.abs((far[0] - start[0]) * (p[1] - start[1]) - (far[1] - start[1]) * (p[0] - start[0]));
  const thin = Math.max(...points.map(area)) / distance(start, far) < LEAST_PIXELS;
  return thin ? "Too thin. The corners lie on a line." : "";
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

// Points of typed lines "x, y"; or the error that says which line is wrong.
export function parseCorners(text, width, height) {
  const points = [];
  for (const [number, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const cells = line.trim().split(/\s*[,;]\s*|\s+/).map(Number);
    if (cells.length !== 2 || !cells.every(Number.isFinite)) return { error: `Line ${number + 1}: enter x, y.` };
    const [x, y] = cells;
    if (x < 0 || x > width || y < 0 || y > height) {
      return { error: `Line ${number + 1}: x must be 0 to ${width}, y 0 to ${height}.` };
    }
    points.push([tenth(x, width), tenth(y, height)]);
  }
  return { points };
}

export function nameOf(shape, number) {
  return shape.name || `Region ${number + 1}`;
}
