// The user's actions on their way to Python: numbered, and sent again until Python has processed them, so that nothing
// is lost or done twice however quickly it comes.

export class Outbox {
  constructor(page) {
    this.page = page;
    this.pending = [];
    this.places = new Map();
    this.lastNumber = 0;
    this.processed = 0;
  }

  // Append an action; `place` says where on the page its failure is to be shown. Only the newest threshold counts.
  add(action, place = "") {
    const number = ++this.lastNumber;
    if (action.command === "level") this.pending = this.pending.filter((earlier) => earlier.command !== "level");
    this.pending.push({ number, ...action });
    this.places.set(number, place);
    return number;
  }

  get message() { return { page: this.page, actions: this.pending }; }

  // What Python says it has processed; returns the failures that are new, each with its place.
  acknowledge(receipt) {
    if (!receipt || receipt.page !== this.page || receipt.number <= this.processed) return [];
    const failures = receipt.failures
      .filter(({ number }) => number > this.processed)
      .map((failure) => Object.assign(failure, { place: this.places.get(failure.number) || "" }));
    this.processed = receipt.number;
    this.pending = this.pending.filter((action) => action.number > receipt.number);
    for (const number of this.places.keys()) if (number <= receipt.number) this.places.delete(number);
    return failures;
  }

  isPendingAt(place) { return this.pending.some((action) => this.places.get(action.number) === place); }

  get hasThreshold() { return this.pending.some((action) => action.command === "level"); }
}
