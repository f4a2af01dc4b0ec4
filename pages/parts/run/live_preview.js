// A run while it works: its latest picture, and what it takes of the machine over time.

import { svgElement } from "../shell/dom.js";
import { mounter } from "../shell/mounting.js";
import { areaPoints, linePoints } from "./usage_line.js";

class LivePreview {
  constructor(root) {
    const find = (selector) => root.querySelector(selector);
    [this.image, this.hint, this.usage] = ["img", "p", ".usage"].map(find);
  }

  update({ data }) {
    this.showPicture(data.picture);
    this.usage.hidden = !data.at.length;
    if (this.usage.hidden) return;
    const captions = this.usage.querySelectorAll("figcaption"), drawings = this.usage.querySelectorAll("svg");
    [[data.cpu, data.cpu_text], [data.memory, data.memory_text]].forEach(([shares, text], index) => {
      captions[index].textContent = text;
      drawLine(drawings[index], data.at, shares, `${text}, ${data.span_words}`);
    });
  }

  // Shown once it is there, so that nothing flickers.
  showPicture(address) {
    if (!address || this.address === address) return;
    this.address = address;
    const next = new Image();
    next.onload = () => {
      this.image.src = address;
      this.image.hidden = false;
      this.hint.hidden = true;
    };
    next.src = address;
  }

  destroy() { this.address = null; }
}

function drawLine(svg, at, shares, label) {
  const points = linePoints(at, shares);
  svg.replaceChildren(
    svgElement("polygon", { points: areaPoints(points).join(" ") }),
    svgElement("polyline", { points: points.join(" ") }));
  svg.setAttribute("aria-label", label);
}

export const mount = mounter(".live-preview", (root) => new LivePreview(root));
