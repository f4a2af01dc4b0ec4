// The range of the threshold's slider, and places along it.

export const STEP = 0.01;
export const THUMB_PX = 16;

// Where the slider begins: at a whole tenth under every similarity that occurs, and never over 0.2.
export function lowestThreshold({ edges, known_different: knownDifferent, possible }, suggested) {
  const filled = edges.slice(0, -1).filter((_, bin) => knownDifferent[bin] || possible[bin]);
  return Math.max(-1, Math.min(0.2, Math.floor(10 * Math.min(suggested, ...filled)) / 10));
}

export const shareAlong = (threshold, lowest) => (threshold - lowest) / (1 - lowest);

// The middle of the slider's thumb at a threshold, as CSS.
export function thumbPosition(threshold, lowest) {
  return `calc(${THUMB_PX / 2}px + ${shareAlong(threshold, lowest)} * (100% - ${THUMB_PX}px))`;
}

// A typed threshold within the slider's range, to the hundredth; null where it is no number.
export function parseThreshold(text, lowest) {
  const threshold = Math.min(1, Math.max(lowest, Number.parseFloat(text)));
  return Number.isNaN(threshold) ? null : Math.round(threshold * 100) / 100;
}

export const isSuggested = (threshold, suggested) => Math.abs(threshold - suggested) < STEP / 2;
