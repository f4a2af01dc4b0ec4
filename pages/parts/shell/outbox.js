// The user's actions on their way to Python: numbered, and sent again until Python has processed them, so that nothing
// is lost or done twice however quickly it comes. What is on its way is also kept in `store`, from which the next
// outbox takes it over after a reload or a restart of the server; each action has an id, by which Python knows it.

const OVERDUE_MS = 4000;
// What is gone with the page that it was asked on: nothing of the user's is lost.
const PASSING = "show_moment";

export class Outbox {
  // `store` has `read()` and `write(entries)`; `now()` is in milliseconds.
  constructor(page, { store = null, now = () => Date.now() } = {}) {
    Object.assign(this, { page, store, now, entries: [], lastNumber: 0, processed: 0 });
    // From an earlier page: on its way for long enough.
    for (const { action, place } of store?.read() ?? []) this.append(action, place, 0);
  }

  // Append an action; `place` says where on the page its failure is to be shown. Returns its id. Only the newest
  // threshold of a case counts.
  add(action, place = "") {
    const isOlder = (entry) => isThreshold(entry) && entry.action.case === action.case;
    if (action.command === "set_threshold") this.entries = this.entries.filter((entry) => !isOlder(entry));
    return this.append({ id: newId(), ...action }, place, this.now());
  }

  append(action, place, since) {
    this.entries.push({ action: { ...action, number: ++this.lastNumber }, place, since });
    this.save();
    return action.id;
  }

  save() {
    const lasting = this.entries.filter(({ action }) => action.command !== PASSING);
    this.store?.write(lasting.map(({ action, place }) => ({ action, place })));
  }

  get message() { return { page: this.page, actions: this.entries.map(({ action }) => action) }; }

  // What Python says it has processed; returns the failures that are new, each as Python tells it
  // and with id, place and action.
  acknowledge(receipt) {
    if (!receipt || receipt.page !== this.page || receipt.number <= this.processed) return [];
    const failures = new Map(receipt.failures.map((failure) => [failure.number, failure]));
    const processed = this.entries.filter(({ action }) => action.number <= receipt.number);
    this.processed = receipt.number;
    this.entries = this.entries.filter(({ action }) => action.number > receipt.number);
    this.save();
    return processed.filter(({ action }) => failures.has(action.number)).map(({ action, place }) => (
      Object.assign(failures.get(action.number), { id: action.id, place, action })));
  }

  isPendingAt(place) { return this.entries.some((entry) => entry.place === place); }

  isOverdueAt(place) { return this.overdue.some((entry) => entry.place === place); }

  // The threshold of a case that is not saved yet, also from before a reload: null is the suggested one, and undefined
  // that there is none.
  pendingThreshold(key) {
    return this.entries.find((entry) => isThreshold(entry) && entry.action.case === key)?.action.threshold;
  }

  // What Python has not confirmed for some seconds.
  get overdue() { return this.entries.filter(({ since }) => this.now() - since >= OVERDUE_MS); }
}

function isThreshold({ action }) { return action.command === "set_threshold"; }

function newId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(16).padStart(8, "0")).join("");
}

// What an action was about, for a message that it was not saved.
export function describeAction({ command, text, threshold }) {
  const texts = {
    name: `the name “${text}”`, note: `the note “${text}”`, confirm: "a confirmation", reject: "a removed sighting",
    split: "sightings split off", merge: "a merge", same: "“same person”", different: "“different people”",
    unsure: "“not sure”", mark_person: "“this is a person”", mark_thing: "“this is no person”", undo: "an undo",
    redo: "a redo",
    set_threshold: typeof threshold === "number" ? `the similarity threshold ${threshold}` : "the suggested threshold",
  };
  return texts[command] ?? "an action";
}
