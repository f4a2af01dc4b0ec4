// The dialog for pairs, side by side: the doubtful ones, or one person beside whoever looks most alike elsewhere. The
// next pair comes at once: the answer goes on its way meanwhile. Where Python refuses it, the pair comes back with the
// reason until the next key.

import { el, setText } from "../shell/dom.js";
import { describeAnswered, describePair, describeTopic, DoubtfulPairs } from "./doubtful_pairs.js";
import { clothing } from "./filter_rules.js";
import { faultContent } from "./person_parts.js";

const SPOKEN = { same: "Same person", different: "Different people", unsure: "Not sure" };
const ANSWER_OF_KEY = { y: "same", n: "different", u: "unsure", "?": "unsure" };
const BUTTONS = [
  ["same", "y", "Same person", "Joins all sightings of both people"],
  ["different", "n", "Different people", "Keeps these two sightings apart"],
  ["unsure", "?", "Not sure", "The pair comes last from now on"],
];
const CROPS = 6;
// Keys that mean something else while a refusal is shown.
const OTHER_KEYS = ["Escape", "Tab", "Shift", "Control", "Alt", "Meta"];

export class DoubtDialog {
  // `threshold()` is the one in force, `fetchLookalikes(group)` gives pairs of that person and of others; `onClose` is
  // called when the dialog has gone, with the key of a sighting of the person that it was about, if there is one.
  constructor({ place, state, actions, threshold, fetchLookalikes, pictureAddress, announce, onClose }) {
    Object.assign(this, { state, actions, threshold, fetchLookalikes, pictureAddress, announce });
    this.doubts = new DoubtfulPairs();
    this.subject = null;
    this.isOpenPair = (pair) => this.canShow(pair);
    this.box = el("dialog", { class: "queue" });
    // What lies outside of an open dialog is not read out.
    this.announcer = el("div", { class: "announcer", role: "status", "aria-live": "polite" });
    this.box.addEventListener("close", () => onClose(this.subject?.key));
    this.box.onkeydown = (event) => this.press(event);
    place.append(this.box);
  }

  get isOpen() { return this.box.open; }

  // Show the doubtful pairs of the newest answer.
  begin() {
    this.subject = null;
    this.take(this.state.people.answer?.doubts || []);
  }

  // Show who looks most like a person, once Python has found them.
  async beginFor(group) {
    const subject = { key: group.id, more: false, notice: "Looking for similar people…" };
    const isShown = () => this.subject === subject && this.isOpen;
    this.subject = subject;
    this.take([]);
    try {
      const { pairs, more } = await this.fetchLookalikes(group);
      if (!isShown()) return;
      Object.assign(subject, { more, notice: "" });
      this.take(pairs);
    } catch (failure) {
      if (!isShown()) return;
      subject.notice = `The similar people cannot be loaded: ${failure.message}`;
      this.paint();
    }
  }

  // Pairs are kept by camera and track, since a cut changes rows.
  take(pairs) {
    const { people } = this.state;
    this.doubts = new DoubtfulPairs(pairs.map(({ a, b, similarity, crops, unsure, joinable }) => (
      { a: people.key(a), b: people.key(b), similarity, crops, unsure, joinable })));
    if (!this.box.open) this.box.showModal();
    this.paint();
  }

  get topic() {
    const { subject } = this;
    return describeTopic(subject ? this.state.groupOfKey(subject.key)?.title || "this person" : "", subject?.more);
  }

