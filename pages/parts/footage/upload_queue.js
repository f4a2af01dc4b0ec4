// Sends files one after the other to the server's route, each straight from the disk. The queue belongs to the tab, not
// to the page in it: an upload goes on while another page is shown, and its file is in the case when it is done.

import { freeBytes, isBusy, progressAfter, refusal, stateAfter } from "./transfer.js";

const LISTED_MS = 5000; // For which it is said how many clips were added, once all are; they are on the page by then

class UploadQueue {
  constructor() {
    this.items = [];
    this.views = new Set();
    this.nextId = 1;
    addEventListener("beforeunload", (event) => { if (this.busy()) event.preventDefault(); });
  }

  busy() { return isBusy(this.items); }

  add(files, { address, endings, free }) {
    let left = freeBytes(this.items, free);
    for (const file of files) {
      const item = { id: this.nextId++, file, address, state: "waiting", message: "waiting", sent: 0, rate: 0 };
      const reason = refusal(file, endings, left);
      if (reason) Object.assign(item, { state: "refused", message: reason });
      else left -= file.size;
      this.items.push(item);
    }
    this.advance();
  }

  // Show what has changed, and send the next file if none is on its way.
  advance() {
    this.notify();
    if (this.items.some((item) => item.state === "sending" || item.state === "checking")) return;
    const item = this.items.find((candidate) => candidate.state === "waiting");
    if (item) this.send(item);
    else setTimeout(() => this.forgetAdded(), LISTED_MS);
  }

  send(item) {
    const request = new XMLHttpRequest();
    Object.assign(item, { request, state: "sending", message: "starting", sent: 0, rate: 0, at: performance.now() });
    request.open("PUT", item.address + encodeURIComponent(item.file.name));
    request.upload.onprogress = (event) => this.change(item, progressAfter(item, event.loaded, performance.now()));
    request.upload.onload = () =>
      this.change(item, { state: "checking", sent: item.file.size, message: "checking the clip…" });
    request.onload = () => this.finish(item, stateAfter(request.response, request.status));
    request.onerror = () => this.finish(item, {
      state: "refused", canRetry: true,
      message: "The connection was lost and the file was not stored. Check that Sightline is running, then try again.",
    });
    request.send(item.file);
    this.notify();
  }

  change(item, change) {
    if (!change) return;
    Object.assign(item, change);
    this.notify();
  }

  finish(item, change) {
    Object.assign(item, change);
    if (item.state === "done") for (const view of this.views) view.onAdded(item);
    this.advance();
  }

  // Unless other files have followed: the line counts these too.
  forgetAdded() {
    if (this.busy()) return;
    this.items = this.items.filter((item) => item.state !== "done");
    this.notify();
  }

  drop(item) {
    item.request?.abort();
    this.items = this.items.filter((candidate) => candidate !== item);
    this.advance();
  }

  retry(item) {
    Object.assign(item, { state: "waiting", message: "waiting", canRetry: false });
    this.advance();
  }

  notify() {
    for (const view of this.views) view.draw();
  }
}

// One queue per tab: another version of this module, after an update, must not start a second one.
export function tabQueue() {
  window.sightlineUploads ??= new UploadQueue();
  return window.sightlineUploads;
}
