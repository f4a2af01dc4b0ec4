// Draws the boxes of a run over its film, frame by frame. Boxes are looked up by seconds, never by frame number.

const TRAIL_SECONDS = 2;
const SLACK_SECONDS = 0.002;
const NOBODY = "#9aa0a6";
const CUT_WORDS = "Where one track shows two people: what follows, with the picture shown, becomes another track";

// Columns, ordered by time, become one list of moments per track. What lies after a cut is another track: the cut with
// the latest moment counts, and moments are compared to the millisecond, as Python does.
function byTrack(columns, cuts) {
  const tracks = new Map(), milli = (seconds) => Math.round(seconds * 1000);
  const ends = new Map();
  for (const [track, seconds, rest] of [...cuts].sort((a, b) => a[1] - b[1])) {
    if (!ends.has(track)) ends.set(track, []);
    ends.get(track).push([milli(seconds), rest]);
  }
  columns.seconds.forEach((at, row) => {
    const whole = columns.track[row];
    const id = ends.get(whole)?.findLast(([from]) => milli(at) >= from)?.[1] ?? whole;
    if (!tracks.has(id)) tracks.set(id, []);
    tracks.get(id).push({ at, box: columns.box[row], seen: columns.seen[row] });
  });
  return tracks;
}

// The last moment not after `at`, or -1.
function before(moments, at) {
  let low = 0, high = moments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (moments[middle].at <= at) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Where a track is at `at`: between two neighbouring moments its box glides, after the last it holds for one step.
function place(moments, at, step) {
  const row = before(moments, at + SLACK_SECONDS);
  if (row < 0) return null;
  const now = moments[row], next = moments[row + 1];
  const gap = next ? next.at - now.at : Infinity;
  if (gap > 2.5 * step) return at - now.at <= step ? { row, box: now.box, seen: now.seen } : null;
  const share = Math.min(1, Math.max(0, (at - now.at) / gap));
  return { row, seen: now.seen, box: now.box.map((v, i) => v + (next.box[i] - v) * share) };
}

class Player {
  constructor(root) {
    this.root = root;
    this.video = root.querySelector("video");
    this.canvas = root.querySelector("canvas");
    this.said = root.querySelector(".said");
    this.data = {};
    this.tracks = new Map();
    this.at = 0;
    this.alive = true;
    root.querySelector("button").onclick = () =>
      document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen();
    this.steps = root.parentNode.querySelector(".steps");
    this.cutter = this.steps.querySelector(".cut");
    for (const button of this.steps.querySelectorAll("[data-step]")) button.onclick = () => this.step(+button.dataset.step);
    this.cutter.onclick = () => { this.video.pause(); this.cut({ seconds: this.at }); };
    this.video.addEventListener("error", () => { this.said.textContent = "The film cannot be played. Reload the page."; });
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
    this.follow();
  }

  follow() {
    if (!this.alive) return;
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((_, about) => { this.at = about.mediaTime; this.draw(); this.follow(); });
    } else {
      requestAnimationFrame(() => { this.at = this.video.currentTime; this.draw(); this.follow(); });
    }
  }

  show(data, cut) {
    const old = this.data;
    this.data = data;
    this.cut = cut;
    this.cutter.textContent = `Cut track ${data.track} here`;
    if (old.film !== data.film) {
      this.video.src = data.film;
      this.video.setAttribute("aria-label", data.label);
    }
    if (old.boxes !== data.boxes) this.fetch(data.boxes);
    else if (this.columns && JSON.stringify(old.cuts) !== JSON.stringify(data.cuts)) this.tracks = byTrack(this.columns, data.cuts);
    if (data.jumps && old.jumps !== data.jumps) this.jump(data.seconds);
    this.draw();
  }

  async fetch(address) {
    this.tracks = new Map();
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(String(answer.status));
      const columns = await answer.json();
      if (this.data.boxes !== address) return;
      this.columns = columns;
      this.tracks = byTrack(columns, this.data.cuts);
      this.said.textContent = "";
      this.draw();
    } catch {
      this.said.textContent = "The boxes cannot be loaded. Reload the page.";
    }
  }

  jump(seconds) {
    const go = () => { this.video.currentTime = seconds + SLACK_SECONDS; };
    if (this.video.readyState) go(); else this.video.addEventListener("loadedmetadata", go, { once: true });
  }

  // To the analysed picture before or after this one.
  step(by) {
    this.video.pause();
    const moments = [...new Set(this.columns?.seconds || [])];
    const row = before(moments.map((at) => ({ at })), this.at + SLACK_SECONDS);
    const on = this.at - (moments[row] ?? 0) > 2 * SLACK_SECONDS && by < 0 ? row : row + by;
    if (moments[on] !== undefined) this.video.currentTime = moments[on] + SLACK_SECONDS;
  }

  // Everybody has the colour of their person; a track that is nobody's yet is grey.
  colour(id) {
    const person = this.data.people[id];
    return person ? this.data.palette[(person - 1) % this.data.palette.length] : NOBODY;
  }

  // The part of the canvas that the picture fills: bars at the sides or above are left free.
  frame(width, height) {
    const scale = Math.min(width / this.columns.width, height / this.columns.height);
    return [scale, (width - this.columns.width * scale) / 2, (height - this.columns.height * scale) / 2];
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.canvas.clientWidth * ratio), height = Math.round(this.canvas.clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!this.columns || !this.tracks.size || !width) { this.root.dataset.boxes = 0; return; }
    const [scale, left, top] = this.frame(width, height);
    const on = (x, y) => [left + x * scale, top + y * scale];
    let shown = 0;
    for (const [id, moments] of this.tracks) {
      const found = place(moments, this.at, this.columns.step);
      if (!found) continue;
      shown++;
      this.trail(pen, id, moments, found, on, ratio);
      this.box(pen, id, found, on, ratio);
    }
    this.root.dataset.boxes = shown;
    this.root.dataset.at = this.at;
    const tenths = Math.floor(this.at * 10 + 1e-6);
    this.steps.querySelector("output").textContent = `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
    const mine = this.tracks.get(this.data.track);
    this.cutter.disabled = !mine || this.at <= mine[0].at || this.at > mine.at(-1).at + SLACK_SECONDS;
    this.cutter.title = this.cutter.disabled ? "Go to a moment within this track, after its first picture" : CUT_WORDS;
  }

  trail(pen, id, moments, found, on, ratio) {
    pen.strokeStyle = this.colour(id);
    pen.lineWidth = 2 * ratio;
    pen.setLineDash([]);
    pen.beginPath();
    const foot = (box) => on((box[0] + box[2]) / 2, box[3]);
    pen.moveTo(...foot(found.box));
    for (let row = found.row; row >= 0 && moments[row].at >= this.at - TRAIL_SECONDS; row--) {
      pen.lineTo(...foot(moments[row].box));
    }
    pen.stroke();
  }

  box(pen, id, found, on, ratio) {
    const [x, y] = on(found.box[0], found.box[1]), [right, bottom] = on(found.box[2], found.box[3]);
    const colour = this.colour(id);
    pen.strokeStyle = colour;
    pen.lineWidth = (id === this.data.track ? 4 : 2) * ratio;
    pen.setLineDash(found.seen ? [] : [6 * ratio, 4 * ratio]);
    pen.strokeRect(x, y, right - x, bottom - y);
    pen.setLineDash([]);
    const person = this.data.people[id];
    if (!person) return;
    pen.font = `600 ${13 * ratio}px sans-serif`;
    const words = this.data.titles[person], wide = pen.measureText(words).width + 8 * ratio, high = 18 * ratio;
    const above = Math.max(0, y - high);
    pen.fillStyle = colour;
    pen.fillRect(x - pen.lineWidth / 2, above, wide, high);
    pen.fillStyle = colour === "#0072B2" ? "#fff" : "#000";
    pen.textBaseline = "middle";
    pen.fillText(words, x + 4 * ratio - pen.lineWidth / 2, above + high / 2);
  }

  end() {
    this.alive = false;
    this.sizes.disconnect();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".player");
  root.player ??= new Player(root);
  root.player.show(data, (moment) => setTriggerValue("cut", moment));
  return () => { root.player?.end(); root.player = undefined; };
}
