// What the user does. Everything goes to Python in one numbered list, again until it is heard: nothing is lost or done
// twice, however quickly it comes.

class Deeds {
  constructor() {
    this.page = crypto.getRandomValues(new Uint32Array(2)).join("-");
    this.outbox = [];
    this.places = new Map();
    this.sent = 0;
    this.heard = 0;
    this.faults = new Map();
  }

  act(deed, place = "") {
    const number = ++this.sent;
    this.outbox = this.outbox.filter((act) => !(act.do === "level" && deed.do === "level"));
    // Tracks are numbered anew by each run: Python has to know which one was looked at.
    this.outbox.push({ n: number, case: this.data.case, run: this.people?.run, ...deed });
    this.places.set(number, place);
    this.faults.delete(place);
    setText(this.fault, "");
    this.tell("said", { page: this.page, acts: this.outbox });
    if (place && place !== "queue") this.arrange();
    return number;
  }

  hear(heard) {
    if (!heard || heard.page !== this.page || heard.n <= this.heard) return;
    for (const { n, words } of heard.faults) {
      if (n <= this.heard) continue;
      this.followed = undefined;
      const place = this.places.get(n) || "";
      if (place === "queue" && this.queue.refuse(n, words)) continue;
      // At the row where it was said, if that is there to be seen.
      if (this.shown.some((group) => group.id === place)) this.faults.set(place, words); else setText(this.fault, words);
    }
    this.heard = heard.n;
    this.outbox = this.outbox.filter((act) => act.n > heard.n);
  }

  busy(group) { return this.outbox.some((act) => this.places.get(act.n) === group.id); }

  settled(level) { this.act({ do: "level", level }); }

  takeBack(which) { if (!this[which].disabled) this.act({ do: which }); }

  anchor(group) { return this.people.sighting(group.rows[0]); }

  confirm(group) {
    if (group.rows.length > 1) this.act({ do: "confirm", person: this.anchor(group) }, group.id);
    else this.say("Seen once: there is nothing to confirm.");
  }

  reject(group, row) {
    if (group.rows.length < 2) return;
    this.leave(group, [row]);
    this.act({ do: "reject", sighting: this.people.sighting(row) }, group.id);
  }

  split(group, rows) {
    this.leave(group, rows);
    this.act({ do: "split", sightings: rows.map((row) => this.people.sighting(row)) }, group.id);
  }

  // Whoever stays is shown as before: the ticks of those who leave go, and an open person stays open.
  leave(group, rows) {
    const open = this.isOpen(group), keys = rows.map((row) => this.people.key(row));
    const stays = this.people.key(group.rows.find((row) => !rows.includes(row)));
    for (const key of keys) for (const held of [this.parts, this.open]) held.delete(key);
    if (open) this.open.add(stays);
    // Who has another number then has another place.
    if (keys.includes(group.id)) this.followed = stays;
  }

  merge() {
    const groups = this.chosen();
    if (groups.length < 2) { this.say("Select two people or more, then merge them."); return; }
    this.picked.clear();
    this.act({ do: "merge", people: groups.map((group) => this.anchor(group)) }, groups[0].id);
    this.stepTo(groups[0]);
  }

  chosen() { return this.groups.filter((group) => this.picked.has(group.id)); }

  write(group, what) {
    this.writing = { id: group.id, what };
    this.arrange();
    const input = this.rows.of(group.number)?.querySelector(".writing");
    input?.focus();
    input?.select();
  }

  written(group, what, words, before) {
    this.writing = null;
    if (words !== before) this.act({ do: what, person: this.anchor(group), text: words }, group.id); else this.arrange();
    this.rows.of(group.number)?.querySelector(`[data-focus="${what}"]`)?.focus();
  }

  watch(row, seconds) { this.act({ do: "watch", sighting: this.people.sighting(row), seconds }); }
}
