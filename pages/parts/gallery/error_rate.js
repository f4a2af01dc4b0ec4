// How many links are expected to be wrong at a threshold, read from the run's calibration, in plain words.

import { formatCount } from "../shell/text.js";

// The value at `x` on a curve through points whose `xs` rise; its ends go on level.
export function interpolate(xs, ys, x) {
  if (!xs.length) return NaN;
  const right = xs.findIndex((value) => value >= x);
  if (right < 0) return ys[ys.length - 1];
  if (right === 0) return ys[0];
  const part = (x - xs[right - 1]) / (xs[right] - xs[right - 1]);
  return ys[right - 1] + part * (ys[right] - ys[right - 1]);
}

// Expected share of wrong links, and the ends of its interval.
export function errorRate({ levels, share, low, high }, threshold) {
  return [share, low, high].map((curve) => interpolate(levels, curve, threshold));
}

// A share as people say it: "1 in 20".
export function oneIn(share) {
  if (share < 0.005) return "0";
  if (share > 0.67) return "nearly all";
  const count = share > 0.4 ? 2 : 1 / share, grain = count > 50 ? 10 : count > 12 ? 5 : 1;
  return `1 in ${Math.round(count / grain) * grain}`;
}

export function describeErrorRate({ enough, pairs, calibration }, threshold, links) {
  if (!enough) {
    const evidence = formatCount(pairs, "known-different pair");
    return `Too little evidence to estimate how many links are wrong: only ${evidence}. ` +
      "The suggested threshold is the default of this model.";
  }
  if (!links) return "No sightings are linked at this threshold, so no link can be wrong.";
  const [share, low, high] = errorRate(calibration, threshold);
  let subject = `About ${oneIn(share)} links is`;
  if (share < 0.005) subject = "Hardly any link is";
  else if (share > 0.67) subject = "Nearly all links are";
  return `${subject} expected to be wrong (between ${oneIn(low)} and ${oneIn(high)}).`;
}
