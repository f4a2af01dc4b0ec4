// What the gallery shows and what is selected in it. Views read it; only the gallery and the user's actions change it.

export class GalleryState {
  constructor() {
    this.people = null;
    this.groups = [];
    this.listed = [];
    this.groupOfRow = [];
    this.current = null;
    this.editing = null;
    this.followed = undefined;
    this.failures = new Map();
    // Keys of sightings: of people selected, of sightings ticked, of people whose sightings are all shown.
    this.selected = new Set();
    this.ticked = new Set();
    this.expanded = new Set();
  }

  setGroups(groups) {
    this.groups = groups;
    this.groupOfRow = [];
    for (const group of groups) for (const row of group.rows) this.groupOfRow[row] = group;
  }

  groupOf(row) { return this.groupOfRow[row]; }

  groupOfKey(key) { return this.groupOf(this.people.rowOf.get(key)); }

  groupNumbered(number) { return this.groups.find((group) => group.number === number); }

  get selectedGroups() { return this.groups.filter((group) => this.selected.has(group.id)); }

  tickedRows(group) { return group.rows.filter((row) => this.ticked.has(this.people.key(row))); }

  // By any of the sightings: the first may belong to another person meanwhile.
  isExpanded(group) {
    return this.expanded.size > 0 && group.rows.some((row) => this.expanded.has(this.people.key(row)));
  }

  toggleExpanded(group) {
    if (!this.isExpanded(group)) this.expanded.add(group.id);
    else for (const row of group.rows) this.expanded.delete(this.people.key(row));
  }

  toggleSelected(group) { toggle(this.selected, group.id); }

  toggleTicked(row) { toggle(this.ticked, this.people.key(row)); }

  // Some sightings leave a group: their ticks go, the group stays open, and the focus will follow those that stay.
  takeOut(group, rows) {
    const expanded = this.isExpanded(group), keys = rows.map((row) => this.people.key(row));
    const staying = this.people.key(group.rows.find((row) => !rows.includes(row)));
    for (const key of keys) for (const set of [this.ticked, this.expanded]) set.delete(key);
    if (expanded) this.expanded.add(staying);
    // The first sighting names the person to the page, and gives the place in the list.
    if (keys.includes(group.id)) this.followed = staying;
  }

  // Forget what is selected and gone.
  forgetMissing() {
    for (const set of [this.selected, this.ticked, this.expanded]) {
      for (const key of set) if (!this.people.rowOf.has(key)) set.delete(key);
    }
  }

  // The person so many places further in the list.
  neighbour(step) {
    const last = this.listed.length - 1, at = this.listed.findIndex((group) => group.number === this.current?.number);
    if (at < 0) return this.listed[step > 0 ? 0 : last];
    return this.listed[Math.min(last, Math.max(0, at + step))];
  }

  // The next selected person in the list after the current one, from the end to the beginning again.
  nextSelected() {
    const selected = this.listed.filter((group) => this.selected.has(group.id));
    const at = this.listed.findIndex((group) => group.number === this.current?.number);
    return selected.find((group) => this.listed.indexOf(group) > at) ?? selected[0];
  }
}

function toggle(set, key) {
  if (!set.delete(key)) set.add(key);
}
