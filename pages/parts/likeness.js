// The heat map: who stands where, what is pointed at, and what is said of it.

class Likeness extends Moves {
  constructor(root) {
    super();
    this.root = root;
    for (const name of ["canvas", ".wait", ".said", ".line", ".card", "select", "input", ".legend"]) {
      this[name.replace(".", "")] = root.querySelector(name);
    }
    this.picture = new Picture();
    this.portraits = new Portraits(() => this.later());
    this.details = new Map();
    this.fingers = new Map();
    this.cursor = this.hover = this.kept = null;
    this.select.onchange = () => this.arrange(this.select.value);
    this.input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter") this.find(Number(this.input.value));
    };
    root.querySelector(".more").onclick = () => this.zoom(1.6);
    root.querySelector(".less").onclick = () => this.zoom(1 / 1.6);
    root.querySelector(".fit").onclick = () => this.fit();
    const on = (name, how, options) => this.canvas.addEventListener(name, how.bind(this), options);
    on("wheel", this.wheel, { passive: false });
    on("pointerdown", this.press);
    on("pointermove", this.move);
    on("pointerup", this.release);
    on("pointercancel", this.release);
    on("pointerleave", () => this.point(null));
    on("keydown", this.key);
    on("focus", () => { this.cursor ??= this.items && [0, Math.min(1, this.count - 1)]; this.tell(); });
    on("blur", () => { this.cursor = null; this.later(); });
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.canvas);
    // Another theme changes the colour of the text, and that is all that is heard of it.
    root.addEventListener("transitionend", () => this.later());
  }

  show(data) {
    const old = this.data;
    this.data = data;
    if (old && old.matrix === data.matrix && old.shown === data.shown) return;
    this.canvas.setAttribute("aria-label", data.label);
    this.load(data);
  }

  async load(data) {
    this.items = null;
    this.details.clear();
    this.cursor = this.hover = this.kept = null;
    this.wait.textContent = "Loading…";
    try {
      const [shown, bytes] = await Promise.all([fetched(data.shown, "json"), fetched(data.matrix, "arrayBuffer")]);
      if (this.data !== data || !this.root.isConnected) return;
      const of = shown[data.of], count = of.person.length;
      Object.assign(this, { shown, of, count, tracks: data.of === "tracks" });
      this.alike = new Int16Array(bytes, 0, count * count);
      this.why = new Uint8Array(bytes, 2 * count * count, count * count);
      this.scale = new Scale(this.alike);
      this.scale.show(this.legend, shown.threshold);
      this.arrange(this.select.value);
      this.wait.textContent = "";
    } catch (fault) {
      if (this.data === data) this.wait.textContent = fault.message;
    }
  }

  // Show the rows in one of the orders; whoever was kept stays kept.
  arrange(order) {
    if (!this.of) return;
    this.items = this.of[order];
    this.places = new Int32Array(this.count);
    this.items.forEach((item, at) => { this.places[item] = at; });
    this.blocks = [];
    this.items.forEach((item, at) => {
      const last = this.blocks.at(-1), person = this.of.person[item];
      if (last && last.person === person) last.end = at + 1; else this.blocks.push({ person, from: at, end: at + 1 });
    });
    this.cursor = this.hover = null;
    this.root.classList.toggle("tracks", this.tracks);
    this.picture.paint(this.alike, this.why, this.items, this.scale, this.tracks);
    this.fit();
    this.card_of();
  }

  point(cell) {
    if (String(cell) === String(this.hover)) return;
    this.hover = cell;
    this.later();
    this.card_of();
  }

  keep(cell) {
    const pair = cell && [this.items[cell[0]], this.items[cell[1]]];
    this.kept = pair && String(pair) !== String(this.kept) ? pair : null;
    this.later();
    this.card_of();
    this.said.textContent = this.kept ? "Kept." : "Let go.";
  }

  // Go to a person by number.
  find(person) {
    const block = this.blocks?.find((one) => one.person === person);
    if (!block) {
      this.said.textContent = this.wait.textContent = `There is no person ${person}.`;
      setTimeout(() => { this.wait.textContent = ""; }, 2500);
      return;
    }
    this.size = Math.max(this.size, Math.min(LARGEST, 40));
    this.cursor = [block.from, Math.min(block.from + (block.end > block.from + 1), this.count - 1)];
    const { width, height } = this.plot;
    this.place(block.from - width / this.size / 3, block.from - height / this.size / 3);
    this.canvas.focus();
    this.tell();
  }

  // Say where the cursor is, once it has come to rest.
  tell() {
    this.later();
    this.card_of();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      if (this.cursor && this.items) this.said.textContent = this.words(this.cursor.map((at) => this.items[at]));
    }, REST_MS);
  }

  words([one, other]) {
    const value = this.alike[one * this.count + other];
    const same = this.of.person[one] === this.of.person[other] ? "one person" : "two people";
    const never = this.why[one * this.count + other] ? ", cannot be one person" : "";
    const amount = value === NONE ? "nothing to compare" : amount_of(value, 2);
    return `${this.names(one, other)}: ${amount}, ${same}${never}`;
  }

  names(one, other) {
    return one === other ? this.name(one) : `${this.name(one)} and ${this.name(other).replace(/^Person/, "person")}`;
  }

  name(item) {
    const person = this.of.person[item];
    if (this.tracks) return `${this.shown.cameras[this.of.camera[item]]} track ${this.of.track[item]}`;
    return who_is(this.shown, person).replace(/^p/, "P");
  }

  // What the card is about: what was kept, else what is pointed at, else where the cursor is.
  card_of() {
    const cell = this.hover ?? this.cursor;
    const pair = this.kept ?? (cell && this.items ? [this.items[cell[0]], this.items[cell[1]]] : null);
    const kept = Boolean(this.kept);
    if (String(pair) === String(this.about) && this.items === this.drawn && kept === this.keeping) return;
    this.about = pair;
    this.keeping = kept;
    this.line.textContent = pair ? this.words(pair) : "Point at a cell.";
    this.drawn = this.items;
    clearTimeout(this.asking);
    this.draw_card(pair, pair && this.details.get(String(pair)));
    if (pair && !this.details.has(String(pair))) this.asking = setTimeout(() => this.ask(pair), REST_MS);
  }

  async ask(pair) {
    const [a, b] = this.tracks ? pair : pair.map((item) => this.of.person[item]), data = this.data;
    let detail;
    try {
      const answer = await fetch(`${data.pair}&of=${data.of}&a=${a}&b=${b}`);
      if (!answer.ok) throw new Error(answer.status === 409 ? "The results have changed meanwhile. Reload the page." : "");
      detail = await answer.json();
      if (this.data === data) this.details.set(String(pair), detail);
    } catch (fault) {
      detail = { fault: fault.message || "The pictures cannot be loaded. Reload the page." };
    }
    if (this.data === data && String(this.about) === String(pair)) this.draw_card(pair, detail);
  }

  draw_card(pair, detail) {
    this.card.classList.toggle("kept", Boolean(this.kept));
    this.card.replaceChildren(...card(this, pair, detail));
    const go = this.card.querySelector("button");
    if (go) go.onclick = () => { this.keep(null); this.canvas.focus({ preventScroll: true }); };
  }

  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.items) draw(this);
    });
  }

  end() {
    this.sizes.disconnect();
    this.picture.end();
    clearTimeout(this.asking);
    clearTimeout(this.telling);
    cancelAnimationFrame(this.waiting);
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".likeness");
  root.likeness ??= new Likeness(root);
  root.likeness.show(data);
  return () => { root.likeness?.end(); root.likeness = undefined; };
}
