// From a similarity to a colour. Viridis: as bright as it is alike, with any kind of colour vision.

const STOPS = [
  "440154", "48186a", "472d7b", "424086", "3b528b", "33638d", "2c728e", "26828e", "21918c", "1fa088", "28ae80",
  "3fbc73", "5ec962", "84d44b", "addc30", "d8e219", "fde725",
].map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const STEPS = 256;
const RAMP = Array.from({ length: STEPS }, (_, step) => {
  const at = (step / (STEPS - 1)) * (STOPS.length - 1), low = Math.min(Math.floor(at), STOPS.length - 2);
  return STOPS[low].map((value, part) => Math.round(value + (STOPS[low + 1][part] - value) * (at - low)));
});

// Similarities come as whole numbers, so many to 1; one of them stands for "nothing to compare".
export const UNIT = 10_000;
export const NONE = -32_768;

export const GRADIENT = `linear-gradient(to right, ${STOPS.map((stop) => `rgb(${stop.join(" ")})`).join(", ")})`;

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

export class ColorScale {
  // The scale begins at `low`, which Python knows, and ends at 1.
  constructor(low) { this.low = low; }

  // Where a similarity (up to 1) lies on the scale, from 0 to 1.
  shareOf(similarity) { return clamp((similarity - this.low) / (1 - this.low), 0, 1); }

  step(value) { return Math.round(this.shareOf(value / UNIT) * (STEPS - 1)); }

  // For each value there may be, its colour as a canvas stores it in memory.
  table() {
    const table = new Uint32Array(2 * UNIT + 1);
    for (let value = -UNIT; value <= UNIT; value++) {
      const [red, green, blue] = RAMP[this.step(value)];
      table[value + UNIT] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    }
    return table;
  }

  // The colour of text that is readable on the colour of a value.
  ink(value) {
    const [red, green, blue] = RAMP[this.step(value)];
    return 0.3 * red + 0.59 * green + 0.11 * blue > 120 ? "#000" : "#fff";
  }

  css(value) { return `rgb(${RAMP[this.step(value)].join(" ")})`; }
}
