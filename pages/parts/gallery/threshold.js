// The similarity threshold: a slider, on demand the distributions of similarity over it, and what its value means.

import { formatCount, formatSimilarity } from "../shell/text.js";
import { el, fitCanvas, focusedElement, setText } from "../shell/dom.js";
import { disclosureButton } from "./disclosure.js";
import { describeErrorRate } from "./error_rate.js";
import {
  isSuggested, lowestThreshold, parseThreshold, shareAlong, STEP, THUMB_PX, thumbPosition,
} from "./threshold_scale.js";

export class ThresholdPanel {
  // `onMove` is called while the slider moves, `onCommit` when it is let go (null: back to the suggestion). The tab
  // remembers under `storeKey` whether the histogram is shown.
  constructor({ place, storeKey, onMove, onCommit }) {
    Object.assign(this, { onMove, onCommit, element: place });
    this.build(storeKey);
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.canvas);
  }

  build(storeKey) {
    this.slider = el("input", {
      type: "range", step: STEP, class: "slider", "data-focus": "slider",
      "aria-label": "Similarity threshold", "aria-describedby": "meaning",
      oninput: () => this.move(+this.slider.value), onchange: () => this.commit(+this.slider.value),
    });
    this.box = el("input", {
      type: "number", step: STEP, class: "number", "aria-label": "Similarity threshold, as a number",
      oninput: () => { this.typing = true; }, onblur: () => { this.typing = false; }, onchange: () => this.takeTyped(),
    });
    this.canvas = el("canvas", { "aria-hidden": "true" });
    this.mark = el("i", { class: "mark", "aria-hidden": "true" });
    this.suggestion = el("span", {});
    this.back = el("button", { type: "button", class: "quiet", onclick: () => this.commit(null) });
    this.meaning = el("span", { class: "meaning", id: "meaning" });
    this.counts = el("span", { class: "counts" });
    this.histogram = el("div", { class: "histogram", id: "histogram" },
      el("div", { class: "legend" },
        el("span", { class: "key known-different" }, "known different"),
        el("span", { class: "key possible" }, "possible match"),
        el("span", { class: "quiet-words" }, "pairs of sightings, by similarity")), this.canvas);
    const toggle = disclosureButton({ label: "Histogram", part: this.histogram, key: storeKey, name: "histogram" });
    this.element.append(
      el("label", { class: "level" }, "Similarity threshold", this.box),
      el("div", { class: "spread" }, this.histogram, el("div", { class: "drawing" }, this.mark, this.slider)),
      this.counts, toggle,
      el("p", { class: "quiet-words explanation" }, this.meaning, " ", this.suggestion, " ", this.back));
  }

  // Once somebody reviews, the threshold stays; a new suggestion is only offered.
  setPeople(people, threshold, reviewed = false) {
    const { histogram, suggested } = people;
    this.people = people;
    this.lowest = lowestThreshold(histogram, suggested);
    for (const input of [this.slider, this.box]) Object.assign(input, { min: this.lowest, max: 1 });
    const text = formatSimilarity(suggested);
    this.mark.style.left = thumbPosition(suggested, this.lowest);
    this.offered = reviewed ? `The clips now suggest ${text}.` : "";
    setText(this.back, reviewed ? "Use it" : `Back to the suggested ${text}`);
    this.set(threshold);
  }

  move(threshold) {
    this.set(threshold);
    this.onMove(threshold);
  }

  commit(threshold) {
    this.move(threshold ?? this.people.suggested);
    this.onCommit(threshold);
  }

  takeTyped() {
    this.typing = false;
    const threshold = parseThreshold(this.box.value, this.lowest);
    if (threshold === null) this.set(this.value);
    else this.commit(threshold);
  }

  set(threshold) {
    this.value = threshold;
    this.slider.value = threshold;
    const text = formatSimilarity(threshold);
    // Python's answer to an older threshold may come while a number is being typed.
    const edited = focusedElement(this.box) === this.box && +this.box.value === threshold;
    if (!this.typing && !edited) this.box.value = text;
    this.slider.setAttribute("aria-valuetext", text);
    this.back.hidden = isSuggested(threshold, this.people.suggested);
    setText(this.suggestion, this.back.hidden ? "This is the suggested threshold." : this.offered);
    this.draw();
  }

  // How many people there are at the threshold, and how many of their links are expected to be wrong.
  describe(groups) {
    const people = groups.filter((group) => !group.isThing), things = groups.length - people.length;
    const matched = people.filter((group) => group.cameras.length > 1).length;
    const alone = people.filter((group) => group.rows.length === 1).length;
    const links = people.reduce((sum, group) => sum + group.rows.length - 1, 0);
    const counts = [
      formatCount(people.length, "person", "people"), `${matched} seen by several cameras`, `${alone} seen once`,
      ...(things ? [formatCount(things, "probable thing")] : []),
    ];
    setText(this.counts, counts.join(" · "));
    setText(this.meaning, describeErrorRate(this.people, this.value, links));
  }

  draw() {
    if (!this.people || !this.canvas.clientWidth) return;
    const { ratio } = fitCanvas(this.canvas), { width, height } = this.canvas, inset = (THUMB_PX / 2) * ratio;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const xOf = (threshold) => inset + shareAlong(threshold, this.lowest) * (width - 2 * inset);
    pen.clearRect(0, 0, width, height);
    const { known_different: knownDifferent, possible } = this.people.histogram;
    this.drawHistogram(pen, possible, style.getPropertyValue("--possible"), xOf, ratio);
    this.drawHistogram(pen, knownDifferent, style.getPropertyValue("--known-different"), xOf, ratio);
    const dashes = [4 * ratio, 3 * ratio];
    drawLine(pen, xOf(this.people.suggested), ratio, style.getPropertyValue("--line"), dashes);
    drawLine(pen, xOf(this.value), ratio, style.color, []);
  }

  drawHistogram(pen, counts, colour, xOf, ratio) {
    const { edges } = this.people.histogram, { height } = this.canvas;
    // There are few matches beside very many different pairs: without the logarithm they would be invisible.
    const most = Math.log1p(Math.max(1, ...counts));
    pen.fillStyle = colour;
    counts.forEach((count, bin) => {
      const barHeight = (Math.log1p(count) / most) * (height - 4 * ratio);
      const from = xOf(Math.max(edges[bin], this.lowest)), width = Math.max(1, xOf(edges[bin + 1]) - from - ratio / 2);
      // What lies under the threshold is not joined, and drawn pale.
      pen.globalAlpha = edges[bin] + 1e-9 >= this.value ? 0.85 : 0.4;
      if (count) pen.fillRect(from, height - barHeight, width, barHeight);
    });
    pen.globalAlpha = 1;
  }

  destroy() { this.sizes.disconnect(); }
}

function drawLine(pen, x, ratio, colour, dashes) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2 * ratio;
  pen.setLineDash(dashes);
  pen.beginPath();
  pen.moveTo(x, 0);
  pen.lineTo(x, pen.canvas.height);
  pen.stroke();
}
