// What the user decides, as actions for Python.

export class Actions {
  // `context()` gives the case and run on the page, `deliver` sends the outbox, `onChange` is called after an action on
  // a person, and `announce` speaks to a screen reader.
  constructor({ state, outbox, context, deliver, onChange, announce }) {
    Object.assign(this, { state, outbox, context, deliver, onChange, announce });
  }

  // `place` is the person's id, "queue", or empty for the gallery as a whole. Returns the action's id.
  perform(action, place = "") {
    // Each run numbers its tracks anew: Python must know which run the user was looking at.
    const id = this.outbox.add({ ...this.context(), ...action }, place);
    this.state.failures.delete(place);
    this.deliver();
    if (place && place !== "queue") this.onChange();
    return id;
  }

  setThreshold(threshold) { this.perform({ command: "set_threshold", threshold }); }

  undo() { this.perform({ command: "undo" }); }

  redo() { this.perform({ command: "redo" }); }

  confirm(group) {
    if (group.rows.length > 1) this.perform({ command: "confirm", person: this.anchor(group) }, group.id);
    else this.announce("This person has a single sighting, so there is nothing to confirm.");
  }

  reject(group, row) {
    if (group.rows.length < 2) return;
    this.state.takeOut(group, [row]);
    this.perform({ command: "reject", sighting: this.sighting(row) }, group.id);
  }

  split(group, rows) {
    this.state.takeOut(group, rows);
    this.perform({ command: "split", sightings: rows.map((row) => this.sighting(row)) }, group.id);
  }

  // A thing is a person after all, or a person a thing.
  mark(group) {
    this.perform({ command: group.isThing ? "mark_person" : "mark_thing", person: this.anchor(group) }, group.id);
  }

  // Merge the selected people; returns the first of them, or undefined where there are fewer than two.
  mergeSelected() {
    const groups = this.state.selectedGroups;
    if (groups.length < 2) {
      this.announce("Select two or more people, then merge them.");
      return undefined;
    }
    this.state.selected.clear();
    this.perform({ command: "merge", people: groups.map((group) => this.anchor(group)) }, groups[0].id);
    return groups[0];
  }

  setText(group, field, text) { this.perform({ command: field, person: this.anchor(group), text }, group.id); }

  // A moment as Python names it, that of a refusal.
  playMoment({ sighting, seconds }) { this.perform({ command: "show_moment", sighting, seconds }); }

  play(row, seconds) { this.perform({ command: "show_moment", sighting: this.sighting(row), seconds }); }

  // `answer` is same, different or unsure.
  answerPair(answer, rowA, rowB) {
    return this.perform({ command: answer, a: this.sighting(rowA), b: this.sighting(rowB) }, "queue");
  }

  undoAnswer(id) { this.perform({ command: "undo", of: id }, "queue"); }

  // A person is named to Python by the first sighting.
  anchor(group) { return this.sighting(group.rows[0]); }

  sighting(row) { return this.state.people.sighting(row); }
}

// What has happened between two states of the history, in which `undo` and `redo` name what either would act on.
export function describeHistory(before, now) {
  if (before.undo === now.undo && before.redo === now.redo) return "";
  if (before.undo && now.redo === before.undo) return `Undone: ${before.undo}.`;
  if (before.redo && now.undo === before.redo) return `Redone: ${now.undo}.`;
  return now.undo ? `Done: ${now.undo}.` : "";
}
