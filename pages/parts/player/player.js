// Draws the boxes of a run over its video, frame by frame.

import { personColor } from "../shell/colors.js";
import { fitCanvas } from "../shell/dom.js";
import { mounter } from "../shell/mounting.js";
import { formatFrameTime, formatMoment } from "../shell/time.js";
import { boxAt, boxesAt, canCut, frameAfter, momentsByTrack, pictureFrame, SLACK_SECONDS } from "./boxes.js";

const TRAIL_SECONDS = 2;
const NO_PERSON = "#9aa0a6";
const DARK_COLOUR = "#0072B2";
const FAINT = "rgb(222 226 230 / 75%)";
const CUT_HINT = "For a track that shows two people: from this frame on, it becomes a separate track";
const CUT_NOT_HERE = "Go to a moment within this track, after its first frame";

class Player {
  constructor(root) {
    this.root = root;
    const find = (selector) => root.querySelector(selector);
    [this.video, this.canvas, this.status] = ["video", "canvas", ".status"].map(find);
    this.data = {};
    this.tracks = new Map();
    this.at = 0;
    this.isAlive = true;
    this.listen();
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
    this.follow();
  }

  listen() {
    this.steps = this.root.parentNode.querySelector(".steps");
    this.cutButton = this.steps.querySelector(".cut");
    this.root.querySelector("button").onclick = () =>
      (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen());
    for (const button of this.steps.querySelectorAll("[data-step]")) {
      button.onclick = () => this.step(Number(button.dataset.step));
    }
    [this.all, this.note] = ["input", ".note"].map((selector) => this.steps.querySelector(selector));
    this.all.onchange = () => this.loadUnused();
    this.cutButton.onclick = () => {
      this.video.pause();
      this.cut({ seconds: this.at });
    };
    this.video.addEventListener("error", () => {
      this.status.textContent = "The video cannot be played. Reload the page.";
    });
  }

  // Draw with each frame that the browser shows.
  follow() {
    if (!this.isAlive) return;
    const show = (seconds) => {
      this.at = seconds;
      this.draw();
      this.follow();
    };
    if (this.video.requestVideoFrameCallback) {
      this.video.requestVideoFrameCallback((_, frame) => show(frame.mediaTime));
    } else requestAnimationFrame(() => show(this.video.currentTime));
  }

  update({ data, setTriggerValue }) {
    const old = this.data;
    this.data = data;
    this.cut = (moment) => setTriggerValue("cut", moment);
    this.cutButton.textContent = `Cut track ${data.track} here`;
    if (old.film !== data.film) {
      this.video.src = data.film;
      this.video.setAttribute("aria-label", data.label);
    }
    if (old.detections !== data.detections) this.loadUnused();
    if (old.boxes !== data.boxes) this.load(data.boxes);
    else if (this.columns && JSON.stringify(old.cuts) !== JSON.stringify(data.cuts)) {
      this.tracks = momentsByTrack(this.columns, data.cuts);
    }
    if (data.jumps && old.jumps !== data.jumps) this.jump(data.seconds);
    this.draw();
  }

