// From a similarity to a colour and back to words. Viridis: as bright as it is alike, with any kind of colour vision.

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
const UNIT = 10000;
const NONE = -32768;

class Scale {
  // The scale ends at 1 and begins where all but the least alike hundredth lie, at a whole tenth.
  constructor(values) {
    const some = [], stride = Math.max(1, Math.floor(values.length / 40000));
    for (let at = 0; at < values.length; at += stride) if (values[at] !== NONE) some.push(values[at] / UNIT);
    some.sort((a, b) => a - b);
    const least = some.length ? some[Math.floor(some.length / 100)] : 0;
    this.low = Math.min(0.9, Math.floor(least * 10 + 1e-9) / 10);
  }

  step(value) {
    const share = (value / UNIT - this.low) / (1 - this.low);
    return Math.max(0, Math.min(STEPS - 1, Math.round(share * (STEPS - 1))));
  }

  // For each value there may be, its colour as a canvas keeps it in memory.
  table() {
    const table = new Uint32Array(2 * UNIT + 1);
    for (let value = -UNIT; value <= UNIT; value++) {
      const [red, green, blue] = RAMP[this.step(value)];
      table[value + UNIT] = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    }
    return table;
  }

  // What can be read on the colour of a value.
  ink(value) {
    const [red, green, blue] = RAMP[this.step(value)];
    return 0.3 * red + 0.59 * green + 0.11 * blue > 120 ? "#000" : "#fff";
  }

  css(value) {
    return `rgb(${RAMP[this.step(value)].join(" ")})`;
  }

  // The legend: the colours, their numbers, and where the threshold lies among them.
  show(root, threshold) {
    const bar = root.querySelector(".colours"), mark = root.querySelector(".mark"), said = root.querySelector(".at");
    bar.style.background = `linear-gradient(to right, ${STOPS.map((stop) => `rgb(${stop.join(" ")})`).join(", ")})`;
    root.querySelector(".low").textContent = this.low.toFixed(1);
    const share = Math.max(0, Math.min(1, (threshold - this.low) / (1 - this.low)));
    mark.style.left = `${100 * share}%`;
    said.style.left = `${Math.max(22, Math.min(78, 100 * share))}%`;
    said.textContent = `threshold ${threshold.toFixed(2)}`;
  }
}

// Slanted lines, dark beside light, so that they are seen on any colour.
function hatch(pen, ratio) {
  const size = Math.round(7 * ratio), tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const ink = tile.getContext("2d");
  ink.lineWidth = 1.2 * ratio;
  for (const [colour, shift] of [["rgb(0 0 0 / 75%)", 0], ["rgb(255 255 255 / 75%)", 1.2 * ratio]]) {
    ink.strokeStyle = colour;
    ink.beginPath();
    for (const from of [-size, 0, size]) {
      ink.moveTo(from + shift - size, 2 * size);
      ink.lineTo(from + shift + 2 * size, -size);
    }
    ink.stroke();
  }
  return pen.createPattern(tile, "repeat");
}

// A person by number, and by name where somebody gave one.
function who_is(shown, person) {
  const name = shown.people.name[shown.people.person.indexOf(person)];
  return name ? `person ${person} (${name})` : `person ${person}`;
}

// Without the minus that a rounded nought would keep.
function amount_of(value, digits) {
  return (Math.round((value / UNIT) * 10 ** digits) / 10 ** digits + 0).toFixed(digits);
}

// The time of a clip as the other pages show it.
function clock(seconds) {
  const tenths = Math.round(Math.max(0, seconds) * 10), minutes = Math.floor(tenths / 600);
  const tail = ((tenths % 600) / 10).toFixed(1).padStart(4, "0"), hours = Math.floor(minutes / 60);
  return hours ? `${hours}:${String(minutes % 60).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// Each address is asked once, however often the page is drawn again.
const answers = new Map();
const KEPT = 6;

function fetched(address, kind) {
  if (!answers.has(address)) {
    const answer = fetch(address).then(async (response) => {
      if (response.status === 409) throw new Error("The results have changed meanwhile. Reload the page.");
      if (!response.ok) throw new Error("This cannot be loaded. Reload the page.");
      return response[kind]();
    }).catch((fault) => {
      answers.delete(address);
      throw fault instanceof TypeError ? new Error("Sightline does not answer. Is it still running?") : fault;
    });
    answers.set(address, answer);
    if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  }
  return answers.get(address);
}
