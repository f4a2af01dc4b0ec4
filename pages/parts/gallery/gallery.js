// The gallery: draws the run's people from Python's routes, and hands the user's decisions to Python.

import { personColor } from "../shell/colors.js";
import { attachScreen, deliver, outbox, takeReceipt } from "../shell/delivery.js";
import { el, focusedElement, setText } from "../shell/dom.js";
import { fetchJson } from "../shell/json.js";
import { mounter } from "../shell/mounting.js";
import { fileAddress } from "../shell/text.js";
import { Actions } from "./actions.js";
import { Filters } from "./filters.js";
import { Fold } from "./fold.js";
import { Jump } from "./jump.js";
import { commandsOf, Keys } from "./keys.js";
import { People } from "./people.js";
import { faultContent } from "./person_parts.js";
import { DoubtDialog } from "./queue.js";
import { PeopleRows } from "./rows.js";
import { GalleryState } from "./state.js";
import { ThresholdPanel } from "./threshold.js";
import { Toolbar } from "./toolbar.js";
import { Tray } from "./tray.js";

const REST_MS = 150;
const DIALOG_MS = 300;

class Gallery {
  constructor(root, { data }) {
    this.root = root;
    this.state = new GalleryState();
    this.outbox = outbox();
    this.detach = attachScreen({
      refuse: (failure) => this.refuse(failure), hear: (news) => this.hear(news), repaint: () => this.arrange(),
    });
    this.actions = new Actions({
      state: this.state, outbox: this.outbox, context: () => ({ case: this.data.case, run: this.state.people?.run }),
      deliver: () => { setText(this.failure, ""); deliver(); },
      onChange: () => this.arrange(), announce: (text) => this.announce(text),
    });
    this.build(data);
    this.keys = new Keys({
      root, commands: commandsOf(this),
      isBlocked: () => !this.state.people || this.dialog.isOpen || this.toolbar.help.open,
    });
  }

  build(data) {
    const section = (name) => this.root.appendChild(el("div", { class: name }));
    this.announcer = el("div", { class: "announcer", role: "status", "aria-live": "polite" });
    this.root.append(this.announcer);
    this.waiting = this.root.appendChild(el("p", { class: "waiting" }, "Loading the gallery…"));
    this.buildStrip(section("top"), section("listing"), `sightline gallery ${data.case}`);
    this.failure = this.root.appendChild(el("p", { class: "fault", role: "alert" }));
    this.empty = section("empty");
    this.buildRows();
    this.fold = new Fold({ place: section("fold"), onChange: () => this.arrange() });
    this.tray = new Tray({
      place: section("tray"), onMerge: () => this.merge(), onGo: () => this.go(this.state.nextSelected()),
      onClear: () => { this.state.selected.clear(); this.arrange(); },
    });
    this.dialog = new DoubtDialog({
      place: this.root, state: this.state, actions: this.actions, threshold: () => this.threshold.value,
      pictureAddress: (file) => this.pictureAddress(file), announce: (text) => this.announce(text),
      fetchLookalikes: (group) => this.fetchLookalikes(group), onClose: (key) => this.focusAfterPairs(key),
    });
    for (const part of this.sections) part.hidden = true;
  }

  // The strip that stays while the list scrolls, so that whatever was done can be undone from anywhere; and the line
  // below it, which does not stay.
  buildStrip(top, listing, storeKey) {
    const bar = el("div", { class: "bar" }), panel = el("div", { class: "filters", id: "filters" });
    const threshold = el("div", { class: "threshold" });
    top.append(bar, panel, threshold);
    this.toolbar = new Toolbar({
      place: bar, dialogs: this.root, onReview: () => this.dialog.begin(),
      onUndo: () => this.actions.undo(), onRedo: () => this.actions.redo(),
    });
    this.filters = new Filters({ bar, panel, listing, storeKey, onChange: () => this.arrange() });
    this.threshold = new ThresholdPanel({
      place: threshold, storeKey, onMove: () => this.refreshSoon(),
      onCommit: (level) => this.actions.setThreshold(level),
    });
    this.jump = new Jump({ place: listing, onJump: (group) => this.go(group) });
    listing.append(el("p", { class: "caveat" }, "People can be missed: a gap is no proof of absence."));
    this.sections = [top, listing];
    // Rows that are scrolled to stop below it.
    this.strip = new ResizeObserver(() => this.root.style.setProperty("--strip", `${top.offsetHeight}px`));
    this.strip.observe(top);
  }