  press(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.doubts.refused) {
      this.pressWhileRefused(event);
      return;
    }
    const answer = ANSWER_OF_KEY[event.key];
    if (!answer && event.key !== "Backspace") return;
    event.preventDefault();
    if (answer) this.answer(answer);
    else this.undo();
  }

  // Any key that does not belong to a button goes on; it answers nothing.
  pressWhileRefused(event) {
    const onButton = event.target.matches?.("button") && ["Enter", " "].includes(event.key);
    if (onButton || OTHER_KEYS.includes(event.key)) return;
    event.preventDefault();
    this.dismiss();
  }

  dismiss() {
    this.doubts.dismiss();
    this.doubts.skip(this.isOpenPair);
    this.paint();
  }

  say(text) {
    this.announcer.textContent = text;
    this.announce(text);
  }

  rowsOf(pair) { return [pair.a, pair.b].map((key) => this.state.people.rowOf.get(key)); }

  // Both sightings are there, and not joined by another answer meanwhile.
  canShow(pair) {
    const [a, b] = this.rowsOf(pair), { bundle } = this.state.people;
    return a !== undefined && b !== undefined && (bundle[a] !== bundle[b] || Boolean(pair.answer));
  }

  answer(answer) {
    const { doubts } = this, pair = doubts.current;
    if (!pair) return;
    const next = doubts.index + 2, count = doubts.pairs.length;
    const id = this.actions.answerPair(answer, ...this.rowsOf(pair));
    this.say(`${SPOKEN[answer]}. ${next <= count ? `Pair ${next} of ${count}.` : "That was the last pair."}`);
    doubts.answer(answer, id, this.isOpenPair);
    this.paint();
  }

  undo() {
    const id = this.doubts.undo();
    if (id === null) return;
    // A refused answer has left nothing to take back.
    if (id) this.actions.undoAnswer(id);
    this.say(`Undone. Pair ${this.doubts.index + 1} of ${this.doubts.pairs.length}.`);
    this.paint();
  }

  // Whether a refused action is one of these answers, and is shown here.
  refuse(id, failure) {
    if (!this.isOpen || !this.doubts.refuse(id, failure)) return false;
    if (!this.canShow(this.doubts.refused)) {
      this.doubts.dismiss();
      return false;
    }
    this.say(`Refused: ${failure.message}`);
    this.paint();
    return true;
  }

  // Who is who has changed: the sentence about the pair says what holds now.
  refresh() {
    const pair = this.doubts.current;
    if (this.isOpen && pair && this.sentence?.isConnected) setText(this.sentence, this.reason(pair));
  }

  paint() {
    const { doubts } = this, pair = doubts.current, count = doubts.pairs.length;
    const { label, question } = this.topic, heading = pair?.isUnread ? "This answer cannot hold:" : question;
    this.box.setAttribute("aria-label", label);
    const head = el("div", { class: "line head" },
      el("h2", {}, pair ? `${heading} ${doubts.position + 1} of ${count}` : label),
      el("button", { type: "button", class: "quiet", onclick: () => this.box.close() }, "Close (Esc)"));
    const value = count ? doubts.index : 1;
    const progress = el("progress", { max: count || 1, value: String(value), "aria-label": "Pairs reviewed" });
    this.box.replaceChildren(this.announcer, head, progress, ...(pair ? this.question(pair) : this.summary()));
    if (!pair) return this.box.querySelector("button.main").focus();
    // No answer has the focus: Enter by habit must not decide anything.
    this.box.tabIndex = -1;
    return this.box.focus({ preventScroll: true });
  }

  summary() {
    const { answeredCount } = this.doubts, count = this.doubts.pairs.length, { topic, subject } = this;
    const button = (label, act, kind = null) => el("button", { type: "button", class: kind, onclick: act }, label);
    const text = count ? describeAnswered(answeredCount, topic) : subject?.notice || topic.none;
    return [
      el("p", { role: "status" }, text),
      el("div", { class: "line" },
        button("Back to the gallery", () => this.box.close(), "main"),
        count && !subject ? button("Review more pairs", () => this.begin()) : null,
        answeredCount ? button("Undo the last answer (Backspace)", () => this.undo()) : null),
    ];
  }

  question(pair) {
    const sides = el("div", { class: "pair" }, this.side(pair.a, pair.crops[0]), this.side(pair.b, pair.crops[1]));
    if (pair.isUnread) return [sides, ...this.refusal(pair)];
    const undo = el("button", {
      type: "button", class: "quiet", disabled: !this.doubts.hasAnswers, onclick: () => this.undo(),
    }, "Undo", el("kbd", {}, "Backspace"));
    const answers = BUTTONS.map(([answer, key, label, title]) => el("button", {
      type: "button", class: answer, title, onclick: () => this.answer(answer),
    }, label, el("kbd", {}, key)));
    this.sentence = el("p", { class: "reason" }, this.reason(pair));
    return [sides, this.sentence, el("div", { class: "line answers" }, answers, undo)];
  }

  // Why an answer was refused, and the moment that shows it.
  refusal({ failure }) {
    const playMoment = (moment) => { this.box.close(); this.actions.playMoment(moment); };
    return [
      el("p", { class: "fault" }, faultContent(failure, playMoment)),
      el("div", { class: "line answers" }, el("button", { type: "button", onclick: () => this.dismiss() },
        "Continue", el("kbd", {}, "any key"))),
    ];
  }

  reason(pair) {
    const [a, b] = [pair.a, pair.b].map((key) => this.state.groupOfKey(key));
    return a && b ? describePair(pair, a.title, a === b ? a.title : b.title, this.threshold()) : "";
  }

  // A track of the pair, with the crop that is most similar to the other track.
  side(key, file) {
    const { people } = this.state, row = people.rowOf.get(key), { rows, timed } = people, camera = people.camera(row);
    const address = (name) => this.pictureAddress(name);
    const alt = `Crop of track ${rows.track[row]}, ${camera}`;
    const large = el("img", { class: "large", src: address(file), alt });
    const thumbnail = ([name, seconds]) => el("button", {
      type: "button", class: "crop",
      "aria-label": `Enlarge the crop${timed ? ` at ${people.time(row, seconds)}` : ""}`,
      onclick: () => { large.src = address(name); },
    }, el("img", { src: address(name), alt: "" }));
    const time = timed ? ` ${people.time(row, rows.start[row])} to ${people.time(row, rows.end[row])}` : "";
    return el("figure", {}, large,
      el("figcaption", {}, el("strong", {}, camera), time, el("br"), clothing(rows.upper[row], rows.lower[row])),
      el("div", { class: "line small" }, rows.crops[row].slice(0, CROPS).map(thumbnail)));
  }
}
