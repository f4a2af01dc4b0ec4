// The dialog for doubtful pairs, side by side. The next pair comes at once: the answer goes on its way meanwhile. Where
// Python refuses it, the pair comes back with the reason until the next key.

import { el, setText } from "../shell/dom.js";
import { formatCount, formatSimilarity } from "../shell/text.js";
import { DoubtfulPairs } from "./doubtful_pairs.js";
import { clothing, faultContent } from "./person_parts.js";

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
  // `threshold()` is the one in force, `onClose` is called when the dialog has gone.
  constructor({ place, state, actions, threshold, pictureAddress, announce, onClose }) {
    Object.assign(this, { state, actions, threshold, pictureAddress, announce });
    this.doubts = new DoubtfulPairs();
    this.isOpenPair = (pair) => this.canShow(pair);
    this.box = el("dialog", { class: "queue", "aria-label": "Doubtful pairs" });
    // What lies outside of an open dialog is not read out.
    this.announcer = el("div", { class: "announcer", role: "status", "aria-live": "polite" });
    this.box.addEventListener("close", onClose);
    this.box.onkeydown = (event) => this.press(event);
    place.append(this.box);
  }

  get isOpen() { return this.box.open; }

  // Show the pairs of the newest answer. Pairs are kept by camera and track, since a cut changes rows.
  begin() {
    const { people } = this.state;
    this.doubts = new DoubtfulPairs((people.answer?.doubts || []).map(({ a, b, similarity, crops, unsure }) => (
      { a: people.key(a), b: people.key(b), similarity, crops, unsure })));
    if (!this.box.open) this.box.showModal();
    this.paint();
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
    const heading = pair?.isUnread ? "This answer cannot hold:" : "Is this the same person?";
    const head = el("div", { class: "line head" },
      el("h2", {}, pair ? `${heading} ${doubts.position + 1} of ${count}` : "Doubtful pairs"),
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
    const { answeredCount } = this.doubts, count = this.doubts.pairs.length;
    const answered = `${formatCount(answeredCount, "pair")} answered. Your answers apply at every threshold.`;
    const button = (label, act, kind = null) => el("button", { type: "button", class: kind, onclick: act }, label);
    return [
      el("p", {}, count ? answered : "There are no doubtful pairs at this threshold."),
      el("div", { class: "line" },
        button("Back to the gallery", () => this.box.close(), "main"),
        count ? button("Review more pairs", () => this.begin()) : null,
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
    const similarity = formatSimilarity(pair.similarity), threshold = formatSimilarity(this.threshold());
    const [a, b] = [pair.a, pair.b].map((key) => this.state.groupOfKey(key));
    if (!a || !b) return "";
    const before = pair.unsure ? "You were not sure about this pair before. " : "";
    if (a === b) {
      return `${before}Now one person, ${a.title}. Similarity ${similarity}: at or above the threshold, ${threshold}.`;
    }
    return `${before}Now two people, ${a.title} and ${b.title}. Similarity ${similarity}: ` +
      `below the threshold, ${threshold}.`;
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
