// Search, filters, order and view of the list; and, where nobody passes, which filter hides everybody.

import { el, setText } from "../shell/dom.js";
import { disclosureButton, recall, remember } from "./disclosure.js";
import {
  activeFilters, applyFilters, coloursOf, hideThings, NO_FILTERS, ORDERS, passingWithout, STATUS_SIGNS, statusText,
  unreadableTimes,
} from "./filter_rules.js";

const VIEWS = ["full rows", "compact", "tiles"];
const withLabel = (label, control) => el("label", {}, label, control);

export class Filters {
  // The search goes into `bar` with the button that shows the other filters in `panel`; order and view into `listing`.
  // Choices are kept for the tab under `storeKey`; `onChange` is called after each of them.
  constructor({ bar, panel, listing, storeKey, onChange }) {
    this.storeKey = storeKey;
    this.values = { ...NO_FILTERS };
    this.order = "most cameras";
    this.view = "full rows";
    this.isHidingThings = false;
    this.restore();
    this.onChange = () => { this.store(); onChange(); };
    this.controls = {};
    this.buildFilters(bar, panel);
    this.buildListing(listing);
  }

  buildFilters(bar, panel) {
    const time = { placeholder: "m:ss", size: 5, inputmode: "numeric" };
    this.search = this.textField("text", {
      type: "search", placeholder: "Name, number, note, clothes", size: 26, "data-focus": "search",
      "aria-label": "Search", title: "Search (/)",
    });
    this.times = el("span", { class: "times" },
      withLabel("Found from", this.textField("from", time)), withLabel("to", this.textField("to", time)));
    this.button = disclosureButton({ label: "Filters", part: panel, key: this.storeKey, name: "filters" });
    bar.append(this.search, this.button);
    panel.append(
      withLabel("Camera", this.choice("camera")), withLabel("Top", this.choice("upper")),
      withLabel("Bottom", this.choice("lower")), withLabel("Status", this.choice("status")), this.times,
      el("label", { class: "tick" }, this.checkbox("matched"), "Several cameras only"));
  }

  buildListing(listing) {
    this.count = el("span", { class: "match-count", role: "status" });
    this.clearButton = el("button", { type: "button", class: "quiet", onclick: () => this.clear() }, "Clear filters");
    this.orders = el("select", { onchange: () => { this.order = this.orders.value; this.onChange(); } },
      Object.keys(ORDERS).map((name) => el("option", { value: name, selected: name === this.order }, name)));
    this.views = el("select", { onchange: () => { this.view = this.views.value; this.onChange(); } },
      VIEWS.map((name) => el("option", { value: name, selected: name === this.view }, name)));
    this.things = el("button", {
      type: "button", class: "quiet", "data-focus": "things", hidden: true,
      title: "Things are probably no people: most of them never move. They come last and are compared with nobody.",
      onclick: () => { this.isHidingThings = !this.isHidingThings; this.onChange(); },
    });
    listing.append(
      withLabel("Sort by", this.orders), withLabel("View", this.views), this.things, this.count, this.clearButton);
  }

  textField(name, attributes) {
    const input = el("input", { type: "text", autocomplete: "off", value: this.values[name], ...attributes });
    input.oninput = () => { this.values[name] = input.value; this.onChange(); };
    this.controls[name] = input;
    return input;
  }

  checkbox(name) {
    const input = el("input", { type: "checkbox" });
    input.checked = this.values[name];
    input.onchange = () => { this.values[name] = input.checked; this.onChange(); };
    this.controls[name] = input;
    return input;
  }

  choice(name) {
    const select = el("select", {});
    select.onchange = () => { this.values[name] = select.value; this.onChange(); };
    this.controls[name] = select;
    return select;
  }

  // Offer what occurs among these people.
  setPeople(people) {
    this.people = people;
    this.times.hidden = !people.timed;
    for (const name of ["from", "to"]) {
      Object.assign(this.controls[name], people.clocks ? { placeholder: "h:mm:ss", size: 8 } : { placeholder: "m:ss" });
    }
    this.offer("camera", "all", people.cameras.map((name) => [name, name]));
    for (const part of ["upper", "lower"]) {
      this.offer(part, "any", coloursOf(people, part).map((name) => [name, name]));
    }
    this.offer("status", "any",
      Object.entries(STATUS_SIGNS).map(([name, sign]) => [name, `${sign} ${statusText(name)}`]));
  }

  offer(name, all, options) {
    // A camera or colour that is gone is no filter any more.
    if (!options.some(([value]) => value === this.values[name])) this.values[name] = "";
    this.controls[name].replaceChildren(el("option", { value: "" }, all),
      ...options.map(([value, label]) => el("option", { value, selected: value === this.values[name] }, label)));
  }

  // The groups that pass, in order.
  apply(groups) {
    const filters = activeFilters(this.values, this.people), unreadable = unreadableTimes(this.values, this.people);
    for (const name of ["from", "to"]) this.controls[name].setAttribute("aria-invalid", unreadable.includes(name));
    const passing = applyFilters(groups, filters, this.order, (group) => this.people.factsOf(group));
    this.isFiltered = Object.keys(filters).length > 0;
    this.clearButton.hidden = !this.isFiltered;
    // The search is there to be seen.
    const inPanel = Object.keys(filters).filter((name) => name !== "text").length;
    setText(this.button, inPanel ? `Filters (${inPanel})` : "Filters");
    const all = passing.length === groups.length;
    setText(this.count, all ? "" : `${passing.length} of ${groups.length} shown`);
    const { listed, count, isHidden } = hideThings(passing, this.isHidingThings);
    this.things.hidden = !count;
    setText(this.things, `${isHidden ? "Show" : "Hide"} things (${count})`);
    return listed;
  }

  // For when nobody passes: a button for each filter, with how many would pass without it.
  emptyMessage(groups) {
    const filters = passingWithout(groups, activeFilters(this.values, this.people));
    const buttons = filters.map(({ name, label, count }) =>
      el("button", { type: "button", onclick: () => this.clear(name) },
        `Remove ${label} (shows ${count || "still no one"})`));
    return el("div", { class: "nobody" },
      el("p", {}, "No person matches all of these filters. Remove one:"), el("div", { class: "line" }, buttons));
  }

  // One filter, or all.
  clear(name) {
    for (const key of name ? [name] : Object.keys(NO_FILTERS)) {
      this.values[key] = NO_FILTERS[key];
      if (key === "matched") this.controls[key].checked = false;
      else this.controls[key].value = NO_FILTERS[key];
    }
    this.onChange();
    this.search.focus();
  }

  restore() {
    const stored = recall(this.storeKey);
    for (const name of Object.keys(NO_FILTERS)) {
      if (typeof stored[name] === typeof NO_FILTERS[name]) this.values[name] = stored[name];
    }
    if (stored.order in ORDERS) this.order = stored.order;
    if (VIEWS.includes(stored.view)) this.view = stored.view;
    this.isHidingThings = stored.isHidingThings === true;
  }

  store() {
    const { order, view, isHidingThings } = this;
    remember(this.storeKey, { ...this.values, order, view, isHidingThings });
  }
}
