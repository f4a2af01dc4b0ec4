// The gallery: draws the run's people from two routes, and tells Python what the user says: numbered, until it is heard.

const SETTLE_MS = 150;
class Gallery extends Deeds {
  constructor(root, data) {
    super();
    this.root = root;
    this.open = new Set();
    this.picked = new Set();
    this.parts = new Set();
    this.groups = [];
    this.shown = [];
    this.build(data);
    this.keys = new Keys(this);
  }

  build(data) {
    const at = (name) => this.root.appendChild(el("div", { class: name }));
    this.spoken = el("div", { class: "spoken", role: "status", "aria-live": "polite" });
    this.root.append(this.spoken);
    this.waiting = this.root.appendChild(el("p", { class: "waiting" }, "Loading the people…"));
    this.top = at("top");
    this.level = new Level(this.top, () => this.soon(), (level) => this.settled(level));
    this.bar = at("bar");
    this.review = el("button", { type: "button", class: "main", "data-focus": "review", onclick: () => this.queue.begin() });
    this.undo = el("button", { type: "button", onclick: () => this.takeBack("undo") });
    this.redo = el("button", { type: "button", onclick: () => this.takeBack("redo") });
    this.help = el("dialog", { class: "help", "aria-label": "Keys" }, el("h2", {}, "Keys"),
      el("dl", {}, HELP.flatMap(([key, words]) => [el("dt", {}, key), el("dd", {}, words)])),
      el("button", { type: "button", class: "main", onclick: () => this.help.close() }, "Close"));
    this.bar.append(this.review, this.undo, this.redo,
      el("button", { type: "button", class: "quiet", onclick: () => this.help.showModal() }, "Keys", el("kbd", {}, "?")));
    this.fault = this.root.appendChild(el("p", { class: "fault", role: "alert" }));
    this.filters = new Filters(at("filters"), `sightline gallery ${data.case}`, () => this.arrange());
    this.nobody = at("nothing");
    this.rows = new Rows(this.root, this);
    this.tray = at("tray");
    this.queue = new Queue(this.root, this);
    this.root.append(this.help);
    for (const part of [this.top, this.bar, this.filters.search.closest(".filters")]) part.hidden = true;
  }

  // What Python says: addresses, what it has heard, what can be undone.
  show(data, tell) {
    const old = this.data;
    this.data = data;
    this.tell = tell;
    this.hear(data.heard);
    if (old && old.undo !== data.undo && data.undo) this.say(`Done: ${data.undo}.`);
    for (const [button, verb, words] of [[this.undo, "Undo", data.undo], [this.redo, "Redo", data.redo]]) {
      setText(button, words ? `${verb}: ${words}` : verb);
      button.disabled = !words;
      button.title = words ? `${verb}: ${words}` : `Nothing to ${verb.toLowerCase()}`;
    }
    if (!old || old.people !== data.people || old.levels !== data.levels) this.load(!this.people);
    else if (old.threshold !== data.threshold && !this.outbox.some((act) => act.do === "level")) this.set(data.threshold);
    else if (this.people) this.refresh();
  }

  async json(address) {
    const answer = await fetch(address);
    const content = await answer.json();
    if (!answer.ok) throw new Error(content.error);
    return content;
  }

  get threshold() { return this.level.level; }

  async load(first) {
    const { data } = this;
    try {
      const level = first ? null : this.threshold;
      const [content, answer] = await Promise.all([this.json(data.people), first ? null : this.json(this.levels(level))]);
      if (this.data.people !== data.people || !this.root.isConnected) return;
      this.people = new People(content);
      if (answer) this.people.learn(level, answer);
      this.rows.forget();
      this.tidy();
      this.filters.show(this.people);
      for (const part of [this.top, this.bar, this.filters.search.closest(".filters")]) part.hidden = false;
      this.waiting.hidden = true;
      this.set(this.outbox.some((act) => act.do === "level") ? this.threshold : data.threshold);
      this.follow();
    } catch (fault) {
      if (this.data.people !== data.people) return;
      this.waiting.hidden = false;
      this.waiting.replaceChildren(`The people cannot be loaded: ${fault.message} `, el("button", { type: "button", onclick: () => this.load(first) }, "Try again"));
    }
  }

  levels(level) { return `${this.data.levels}${this.data.levels.includes("?") ? "&" : "?"}t=${level}`; }

  set(threshold) {
    if (!this.people) return;
    this.level.show(this.people, threshold ?? this.people.suggested);
    this.refresh();
  }

  soon() {
    this.due ??= requestAnimationFrame(() => { this.due = undefined; this.refresh(); });
  }