  buildRows() {
    const { state, actions } = this, thenArrange = (change) => (argument) => { change(argument); this.arrange(); };
    this.rows = new PeopleRows({
      place: this.root, state, pendingText: (place) => this.pendingText(place),
      pictureAddress: (file) => this.pictureAddress(file),
      colorOf: (number) => personColor(number),
      on: {
        select: thenArrange((group) => state.toggleSelected(group)),
        expand: thenArrange((group) => state.toggleExpanded(group)),
        tick: thenArrange((row) => state.toggleTicked(row)),
        confirm: (group) => actions.confirm(group),
        mark: (group) => actions.mark(group),
        findLookalikes: (group) => this.dialog.beginFor(group),
        reject: (group, row) => actions.reject(group, row),
        split: (group, rows) => actions.split(group, rows),
        play: (row, seconds) => this.play(row, seconds),
        playMoment: (moment) => actions.playMoment(moment),
        edit: (group, field) => this.edit(group, field),
        write: (group, field, text, before) => this.write(group, field, text, before),
      },
    });
  }

  // What Python says: addresses, what it has processed, what can be undone.
  update({ data }) {
    const old = this.data;
    this.data = data;
    takeReceipt(data.receipt);
    const message = this.toolbar.update(data);
    if (message) this.announce(message);
    if (old?.playing && !data.playing) this.focusPlayed();
    this.refreshFrom(old, data);
  }

  // What somebody else has decided is shown before Python has drawn the page. The promise is kept once it is.
  async hear({ case: key, people, levels }) {
    const old = this.data;
    if (key !== old?.case || people === old.people) return;
    this.data = { ...old, people, levels };
    await this.load(!this.state.people);
  }

  refreshFrom(old, data) {
    const isSameClock = JSON.stringify(old?.clocks) === JSON.stringify(data.clocks);
    const isOther = old?.threshold !== data.threshold || old.reviewed !== data.reviewed;
    if (!isSameClock || old.people !== data.people || old.levels !== data.levels) this.load(!this.state.people);
    else if (isOther && this.pending === undefined) this.setThreshold(data.threshold);
    else if (this.state.people) this.refresh();
  }

  // Failures are shown in the row or the dialog where the action was made, if that is there to be seen. Not those of
  // another case.
  refuse(failure) {
    const { id, place, action } = failure;
    if (action.case !== this.data?.case) return false;
    this.state.followed = undefined;
    if (place === "queue" && this.dialog.refuse(id, failure)) return true;
    if (this.state.listed.some((group) => group.id === place)) this.state.failures.set(place, failure);
    else this.failure.replaceChildren(...this.failureContent(failure));
    return true;
  }

  failureContent(failure) { return faultContent(failure, (moment) => this.actions.playMoment(moment)).filter(Boolean); }

  pendingText(place) {
    if (this.outbox.isOverdueAt(place)) return "Not saved yet";
    return this.outbox.isPendingAt(place) ? "Saving…" : "";
  }

  get pending() { return this.outbox.pendingThreshold(this.data.case); }

  async load(first) {
    const { data } = this, level = first ? null : this.threshold.value;
    try {
      const requests = [fetchJson(data.people), first ? null : fetchJson(this.answerAddress(level))];
      const [content, answer] = await Promise.all(requests);
      if (this.data.people !== data.people || !this.root.isConnected) return;
      this.takePeople(new People(content, data.clocks), level, answer);
      this.setThreshold(this.pending === undefined ? data.threshold : this.threshold.value ?? this.pending);
      this.follow();
    } catch (failure) {
      if (this.data.people !== data.people) return;
      this.waiting.hidden = false;
      this.waiting.replaceChildren(`The gallery cannot be loaded: ${failure.message} `,
        el("button", { type: "button", onclick: () => this.load(first) }, "Try again"));
    }
  }

  takePeople(people, level, answer) {
    this.state.people = people;
    if (answer) people.takeAnswer(level, answer);
    this.rows.invalidate();
    this.state.forgetMissing();
    this.filters.setPeople(people);
    for (const part of this.sections) part.hidden = false;
    this.waiting.hidden = true;
  }

  answerAddress(level) { return `${this.data.levels}${this.data.levels.includes("?") ? "&" : "?"}t=${level}`; }

  fetchLookalikes(group) {
    const [camera, track] = this.state.people.sighting(group.rows[0]);
    const query = new URLSearchParams({ t: this.threshold.value, camera, track });
    return fetchJson(`${this.data.lookalikes}&${query}`);
  }

  // Back to the button that opened the dialog: of the person whom it was about, or else of the queue.
  focusAfterPairs(key) {
    const group = key && this.state.groupOfKey(key);
    if (group) this.go(group);
    const button = group && this.rows.find(group, '[data-focus="find"]');
    (button || this.toolbar.review).focus({ preventScroll: true });
  }

  setThreshold(threshold) {
    const { people } = this.state;
    if (!people) return;
    this.threshold.setPeople(people, threshold ?? people.suggested, this.data.reviewed);
    this.refresh();
  }

