// One row per person. Rows are kept by the person's number and painted again only where something changed, and only
// near the screen.

const NEAR = "600px 0px";
const BRIEF = 3;
const PORTION = 200;

class Rows {
  constructor(place, gallery) {
    this.gallery = gallery;
    this.list = el("div", { class: "rows", role: "list", "aria-label": "People" });
    // As many rows as anybody looks at; the others come when the end comes near.
    this.limit = PORTION;
    this.more = el("button", { type: "button", class: "more", onclick: () => this.extend() });
    place.append(this.list, this.more);
    this.shells = new Map();
    this.shown = [];
    this.near = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        target.near = isIntersecting;
        if (isIntersecting) this.paint(target);
      }
    }, { rootMargin: NEAR });
    this.end = new IntersectionObserver(([entry]) => { if (entry.isIntersecting) this.extend(); }, { rootMargin: NEAR });
    this.end.observe(this.more);
  }

  extend() {
    if (this.limit >= this.shown.length) return;
    this.limit += PORTION;
    this.show(this.shown);
  }

  show(all) {
    this.shown = all;
    const groups = all.slice(0, this.limit), left = all.length - groups.length;
    this.more.hidden = !left;
    if (left) setText(this.more, `Show more: ${counted(left, "person", "people")} below`);
    const wanted = new Set(groups.map((group) => group.number));
    for (const shell of [...this.list.children]) if (!wanted.has(shell.number)) this.take(shell);
    let next = this.list.firstElementChild;
    for (const group of groups) {
      const shell = this.shell(group);
      if (shell === next) next = next.nextElementSibling;
      else this.list.insertBefore(shell, next);
    }
  }

  take(shell) {
    this.near.unobserve(shell);
    shell.near = false;
    shell.remove();
  }

  shell(group) {
    let shell = this.shells.get(group.number);
    if (!shell) {
      shell = el("article", { class: "person", tabindex: -1, role: "listitem", onfocusin: () => this.gallery.stand(shell.group) });
      shell.number = group.number;
      this.shells.set(group.number, shell);
    }
    shell.group = group;
    if (!shell.isConnected) this.near.observe(shell);
    if (shell.near) this.paint(shell);
    return shell;
  }

  // Other data: nothing painted holds any more.
  forget() {
    for (const shell of this.shells.values()) shell.sign = "";
  }

  of(number) { return this.shells.get(number); }

  focus(group) {
    while (this.limit < this.shown.length && this.shown.indexOf(group) >= this.limit) this.extend();
    const shell = this.of(group.number);
    if (!shell?.isConnected) return;
    shell.near = true;
    this.paint(shell);
    shell.focus({ preventScroll: true });
    shell.scrollIntoView({ block: "nearest" });
  }

  paint(shell) {
    const { gallery } = this, { group } = shell, told = gallery.people.told(group);
    const open = gallery.isOpen(group), picked = gallery.picked.has(group.id), fault = gallery.faults.get(group.id) || "";
    const parts = open ? group.rows.filter((row) => gallery.parts.has(gallery.people.key(row))).join() : "";
    const busy = gallery.busy(group), writing = gallery.writing?.id === group.id ? gallery.writing.what : "";
    const sign = [group.key, group.name, group.note, told.status, told.similarity, open, picked, fault, parts, busy, writing].join("|");
    if (shell.sign === sign) return;
    shell.sign = sign;
    const focused = shell.getRootNode().activeElement;
    const held = shell.contains(focused) ? focused.dataset.focus || "shell" : "";
    const typed = focused?.matches?.("input[type=text], textarea") && held ? focused.value : null;
    shell.setAttribute("aria-label", `${group.title}, ${told.status}, ${counted(group.rows.length, "sighting")} by ${counted(group.cameras.length, "camera")}`);
    shell.setAttribute("aria-busy", busy);
    shell.dataset.status = told.status;
    shell.dataset.open = open;
    shell.classList.toggle("picked", picked);
    shell.replaceChildren(this.who(group, told, picked, writing), this.lanes(group, open), this.facts(group, told),
      this.deeds(group, told, open, busy), ...(open ? [this.whole(group)] : []),
      ...(fault ? [el("p", { class: "fault", role: "alert" }, fault)] : []));
    if (held) (held === "shell" ? shell : shell.querySelector(`[data-focus="${CSS.escape(held)}"]`) || shell).focus({ preventScroll: true });
    const input = shell.querySelector(".writing");
    if (input && typed !== null && held === "writing") input.value = typed;
  }

  who(group, told, picked, writing) {
    const { gallery } = this;
    const tick = el("input", { type: "checkbox", "aria-label": `Select ${group.title}`, "data-focus": "tick", onchange: () => gallery.pick(group) });
    tick.checked = picked;
    const name = writing === "name" ? this.write(group, "name", "Name", group.name)
      : el("button", { type: "button", class: "name", "data-focus": "name", title: "Rename", onclick: () => gallery.write(group, "name") }, group.title);
    return el("div", { class: "who" },
      el("div", { class: "line" }, tick, name, group.name ? el("span", { class: "quiet-words" }, personName(group.number)) : null),
      statusBadge(told.status),
      el("div", { class: "quiet-words" }, counted(group.rows.length, "sighting"), " ", el("br"), counted(group.cameras.length, "camera")),
      writing === "note" ? this.write(group, "note", "Note", group.note) : group.note ? el("div", { class: "note" }, group.note) : null);
  }

  write(group, what, label, words) {
    const { gallery } = this;
    const input = el("input", { type: "text", class: "writing", "data-focus": "writing", maxlength: what === "name" ? 80 : 500, "aria-label": `${label} of ${group.title}`, placeholder: label, value: words });
    const done = (kept) => { if (gallery.writing) gallery.written(group, what, kept ? input.value.trim() : words, words); };
    input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); done(event.key === "Enter"); }
    };
    // Leaving the box keeps what was written; only Escape does not. A repaint takes the box away, which is no leaving.
    input.onblur = () => setTimeout(() => { if (input.isConnected && input.getRootNode().activeElement !== input) done(true); });
    return input;
  }

  lanes(group, open) {
    const { people } = this.gallery;
    return el("div", { class: "lanes" }, group.cameras.map((camera) => {
      const rows = group.rows.filter((row) => people.rows.camera[row] === camera);
      return el("div", { class: "lane" },
        el("div", { class: "camera" }, people.cameras[camera]),
        open ? el("div", { class: "line" }, rows.map((row) => this.sighting(group, row)))
          : el("div", { class: "line" }, this.brief(rows, group.cameras.length > 2), rows.length > BRIEF ? el("span", { class: "quiet-words" }, `+${rows.length - BRIEF}`) : null));
    }));
  }

  // The best picture of each sighting; where there is room, the two best of a single one, in the order of time.
  brief(rows, many) {
    const { people } = this.gallery;
    const shots = rows.length === 1 && !many
      ? people.rows.crops[rows[0]].slice(0, 2).sort((a, b) => a[1] - b[1]).map((shot) => [rows[0], shot])
      : rows.slice(0, BRIEF).map((row) => [row, people.rows.crops[row][0]]).filter(([, shot]) => shot);
    return shots.map(([row, shot]) => this.crop(row, shot));
  }

  crop(row, [file, seconds]) {
    const { gallery } = this, { people } = gallery, camera = people.camera(row);
    const when = people.timed ? clock(seconds) : "";
    return el("button", { type: "button", class: "crop", "data-focus": file, title: people.timed ? `Play ${camera} at ${when}` : camera,
      "aria-label": people.timed ? `Play ${camera} at ${when}` : `Picture by ${camera}`, disabled: !people.timed, onclick: () => gallery.watch(row, seconds) },
      el("img", { src: gallery.picture(camera, file), alt: "", loading: "lazy", decoding: "async" }), when ? el("span", {}, when) : null);
  }

  sighting(group, row) {
    const { gallery } = this, { people } = gallery, { rows } = people, key = people.key(row), answer = people.answer;
    const several = group.rows.length > 1, alike = answer?.similarity[row], rival = answer?.rival[row];
    const when = people.timed ? `${clock(rows.start[row])} to ${clock(rows.end[row])}` : "time unknown";
    const tick = el("input", { type: "checkbox", "data-focus": `part ${key}`, onchange: () => gallery.part(row) });
    tick.checked = gallery.parts.has(key);
    const known = several && people.known.has(group.key);
    return el("section", { class: "sighting", "data-key": key, "aria-label": `Track ${rows.track[row]} of ${people.camera(row)}, ${when}` },
      el("div", { class: "line" }, several ? el("label", { class: "tick" }, tick, `Track ${rows.track[row]}`) : el("span", {}, `Track ${rows.track[row]}`), el("span", { class: "quiet-words" }, when)),
      el("div", { class: "line" }, [...rows.crops[row]].sort((a, b) => a[1] - b[1]).map((shot) => this.crop(row, shot))),
      el("div", { class: "quiet-words" }, `${rows.upper[row] || "unknown"} above, ${rows.lower[row] || "unknown"} below`,
        known && alike !== null ? ` · ${alike.toFixed(2)} like the others` : "",
        known && rival ? ` · ${answer.rival_similarity[row].toFixed(2)} like ${gallery.titleOf(rival)}` : ""),
      several ? el("div", { class: "line" }, el("button", { type: "button", class: "quiet", "data-focus": `reject ${key}`, title: "Take this sighting out of this person (x)", onclick: () => gallery.reject(group, row) }, "Not this person")) : null);
  }

  facts(group, told) {
    const { people } = this.gallery;
    const lines = [];
    if (people.timed) lines.push(["Seen", `${clock(group.first)} to ${clock(group.last)}, ${lasting(group.seconds)} in all`]);
    lines.push(["Wears", group.upper || group.lower ? `${group.upper || "unknown"} above, ${group.lower || "unknown"} below` : "unknown"]);
    if (group.rows.length > 1) lines.push(["Alike", told.similarity === null ? "…" : told.similarity.toFixed(2)]);
    return el("div", { class: "facts" },
      el("dl", {}, lines.flatMap(([term, words]) => [el("dt", {}, term), el("dd", {}, words)])),
      people.timed ? this.timeline(group) : null);
  }

  // Where they were, on the clock of all cameras: a line for each camera.
  timeline(group) {
    const { people } = this.gallery, [begin, end] = people.all, whole = Math.max(end - begin, 0.001);
    return el("div", { class: "timeline", role: "img", "aria-label": group.rows.map((row) => `${people.camera(row)} ${clock(people.extent([row])[0])}`).join(", ") },
      group.cameras.map((camera) => el("div", { class: "track", title: people.cameras[camera] },
        group.rows.filter((row) => people.rows.camera[row] === camera).map((row) => {
          const [from, to] = people.extent([row]);
          const bar = el("i", { title: `${people.cameras[camera]}, ${clock(from)} to ${clock(to)}` });
          bar.style.left = `${(100 * (from - begin)) / whole}%`;
          bar.style.width = `max(3px, ${(100 * (to - from)) / whole}%)`;
          bar.style.background = this.gallery.colour(group.number);
          return bar;
        }))));
  }

  deeds(group, told, open, busy) {
    const { gallery } = this, sure = told.status === "confirmed" || group.rows.length < 2;
    return el("div", { class: "deeds" },
      group.rows.length > 1 ? el("button", { type: "button", "data-focus": "confirm", disabled: sure || busy, title: sure ? "You have confirmed this person" : "All of these are one person (c)", onclick: () => gallery.confirm(group) }, sure ? "Confirmed" : "Confirm") : null,
      el("button", { type: "button", class: "quiet", "data-focus": "open", "aria-expanded": String(open), title: "All pictures (Enter)", onclick: () => gallery.expand(group) }, open ? "Show less" : "Show all"),
      busy ? el("span", { class: "quiet-words" }, "Saving…") : null);
  }

  // What can be done with an open person beside their sightings.
  whole(group) {
    const { gallery } = this, { people } = gallery;
    const parts = group.rows.filter((row) => gallery.parts.has(people.key(row)));
    const whole = parts.length === group.rows.length;
    return el("div", { class: "line whole" },
      el("button", { type: "button", "data-focus": "rename", onclick: () => gallery.write(group, "name") }, "Rename"),
      el("button", { type: "button", "data-focus": "note", onclick: () => gallery.write(group, "note") }, group.note ? "Change the note" : "Add a note"),
      group.rows.length > 1 ? el("button", { type: "button", "data-focus": "split", disabled: !parts.length || whole, title: "Make the ticked sightings a person of their own", onclick: () => gallery.split(group, parts) },
        parts.length ? `Split off ${counted(parts.length, "sighting")}` : "Split off ticked sightings") : null,
      whole ? el("span", { class: "quiet-words" }, "Leave at least one sighting unticked.") : null,
      people.timed ? el("span", { class: "quiet-words" }, "Two people in one track? Click a picture, go to the moment, and cut there.") : null);
  }

  close() {
    this.near.disconnect();
    this.end.disconnect();
  }
}

const statusBadge = (status) =>
  el("span", { class: `status ${status}` }, el("span", { "aria-hidden": "true" }, STATUSES[status] || ""), status);
