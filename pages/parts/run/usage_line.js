// A line of shares over time, as points of a picture.

export const WIDTH = 300;
export const HEIGHT = 56;
const MARGIN = 4;

// "x,y" of each value; `at` are seconds, `shares` lie between 0 and 1.
export function linePoints(at, shares) {
  const last = at[at.length - 1] || 1;
  return shares.map((share, index) => {
    const x = (at[index] / last) * WIDTH;
    const y = HEIGHT - MARGIN - Math.min(1, Math.max(0, share)) * (HEIGHT - 2 * MARGIN);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
}

// The same points, closed at the bottom.
export const areaPoints = (points) => [`0,${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`];