  async load(address) {
    this.tracks = new Map();
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(String(response.status));
      const columns = await response.json();
      if (this.data.boxes !== address) return;
      this.columns = columns;
      this.tracks = momentsByTrack(columns, this.data.cuts);
      this.status.textContent = "";
      this.draw();
    } catch {
      this.status.textContent = "The boxes cannot be loaded. Reload the page.";
    }
  }

  // Detections that no track uses, or what to say where they are gone.
  async loadUnused() {
    const { detections } = this.data;
    this.unused = null;
    this.note.textContent = "";
    this.draw();
    if (!this.all.checked) return;
    try {
      const columns = await (await fetch(detections)).json();
      if (this.data.detections !== detections || !this.all.checked) return;
      this.note.textContent = columns.missing;
      if (!columns.missing) this.unused = columns;
      this.draw();
    } catch {
      this.note.textContent = "The other detections cannot be loaded.";
    }
  }

  jump(seconds) {
    const go = () => { this.video.currentTime = seconds + SLACK_SECONDS; };
    if (this.video.readyState) go();
    else this.video.addEventListener("loadedmetadata", go, { once: true });
  }

  // To the analysed frame before or after this one.
  step(by) {
    this.video.pause();
    const frame = frameAfter(this.columns?.seconds || [], this.at, by);
    if (frame !== undefined) this.video.currentTime = frame + SLACK_SECONDS;
  }

  // A track without a person yet is grey.
  colorOf(track) {
    const person = this.data.people[track];
    return person ? personColor(person) : NO_PERSON;
  }

  draw() {
    const { canvas, columns } = this, { ratio } = fitCanvas(canvas), { width, height } = canvas;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!columns || !this.tracks.size || !width) {
      this.root.dataset.boxes = this.root.dataset.unused = 0;
      return;
    }
    const { scale, left, top } = pictureFrame(width, height, columns);
    const place = (x, y) => [left + x * scale, top + y * scale];
    this.drawUnused(pen, place, ratio);
    let count = 0;
    for (const [track, moments] of this.tracks) {
      const now = boxAt(moments, this.at, columns.step);
      if (!now) continue;
      count++;
      this.drawTrail(pen, track, moments, now, place, ratio);
      this.drawBox(pen, track, now, place, ratio);
    }
    this.root.dataset.boxes = count;
    this.root.dataset.at = this.at;
    this.showSteps();
  }

  // Faintly, under the tracks: something was seen there, but not taken for a person who stays.
  drawUnused(pen, place, ratio) {
    const boxes = this.unused ? boxesAt(this.unused, this.at, this.columns.step) : [];
    pen.strokeStyle = FAINT;
    pen.lineWidth = ratio;
    pen.setLineDash([3 * ratio, 3 * ratio]);
    for (const [left, top, right, bottom] of boxes) {
      const [x, y] = place(left, top), [x2, y2] = place(right, bottom);
      pen.strokeRect(x, y, x2 - x, y2 - y);
    }
    this.root.dataset.unused = boxes.length;
  }

  showSteps() {
    const moment = formatMoment(this.data.clocks, this.data.camera, this.at, true), time = formatFrameTime(this.at);
    this.steps.querySelector("output").textContent = moment ? `${moment} (${time} of the clip)` : time;
    const isPossible = canCut(this.tracks.get(this.data.track), this.at);
    this.cutButton.disabled = !isPossible;
    this.cutButton.title = isPossible ? CUT_HINT : CUT_NOT_HERE;
  }

  // The way of the feet during the last seconds.
  drawTrail(pen, track, moments, now, place, ratio) {
    const foot = (box) => place((box[0] + box[2]) / 2, box[3]);
    pen.strokeStyle = this.colorOf(track);
    pen.lineWidth = 2 * ratio;
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(...foot(now.box));
    for (let row = now.row; row >= 0 && moments[row].at >= this.at - TRAIL_SECONDS; row--) {
      pen.lineTo(...foot(moments[row].box));
    }
    pen.stroke();
  }

  drawBox(pen, track, { box, seen }, place, ratio) {
    const [x, y] = place(box[0], box[1]), [right, bottom] = place(box[2], box[3]);
    pen.strokeStyle = this.colorOf(track);
    pen.lineWidth = (track === this.data.track ? 4 : 2) * ratio;
    pen.setLineDash(seen ? [] : [6 * ratio, 4 * ratio]);
    pen.strokeRect(x, y, right - x, bottom - y);
    pen.setLineDash([]);
    const person = this.data.people[track];
    if (person) drawTitle(pen, this.data.titles[person], this.colorOf(track), [x - pen.lineWidth / 2, y], ratio);
  }

  destroy() {
    this.isAlive = false;
    this.sizes.disconnect();
    this.video.removeAttribute("src");
    this.video.load();
  }
}

// A person's title over the upper left corner of the box.
function drawTitle(pen, title, colour, [x, y], ratio) {
  pen.font = `600 ${13 * ratio}px sans-serif`;
  const width = pen.measureText(title).width + 8 * ratio, height = 18 * ratio, top = Math.max(0, y - height);
  pen.fillStyle = colour;
  pen.fillRect(x, top, width, height);
  pen.fillStyle = colour === DARK_COLOUR ? "#fff" : "#000";
  pen.textBaseline = "middle";
  pen.fillText(title, x + 4 * ratio, top + height / 2);
}

export const mount = mounter(".player", (root) => new Player(root));
