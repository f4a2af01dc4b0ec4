// The map of looks: a point for each track, the colour and the mark of its person, its best picture when pointed at.

const MARKS = 4;
const EDGE = 26;
const NEAR = 24; // CSS pixels

class Flat {
  constructor(root) {
    this.root = root;
    for (const name of ["canvas", ".wait", ".said", ".card", ".way"]) this[name.replace(".", "")] = root.querySelector(name);
    this.at = this.kept = -1;
    this.canvas.onpointermove = (event) => this.point(this.nearest(event));
    this.canvas.onpointerleave = () => this.point(-1);
    this.canvas.onclick = (event) => this.keep(this.nearest(event));
    this.canvas.onkeydown = (event) => this.key(event);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
    root.addEventListener("transitionend", () => this.draw());
  }

  async show(data) {
    const old = this.data;
    this.data = data;
    if (old && old.map === data.map && old.shown === data.shown) return;
    this.canvas.setAttribute("aria-label", data.label);
    this.xy = null;
    this.at = this.kept = -1;
    this.wait.textContent = "Laying out the map. With many tracks this takes some seconds, once for a run.";
    try {
      const [shown, map] = await Promise.all([fetched(data.shown, "json"), fetched(data.map, "json")]);
      if (this.data !== data) return;
      Object.assign(this, { shown, of: shown.tracks, xy: map.xy });
      this.places = new Map(shown.people.person.map((person, place) => [person, place]));
      this.wait.textContent = "";
      this.way.textContent = `Made by ${map.way}, with the same result each time. Neighbours look alike; how far apart groups lie, and left or right, mean nothing.`;
      this.draw();
      this.say();
    } catch (fault) {
      if (this.data === data) this.wait.textContent = fault.message;
    }
  }

  place(row) {
    const side = Math.min(this.canvas.clientWidth, this.canvas.clientHeight) - 2 * EDGE;
    const left = (this.canvas.clientWidth - side) / 2, top = (this.canvas.clientHeight - side) / 2;
    return [left + this.xy[row][0] * side, top + (1 - this.xy[row][1]) * side];
  }

  nearest(event) {
    if (!this.xy) return -1;
    const box = this.canvas.getBoundingClientRect(), here = [event.clientX - box.left, event.clientY - box.top];
    let best = -1, least = NEAR;
    this.xy.forEach((_, row) => {
      const [x, y] = this.place(row), far = Math.hypot(x - here[0], y - here[1]);
      if (far < least) { least = far; best = row; }
    });
    return best;
  }

  point(row) {
    if (row === this.at) return;
    this.at = row;
    this.draw();
    this.say();
  }

  keep(row) {
    this.kept = row === this.kept ? -1 : row;
    this.canvas.focus({ preventScroll: true });
    this.draw();
    this.say();
  }

  key(event) {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!this.xy) return;
    if (way) this.go(way);
    else if (event.key === "Enter" || event.key === " ") this.keep(this.at);
    else if (event.key === "Escape") this.keep(this.kept);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.said.textContent = this.at < 0 ? "" : this.words(this.at);
  }

  // The nearest point on that side; what lies aside counts as twice as far.
  go([dx, dy]) {
    if (this.at < 0) return this.point(0);
    const [x, y] = this.place(this.at);
    let best = this.at, least = Infinity;
    this.xy.forEach((_, row) => {
      const [px, py] = this.place(row), ahead = (px - x) * dx + (py - y) * dy, aside = Math.abs((px - x) * dy) + Math.abs((py - y) * dx);
      if (row !== this.at && ahead > 0 && ahead + 2 * aside < least) { least = ahead + 2 * aside; best = row; }
    });
    this.point(best);
  }

  words(row) {
    return `${this.shown.cameras[this.of.camera[row]]} track ${this.of.track[row]}, ${who_is(this.shown, this.of.person[row])}`;
  }

  say() {
    const row = this.kept >= 0 ? this.kept : this.at;
    this.card.classList.toggle("kept", this.kept >= 0);
    if (row < 0) {
      const help = "Point at one to see who it is; click, or press Enter, to keep it. The arrow keys go to the next one on that side.";
      this.card.replaceChildren(element("h3", "", "A point for each track"), element("p", "", help));
      return;
    }
    const figure = element("figure"), image = element("img"), row_of = element("div", "crops");
    image.src = `${this.data.crops}/${this.of.crop[row].split("/").map(encodeURIComponent).join("/")}`;
    image.alt = this.words(row);
    figure.append(image, element("figcaption", "", `${clock(this.of.start[row])} to ${clock(this.of.end[row])}`));
    row_of.append(figure);
    const others = this.of.person.filter((person) => person === this.of.person[row]).length - 1;
    const more = others ? `${others} more of this person: see the line${others > 1 ? "s" : ""}.` : "Nobody else is this person.";
    this.card.replaceChildren(element("h3", "", this.words(row)), row_of, element("p", "quiet", more));
  }

  draw() {
    const { canvas } = this, ratio = window.devicePixelRatio || 1;
    const wide = Math.round(canvas.clientWidth * ratio), high = Math.round(canvas.clientHeight * ratio);
    if (!wide || !high) return;
    if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    const pen = canvas.getContext("2d"), style = getComputedStyle(this.root), ink = style.color;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, high);
    if (!this.xy) return;
    const row = this.kept >= 0 ? this.kept : this.at, own = row >= 0 ? this.of.person[row] : -1;
    if (row >= 0) this.lines(pen, row, own, ink);
    const size = this.xy.length > 600 ? 4 : 6.5;
    this.xy.forEach((_, one) => {
      pen.globalAlpha = own < 0 || this.of.person[one] === own ? 1 : 0.3;
      this.mark(pen, one, size, ink);
    });
    pen.globalAlpha = 1;
    if (row >= 0) this.mark(pen, row, size + 4, ink);
    canvas.dataset.points = this.xy.length;
  }

  lines(pen, row, own, ink) {
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.beginPath();
    this.of.person.forEach((person, one) => {
      if (person !== own || one === row) return;
      pen.moveTo(...this.place(row));
      pen.lineTo(...this.place(one));
    });
    pen.stroke();
  }

  // Seven colours and four shapes: twenty-eight people who look different, neighbours in number also without colour.
  mark(pen, row, size, ink) {
    const [x, y] = this.place(row), place = this.places.get(this.of.person[row]), { palette } = this.data;
    pen.fillStyle = palette[place % palette.length];
    pen.strokeStyle = ink;
    pen.lineWidth = 1;
    pen.beginPath();
    const shape = place % MARKS;
    if (shape === 0) pen.arc(x, y, size, 0, 7);
    else if (shape === 1) pen.rect(x - size * 0.9, y - size * 0.9, size * 1.8, size * 1.8);
    else {
      const turn = shape === 2 ? -Math.PI / 2 : 0, corners = shape === 2 ? 3 : 4;
      for (let corner = 0; corner < corners; corner++) {
        const angle = turn + (corner * 2 * Math.PI) / corners;
        pen.lineTo(x + 1.25 * size * Math.cos(angle), y + 1.25 * size * Math.sin(angle));
      }
      pen.closePath();
    }
    pen.fill();
    pen.stroke();
  }

  end() {
    this.sizes.disconnect();
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".likeness");
  root.flat ??= new Flat(root);
  root.flat.show(data);
  return () => { root.flat?.end(); root.flat = undefined; };
}
