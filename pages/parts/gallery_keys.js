// Keys, wherever the focus is on the page but in a field, a dialog, or another part of the page.

const HELP = [
  ["j k, or ↓ ↑", "next and previous person"], ["Enter", "all pictures of the person, and back"],
  ["Space", "select the person"], ["c", "confirm: all of these are one person"],
  ["x", "the sighting on which you stand is not this person"], ["m", "merge the selected people"],
  ["q", "look at the doubtful pairs"], ["/", "search"], ["Ctrl+Z", "undo; with Shift, redo"], ["?", "this list"],
];

// Where the focus is that nobody has placed yet: on the link that led here, or on the page as a whole.
const AROUND = '[data-testid="stMain"], [data-testid="stHeader"] a';

class Keys {
  constructor(gallery) {
    this.gallery = gallery;
    this.press = (event) => this.key(event);
    addEventListener("keydown", this.press, true);
  }

  close() { removeEventListener("keydown", this.press, true); }

  // The sighting on which the focus is, or the only one that is ticked.
  stood() {
    const { gallery } = this;
    const focused = gallery.root.getRootNode().activeElement, held = focused?.closest?.(".sighting");
    if (!gallery.current) return;
    const { rows } = gallery.current;
    if (held) return rows.find((row) => gallery.people.key(row) === held.dataset.key);
    const ticked = rows.filter((row) => gallery.parts.has(gallery.people.key(row)));
    return ticked.length === 1 ? ticked[0] : undefined;
  }

  key(event) {
    const { gallery } = this;
    const target = event.composedPath()[0], inside = event.composedPath().includes(gallery.root);
    if (!gallery.people || gallery.queue.isOpen || gallery.help.open || document.querySelector('[data-testid="stDialog"]')) return;
    if (!inside && target !== document.body && !target.matches?.(AROUND)) return;
    const kind = target.matches?.("input, textarea, select") ? target.type : "";
    if (kind && !["checkbox", "range"].includes(kind)) return;
    const letter = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if ((event.ctrlKey || event.metaKey) && letter === "z") {
      gallery.takeBack(event.shiftKey ? "redo" : "undo");
    } else if (event.ctrlKey || event.metaKey || event.altKey || !this.command(letter, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  // True where the key meant something.
  command(letter, target) {
    const { gallery } = this;
    const inRow = target.closest?.(".person"), onRow = target === inRow;
    switch (letter) {
      case "j": gallery.step(1); return true;
      case "k": gallery.step(-1); return true;
      case "ArrowDown": case "ArrowUp":
        if (!inRow) return false;
        gallery.step(letter === "ArrowDown" ? 1 : -1);
        return true;
      case "Enter": if (onRow) gallery.expand(gallery.current); return Boolean(onRow);
      case " ": if (onRow) gallery.pick(gallery.current); return Boolean(onRow);
      case "c": if (gallery.current) gallery.confirm(gallery.current); return true;
      case "x": this.rejectHere(); return true;
      case "m": gallery.merge(); return true;
      case "q": if (!gallery.review.disabled) gallery.queue.begin(); return true;
      case "/": gallery.filters.search.focus(); return true;
      case "?": gallery.help.showModal(); return true;
      default: return false;
    }
  }

  rejectHere() {
    const { gallery } = this;
    const row = this.stood();
    if (row === undefined) gallery.say("Open the person with Enter, go to the sighting that is wrong, and press x.");
    else gallery.reject(gallery.groupOf(row), row);
  }
}
