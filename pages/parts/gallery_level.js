// The slider over the distributions of similarity, and what its level means in plain words.

const STEP = 0.01;
const THUMB_PX = 16;

// An element with attributes, listeners (on...) and children; what is null or false is left out.
function el(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

const setText = (element, words) => { if (element.textContent !== words) element.textContent = words; };

class Level {
  // `moved` is called while the slider moves, `settled` when it is let go (null: back to the suggestion).
  constructor(place, moved, settled) {
    this.settled = settled;
    this.moved = moved;
    this.slider = el("input", { type: "range", step: STEP, class: "slider", "data-focus": "slider",
      "aria-label": "Least similarity of one person", "aria-describedby": "meaning",
      oninput: () => this.move(+this.slider.value), onchange: () => this.settle(+this.slider.value) });
    this.box = el("input", { type: "number", step: STEP, class: "number", "aria-label": "Least similarity, as a number",
      oninput: () => { this.typing = true; }, onblur: () => { this.typing = false; }, onchange: () => this.typed() });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.mark = el("button", { type: "button", class: "mark", onclick: () => this.settle(null) });
    this.back = el("button", { type: "button", class: "quiet", onclick: () => this.settle(null) });
    this.words = el("p", { class: "meaning", id: "meaning" });
    this.counts = el("p", { class: "counts" });
    place.append(
      el("div", { class: "spread" },
        el("div", { class: "legend" },
          el("span", { class: "key strangers" }, "surely two people"),
          el("span", { class: "key others" }, "could be one person"),
          el("span", { class: "quiet-words" }, "pairs of sightings, by how alike they look")),
        el("div", { class: "drawing" }, this.canvas, this.slider, this.mark)),
      el("div", { class: "told" },
        el("label", { class: "level" }, "Least similarity", this.box), this.counts, this.words, this.back));
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
  }

  show(people, threshold) {
    this.people = people;
    const { edges, strangers, others } = people.histogram;
    const filled = edges.slice(0, -1).filter((_, bin) => strangers[bin] || others[bin]);
    this.least = Math.max(-1, Math.min(0.2, Math.floor(10 * Math.min(people.suggested, ...filled)) / 10));
    for (const input of [this.slider, this.box]) Object.assign(input, { min: this.least, max: 1 });
    const suggested = people.suggested.toFixed(2);
    setText(this.mark, `suggested ${suggested}`);
    this.mark.title = `Go to the suggested level, ${suggested}`;
    this.mark.style.left = this.along(people.suggested);
    this.mark.dataset.side = people.suggested > (this.least + 1) / 2 ? "left" : "right";
    setText(this.back, `Back to the suggested ${suggested}`);
    this.set(threshold);
  }

  // Where the thumb's middle is at a level.
  along(level) {
    const share = (level - this.least) / (1 - this.least);
    return `calc(${THUMB_PX / 2}px + ${share} * (100% - ${THUMB_PX}px))`;
  }

  move(level) {
    this.set(level);
    this.moved(level);
  }

  settle(level) {
    this.move(level ?? this.people.suggested);
    this.settled(level);
  }

  typed() {
    this.typing = false;
    const level = Math.min(1, Math.max(this.least, Number.parseFloat(this.box.value)));
    if (Number.isNaN(level)) this.set(this.level); else this.settle(Math.round(level * 100) / 100);
  }

  set(level) {
    this.level = level;
    this.slider.value = level;
    const words = level.toFixed(2);
    // An answer of Python's to an older level may come in the middle of a number.
    if (!this.typing && (this.box.getRootNode().activeElement !== this.box || +this.box.value !== level)) this.box.value = words;
    this.slider.setAttribute("aria-valuetext", words);
    this.back.style.visibility = Math.abs(level - this.people.suggested) < STEP / 2 ? "hidden" : "";
    this.draw();
  }

  tell(groups) {
    const matched = groups.filter((group) => group.cameras.length > 1).length;
    const alone = groups.filter((group) => group.rows.length === 1).length;
    const links = groups.reduce((sum, group) => sum + group.rows.length - 1, 0);
    setText(this.counts, `${counted(groups.length, "person", "people")} · ${matched} seen by several cameras · ${alone} seen once`);
    setText(this.words, errorWords(this.people, this.level, links));
  }

  draw() {
    const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = this.canvas;
    if (!this.people || !clientWidth) return;
    const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas), inset = (THUMB_PX / 2) * ratio;
    const x = (level) => inset + ((level - this.least) / (1 - this.least)) * (width - 2 * inset);
    pen.clearRect(0, 0, width, height);
    const { edges, strangers, others } = this.people.histogram;
    for (const [counts, colour] of [[others, style.getPropertyValue("--others")], [strangers, style.getPropertyValue("--strangers")]]) {
      // Few matches beside very many strangers: by the logarithm, or they could not be seen.
      const most = Math.log1p(Math.max(1, ...counts));
      pen.fillStyle = colour;
      counts.forEach((count, bin) => {
        const high = (Math.log1p(count) / most) * (height - 4 * ratio), from = x(Math.max(edges[bin], this.least));
        // What lies under the level is not joined, and drawn pale.
        pen.globalAlpha = edges[bin] + 1e-9 >= this.level ? 0.85 : 0.4;
        if (count) pen.fillRect(from, height - high, Math.max(1, x(edges[bin + 1]) - from - ratio / 2), high);
      });
    }
    pen.globalAlpha = 1;
    this.line(pen, x(this.people.suggested), height, ratio, style.getPropertyValue("--line"), [4 * ratio, 3 * ratio]);
    this.line(pen, x(this.level), height, ratio, style.color, []);
  }

  line(pen, x, height, ratio, colour, dash) {
    pen.strokeStyle = colour;
    pen.lineWidth = 2 * ratio;
    pen.setLineDash(dash);
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
  }

  end() { this.sizes.disconnect(); }
}
