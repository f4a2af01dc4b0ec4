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
