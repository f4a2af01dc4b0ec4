// The picture under the drawing: any moment of the clip. While the slider moves one picture is on its way at a time, and
// after it the one that is wanted by then.

class Scrubber {
  constructor(root, tell) {
    this.image = root.querySelector("img");
    this.range = root.querySelector(".scrub input[type=range]");
    this.shown = root.querySelector("output");
    this.unseen = root.querySelector(".unseen");
    this.range.oninput = () => this.want(+this.range.value);
    this.range.onchange = () => tell(+this.range.value);
  }

  show(data) {
    if (this.address === data.stills) return;
    this.address = data.stills;
    this.camera = data.camera;
    const step = Math.max(0.1, Math.round((data.end - data.start) / 60) / 10);
    Object.assign(this.range, { min: data.start, max: data.end, step, value: data.moment });
    this.range.disabled = data.end <= data.start;
    this.want(+this.range.value);
  }

  want(seconds) {
    this.wanted = `${this.address}${Math.round(seconds * 1000)}.jpg`;
    this.shown.textContent = clock(seconds);
    this.range.setAttribute("aria-valuetext", `${clock(seconds)} of the clip`);
    this.image.alt = `${this.camera} at ${clock(seconds)}`;
    if (!this.coming) this.load();
  }

  load() {
    if (this.wanted === this.image.getAttribute("src")) return;
    this.coming = new Image();
    const asked = this.coming.src = this.wanted;
    const done = (words) => {
      this.coming = null;
      this.unseen.textContent = words;
      if (!words) this.image.src = asked;
      if (this.wanted !== asked) this.load();
    };
    this.coming.onload = () => done("");
    this.coming.onerror = () => done("This picture cannot be read. Try another moment, or reload the page.");
  }
}
