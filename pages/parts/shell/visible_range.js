// Which rows of a long list lie near the window: heights are those measured, or an estimate until then.

const WHOLE_UP_TO = 20;

// Items in lines of so many columns, as ranges [first, end); a wide item has a line of its own.
export function packLines(wide, columns) {
  const lines = [];
  let first = 0;
  wide.forEach((isWide, at) => {
    if (at > first && (isWide || wide[at - 1] || at - first === columns)) {
      lines.push([first, at]);
      first = at;
    }
  });
  if (wide.length) lines.push([first, wide.length]);
  return lines;
}

// `heights` in pixels, `top` and `bottom` the window in the list's own pixels; a range [first, end) of rows.
export function visibleRange(heights, top, bottom) {
  const count = heights.length;
  if (count <= WHOLE_UP_TO) return [0, count];
  let first = 0, offset = 0;
  while (first < count - 1 && offset + heights[first] <= top) offset += heights[first++];
  let end = first;
  while (end < count && (offset < bottom || end === first)) offset += heights[end++];
  return [first, end];
}

// The rows of the range and those that must stay whatever is visible, with the heights left out between them:
// a list of row numbers, and of { height } for each gap.
export function layoutWithGaps(heights, [first, end], pinned = []) {
  const rows = new Set(pinned.filter((row) => row >= 0 && row < heights.length));
  for (let row = first; row < end; row++) rows.add(row);
  const layout = [];
  let next = 0;
  for (const row of [...rows].sort((a, b) => a - b)) {
    if (row > next) layout.push({ height: sum(heights, next, row) });
    layout.push(row);
    next = row + 1;
  }
  if (next < heights.length) layout.push({ height: sum(heights, next, heights.length) });
  return layout;
}

function sum(heights, from, to) {
  let total = 0;
  for (let row = from; row < to; row++) total += heights[row];
  return total;
}
