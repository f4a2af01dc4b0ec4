// The most doubtful pairs, looked at one after the other: what was answered, what was refused, and the way back.

export class DoubtfulPairs {
  constructor(pairs = []) {
    this.pairs = pairs.map((pair) => ({ ...pair, answer: "", number: 0, failure: "" }));
    this.index = 0;
  }

  get current() { return this.pairs[this.index]; }

  get hasAnswers() { return this.pairs.some((pair) => pair.answer); }

  get answeredCount() { return this.pairs.filter((pair) => pair.answer && !pair.failure).length; }

  get refused() { return this.pairs.filter((pair) => pair.failure); }

  // `number` is the action's; `isOpen(pair)` tells whether a pair can still be looked at.
  answer(answer, number, isOpen) {
    Object.assign(this.current, { answer, number, failure: "" });
    this.index++;
    this.skip(isOpen);
  }

  // Pairs that other answers have decided meanwhile, or that are gone, are not asked.
  skip(isOpen) {
    while (this.current && !isOpen(this.current)) this.index++;
  }

  // Back to the last pair that was answered; returns the number of the action to take back, 0 where none was done,
  // or null where nothing was answered.
  undo() {
    const last = this.pairs.findLastIndex((pair, index) => index < this.index && pair.answer);
    if (last < 0) return null;
    const pair = this.pairs[last], number = pair.failure ? 0 : pair.number;
    Object.assign(pair, { answer: "", failure: "" });
    this.index = last;
    return number;
  }

  // The answer with this number was refused; whether it is one of these.
  refuse(number, message) {
    const pair = this.pairs.find((candidate) => number && candidate.number === number);
    if (pair) pair.failure = message;
    return Boolean(pair);
  }
}
