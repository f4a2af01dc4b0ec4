// The picture under the drawing: any moment of the clip. While the slider moves one picture is on its way at a time,
// and after it the one that is wanted by then.

import { formatFrameTime, formatMoment } from "../shell/time.js";

export class Scrubber {
  // `onCommit` is called with seconds when the slider is let go.
  constructor(root, onCommit) {
    this.image = root.querySelector("img");
    this.range = root.querySelector(".scrub input[type=range]");
    this.output = root.querySelector("output");
    this.message = root.querySelector(".unseen");
    this.range.oninput = () => this.request(+this.range.value);
    this.range.onchange = () => onCommit(+this.range.value);
  }

  update(data) {
    this.clocks = data.clocks;
    if (this.address === data.stills) {
      this.describe(+this.range.value);
      return;
    }
    this.address = data.stills;
    this.camera = data.camera;
    const step = Math.max(0.1, Math.round((data.end - data.start) / 60) / 10);
    Object.assign(this.range, { min: data.start, max: data.end, step, value: data.moment });
    this.range.disabled = data.end <= data.start;
    this.request(+this.range.value);
  }

  request(seconds) {
    this.wanted = `${this.address}${Math.round(seconds * 1000)}.jpg`;
    this.describe(seconds);
    if (!this.loading) this.load();
  }

  // The time of day where the camera's clock is known, with the clip time beside it.
  describe(seconds) {
    const time = formatFrameTime(seconds), moment = formatMoment(this.clocks, this.camera, seconds, true);
    this.output.textContent = moment ? `${moment} (${time})` : time;
    this.range.setAttribute("aria-valuetext", `${moment && `${moment}, `}${time} of the clip`);
    this.image.alt = `${this.camera} at ${moment || time}`;
  }

  load() {
    if (this.wanted === this.image.getAttribute("src")) return;
    const address = this.wanted, loading = new Image();
    const finish = (message) => {
      this.loading = null;
      this.message.textContent = message;
      if (!message) this.image.src = address;
      if (this.wanted !== address) this.load();
    };
    loading.onload = () => finish("");
    loading.onerror = () => finish("This frame cannot be read. Choose another moment, or reload the page.");
    loading.src = address;
    this.loading = loading;
  }
}
