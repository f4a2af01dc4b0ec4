// The rules of an upload: whether its file may be sent, how fast it is going, and what the server's answer means.

import { formatBytes, formatCount } from "../shell/text.js";
import { formatDuration } from "../shell/time.js";

const SMOOTHING = 0.7;
const TICK_MS = 250;
const WAITING = ["waiting", "sending", "checking"];
const MOST_WAITING = 3; // Files that are listed before it is their turn

export const isBusy = (items) => items.some((item) => WAITING.includes(item.state));

// The files with a row of their own: on their way, next, or refused. What was added needs only to be counted.
export function listedItems(items) {
  const next = items.filter((item) => item.state === "waiting").slice(0, MOST_WAITING);
  return items.filter((item) => item.state !== "done" && (item.state !== "waiting" || next.includes(item)));
}

// All others in one line: "3 of 12 clips added · 5 more waiting", and at the end "12 clips added".
export function summaryText(items) {
  const count = (state) => items.filter((item) => item.state === state).length;
  const added = count("done"), all = items.length - count("refused"), waiting = count("waiting") - MOST_WAITING;
  const parts = [];
  if (added) parts.push(`${added < all ? `${added} of ` : ""}${formatCount(all, "clip")} added`);
  if (waiting > 0) parts.push(`${waiting} more waiting`);
  return parts.join(" · ");
}

// Bytes that are free once all waiting files have been sent.
export function freeBytes(items, free) {
  return free - items.reduce((sum, item) => sum + (item.state === "waiting" ? item.file.size : 0), 0);
}

// Why a file is not sent; empty where it is. `endings` are the file name endings of videos.
export function refusal({ name, size }, endings, free) {
  const ending = (/\.[^.]*$/.exec(name) || [""])[0].toLowerCase();
  if (!endings.includes(ending)) return "This is not a video file. Choose a file such as .mp4, .mkv, .avi or .mov.";
  if (!size) return "The file is empty (0 bytes). Copy or download it again.";
  if (size <= free) return "";
  const available = formatBytes(Math.max(0, free));
  return `The file needs ${formatBytes(size)}, but only ${available} of disk space is available. ` +
    "Free some space, or add the clip from its folder.";
}

// Progress after `sent` bytes at `now` (ms): the fields of the item that change, or null where it is too early to tell.
export function progressAfter(item, sent, now) {
  const passed = now - item.at;
  if (passed < TICK_MS) return null;
  const speed = ((sent - item.sent) / passed) * 1000;
  const rate = item.rate ? SMOOTHING * item.rate + (1 - SMOOTHING) * speed : speed;
  const left = formatDuration(Math.max(1, (item.file.size - sent) / Math.max(1, rate)));
  const amount = `${formatBytes(sent)} of ${formatBytes(item.file.size)}`;
  return { sent, rate, at: now, message: `${amount} · ${formatBytes(rate)}/s · ${left} left` };
}

// The item's state after the server's answer, as text and HTTP status.
export function stateAfter(text, status) {
  let answer = {};
  try { answer = JSON.parse(text); } catch { /* Described below. */ }
  if (answer.camera) return { state: "done", message: `added as ${answer.camera}` };
  if (answer.message) {
    const message = `${answer.message.replace(/\.$/, "")}. ${answer.remedy}`;
    return { state: "refused", message, canRetry: answer.again };
  }
  const restarted = "Sightline has been restarted. Reload the page, then upload the file again.";
  const message = status === 403 ? restarted : `The upload failed (HTTP ${status}). Try again.`;
  return { state: "refused", message, canRetry: status !== 403 };
}
