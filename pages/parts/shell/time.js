// Times as all screens show and read them.

const twoDigits = (number) => String(number).padStart(2, "0");

function joinParts(hours, minutes, tail) {
  return hours ? `${hours}:${twoDigits(minutes)}:${tail}` : `${minutes}:${tail}`;
}

// m:ss, and h:mm:ss from an hour on; the second that has begun.
export function formatClock(seconds) {
  const total = Math.max(0, Math.floor(seconds + 1e-6));
  return joinParts(Math.floor(total / 3600), Math.floor(total / 60) % 60, twoDigits(total % 60));
}

// m:ss.t to the nearest tenth of a second.
export function formatClockTenths(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10), minutes = Math.floor(tenths / 600);
  const tail = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return joinParts(Math.floor(minutes / 60), minutes % 60, tail);
}

// m:ss.t of a frame: the tenth that has begun, so that no frame is given a later time than its own.
export function formatFrameTime(seconds) {
  return formatClockTenths(Math.floor(seconds * 10 + 1e-6) / 10);
}

// How long something takes: 12 s, 3 min 5 s, 2 h 10 min.
export function formatDuration(seconds) {
  const total = Math.max(0, Math.round(seconds));
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3600)} h ${Math.floor(total / 60) % 60} min`;
}

// Seconds of "90", "1:30" or "1:02:03.5"; null where the text is no time.
export function parseTime(text) {
  const trimmed = text.trim();
  if (!/^\d+(:\d{1,2}){0,2}(\.\d+)?$/.test(trimmed)) return null;
  return trimmed.split(":").reduce((total, part) => 60 * total + Number(part), 0);
}

// Wall-clock times. `clocks` is what Clocks.for_browser (core/base/text.py) gives: when each camera's clip begins, in
// seconds since 1970 (UTC); how many true seconds a second of each clip lasts, since a camera's clock may gain or lose;
// from when on local clocks are how many seconds ahead of UTC; and the day whose times are shown without a date. What
// is written here is what format_moment writes there.

const aheadAt = (steps, epoch) => steps.findLast(([start]) => start === null || start <= epoch)[1];

// All moments at which local clocks show this time: one, or two where they were put back, or none.
const readings = (steps, local) => [...new Set(steps.map(([, ahead]) => local - ahead))]
  .filter((epoch) => epoch + aheadAt(steps, epoch) === local).sort((a, b) => a - b);

function offsetText(ahead) {
  const minutes = Math.abs(ahead) / 60;
  return `${ahead < 0 ? "-" : "+"}${twoDigits(Math.floor(minutes / 60))}:${twoDigits(Math.floor(minutes % 60))}`;
}

// A moment in seconds since 1970, as h:mm:ss of the local clock: with its date unless it is on the day of the clocks,
// with its offset where that time exists twice.
export function formatEpoch(clocks, epoch, tenths = false) {
  const units = tenths ? 10 : 1, begun = Math.floor(epoch * units + 1e-5) / units;
  const ahead = aheadAt(clocks.steps, begun), local = new Date(Math.round((begun + ahead) * 1000)).toISOString();
  const [day, time] = [local.slice(0, 10), local.slice(11, tenths ? 21 : 19)];
  const isTwofold = readings(clocks.steps, begun + ahead).length > 1;
  return `${day === clocks.day ? "" : `${day} `}${time}${isTwofold ? offsetText(ahead) : ""}`;
}

// Seconds since 1970 of a moment that many seconds into the clip of a camera.
export const epochOf = (clocks, camera, seconds) => clocks.began[camera] + seconds * clocks.rates[camera];

// The moment so many seconds into the clip of a camera; empty for a camera without a clock.
export function formatMoment(clocks, camera, seconds, tenths = false) {
  return clocks?.began[camera] === undefined ? "" : formatEpoch(clocks, epochOf(clocks, camera, seconds), tenths);
}

// Seconds since 1970 of "14:03", "14:03:10" (on the day of the clocks) or "2026-11-28 14:03:10"; null where the text is
// no time. Of a time that exists twice the second reading if `last`, otherwise the first.
export function parseEpoch(clocks, text, last = false) {
  const match = /^(?:(\d{4}-\d\d-\d\d)[T ]+)?(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(text.trim());
  if (!match) return null;
  const [, day = clocks.day, hour, minute, second = "00"] = match;
  const local = Date.parse(`${day}T${hour.padStart(2, "0")}:${minute}:${second}Z`) / 1000;
  if (Number.isNaN(local)) return null;
  const found = readings(clocks.steps, local);
  return (last ? found.at(-1) : found[0]) ?? local - aheadAt(clocks.steps, local - aheadAt(clocks.steps, local));
}
