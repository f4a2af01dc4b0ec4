// The similarity matrix as a heat map: all pairs of people, or of tracks.

import { mounter } from "../shell/mounting.js";
import { fileAddress, personName } from "../shell/text.js";
import { fetchOnce, fetchPair, request } from "./answers.js";
import { labelWidth, Portraits } from "./axes.js";
import { ColorScale, GRADIENT } from "./color_scale.js";
import { Matrix } from "./matrix.js";
import { drawHeatMap, paintTile } from "./matrix_picture.js";
import { emptyCard, pairCard } from "./pair_card.js";
import { PointerInput } from "./pointer_input.js";
import { Tiles } from "./tiles.js";
import { cursorAfter, LARGEST_CELL, Viewport } from "./viewport.js";

const ZOOM = 1.6;
const REST_MS = 140;
const MESSAGE_MS = 2500;
const FOUND_CELL = 40;
const FONT = "sans-serif";
// Beside the rows and above the columns; the words about people come on the left of it.
const GUTTERS = { tracks: { left: 86, top: 96 }, people: { left: 40, top: 92 } };

const samePair = (a, b) => String(a) === String(b);

class HeatMap {
  constructor(root) {
    this.root = root;
    this.matrix = null;
    this.cursor = this.hover = this.pinned = null;
    this.viewport = new Viewport();
    this.layer = document.createElement("canvas");
    this.portraits = new Portraits(() => this.drawSoon());
    this.details = new Map();
    const find = (selector) => root.querySelector(selector);
    [this.canvas, this.wait, this.status, this.line] = ["canvas", ".wait", ".status", ".line"].map(find);
    [this.card, this.order, this.personInput, this.legend] = [".card", "select", "input", ".legend"].map(find);
    this.listen(find);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.canvas);
  }

  listen(find) {
    this.order.onchange = () => this.arrange(this.order.value);
    this.personInput.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") this.goToPerson(Number(this.personInput.value));
    };
    find(".more").onclick = () => this.zoom(ZOOM);
    find(".less").onclick = () => this.zoom(1 / ZOOM);
    find(".fit").onclick = () => this.fit();
    this.pointer = new PointerInput({
      canvas: this.canvas, viewport: this.viewport, isReady: () => Boolean(this.matrix),
      onPoint: (cell) => this.point(cell), onMove: () => this.drawSoon(), onZoom: (...where) => this.zoom(...where),
      onClick: (cell) => { this.cursor = cell; this.pin(cell); },
    });
    this.canvas.addEventListener("keydown", (event) => this.press(event));
    this.canvas.addEventListener("focus", () => {
      if (this.matrix) this.cursor ??= [0, Math.min(1, this.matrix.count - 1)];
      this.announceCursor();
    });
    this.canvas.addEventListener("blur", () => { this.cursor = null; this.drawSoon(); });
    // Another theme changes the colour of the text, and that is its only event.
    this.root.addEventListener("transitionend", () => this.drawSoon());
  }

  update({ data }) {
    const old = this.data;
    this.data = data;
    if (old && old.matrix === data.matrix && old.rows === data.rows) return;
    this.canvas.setAttribute("aria-label", data.label);
    this.load(data);
  }

  async load(data) {
    this.matrix = null;
    this.details.clear();
    this.cursor = this.hover = this.pinned = null;
    this.wait.textContent = "Loading…";
    try {
      const requests = [data.rows, data.scale].map((address) => fetchOnce(address, "json"));
      const [content, { low }] = await Promise.all(requests);
      if (this.data !== data || !this.root.isConnected) return;
      this.matrix = new Matrix(content, data.of);
      this.scale = new ColorScale(low);
      this.showLegend(content.threshold);
      this.arrange(this.order.value);
    } catch (failure) {
      if (this.data === data) this.wait.textContent = failure.message;
    }
  }

  // The colours, their numbers, and where the threshold lies among them.
  showLegend(threshold) {
    const find = (selector) => this.legend.querySelector(selector), share = 100 * this.scale.shareOf(threshold);
    find(".colours").style.background = GRADIENT;
    find(".low").textContent = this.scale.low.toFixed(1);
    find(".mark").style.left = `${share}%`;
    find(".threshold").style.left = `${Math.max(22, Math.min(78, share))}%`;
    find(".threshold").textContent = `threshold ${threshold.toFixed(2)}`;
  }

  // Show the rows in one of the orders; a pinned pair stays pinned.
  arrange(order) {
    if (!this.matrix) return;
    this.matrix.arrange(order, this.tilesOf(order));
    this.cursor = this.hover = null;
    this.root.classList.toggle("tracks", this.matrix.isTracks);
    this.labels = labelWidth(this.canvas.getContext("2d"), this.matrix, FONT);
    this.measure();
    this.fit();
    this.updateCard();
  }

  // The tiles of the matrix in an order; those of the order before go.
  tilesOf(order) {
    const { data, matrix } = this, table = this.scale.table();
    this.tiles?.destroy();
    this.tiles = new Tiles({
      count: matrix.count, paint: (tile) => paintTile(tile, table, matrix.isTracks),
      fetchTile: (place) =>
        request(`${data.matrix}&${new URLSearchParams({ order, ...place })}`, "arrayBuffer"),
      onLoad: (failure) => {
        this.wait.textContent = failure?.message ?? "";
        this.drawSoon();
      },
    });
    return this.tiles;
  }

  measure() {
    const { clientWidth, clientHeight } = this.canvas, { isTracks, count } = this.matrix;
    const { left, top } = isTracks ? GUTTERS.tracks : GUTTERS.people;
    const gutter = { left: left + this.labels, top };
    this.viewport.setRoom({ width: clientWidth, height: clientHeight, gutter, count });
  }

  resize() {
    if (!this.matrix) return;
    const { isFitting } = this.viewport;
    this.measure();
    if (isFitting || this.viewport.isFitting) this.fit();
    else this.drawSoon();
  }

  fit() {
    if (!this.matrix?.count) return;
    this.viewport.fit();
    this.drawSoon();
  }

  // `point` on the canvas stays where it is; without one, the cursor or the middle.
  zoom(factor, point) {
    if (!this.matrix) return;
    const fixed = point ?? (this.cursor ? this.viewport.middleOf(this.cursor) : this.viewport.centre);
    this.viewport.zoom(factor, fixed);
    if (this.cursor && !point) this.viewport.reveal(this.cursor);
    this.drawSoon();
  }

  press(event) {
    if (!this.matrix || event.altKey || event.metaKey) return;
    const cursor = cursorAfter(event, this.cursor, this.matrix.count);
    if (cursor) this.moveCursor(cursor);
    else if (event.ctrlKey || !this.runKey(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // True where the key meant something.
  runKey(key) {
    if (key === "+" || key === "=") this.zoom(ZOOM);
    else if (key === "-") this.zoom(1 / ZOOM);
    else if (key === "0") this.fit();
    else if (key === "Enter" || key === " ") this.pin(this.cursor);
    else if (key === "Escape" && this.pinned) this.pin(null);
    else return false;
    return true;
  }

  moveCursor(cursor) {
    this.cursor = cursor;
    this.hover = null;
    this.viewport.reveal(cursor);
    this.announceCursor();
  }

  point(cell) {
    if (samePair(cell, this.hover)) return;
    this.hover = cell;
    this.drawSoon();
    this.updateCard();
  }

  // Pin the pair of a cell to the card; null, or the pair that is pinned already, unpins.
  pin(cell) {
    const pair = cell && this.matrix.pairAt(cell);
    this.pinned = pair && !samePair(pair, this.pinned) ? pair : null;
    this.drawSoon();
    this.updateCard();
    this.status.textContent = this.pinned ? "Pinned." : "Unpinned.";
  }

  goToPerson(person) {
    const block = this.matrix?.blockOf(person), { viewport } = this;
    if (!block) {
      this.status.textContent = this.wait.textContent = `There is no ${personName(person)}.`;
      setTimeout(() => { this.wait.textContent = ""; }, MESSAGE_MS);
      return;
    }
    const second = block.end > block.from + 1 ? block.from + 1 : block.from;
    this.cursor = [block.from, Math.min(second, this.matrix.count - 1)];
    viewport.size = Math.max(viewport.size, Math.min(LARGEST_CELL, FOUND_CELL));
    const { width, height } = viewport.plot;
    viewport.moveTo(block.from - width / viewport.size / 3, block.from - height / viewport.size / 3);
    this.canvas.focus();
    this.announceCursor();
  }

  // Announce where the cursor is, once it has come to rest.
  announceCursor() {
    this.drawSoon();
    this.updateCard();
    clearTimeout(this.announcing);
    this.announcing = setTimeout(() => {
      if (this.cursor && this.matrix) this.status.textContent = this.matrix.describe(this.matrix.pairAt(this.cursor));
    }, REST_MS);
  }

  // The card is about the pinned pair, else the one pointed at, else the one at the cursor.
  updateCard() {
    const cell = this.hover ?? this.cursor, { matrix } = this;
    const pair = this.pinned ?? (cell && matrix ? matrix.pairAt(cell) : null);
    const signature = `${pair} ${Boolean(this.pinned)} ${this.data.matrix}`;
    if (signature === this.cardSignature && matrix === this.cardMatrix) return;
    Object.assign(this, { cardSignature: signature, cardMatrix: matrix, cardPair: pair });
    this.line.textContent = pair ? matrix.describe(pair) : "Point at a cell to see its pair.";
    clearTimeout(this.asking);
    const detail = pair && this.details.get(String(pair));
    this.drawCard(detail);
    if (pair && !detail) this.asking = setTimeout(() => this.ask(pair), REST_MS);
  }

  async ask(pair) {
    const { data, matrix } = this, [a, b] = matrix.isTracks ? pair : pair.map((row) => matrix.rows.person[row]);
    const detail = await fetchPair(`${data.pair}&of=${data.of}&a=${a}&b=${b}`);
    if (this.data !== data || this.matrix !== matrix) return;
    if (!detail.failure) this.take(pair, detail);
    if (samePair(this.cardPair, pair)) this.drawCard(detail);
  }

  take(pair, detail) {
    const { matrix } = this, isNew = !matrix.cellOf(pair);
    this.details.set(String(pair), detail);
    matrix.learn(pair, detail);
    if (!isNew || !samePair(this.cardPair, pair)) return;
    this.line.textContent = matrix.describe(pair);
    if (this.cursor) this.status.textContent = matrix.describe(pair);
  }

  drawCard(detail) {
    const { matrix, scale, cardPair: pair } = this, unpin = () => {
      this.pin(null);
      this.canvas.focus({ preventScroll: true });
    };
    this.card.classList.toggle("pinned", Boolean(this.pinned));
    const about = { matrix, scale, crops: this.data.crops, clocks: this.data.clocks };
    const parts = pair ? pairCard(about, pair, detail, this.pinned && unpin) : emptyCard(matrix?.isTracks);
    this.card.replaceChildren(...parts);
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      if (this.matrix) this.draw();
    });
  }

  draw() {
    const { canvas, matrix, viewport, scale, layer, hover, cursor, pinned } = this;
    canvas.style.touchAction = viewport.isFitting ? "pan-y" : "none";
    const isThere = drawHeatMap(canvas, {
      matrix, viewport, scale, layer, hover, cursor, pinned, font: FONT, labels: this.labels,
      portraitOf: (row) => this.portraits.get(fileAddress(this.data.crops, matrix.rows.crop[row])),
    });
    canvas.dataset.size = viewport.size.toFixed(3);
    if (isThere) canvas.dataset.painted = this.data.matrix;
  }

  destroy() {
    this.sizes.disconnect();
    this.tiles?.destroy();
    this.layer.width = this.layer.height = 0;
    this.portraits.destroy();
    clearTimeout(this.asking);
    clearTimeout(this.announcing);
    cancelAnimationFrame(this.frame);
  }
}

export const mount = mounter(".similarity", (root) => new HeatMap(root));
