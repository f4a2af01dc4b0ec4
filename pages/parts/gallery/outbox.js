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
    if (action.do === "level") this.pending = this.pending.filter((earlier) => earlier.do !== "level");
    this.pending.push({ n: number, ...action });
    this.places.set(number, place);
    return number;
  }

  get message() { return { page: this.page, acts: this.pending }; }

  // What Python says it has processed; returns the failures that are new, each { number, place, message }.
  acknowledge(receipt) {
    if (!receipt || receipt.page !== this.page || receipt.n <= this.processed) return [];
    const failures = receipt.faults
      .filter(({ n }) => n > this.processed)
      .map(({ n, words }) => ({ number: n, place: this.places.get(n) || "", message: words }));
    this.processed = receipt.n;
    this.pending = this.pending.filter((action) => action.n > receipt.n);
    for (const number of this.places.keys()) if (number <= receipt.n) this.places.delete(number);
    return failures;
  }

  isPendingAt(place) { return this.pending.some((action) => this.places.get(action.n) === place); }

  get hasThreshold() { return this.pending.some((action) => action.do === "level"); }
}
