// Pairs that are looked at one after the other: what was answered, what was refused, and the way back. They are the
// most doubtful pairs of the run, or one person beside each of those who look most like that person.

import { formatCount, formatSimilarity } from "../shell/text.js";

// What stands over the pairs, and what is said once all of them were seen. `title` is the person's whose lookalikes
// they are, empty for the doubtful pairs; `more` is true where further ones were left out.
export function describeTopic(title, more = false) {
  if (!title) {
    return {
      label: "Doubtful pairs", question: "Is this the same person?",
      none: "There are no doubtful pairs at this threshold.", end: "Your answers apply at every threshold.",
    };
  }
  return {
    label: `Sightings like ${title}`, question: `Is this ${title}?`,
    none: `There is nobody to compare with ${title}: all others are known to be different.`,
    end: more ? "These were the most similar people; the others are less alike."
      : `There is nobody else to compare with ${title}.`,
  };
}

export const describeAnswered = (count, { end }) => `${formatCount(count, "pair")} answered. ${end}`;

// Whether two sightings are one person now, and what the similarity says about that.
export function describePair({ similarity, unsure, joinable = true }, titleA, titleB, threshold) {
  const before = unsure ? "You were not sure about this pair before. " : "";
  const people = titleA === titleB ? `Now one person, ${titleA}.` : `Now two people, ${titleA} and ${titleB}.`;
  const side = Math.fround(similarity) >= Math.fround(threshold) ? "at or above" : "below";
  const blocked = joinable || titleA === titleB ? ""
    : ` Other sightings of ${titleB} are known not to be ${titleA}: before you say yes, split this one off ${titleB}.`;
  return `${before}${people} Similarity ${formatSimilarity(similarity)}: ${side} the threshold, ` +
    `${formatSimilarity(threshold)}.${blocked}`;
}

export class DoubtfulPairs {
  constructor(pairs = []) {
    this.pairs = pairs.map((pair) => ({ ...pair, answer: "", id: "", failure: null, isUnread: false }));
    this.index = 0;
  }

  // A refused pair is looked at until its refusal was read.
  get current() { return this.refused ?? this.pairs[this.index]; }

  get position() { return this.current ? this.pairs.indexOf(this.current) : this.index; }

  get refused() { return this.pairs.find((pair) => pair.isUnread); }

  get hasAnswers() { return this.pairs.some((pair) => pair.answer); }

  get answeredCount() { return this.pairs.filter((pair) => pair.answer && !pair.failure).length; }

  // `id` is the action's; `isOpen(pair)` tells whether a pair can still be looked at.
  answer(answer, id, isOpen) {
    Object.assign(this.current, { answer, id, failure: null });
    this.index++;
    this.skip(isOpen);
  }

  // Pairs that other answers have decided meanwhile, or that are gone, are not asked.
  skip(isOpen) {
    const isClosed = (pair) => pair && !isOpen(pair);
    while (isClosed(this.pairs[this.index])) this.index++;
  }

  // Back to the last pair that was answered; returns the id of the action to take back, empty where none was done,
  // or null where nothing was answered.
  undo() {
    const last = this.pairs.findLastIndex((pair, index) => index < this.index && pair.answer);
    if (last < 0) return null;
    const pair = this.pairs[last], id = pair.failure ? "" : pair.id;
    Object.assign(pair, { answer: "", failure: null, isUnread: false });
    this.index = last;
    return id;
  }

  // The answer with this id was refused; whether it is one of these.
  refuse(id, failure) {
    const pair = this.pairs.find((candidate) => id && candidate.id === id);
    if (pair) Object.assign(pair, { failure, isUnread: true });
    return Boolean(pair);
  }

  // The refusal was read: back to where the user was.
  dismiss() { if (this.refused) this.refused.isUnread = false; }
}
