// The run's people at any threshold: cuts the tree that Python grew, and remembers what it said of the groups.

class People {
  constructor(content) {
    Object.assign(this, content);
    this.count = content.rows.track.length;
    this.levels = Float32Array.from(content.tree.level);
    this.byRank = content.rows.rank.map((_, row) => row).sort((a, b) => content.rows.rank[a] - content.rows.rank[b]);
    this.found = new Map();
    this.known = new Map();
    this.rowOf = new Map(content.rows.track.map((_, row) => [this.key(row), row]));
    this.all = this.timed ? this.extent(this.byRank) : [0, 1];
  }

  key(row) { return `${this.cameras[this.rows.camera[row]]}:${this.rows.track[row]}`; }

  camera(row) { return this.cameras[this.rows.camera[row]]; }

  // Camera and track, as Python names a sighting.
  sighting(row) { return [this.camera(row), this.rows.track[row]]; }

  // First and last moment of some sightings, on the clock of all cameras.
  extent(rows) {
    let first = Infinity, last = -Infinity;
    for (const row of rows) {
      const shift = this.offsets[this.rows.camera[row]];
      first = Math.min(first, this.rows.start[row] + shift);
      last = Math.max(last, this.rows.end[row] + shift);
    }
    return [first, last];
  }

  // How many merges hold at a threshold; levels fall. Single precision, as Python compares.
  joined(threshold) {
    const least = Math.fround(threshold);
    let low = 0, high = this.levels.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.levels[middle] >= least) low = middle + 1; else high = middle;
    }
    return low;
  }

  // Groups by number. One that is the same as before is the same object.
  at(threshold) {
    const root = Int32Array.from({ length: this.count }, (_, row) => row);
    const top = (row) => {
      while (root[row] !== row) { root[row] = root[root[row]]; row = root[row]; }
      return row;
    };
    for (let merge = 0, end = this.joined(threshold); merge < end; merge++) {
      root[top(this.tree.one[merge])] = top(this.tree.other[merge]);
    }
    const groups = new Map();
    for (const row of this.byRank) {
      const group = top(row);
      if (groups.has(group)) groups.get(group).push(row); else groups.set(group, [row]);
    }
    return [...groups.values()].map((rows) => this.group(rows));
  }

  group(rows) {
    const key = rows.join();
    let group = this.found.get(key);
    if (!group) {
      group = this.facts(key, rows);
      this.found.set(key, group);
    }
    return group;
  }

  facts(key, rows) {
    const { rows: all } = this;
    const cameras = [...new Set(rows.map((row) => all.camera[row]))].sort((a, b) => a - b);
    const said = (column) => rows.map((row) => all[column][row]).find(Boolean) || "";
    const [first, last] = this.timed ? this.extent(rows) : [0, 0];
    const number = all.rank[rows[0]], name = said("name"), note = said("note");
    const one = rows.length === 1, settled = !one && rows.every((row) => this.bundle[row] === this.bundle[rows[0]]);
    return {
      key, rows, cameras, first, last, number, name, note,
      id: this.key(rows[0]),
      title: name || personName(number),
      seconds: this.timed ? rows.reduce((sum, row) => sum + all.end[row] - all.start[row], 0) : 0,
      upper: commonest(rows.map((row) => all.upper[row])),
      lower: commonest(rows.map((row) => all.lower[row])),
      // Only filters ask for these.
      wears: (colour) => rows.some((row) => [all.upper[row], all.lower[row]].some((w) => w.split(" and ").includes(colour))),
      says: (words) => [personName(number), name, note, ...cameras.map((c) => this.cameras[c])].join(" ").toLowerCase().includes(words),
      // Until Python has looked: what is certain, and nothing about doubts.
      guess: { status: one ? "alone" : settled ? "confirmed" : "candidate", similarity: null, margin: Infinity },
    };
  }

  // What Python says about all groups at one threshold.
  learn(threshold, answer) {
    this.known = new Map();
    this.answer = answer;
    for (const group of this.at(threshold)) {
      const status = group.rows.map((row) => answer.status[row]);
      const alike = group.rows.map((row) => answer.similarity[row]).filter((s) => s !== null);
      const margins = group.rows
        .filter((row) => answer.rival[row])
        .map((row) => (answer.similarity[row] ?? threshold) - answer.rival_similarity[row]);
      this.known.set(group.key, {
        status: status.includes("doubtful") ? "doubtful" : status[0],
        similarity: alike.length ? alike.reduce((a, b) => a + b, 0) / alike.length : null,
        margin: Math.min(Infinity, ...margins),
      });
    }
  }

  told(group) { return this.known.get(group.key) || group.guess; }

  // Expected share of wrong links at a threshold, and the ends of its interval.
  errors(threshold) {
    const { levels, share, low, high } = this.calibration;
    return [share, low, high].map((curve) => between(levels, curve, threshold));
  }
}

function between(xs, ys, x) {
  if (!xs.length) return NaN;
  let right = xs.findIndex((value) => value >= x);
  if (right < 0) return ys[ys.length - 1];
  if (right === 0) return ys[0];
  const part = (x - xs[right - 1]) / (xs[right] - xs[right - 1]);
  return ys[right - 1] + part * (ys[right] - ys[right - 1]);
}

function commonest(words) {
  const counts = new Map();
  for (const word of words) if (word) counts.set(word, (counts.get(word) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] || "";
}

const personName = (number) => `P${String(number).padStart(3, "0")}`;

const counted = (number, noun, nouns = `${noun}s`) => `${number.toLocaleString("en")} ${number === 1 ? noun : nouns}`;

// m:ss, and with hours where there are any.
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6)), two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

function lasting(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
}

// A share as people say it.
function oneIn(share) {
  if (share < 0.005) return "0";
  if (share > 0.67) return "nearly all";
  const of = share > 0.4 ? 2 : 1 / share, grain = of > 50 ? 10 : of > 12 ? 5 : 1;
  return `1 in ${Math.round(of / grain) * grain}`;
}

function errorWords(people, threshold, links) {
  if (!people.enough) {
    return `Too little evidence to say how many links are wrong: only ${counted(people.pairs, "pair")} of people who are surely two. The suggestion is what is known of this model.`;
  }
  if (!links) return "No links are shown at this level, so none can be wrong.";
  const [share, low, high] = people.errors(threshold);
  const most = share < 0.005 ? "Hardly any link shown is" : share > 0.67 ? "Nearly all links shown are" : `About ${oneIn(share)} links shown is`;
  return `${most} expected to be wrong (between ${oneIn(low)} and ${oneIn(high)}).`;
}
