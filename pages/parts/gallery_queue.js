// The pairs most in doubt, one after the other, side by side. The next one comes at once: what was said goes on its way
// meanwhile, and comes back where it could not be obeyed.

const SAID = { same: "One person", different: "Two people", unsure: "Not sure" };
const KEYS = { y: "same", n: "different", u: "unsure", "?": "unsure" };

class Queue {
  constructor(place, gallery) {
    this.gallery = gallery;
    this.pairs = [];
    this.at = 0;
    this.box = el("dialog", { class: "queue", "aria-label": "Doubtful pairs" });
    this.box.addEventListener("close", () => this.gallery.back());
    this.box.onkeydown = (event) => this.press(event);
    place.append(this.box);
  }

  get isOpen() { return this.box.open; }

  // Those of the newest answer; rows are kept by camera and track, for a cut moves rows.
  begin() {
    const { people } = this.gallery;
    this.pairs = (people.answer?.doubts || []).map((doubt) => ({
      a: people.key(doubt.a), b: people.key(doubt.b), similarity: doubt.similarity, crops: doubt.crops, unsure: doubt.unsure, said: "", number: 0, fault: "",
    }));
    this.at = 0;
    if (!this.box.open) this.box.showModal();
    this.paint();
  }

  press(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) { event.preventDefault(); this.say(KEYS[event.key]); }
    if (event.key === "Backspace") { event.preventDefault(); this.undo(); }
  }

  get pair() { return this.pairs[this.at]; }

  say(what) {
    const { pair, gallery } = this, { people } = gallery;
    if (!pair) return;
    const [a, b] = [pair.a, pair.b].map((key) => people.sighting(people.rowOf.get(key)));
    pair.said = what;
    pair.fault = "";
    pair.number = gallery.act({ do: what, a, b }, `queue`);
    gallery.say(`${SAID[what]}. ${this.at + 2 <= this.pairs.length ? `Pair ${this.at + 2} of ${this.pairs.length}.` : "That was the last pair."}`);
    this.at++;
    this.skip();
    this.paint();
  }

  // What other answers have settled meanwhile, or what is not there any more, is not asked.
  skip() {
    const { people } = this.gallery;
    while (this.pair) {
      const [a, b] = [people.rowOf.get(this.pair.a), people.rowOf.get(this.pair.b)];
      if (a !== undefined && b !== undefined && (people.bundle[a] !== people.bundle[b] || this.pair.said)) return;
      this.at++;
    }
  }

  undo() {
    let last = this.at - 1;
    while (last >= 0 && !this.pairs[last].said) last--;
    if (last < 0) return;
    const pair = this.pairs[last];
    // One that was refused has left nothing to take back.
    if (!pair.fault) this.gallery.act({ do: "undo", of: pair.number }, "queue");
    Object.assign(pair, { said: "", fault: "" });
    this.at = last;
    this.gallery.say(`Taken back. Pair ${last + 1} of ${this.pairs.length}.`);
    this.paint();
  }

  // Words of a refusal, for the answer with this number.
  refuse(number, words) {
    const pair = this.pairs.find((one) => one.number === number);
    if (pair) pair.fault = words;
    if (pair && this.isOpen) this.paint();
    return Boolean(pair) && this.isOpen;
  }

  paint() {
    const { pair, pairs, at } = this;
    const refused = pairs.filter((one) => one.fault);
    const faults = refused.map((one) => el("p", { class: "fault", role: "alert" }, `${one.a.replace(":", ", track ")} and ${one.b.replace(":", ", track ")}: ${one.fault}`));
    const said = pairs.filter((one) => one.said && !one.fault).length;
    const head = el("div", { class: "line head" },
      el("h2", {}, pair ? `Is this one person? ${at + 1} of ${pairs.length}` : "Doubtful pairs"),
      el("button", { type: "button", class: "quiet", onclick: () => this.box.close() }, "Close (Esc)"));
    const progress = el("progress", { max: pairs.length || 1, value: pairs.length ? at : 1, "aria-label": "Pairs looked at" });
    if (!pair) {
      const words = !pairs.length ? "No pair is in doubt at this level." : `${counted(said, "pair")} answered. What you said holds at every level from now on.`;
      this.box.replaceChildren(head, progress, ...faults, el("p", {}, words), el("div", { class: "line" },
        el("button", { type: "button", class: "main", onclick: () => this.box.close() }, "Back to the gallery"),
        pairs.length ? el("button", { type: "button", onclick: () => this.begin() }, "Look for more") : null,
        said ? el("button", { type: "button", onclick: () => this.undo() }, "Undo the last answer (Backspace)") : null));
      this.box.querySelector("button.main").focus();
      return;
    }
    const answers = [["same", "y", "Same person"], ["different", "n", "Two people"], ["unsure", "?", "Not sure"]];
    this.box.replaceChildren(head, progress, ...faults,
      el("div", { class: "pair" }, this.side(pair.a, pair.crops[0]), this.side(pair.b, pair.crops[1])),
      el("p", { class: "why" }, this.why(pair)),
      el("div", { class: "line answers" },
        answers.map(([what, key, words]) => el("button", { type: "button", class: what, onclick: () => this.say(what) }, words, el("kbd", {}, key))),
        el("button", { type: "button", class: "quiet", disabled: !pairs.some((one) => one.said), onclick: () => this.undo() }, "Undo", el("kbd", {}, "Backspace"))));
    // The first answer is not focused: Enter by habit must not decide anything.
    this.box.tabIndex = -1;
    this.box.focus({ preventScroll: true });
  }

  why(pair) {
    const { people, level } = this.gallery, alike = pair.similarity.toFixed(2), enough = level.level.toFixed(2);
    const [a, b] = [pair.a, pair.b].map((key) => this.gallery.groupOf(people.rowOf.get(key)));
    const before = pair.unsure ? "You were not sure about them before. " : "";
    if (a === b) return `${before}Shown as one person, ${a.title}: the two sides of it are ${alike} alike, and ${enough} is enough.`;
    return `${before}Shown as two people, ${a.title} and ${b.title}: these are ${alike} alike, and ${enough} would be enough.`;
  }

  // One of the two, with the picture on which it is most like the other.
  side(key, file) {
    const { gallery } = this, { people } = gallery, row = people.rowOf.get(key), { rows } = people;
    const camera = people.camera(row), shots = rows.crops[row];
    const large = el("img", { class: "large", src: gallery.picture(camera, file), alt: `Picture of track ${rows.track[row]} by ${camera}` });
    return el("figure", {},
      large,
      el("figcaption", {}, el("strong", {}, camera), people.timed ? ` ${clock(rows.start[row])} to ${clock(rows.end[row])}` : "",
        el("br"), `${rows.upper[row] || "unknown"} above, ${rows.lower[row] || "unknown"} below`),
      el("div", { class: "line small" }, shots.slice(0, 6).map(([file, seconds]) => el("button", { type: "button", class: "crop",
        "aria-label": `Show the picture${people.timed ? ` at ${clock(seconds)}` : ""} large`, onclick: () => { large.src = gallery.picture(camera, file); } },
        el("img", { src: gallery.picture(camera, file), alt: "" })))));
  }
}