  // Groups as they are at the level; Python is asked about doubts when the slider rests.
  refresh() {
    const { people } = this;
    if (!people) return;
    this.groups = people.at(this.threshold);
    this.within = [];
    for (const group of this.groups) for (const row of group.rows) this.within[row] = group;
    this.level.tell(this.groups);
    this.arrange();
    if (people.asked === this.threshold) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.ask(), people.asked === undefined ? 0 : SETTLE_MS);
  }

  async ask() {
    const { people, threshold } = this;
    if (people.answer && people.answered === threshold) return;
    people.asked = threshold;
    try {
      const answer = await this.json(this.levels(threshold));
      if (this.people !== people || this.threshold !== threshold) return;
      people.answered = threshold;
      people.learn(threshold, answer);
      setText(this.fault, "");
      this.arrange();
    } catch {
      people.asked = null;
      setText(this.fault, "Similarities and doubts cannot be loaded at this level. Move the slider to try again.");
    }
  }

  arrange() {
    if (!this.people) return;
    const held = this.root.getRootNode().activeElement, within = held?.closest?.(".person");
    this.shown = this.filters.pass(this.groups);
    this.nobody.replaceChildren(...(this.groups.length && !this.shown.length ? [this.filters.nobody(this.groups)] : []));
    this.rows.show(this.shown);
    const doubts = this.people.answer?.doubts.length, none = this.people.answer ? "No doubtful pairs" : "Looking for doubtful pairs…";
    setText(this.review, doubts ? `Look at the ${doubts > 1 ? `${doubts} most doubtful pairs` : "most doubtful pair"}` : none);
    this.review.disabled = !doubts;
    this.paintTray();
    if (within && !within.isConnected && this.current) this.stepTo(this.groupOf(this.people.rowOf.get(this.current.id)));
    performance.mark("gallery arranged");
  }

  // What is selected and not there any more is forgotten.
  tidy() {
    for (const held of [this.picked, this.parts, this.open]) {
      for (const key of held) if (!this.people.rowOf.has(key)) held.delete(key);
    }
  }

  groupOf(row) { return this.within?.[row]; }

  titleOf(number) { return this.groups.find((group) => group.number === number)?.title || personName(number); }

  colour(number) { return this.data.palette[(number - 1) % this.data.palette.length]; }

  picture(camera, file) { return `${this.data.crops}/${file.split("/").map(encodeURIComponent).join("/")}`; }

  say(words) { this.spoken.textContent = words; }

  // By any of the sightings: the first may have gone to somebody else meanwhile.
  isOpen(group) { return this.open.size > 0 && group.rows.some((row) => this.open.has(this.people.key(row))); }

  expand(group) {
    if (this.isOpen(group)) for (const row of group.rows) this.open.delete(this.people.key(row));
    else this.open.add(group.id);
    this.arrange();
  }

  pick(group) { this.turn(this.picked, group.id); }

  part(row) { this.turn(this.parts, this.people.key(row)); }

  turn(set, key) {
    if (!set.delete(key)) set.add(key);
    this.arrange();
  }

  paintTray() {
    const groups = this.chosen(), sign = groups.map((group) => group.id).join();
    if (this.tray.dataset.sign === sign) return;
    this.tray.dataset.sign = sign;
    this.tray.replaceChildren(...(!groups.length ? [] : [
      el("span", {}, `${counted(groups.length, "person", "people")} selected: ${groups.slice(0, 5).map((group) => group.title).join(", ")}${groups.length > 5 ? "…" : ""}`),
      el("button", { type: "button", class: "main", disabled: groups.length < 2, title: groups.length < 2 ? "Select one more" : "They are one person (m)", onclick: () => this.merge() }, "Merge", el("kbd", {}, "m")),
      el("button", { type: "button", class: "quiet", onclick: () => { this.picked.clear(); this.arrange(); } }, "Clear"),
    ]));
  }

  stand(group) { this.current = group; }

  stepTo(group) {
    if (!group) return;
    this.current = group;
    this.rows.focus(group);
  }

  // To the one who was worked on, wherever they are shown now; unless somebody has gone elsewhere meanwhile.
  follow() {
    const row = this.people.rowOf.get(this.followed), held = this.root.getRootNode().activeElement;
    this.followed = undefined;
    if (row !== undefined && (!held || held === document.body || held.closest(".person"))) this.stepTo(this.groupOf(row));
  }

  step(by) {
    const at = this.shown.findIndex((group) => group.number === this.current?.number);
    const next = at < 0 ? (by > 0 ? 0 : this.shown.length - 1) : Math.min(this.shown.length - 1, Math.max(0, at + by));
    this.stepTo(this.shown[next]);
  }

  back() { this.review.focus({ preventScroll: true }); }

  end() {
    this.keys.close();
    clearTimeout(this.rest);
    cancelAnimationFrame(this.due);
    this.rows.close();
    this.level.end();
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".gallery");
  root.gallery ??= new Gallery(root, data);
  root.gallery.show(data, setStateValue);
  return () => { root.gallery?.end(); root.gallery = undefined; root.replaceChildren(); };
}