  refreshSoon() {
    this.frame ??= requestAnimationFrame(() => { this.frame = undefined; this.refresh(); });
  }

  // Groups at the threshold; Python is asked about doubts when the slider rests.
  refresh() {
    const { state } = this, { people } = state, threshold = this.threshold.value;
    if (!people) return;
    state.setGroups(people.at(threshold));
    this.threshold.describe(state.groups);
    this.arrange();
    if (people.asked === threshold) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.ask(), people.asked === undefined ? 0 : REST_MS);
  }

  async ask() {
    const { people } = this.state, threshold = this.threshold.value;
    if (people.answer && people.answered === threshold) return;
    people.asked = threshold;
    try {
      const answer = await fetchJson(this.answerAddress(threshold));
      if (this.state.people !== people || this.threshold.value !== threshold) return;
      people.answered = threshold;
      people.takeAnswer(threshold, answer);
      setText(this.failure, "");
      this.arrange();
    } catch {
      people.asked = null;
      setText(this.failure,
        "Similarities cannot be loaded at this threshold. Move the slider to try again.");
    }
  }

  arrange() {
    const { state } = this, { people } = state;
    if (!people) return;
    const focusedRow = focusedElement(this.root)?.closest?.(".person");
    const passing = this.filters.apply(state.groups), empty = state.groups.length > 0 && !passing.length;
    state.listed = this.fold.apply(passing, this.filters);
    for (const view of ["compact", "tiles"]) this.root.classList.toggle(view, this.filters.view === view);
    this.empty.replaceChildren(...(empty ? [this.filters.emptyMessage(state.groups)] : []));
    this.rows.update(state.listed, this.filters.view);
    const isByTime = people.timed && this.filters.order === "first seen";
    this.jump.update(state.listed, isByTime, (seconds) => people.commonTime(seconds));
    this.toolbar.labelReview(people.answer);
    this.tray.paint(this.state.selectedGroups);
    this.dialog.refresh();
    if (focusedRow && !focusedRow.isConnected && state.current) this.go(state.groupOfKey(state.current.id));
    performance.mark("gallery arranged");
  }

  pictureAddress(file) { return fileAddress(this.data.crops, file); }

  announce(text) { this.announcer.textContent = text; }

  edit(group, field) {
    this.state.editing = { id: group.id, field };
    this.arrange();
    const input = this.rows.find(group, ".writing");
    input?.focus();
    input?.select();
  }

  write(group, field, text, before) {
    this.state.editing = null;
    if (text === before) this.arrange();
    else this.actions.setText(group, field, text);
    this.rows.find(group, `[data-focus="${field}"]`)?.focus();
  }

  play(row, seconds) {
    this.played = focusedElement(this.root)?.dataset.focus;
    this.actions.play(row, seconds);
  }

  // The film was closed: back to the crop that was clicked, once Streamlit's dialog has let go of the focus.
  focusPlayed() {
    setTimeout(() => {
      const crop = this.played && this.root.querySelector(`[data-focus="${CSS.escape(this.played)}"]`);
      if (crop && !focusedElement(this.root)) crop.focus({ preventScroll: true });
    }, DIALOG_MS);
  }

  merge() { this.go(this.actions.mergeSelected()); }

  // The sighting with the focus, or the only one that is ticked.
  rejectFocused(target) {
    const { state } = this, { people, current } = state;
    const key = target.closest?.(".sighting")?.dataset.key, ticked = current ? state.tickedRows(current) : [];
    const only = ticked.length === 1 ? ticked[0] : undefined;
    const row = key && current ? current.rows.find((candidate) => people.key(candidate) === key) : only;
    if (row !== undefined) this.actions.reject(state.groupOf(row), row);
    else this.announce("Open the person with Enter, move the focus to the wrong sighting, then press x.");
  }

  go(group) {
    if (!group) return;
    this.state.current = group;
    this.rows.focus(group);
  }

  // To the person the user worked on, wherever the row is now; unless the focus has gone elsewhere meanwhile.
  follow() {
    const { state } = this, focused = focusedElement(this.root);
    const row = state.people.rowOf.get(state.followed);
    state.followed = undefined;
    const free = !focused || focused === document.body || focused.closest(".person");
    if (row !== undefined && free) this.go(state.groupOf(row));
  }

  destroy() {
    this.detach();
    this.strip.disconnect();
    this.keys.destroy();
    clearTimeout(this.rest);
    cancelAnimationFrame(this.frame);
    this.rows.destroy();
    this.threshold.destroy();
    this.root.replaceChildren();
  }
}

export const mount = mounter(".gallery", (root, component) => new Gallery(root, component));
