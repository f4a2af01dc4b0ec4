// One row or tile per person, painted again only where something changed.

import { el, focusedElement } from "../shell/dom.js";
import { formatCount, formatSimilarity, personName } from "../shell/text.js";
import { VirtualList } from "../shell/virtual_list.js";
import { clothing, statusText } from "./filter_rules.js";
import { factList, faultContent, statusBadge, timeline } from "./person_parts.js";
import { tileContent } from "./tile.js";

const BRIEF = 3;
const GAP_PX = 8;
// How the list begins in each view, until rows are measured.
const SHAPES = { "full rows": { estimate: 150 }, compact: { estimate: 64 }, tiles: { estimate: 200, columnPx: 136 } };
const THING_HELP = "Probably no person: compared with nobody.";
const CUT_HINT = "Two people in one track? Click a crop, go to the moment where it changes, and cut the track there.";

export class PeopleRows {
  // `on` has a function for each thing that a user does in a row; `pendingText(place)` is not empty where Python
  // has not processed something yet; `pictureAddress(file)` and `colorOf(number)` say how people are pictured.
  constructor({ place, state, on, pendingText, pictureAddress, colorOf }) {
    Object.assign(this, { state, on, pendingText, pictureAddress, colorOf });
    this.list = new VirtualList({
      label: "People", keyOf: (group) => group.number, ...SHAPES["full rows"], gap: GAP_PX,
      isWide: (group) => !this.isTile(group),
      create: () => this.create(), render: (group, element) => this.paint(group, element),
    });
    place.append(this.list.element);
  }

  create() {
    const element = el("div", { class: "person", tabindex: -1 });
    element.addEventListener("focusin", () => { this.state.current = element.group; });
    return element;
  }

  update(groups, view) {
    if (view !== this.view) this.list.setShape(SHAPES[view]);
    this.view = view;
    this.list.update(groups);
  }

  // Whoever is open, or could not be changed, is a row among the tiles.
  isTile(group) {
    return this.view === "tiles" && !this.state.isExpanded(group) && !this.state.failures.has(group.id);
  }

  focus(group) { this.list.focus(group); }

  find(group, selector) { return this.list.elementOf(group)?.querySelector(selector); }

  // Other data: nothing painted holds any more.
  invalidate() {
    for (const element of this.list.elements.values()) element.signature = "";
  }

  // All that the row depends on, as text.
  signatureOf(group) {
    const { state } = this, facts = state.people.factsOf(group), expanded = state.isExpanded(group);
    return [
      group.key, group.name, group.note, facts.status, facts.similarity, expanded, state.selected.has(group.id),
      state.failures.get(group.id)?.message, expanded && state.tickedRows(group), this.pendingText(group.id),
      this.editedField(group), this.isTile(group), group.isThing,
    ].join("|");
  }

  editedField(group) { return this.state.editing?.id === group.id ? this.state.editing.field : ""; }

  paint(group, element) {
    element.group = group;
    const signature = this.signatureOf(group);
    if (element.signature === signature) return;
    element.signature = signature;
    const focused = element.isConnected ? focusedElement(element) : null;
    const focusName = element.contains(focused) ? focused.dataset.focus || "row" : "";
    const typed = focusName === "writing" ? focused.value : null;
    this.fill(group, element);
    if (focusName) {
      const target = focusName !== "row" && element.querySelector(`[data-focus="${CSS.escape(focusName)}"]`);
      (target || element).focus({ preventScroll: true });
    }
    const input = element.querySelector(".writing");
    if (input && typed !== null) input.value = typed;
  }

  fill(group, element) {
    const { state } = this, facts = state.people.factsOf(group), isTile = this.isTile(group);
    const pending = this.pendingText(group.id);
    const seen = `${formatCount(group.rows.length, "sighting")} by ${formatCount(group.cameras.length, "camera")}`;
    element.setAttribute("aria-label", `${group.title}, ${statusText(facts.status)}, ${seen}`);
    element.setAttribute("aria-busy", Boolean(pending));
    element.dataset.status = facts.status;
    element.dataset.open = state.isExpanded(group);
    element.classList.toggle("picked", state.selected.has(group.id));
    element.classList.toggle("tile", isTile);
    element.replaceChildren(...(isTile ? tileContent({
      group, facts, pending, people: state.people, tick: this.tickPerson(group), pictureAddress: this.pictureAddress,
      onOpen: () => this.on.expand(group),
    }) : this.rowContent(group, facts, pending)));
  }

