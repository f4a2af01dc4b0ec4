// The appearance map: a point for each track, with the colour and mark of its person, and its best picture when
// pointed at.

import { personColor } from "../shell/colors.js";
import { el, fitCanvas } from "../shell/dom.js";
import { mounter } from "../shell/mounting.js";
import { fileAddress, formatCount } from "../shell/text.js";
import { formatClockTenths, formatMoment } from "../shell/time.js";
import { fetchOnce } from "./answers.js";
import { personTitle, trackTitle } from "./matrix.js";
import { markCorners, nearestPoint, nextPoint, placePoints } from "./projection.js";

const SHAPES = 4;
const REACH_PX = 24;
const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const WAIT = "Computing the map. With many tracks this takes a few seconds, once per run.";

class ProjectionMap {
  constructor(root) {
    this.root = root;
    this.points = [];
    this.at = this.pinned = -1;
    const find = (selector) => root.querySelector(selector);
    [this.canvas, this.wait, this.status, this.card] = ["canvas", ".wait", ".status", ".card"].map(find);
    this.method = find(".method");
    this.canvas.onpointermove = (event) => this.point(this.nearest(event));
    this.canvas.onpointerleave = () => this.point(-1);
    this.canvas.onclick = (event) => this.pin(this.nearest(event));
    this.canvas.onkeydown = (event) => this.press(event);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
    root.addEventListener("transitionend", () => this.draw());
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    if (old && old.map === data.map && old.rows === data.rows) return;
    this.canvas.setAttribute("aria-label", data.label);
    this.load(data);
  }

  async load(data) {
    this.shares = null;
    this.at = this.pinned = -1;
    this.wait.textContent = WAIT;
    try {
      const [content, map] = await Promise.all([fetchOnce(data.rows, "json"), fetchOnce(data.map, "json")]);
      if (this.data !== data) return;
      Object.assign(this, { content, rows: content.tracks, shares: map.xy });
      this.places = new Map(content.people.person.map((person, place) => [person, place]));
      this.wait.textContent = "";
      this.method.textContent = `Made by ${map.method}, with the same result each time. Nearby points look alike; ` +
        "distances between groups and directions have no meaning.";
      this.draw();
      this.showCard();
    } catch (failure) {
      if (this.data === data) this.wait.textContent = failure.message;
    }
  }

  get focusedRow() { return this.pinned >= 0 ? this.pinned : this.at; }

  nearest(event) {
    if (!this.shares) return -1;
    const box = this.canvas.getBoundingClientRect();
    return nearestPoint(this.points, [event.clientX - box.left, event.clientY - box.top], REACH_PX);
  }

  point(row) {
    if (row === this.at) return;
    this.at = row;
    this.draw();
    this.showCard();
  }

  pin(row) {
    this.pinned = row === this.pinned ? -1 : row;
    this.canvas.focus({ preventScroll: true });
    this.draw();
    this.showCard();
  }

  press(event) {
    const direction = DIRECTIONS[event.key];
    if (!this.shares) return;
    if (direction) this.point(this.at < 0 ? 0 : nextPoint(this.points, this.at, direction));
    else if (event.key === "Enter" || event.key === " ") this.pin(this.at);
    else if (event.key === "Escape") this.pin(this.pinned);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.status.textContent = this.at < 0 ? "" : this.describe(this.at);
  }

  describe(row) {
    const person = personTitle(this.content.people, this.rows.person[row]);
    return `${trackTitle(this.content.cameras, this.rows, row)}, ${person}`;
  }

  showCard() {
    const row = this.focusedRow;
    this.card.classList.toggle("pinned", this.pinned >= 0);
    this.card.replaceChildren(...(row < 0 ? [
      el("h2", {}, "One point per track"),
      el("p", {}, "Point at a track to see its person. Click it or press Enter to pin it. The arrow keys move to the " +
        "nearest point in that direction."),
    ] : this.trackCard(row)));
  }

  trackCard(row) {
    const { person, start, end, crop } = this.rows, title = this.describe(row);
    const others = person.filter((candidate) => candidate === person[row]).length - 1;
    const lines = others > 1 ? "lines" : "a line", camera = this.content.cameras[this.rows.camera[row]];
    const format = (seconds) => formatMoment(this.data.clocks, camera, seconds, true) || formatClockTenths(seconds);
    const more = `${formatCount(others, "other track")} of this person, connected by ${lines}.`;
    const figure = el("figure", {},
      el("img", { src: fileAddress(this.data.crops, crop[row]), alt: title }),
      el("figcaption", {}, [start[row], end[row]].map(format).join(" to ")));
    return [
      el("h2", {}, title), el("div", { class: "crops" }, figure),
      el("p", { class: "quiet" }, others ? more : "This person has no other tracks."),
    ];
  }

  draw() {
    const { canvas, rows } = this, { ratio, width, height } = fitCanvas(canvas);
    if (!width || !height) return;
    const pen = canvas.getContext("2d"), ink = getComputedStyle(this.root).color;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.shares) return;
    this.points = placePoints(this.shares, width, height);
    const focused = this.focusedRow, person = focused >= 0 ? rows.person[focused] : -1;
    if (focused >= 0) this.drawLines(pen, focused, ink);
    const size = this.points.length > 600 ? 4 : 6.5;
    this.points.forEach((_, row) => {
      pen.globalAlpha = person < 0 || rows.person[row] === person ? 1 : 0.3;
      this.drawMark(pen, row, size, ink);
    });
    pen.globalAlpha = 1;
    if (focused >= 0) this.drawMark(pen, focused, size + 4, ink);
    canvas.dataset.points = this.points.length;
  }

  // To the other tracks of the person.
  drawLines(pen, from, ink) {
    const { person } = this.rows;
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.beginPath();
    this.points.forEach((point, row) => {
      if (person[row] !== person[from] || row === from) return;
      pen.moveTo(...this.points[from]);
      pen.lineTo(...point);
    });
    pen.stroke();
  }

  // Seven colours and four shapes: twenty-eight people who look different, neighbours in number also without colour.
  drawMark(pen, row, size, ink) {
    const point = this.points[row], [x, y] = point, place = this.places.get(this.rows.person[row]);
    const corners = markCorners(place % SHAPES, point, size);
    pen.fillStyle = personColor(place + 1);
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.beginPath();
    if (corners) for (const corner of corners) pen.lineTo(...corner);
    else if (place % SHAPES === 0) pen.arc(x, y, size, 0, 7);
    else pen.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
    if (corners) pen.closePath();
    pen.fill();
    pen.stroke();
  }

  destroy() { this.sizes.disconnect(); }
}

export const mount = mounter(".similarity", (root) => new ProjectionMap(root));
