// Sends files one after the other to the server's route, each straight from the disk. The queue belongs to the tab,
// not to the page in it: an upload goes on while another page is shown, and its file is in the case when it is done.

const TICK_MS = 250;
const SMOOTH = 0.7;
const SHOWN_MS = 5000; // that a file which has come in stays in the list: its card is below by then

function amount(bytes) {
  for (const [unit, power] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (bytes >= power) return `${(bytes / power).toFixed(1)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}

function span(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return whole < 3600 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

// One queue per tab, shared by every mount of the component.
class Queue {
  constructor() {
    this.items = [];
    this.views = new Set();
    this.next = 1;
    window.addEventListener("beforeunload", (event) => { if (this.busy()) event.preventDefault(); });
  }

  busy() {
    return this.items.some((item) => item.state === "waiting" || item.state === "sending" || item.state === "checking");
  }

  add(files, about) {
    let left = about.free - this.items.reduce((sum, item) => sum + (item.state === "waiting" ? item.file.size : 0), 0);
    for (const file of files) {
      const item = { id: this.next++, file, address: about.address, state: "waiting", words: "waiting", sent: 0, rate: 0 };
      const ending = (/\.[^.]*$/.exec(file.name) || [""])[0].toLowerCase();
      if (!about.endings.includes(ending)) {
        this.refuse(item, `This is no video file. Choose one such as .mp4, .mkv, .avi or .mov.`);
      } else if (!file.size) {
        this.refuse(item, `The file is empty (0 bytes). Copy or download it again.`);
      } else if (file.size > left) {
        this.refuse(item, `It takes ${amount(file.size)}, and ${amount(Math.max(0, left))} can be used on the disk. Free some space, or open it from its folder.`);
      } else {
        left -= file.size;
      }
      this.items.push(item);
    }
    this.tell();
    this.start();
  }

  refuse(item, words, again = false) {
    Object.assign(item, { state: "refused", words, again });
  }

  start() {
    if (this.items.some((item) => item.state === "sending" || item.state === "checking")) return;
    const item = this.items.find((one) => one.state === "waiting");
    if (item) this.send(item);
  }

  send(item) {
    const request = item.request = new XMLHttpRequest();
    Object.assign(item, { state: "sending", words: "starting", sent: 0, rate: 0, at: performance.now(), told: 0 });
    request.open("PUT", item.address + encodeURIComponent(item.file.name));
    request.upload.onprogress = (event) => this.progress(item, event.loaded);
    request.upload.onload = () => { Object.assign(item, { state: "checking", sent: item.file.size, words: "looking at the clip…" }); this.tell(); };
    request.onload = () => this.answered(item, request);
    request.onerror = () => { this.refuse(item, "The connection broke off; nothing was kept of it. Is Sightline still running?", true); this.after(); };
    request.send(item.file);
    this.tell();
  }

  progress(item, loaded) {
    const now = performance.now(), passed = now - item.at;
    if (passed < TICK_MS) return;
    const rate = (loaded - item.sent) / passed * 1000;
    item.rate = item.rate ? SMOOTH * item.rate + (1 - SMOOTH) * rate : rate;
    Object.assign(item, { sent: loaded, at: now });
    const left = (item.file.size - loaded) / Math.max(1, item.rate);
    item.words = `${amount(loaded)} of ${amount(item.file.size)} · ${amount(item.rate)}/s · ${span(left)} left`;
    this.tell();
  }

  answered(item, request) {
    let answer = {};
    try { answer = JSON.parse(request.response); } catch { /* Said below. */ }
    if (answer.camera) {
      Object.assign(item, { state: "done", words: `added as ${answer.camera}` });
      for (const view of this.views) view.added(item);
      setTimeout(() => this.drop(item), SHOWN_MS);
    } else if (answer.message) {
      this.refuse(item, `${answer.message.replace(/\.$/, "")}. ${answer.remedy}`, answer.again);
    } else {
      this.refuse(item, request.status === 403 ? "Sightline was started anew since this page was opened. Reload the page, then send it again."
        : `It was refused (${request.status}). Send it again.`, request.status !== 403);
    }
    this.after();
  }

  after() {
    this.tell();
    this.start();
  }

  drop(item) {
    item.request?.abort();
    this.items = this.items.filter((one) => one !== item);
    this.after();
  }

  again(item) {
    Object.assign(item, { state: "waiting", words: "waiting", again: false });
    this.after();
  }

  tell() {
    for (const view of this.views) view.draw();
  }
}

const queue = window.sightlineUploads ??= new Queue();

class View {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector("ul");
    this.rows = new Map();
    const input = root.querySelector("input"), zone = root.querySelector(".drop");
    root.querySelector(".choose").onclick = () => input.click();
    input.onchange = () => { queue.add([...input.files], this.data); input.value = ""; };
    // A file that misses the place would otherwise be opened instead of the page.
    this.over = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      zone.classList.toggle("over", event.type === "dragover");
      if (event.type === "drop") queue.add([...event.dataTransfer.files], this.data);
    };
    for (const kind of ["dragover", "drop", "dragleave"]) document.addEventListener(kind, this.over);
    queue.views.add(this);
  }

  show(data, trigger) {
    this.data = data;
    this.trigger = trigger;
    this.root.querySelector("input").accept = ["video/*", ...data.endings].join(",");
    this.root.querySelector(".words").textContent =
      `or drop them anywhere on this page. Two or more clips, one for each camera, of any size: ${amount(data.free)} can be used on the disk.`;
    this.draw();
  }

  added(item) {
    this.root.querySelector(".said").textContent = `${item.file.name}: ${item.words}`;
    if (item.address === this.data?.address) this.trigger("added", item.id);
  }

  draw() {
    if (!this.data) return;
    const mine = queue.items.filter((item) => item.address === this.data.address);
    for (const [item, row] of this.rows) {
      if (!mine.includes(item)) { row.remove(); this.rows.delete(item); }
    }
    for (const item of mine) {
      if (!this.rows.has(item)) this.rows.set(item, this.list.appendChild(this.row(item)));
      this.fill(item, this.rows.get(item));
    }
  }

  row(item) {
    const row = document.createElement("li");
    row.innerHTML = `<span class="name"></span><span class="state"></span><span class="buttons"></span><progress max="1"></progress>`;
    row.querySelector(".name").textContent = `${item.file.name} (${amount(item.file.size)})`;
    return row;
  }

  fill(item, row) {
    row.className = item.state;
    row.querySelector(".state").textContent = item.words;
    const bar = row.querySelector("progress");
    bar.hidden = !["sending", "checking"].includes(item.state);
    bar.setAttribute("aria-label", `Upload of ${item.file.name}`);
    if (item.state === "checking") bar.removeAttribute("value"); else bar.value = item.sent / Math.max(1, item.file.size);
    if (row.drawn === item.state) return;
    row.drawn = item.state;
    const over = item.state === "done" || item.state === "refused";
    const buttons = item.again ? [["Try again", () => queue.again(item)]] : [];
    if (item.state !== "checking") buttons.push([over ? "Dismiss" : "Cancel", () => queue.drop(item)]);
    row.querySelector(".buttons").replaceChildren(...buttons.map(([label, act]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: label, onclick: act });
      button.setAttribute("aria-label", `${label}: ${item.file.name}`);
      return button;
    }));
    if (item.state === "refused") this.root.querySelector(".said").textContent = `${item.file.name}: ${item.words}`;
  }

  end() {
    for (const kind of ["dragover", "drop", "dragleave"]) document.removeEventListener(kind, this.over);
    queue.views.delete(this);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".uploader");
  root.view ??= new View(root);
  root.view.show(data, setTriggerValue);
  return () => { root.view?.end(); root.view = undefined; };
}