  rowContent(group, facts, pending) {
    const { state } = this, expanded = state.isExpanded(group), failure = state.failures.get(group.id);
    return [
      this.identity(group, facts), this.lanes(group, expanded),
      el("div", { class: "facts" }, factList(group, facts, state.people),
        state.people.timed ? timeline(group, state.people, this.colorOf(group.number)) : null),
      this.actions(group, facts, expanded, pending), ...(expanded ? [this.tools(group)] : []),
      ...(failure ? [el("p", { class: "fault", role: "alert" }, faultContent(failure, this.on.playMoment))] : []),
    ];
  }

  tickPerson(group) {
    const tick = el("input", {
      type: "checkbox", "aria-label": `Select ${group.title}`, "data-focus": "tick",
      onchange: () => this.on.select(group),
    });
    tick.checked = this.state.selected.has(group.id);
    return tick;
  }

  identity(group, facts) {
    const field = this.editedField(group);
    const name = field === "name" ? this.textBox(group, "name", "Name") : el("button", {
      type: "button", class: "name", "data-focus": "name", title: "Rename", onclick: () => this.on.edit(group, "name"),
    }, group.title);
    const note = group.note ? el("div", { class: "note" }, group.note) : null;
    return el("div", { class: "identity" },
      el("div", { class: "line" }, this.tickPerson(group), name,
        group.name ? el("span", { class: "quiet-words" }, personName(group.number)) : null),
      group.aliases.length
        ? el("div", { class: "quiet-words" }, `was ${group.aliases.map(personName).join(", ")}`) : null,
      statusBadge(facts.status),
      group.isThing ? el("div", { class: "quiet-words" }, THING_HELP) : null,
      el("div", { class: "quiet-words" }, formatCount(group.rows.length, "sighting"), " ", el("br"),
        formatCount(group.cameras.length, "camera")),
      field === "note" ? this.textBox(group, "note", "Note") : note);
  }

