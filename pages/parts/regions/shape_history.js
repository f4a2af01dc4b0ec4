// The shapes of each camera with their own history, so that switching between cameras loses none.

import { clone } from "./shapes.js";

export class ShapeHistory {
  constructor(revision, shapes, undone = []) {
    Object.assign(this, { revision, shapes: clone(shapes), undoable: undone, redoable: [] });
  }

  // The history after Python has sent shapes of another revision; `earlier` are those before the latest change.
  static receive(history, { revision, shapes, earlier }) {
    if (history?.revision === revision) return history;
    const before = history ? history.shapes : earlier, undoable = history?.undoable ?? [];
    const isChange = before && JSON.stringify(before) !== JSON.stringify(shapes);
    return new ShapeHistory(revision, shapes, isChange ? [...undoable, JSON.stringify(before)] : undoable);
  }

  get snapshot() { return JSON.stringify(this.shapes); }

  isChangedSince(snapshot) { return this.snapshot !== snapshot; }

  // Shapes that were not among those of the snapshot.
  newSince(snapshot) {
    const before = JSON.parse(snapshot).map((shape) => JSON.stringify(shape));
    return this.shapes.filter((shape) => !before.includes(JSON.stringify(shape)));
  }

  restore(snapshot) { this.shapes = JSON.parse(snapshot); }

  // A change since the snapshot is done: it can be taken back.
  commit(snapshot) {
    this.undoable.push(snapshot);
    this.redoable = [];
  }

  undo() { return this.travel(this.undoable, this.redoable); }

  redo() { return this.travel(this.redoable, this.undoable); }

  travel(from, to) {
    if (!from.length) return false;
    to.push(this.snapshot);
    this.restore(from.pop());
    return true;
  }
}
