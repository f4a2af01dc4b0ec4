// What is shown, and in which order; and, where nothing is, which filter hides it.

const ORDERS = {
  "first seen": (a, b) => a.first - b.first || a.number - b.number,
  "most cameras": (a, b) => b.cameras.length - a.cameras.length || a.number - b.number,
  "most alike": (a, b, told) => (told(b).similarity ?? -2) - (told(a).similarity ?? -2) || a.number - b.number,
  "most doubtful": (a, b, told) => doubt(told(b)) - doubt(told(a)) || a.number - b.number,
  "seen longest": (a, b) => b.seconds - a.seconds || a.number - b.number,
};
const STATUSES = { alone: "○", candidate: "◔", doubtful: "?", confirmed: "✓" };
const NOTHING = { camera: "", colour: "", status: "", from: "", to: "", text: "", matched: false };

const doubt = (told) => (told.status === "doubtful" ? 10 : 0) - Math.min(9, told.margin);

// "1:30" or "90" in seconds; null where that is no time.
function secondsOf(words) {
  if (!/^\d+(:\d{1,2}){0,2}(\.\d+)?$/.test(words.trim())) return null;
  return words.trim().split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
}

class Filters {
  constructor(place, store, changed) {
    this.store = store;
    this.chosen = { ...NOTHING };
    this.order = "first seen";
    try {
      const kept = JSON.parse(sessionStorage.getItem(store) || "{}");
      for (const name of Object.keys(NOTHING)) if (typeof kept[name] === typeof NOTHING[name]) this.chosen[name] = kept[name];
      if (kept.order in ORDERS) this.order = kept.order;
    } catch { /* A browser may keep nothing. */ }
    this.changed = () => { this.keep(); changed(); };
    this.controls = {};
    this.search = this.field("text", { type: "search", placeholder: "Name, number, note, camera", "data-focus": "search" });
    this.shown = el("span", { class: "shown", role: "status" });
    this.clear = el("button", { type: "button", class: "quiet", onclick: () => this.drop() }, "Clear filters");
    this.orders = el("select", { onchange: () => { this.order = this.orders.value; this.changed(); } },
      Object.keys(ORDERS).map((name) => el("option", { value: name, selected: name === this.order }, name)));
    place.append(
      labelled("Sort by", this.orders), labelled("Search", this.search),
      labelled("Camera", this.choice("camera")), labelled("Colour", this.choice("colour")),
      labelled("Status", this.choice("status")),
      this.times = el("span", { class: "times" },
        labelled("Seen from", this.field("from", { placeholder: "m:ss", size: 5, inputmode: "numeric" })),
        labelled("to", this.field("to", { placeholder: "m:ss", size: 5, inputmode: "numeric" }))),
      el("label", { class: "tick" }, this.tick("matched"), "Several cameras only"),
      this.shown, this.clear);
  }

  field(name, about) {
    const input = el("input", { type: "text", autocomplete: "off", value: this.chosen[name], ...about });
    input.oninput = () => { this.chosen[name] = input.value; this.changed(); };
    return this.controls[name] = input;
  }

  tick(name) {
    const input = el("input", { type: "checkbox" });
    input.checked = this.chosen[name];
    input.onchange = () => { this.chosen[name] = input.checked; this.changed(); };
    return this.controls[name] = input;
  }

  choice(name) {
    const select = el("select", {});
    select.onchange = () => { this.chosen[name] = select.value; this.changed(); };
    return this.controls[name] = select;
  }

  show(people) {
    this.times.hidden = !people.timed;
    const colours = [...new Set([...people.rows.upper, ...people.rows.lower].flatMap((w) => w.split(" and ")))].filter(Boolean).sort();
    this.offer("camera", "all", people.cameras.map((name) => [name, name]));
    this.offer("colour", "any", colours.map((name) => [name, name]));
    this.offer("status", "any", Object.entries(STATUSES).map(([name, sign]) => [name, `${sign} ${name}`]));
    this.people = people;
  }

  offer(name, any, values) {
    // What was filtered by and is not there any more is no filter.
    if (!values.some(([value]) => value === this.chosen[name])) this.chosen[name] = "";
    this.controls[name].replaceChildren(el("option", { value: "" }, any),
      ...values.map(([value, words]) => el("option", { value, selected: value === this.chosen[name] }, words)));
  }

  // The filters in force: a name in words, and whom it lets pass.
  tests() {
    const { camera, colour, status, from, to, text, matched } = this.chosen, { people } = this;
    const start = people.timed ? secondsOf(from) : null, end = people.timed ? secondsOf(to) : null;
    for (const [name, seconds] of [["from", start], ["to", end]]) {
      this.controls[name].setAttribute("aria-invalid", Boolean(this.chosen[name].trim()) && seconds === null);
    }
    const found = {};
    const number = people.cameras.indexOf(camera), words = text.trim().toLowerCase();
    if (words) found.text = [`search “${text.trim()}”`, (g) => g.says(words)];
    if (camera) found.camera = [`camera ${camera}`, (g) => g.cameras.includes(number)];
    if (colour) found.colour = [`colour ${colour}`, (g) => g.wears(colour)];
    if (status) found.status = [`status ${status}`, (g) => people.told(g).status === status];
    if (start !== null) found.from = [`from ${from.trim()}`, (g) => g.rows.some((row) => people.extent([row])[1] >= start)];
    if (end !== null) found.to = [`to ${to.trim()}`, (g) => g.rows.some((row) => people.extent([row])[0] <= end + 1)];
    if (matched) found.matched = ["several cameras only", (g) => g.cameras.length > 1];
    return found;
  }

  // Who is shown, in order.
  pass(groups) {
    const tests = this.tests(), all = Object.values(tests);
    const kept = all.length ? groups.filter((group) => all.every(([, passes]) => passes(group))) : groups.slice();
    const told = (group) => this.people.told(group);
    kept.sort((a, b) => ORDERS[this.order](a, b, told));
    this.clear.hidden = !all.length;
    const words = kept.length === groups.length ? "" : `${kept.length} of ${groups.length} shown`;
    setText(this.shown, words);
    return kept;
  }

  // Nobody passes: what each filter hides by itself, with a button to leave it out.
  nobody(groups) {
    const tests = this.tests();
    const buttons = Object.entries(tests).map(([name, [words]]) => {
      const others = Object.entries(tests).filter(([other]) => other !== name).map(([, [, passes]]) => passes);
      const left = groups.filter((group) => others.every((passes) => passes(group))).length;
      return el("button", { type: "button", onclick: () => this.drop(name) },
        `Without ${words}: ${left ? `${left} shown` : "still nobody"}`);
    });
    return el("div", { class: "nobody" }, el("p", {}, "Nobody passes these filters together."), el("div", { class: "line" }, buttons));
  }

  drop(name) {
    for (const one of name ? [name] : Object.keys(NOTHING)) {
      this.chosen[one] = NOTHING[one];
      if (one === "matched") this.controls[one].checked = false; else this.controls[one].value = NOTHING[one];
    }
    this.changed();
    this.search.focus();
  }

  keep() {
    try {
      sessionStorage.setItem(this.store, JSON.stringify({ ...this.chosen, order: this.order }));
    } catch { /* A browser may keep nothing. */ }
  }
}

const labelled = (words, control) => el("label", {}, words, control);
