// Where each track is at a moment. Boxes are looked up by seconds, never by frame number.

export const SLACK_SECONDS = 0.002;
const LARGEST_GAP = 2.5; // in steps between analysed frames

const milliseconds = (seconds) => Math.round(seconds * 1000);

// Columns, ordered by time, as one list of moments per track. What lies after a cut is another track: the cut with the
// latest moment counts, and moments are compared to the millisecond, as Python does. A cut is [track, seconds, new].
export function momentsByTrack(columns, cuts) {
  const tracks = new Map(), cutsOfTrack = new Map();
  for (const [track, seconds, newTrack] of [...cuts].sort((a, b) => a[1] - b[1])) {
    if (!cutsOfTrack.has(track)) cutsOfTrack.set(track, []);
    cutsOfTrack.get(track).push([milliseconds(seconds), newTrack]);
  }
  columns.seconds.forEach((at, row) => {
    const original = columns.track[row];
    const cut = cutsOfTrack.get(original)?.findLast(([from]) => milliseconds(at) >= from);
    const track = cut ? cut[1] : original;
    if (!tracks.has(track)) tracks.set(track, []);
    tracks.get(track).push({ at, box: columns.box[row], seen: columns.seen[row] });
  });
  return tracks;
}

// The last moment not after `at`, or -1.
export function lastAtOrBefore(moments, at, secondsOf = (moment) => moment.at) {
  let low = 0, high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (secondsOf(moments[middle]) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// Where a track is at `at`: between two neighbouring moments its box glides, after the last it stays for one step.
export function boxAt(moments, at, step) {
  const row = lastAtOrBefore(moments, at + SLACK_SECONDS);
  if (row < 0) return null;
  const { at: start, box, seen } = moments[row], next = moments[row + 1], gap = next ? next.at - start : Infinity;
  if (gap > LARGEST_GAP * step) return at - start <= step ? { row, box, seen } : null;
  const share = Math.min(1, Math.max(0, (at - start) / gap));
  return { row, seen, box: box.map((value, side) => value + (next.box[side] - value) * share) };
}

// The boxes of the analysed frame that is shown at `at`: columns ordered by time. Boxes of one frame do not glide.
export function boxesAt({ seconds, box }, at, step) {
  let row = lastAtOrBefore(seconds, at + SLACK_SECONDS, (moment) => moment);
  const shown = seconds[row], boxes = [];
  if (row < 0 || at - shown >= step) return boxes;
  for (; row >= 0 && seconds[row] === shown; row--) boxes.push(box[row]);
  return boxes;
}

// The analysed frame so many steps from a moment; undefined where there is none.
export function frameAfter(seconds, at, step) {
  const frames = [...new Set(seconds)];
  const row = lastAtOrBefore(frames.map((frame) => ({ at: frame })), at + SLACK_SECONDS);
  const isBetween = at - (frames[row] ?? 0) > 2 * SLACK_SECONDS;
  return frames[isBetween && step < 0 ? row : row + step];
}

// The part of the canvas that the picture fills: bars at the sides or above are left free.
export function pictureFrame(width, height, columns) {
  const scale = Math.min(width / columns.width, height / columns.height);
  return { scale, left: (width - columns.width * scale) / 2, top: (height - columns.height * scale) / 2 };
}

// Whether a track can be cut at a moment: within it, after its first picture.
export function canCut(moments, at) {
  return Boolean(moments) && at > moments[0].at && at <= moments.at(-1).at + SLACK_SECONDS;
}