  textBox(group, field, label) {
    const before = group[field];
    const input = el("input", {
      type: "text", class: "writing", "data-focus": "writing", maxlength: field === "name" ? 80 : 500,
      "aria-label": `${label} of ${group.title}`, placeholder: label, value: before,
    });
    const finish = (accepted) => {
      if (this.state.editing) this.on.write(group, field, accepted ? input.value.trim() : before, before);
    };
    input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault();
      finish(event.key === "Enter");
    };
    // Leaving the box accepts the text; only Escape does not. A repaint takes the box away, which is no leaving.
    input.onblur = () => setTimeout(() => {
      if (input.isConnected && focusedElement(input) !== input) finish(true);
    });
    return input;
  }

  lanes(group, expanded) {
    const { people } = this.state, several = group.cameras.length > 2;
    return el("div", { class: "lanes" }, group.cameras.map((camera) => {
      const rows = group.rows.filter((row) => people.rows.camera[row] === camera);
      const more = rows.length > BRIEF ? el("span", { class: "quiet-words" }, `+${rows.length - BRIEF}`) : null;
      return el("div", { class: "lane" },
        el("div", { class: "camera" }, people.cameras[camera]),
        expanded ? el("div", { class: "line" }, rows.map((row) => this.sighting(group, row)))
          : el("div", { class: "line" }, this.bestCrops(rows, several), more));
    }));
  }

  // The best picture of each sighting; where there is room, the two best of a single one, in the order of time.
  bestCrops(rows, several) {
    const { crops } = this.state.people.rows;
    if (rows.length === 1 && !several) return this.cropsInOrder(rows[0], crops[rows[0]].slice(0, 2));
    const shown = rows.slice(0, BRIEF).filter((row) => crops[row][0]);
    return shown.map((row) => this.crop(row, crops[row][0]));
  }

  cropsInOrder(row, crops) {
    return [...crops].sort((a, b) => a[1] - b[1]).map((crop) => this.crop(row, crop));
  }

  crop(row, [file, seconds]) {
    const { people } = this.state, camera = people.camera(row), { timed } = people;
    const time = timed ? people.time(row, seconds) : "", clipTime = people.clipTime(seconds);
    const title = timed ? `Play ${camera} at ${time}${clipTime && ` (${clipTime} of the clip)`}` : camera;
    return el("button", {
      type: "button", class: "crop", "data-focus": file, title, disabled: !timed,
      "aria-label": timed ? title : `Crop from ${camera}`, onclick: () => this.on.play(row, seconds),
    }, el("img", { src: this.pictureAddress(file), alt: "", loading: "lazy", decoding: "async" }),
    time ? el("span", {}, time) : null);
  }

  sighting(group, row) {
    const { people } = this.state, { rows } = people, key = people.key(row), several = group.rows.length > 1;
    const span = [rows.start[row], rows.end[row]];
    const time = people.timed ? span.map((seconds) => people.time(row, seconds)).join(" to ") : "time unknown";
    const clipTimes = people.timed ? span.map((seconds) => people.clipTime(seconds)).filter(Boolean).join(" to ") : "";
    const title = `Track ${rows.track[row]}`;
    const reject = el("button", {
      type: "button", class: "quiet", "data-focus": `reject ${key}`, title: "Remove this sighting from the person (x)",
      onclick: () => this.on.reject(group, row),
    }, "Not this person");
    const label = `${title} of ${people.camera(row)}, ${time}`;
    return el("section", { class: "sighting", "data-key": key, "aria-label": label },
      el("div", { class: "line" }, several ? this.tickBox(row, title) : el("span", {}, title),
        el("span", { class: "quiet-words" }, time,
          clipTimes ? el("small", {}, ` (${clipTimes} of the clip)`) : null)),
      el("div", { class: "line" }, this.cropsInOrder(row, rows.crops[row])),
      el("div", { class: "quiet-words" }, clothing(rows.upper[row], rows.lower[row]),
        several && people.isAnswered(group) ? this.comparison(row) : null),
      several ? el("div", { class: "line" }, reject) : null);
  }

  tickBox(row, title) {
    const key = this.state.people.key(row);
    const tick = el("input", { type: "checkbox", "data-focus": `part ${key}`, onchange: () => this.on.tick(row) });
    tick.checked = this.state.ticked.has(key);
    return el("label", { class: "tick" }, tick, title);
  }

  // How alike a sighting is to the others of the person, and to the person most alike beside them.
  comparison(row) {
    const { similarity, rival, rival_similarity: rivalSimilarity } = this.state.people.answer, parts = [];
    if (similarity[row] !== null) parts.push(` · ${formatSimilarity(similarity[row])} similar to the others`);
    if (rival[row]) {
      const title = this.state.groupNumbered(rival[row])?.title || personName(rival[row]);
      parts.push(` · ${formatSimilarity(rivalSimilarity[row])} similar to ${title}`);
    }
    return parts.join("");
  }

  actions(group, facts, expanded, pending) {
    const confirmed = facts.status === "confirmed";
    const confirm = el("button", {
      type: "button", "data-focus": "confirm", disabled: confirmed || Boolean(pending),
      title: confirmed ? "You have confirmed this person" : "All sightings are the same person (c)",
      onclick: () => this.on.confirm(group),
    }, confirmed ? "Confirmed" : "Confirm");
    const mark = group.isThing ? this.markButton(group, "This is a person", "Compare it with the people (t)") : null;
    const find = group.isThing ? null : el("button", {
      type: "button", class: "find", "data-focus": "find", title: "Who looks most like this person elsewhere? (f)",
      "aria-label": `Find ${group.title} in other cameras`, onclick: () => this.on.findLookalikes(group),
    }, "Find in other cameras");
    return el("div", { class: "actions" },
      group.rows.length > 1 && !group.isThing ? confirm : null, mark, find,
      el("button", {
        type: "button", class: "quiet", "data-focus": "open", "aria-expanded": String(expanded),
        title: "All crops (Enter)", onclick: () => this.on.expand(group),
      }, expanded ? "Show less" : "Show all"),
      pending ? el("span", { class: "quiet-words" }, pending) : null);
  }

  markButton(group, label, title) {
    return el("button", { type: "button", "data-focus": "mark", title, onclick: () => this.on.mark(group) }, label);
  }

  // What can be done with a person whose sightings are all shown.
  tools(group) {
    const ticked = this.state.tickedRows(group), all = ticked.length === group.rows.length;
    const button = (name, label, act) => el("button", { type: "button", "data-focus": name, onclick: act }, label);
    const split = el("button", {
      type: "button", "data-focus": "split", disabled: !ticked.length || all,
      title: "Make the ticked sightings a separate person", onclick: () => this.on.split(group, ticked),
    }, ticked.length ? `Split off ${formatCount(ticked.length, "sighting")}` : "Split off ticked sightings");
    const hint = (text) => el("span", { class: "quiet-words" }, text);
    return el("div", { class: "line tools" },
      button("rename", "Rename", () => this.on.edit(group, "name")),
      button("note", group.note ? "Edit note" : "Add note", () => this.on.edit(group, "note")),
      group.rows.length > 1 ? split : null,
      group.isThing ? null : this.markButton(group, "This is no person", "It is a thing: list it last (t)"),
      all ? hint("Leave at least one sighting unticked.") : null,
      this.state.people.timed ? hint(CUT_HINT) : null);
  }

  destroy() { this.list.destroy(); }
}
