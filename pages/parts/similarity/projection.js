// Points of the appearance map on the screen, and the way from one to the next.

export const EDGE_PX = 26;

// Points as shares (y upward) in the largest square in the middle of the canvas.
export function placePoints(shares, width, height) {
  const side = Math.min(width, height) - 2 * EDGE_PX, left = (width - side) / 2, top = (height - side) / 2;
  return shares.map(([x, y]) => [left + x * side, top + (1 - y) * side]);
}

// The number of the point nearest to a place and nearer than `reach`; -1 where there is none.
export function nearestPoint(points, [x, y], reach) {
  let best = -1, least = reach;
  points.forEach(([px, py], index) => {
    const distance = Math.hypot(px - x, py - y);
    if (distance < least) {
      least = distance;
      best = index;
    }
  });
  return best;
}

// The nearest point in a direction; what lies aside counts as twice as far. Stays where there is none.
export function nextPoint(points, from, [dx, dy]) {
  const [x, y] = points[from];
  let best = from, least = Infinity;
  points.forEach(([px, py], index) => {
    const ahead = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
    if (index === from || ahead <= 0 || ahead + 2 * aside >= least) return;
    least = ahead + 2 * aside;
    best = index;
  });
  return best;
}

// The corners of the mark of the n-th person around a point: a triangle or a diamond; null for circle and square.
export function markCorners(shape, [x, y], size) {
  if (shape < 2) return null;
  const corners = shape === 2 ? 3 : 4, turn = shape === 2 ? -Math.PI / 2 : 0;
  return Array.from({ length: corners }, (_, corner) => {
    const angle = turn + (corner * 2 * Math.PI) / corners;
    return [x + 1.25 * size * Math.cos(angle), y + 1.25 * size * Math.sin(angle)];
  });
}
