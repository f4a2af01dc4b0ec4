// The numbers and names of a shape, as text that can be typed.

import { capitalized } from "../shell/text.js";
import { parseCorners, pixels, tenth } from "./shapes.js";

const isHorizontal = (side) => side === "left" || side === "right";

export const largestValue = (side, { width, height }) => (isHorizontal(side) ? width : height);

// A field of a shape as text: name, mode, corners, or a side of a box in pixels.
export function fieldText(shape, field, { width, height }) {
  if (field === "name" || field === "mode") return shape[field];
  const corners = shape.points.map((p) => [pixels(p[0], width), pixels(p[1], height)]);
  if (field === "corners") return corners.map((p) => p.join(", ")).join("\n");
  const [[left, top], [right, bottom]] = corners;
  return String({ left, top, right, bottom }[field]);
}

// Put typed text into the shape; returns the error, empty where it could be done.
export function setField(shape, field, text, size) {
  if (field === "name" || field === "mode") {
    shape[field] = text.trim();
    return "";
  }
  return field === "corners" ? setCorners(shape, text, size) : setSide(shape, field, text, size);
}

function setCorners(shape, text, { width, height }) {
  const { points, error } = parseCorners(text, width, height);
  if (error) return error;
  const key = (p) => `${pixels(p[0], width)} ${pixels(p[1], height)}`;
  // A corner that was not changed stays the very number that it was.
  const before = new Map(shape.points.map((p) => [key(p), p]));
  shape.points = points.map((p) => before.get(key(p)) ?? p);
  return "";
}

function setSide(shape, side, text, size) {
  const largest = largestValue(side, size), value = text.trim() ? Number(text.trim().replace(",", ".")) : NaN;
  if (!Number.isFinite(value) || value < 0 || value > largest) {
    return `${capitalized(side)}: enter a number from 0 to ${largest}.`;
  }
  shape.points[side === "left" || side === "top" ? 0 : 1][isHorizontal(side) ? 0 : 1] = tenth(value, largest);
  const [[left, top], [right, bottom]] = shape.points;
  if (left < right && top < bottom) return "";
  return isHorizontal(side) ? "Left must be less than right." : "Top must be less than bottom.";
}
