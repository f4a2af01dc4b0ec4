// The gallery's keys, wherever the focus is on the page but in a field, a dialog, or another part of the page.

export const KEY_HELP = [
  ["j k, or ↓ ↑ → ←", "next or previous person"], ["Enter", "show all crops of the person, or fewer"],
  ["Space", "select the person"], ["c", "confirm: all sightings are the same person"],
  ["x", "remove the focused sighting from the person"], ["m", "merge the selected people"],
  ["t", "mark the person as a thing, or a thing as a person"],
  ["f", "find the person in other cameras"], ["q", "review the doubtful pairs"], ["/", "search"],
  ["Ctrl+Z", "undo; with Shift: redo"], ["?", "show this list"],
];

// Where the focus is before the user has placed it: on the link that led here, or on the page as a whole.
const PAGE = '[data-testid="stMain"], [data-testid="stSidebarNav"] a';
const STREAMLIT_DIALOG = '[data-testid="stDialog"]';

export class Keys {
  // `commands` has a function for each command below; `isBlocked()` is true while a dialog of the gallery is open.
  constructor({ root, commands, isBlocked }) {
    Object.assign(this, { root, commands, isBlocked });
    this.listener = (event) => this.press(event);
    addEventListener("keydown", this.listener, true);
  }

  destroy() { removeEventListener("keydown", this.listener, true); }

  press(event) {
    const target = event.composedPath()[0];
    if (this.isBlocked() || document.querySelector(STREAMLIT_DIALOG) || !this.isMeant(event, target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, control = event.ctrlKey || event.metaKey;
    if (control && key === "z") this.commands[event.shiftKey ? "redo" : "undo"]();
    else if (control || event.altKey || !this.run(key, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // Not for a field that is typed in, nor for another part of the page.
  isMeant(event, target) {
    const inside = event.composedPath().includes(this.root);
    if (!inside && target !== document.body && !target.matches?.(PAGE)) return false;
    const field = target.matches?.("input, textarea, select") ? target.type : "";
    return !field || ["checkbox", "range"].includes(field);
  }

  // True where the key meant something.
  run(key, target) {
    const name = commandOf(key, target.closest?.(".person"), target);
    if (name) this.commands[name](target);
    return Boolean(name);
  }
}

// The command of a key; `row` is the person's row around the focused element, if any.
export function commandOf(key, row, target) {
  const anywhere = {
    j: "next", k: "previous", c: "confirm", x: "reject", m: "merge", f: "find", q: "review", "/": "search", "?": "help",
    t: "mark",
  };
  const inRow = { ArrowDown: "below", ArrowUp: "above" };
  const onRow = { Enter: "expand", " ": "select", ArrowRight: "next", ArrowLeft: "previous" };
  return anywhere[key] || (row && inRow[key]) || (row && row === target && onRow[key]) || "";
}

// What each command does in a gallery.
export function commandsOf(gallery) {
  const { state, actions } = gallery, withCurrent = (act) => () => { if (state.current) act(state.current); };
  return {
    next: () => gallery.go(state.neighbour(1)),
    previous: () => gallery.go(state.neighbour(-1)),
    below: () => gallery.go(state.neighbour(gallery.rows.list.columns)),
    above: () => gallery.go(state.neighbour(-gallery.rows.list.columns)),
    expand: withCurrent((group) => gallery.rows.on.expand(group)),
    select: withCurrent((group) => gallery.rows.on.select(group)),
    confirm: withCurrent((group) => actions.confirm(group)),
    mark: withCurrent((group) => actions.mark(group)),
    find: withCurrent((group) => gallery.dialog.beginFor(group)),
    reject: (target) => gallery.rejectFocused(target),
    merge: () => gallery.merge(),
    review: () => { if (!gallery.toolbar.review.disabled) gallery.dialog.begin(); },
    search: () => gallery.filters.search.focus(),
    help: () => gallery.toolbar.help.showModal(),
    undo: () => { if (!gallery.toolbar.undo.disabled) actions.undo(); },
    redo: () => { if (!gallery.toolbar.redo.disabled) actions.redo(); },
  };
}
