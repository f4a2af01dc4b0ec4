// The one outbox of this tab, and the part of every page that sends it and says what is not saved.

import { el, setText } from "./dom.js";
import { mounter } from "./mounting.js";
import { describeAction, Outbox } from "./outbox.js";
import { formatCount } from "./text.js";
import { Watch } from "./watch.js";

// Kept by the browser until the tab is closed, and never longer than the case; see `forgetDeleted`.
const STORE_KEY = "sightline outbox";
const KEY_OF_CASE = /^sightline gallery (.+)$/;
const TICK_MS = 1000;
// A server that was restarted hears nothing from a tab that only reconnects. Each try may interrupt a script that is
// still running, so they become rarer.
const RETRY_MS = [5000, 10000, 20000];

const store = {
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(STORE_KEY) || "[]");
    } catch {
      return [];
    }
  },
  write(entries) {
    try {
      if (entries.length) sessionStorage.setItem(STORE_KEY, JSON.stringify(entries));
      else sessionStorage.removeItem(STORE_KEY);
    } catch { /* The browser may store nothing; it then warns before the tab is closed or reloaded. */ }
  },
};

let tabOutbox, mounted, screen;

export function outbox() {
  tabOutbox ??= new Outbox(crypto.getRandomValues(new Uint32Array(2)).join("-"), { store });
  return tabOutbox;
}

// Hand all that waits to Python.
export function deliver() { mounted?.send(); }

// Take what Python has processed from the outbox; its refusals are shown by the screen, or else in the notice.
export function takeReceipt(receipt) {
  for (const failure of outbox().acknowledge(receipt)) {
    if (!screen?.refuse(failure)) mounted?.showFailure(failure);
  }
}

// The screen on which actions are made: `refuse(failure)` is true where it showed the failure, `repaint()` is called
// when an action has waited for long, and `hear(news)`, which may be a promise, when somebody else has decided.
// Returns a function that ends this.
export function attachScreen(attached) {
  screen = attached;
  return () => { if (screen === attached) screen = undefined; };
}

class Delivery {
  constructor(root) {
    this.waiting = el("p", { role: "status" });
    this.failures = el("div", { role: "alert" });
    root.append(this.waiting, this.failures);
    this.root = root;
    this.beforeUnload = (event) => { if (outbox().entries.length) event.preventDefault(); };
    addEventListener("beforeunload", this.beforeUnload);
    this.timer = setInterval(() => this.tick(), TICK_MS);
    this.overdueCount = 0;
    this.tries = 0;
    this.sentAt = 0;
    // Python then draws the page anew, whatever the value is; that takes longer than what a screen can draw by itself,
    // and would keep the server from answering the screen.
    this.watch = new Watch({
      onChange: async (news) => { await screen?.hear(news); this.ask(news.state); },
      isPaused: () => document.hidden || outbox().entries.length > 0,
    });
    mounted = this;
  }

  update({ data, setStateValue }) {
    this.send = () => {
      this.sentAt = Date.now();
      // A number that is new each time: the same value would not be sent a second time.
      setStateValue("outbox", { ...outbox().message, sentAt: this.sentAt });
    };
    this.ask = (state) => setStateValue("seen", state);
    this.watch.drawn(data.watch ?? "", data.state ?? "");
    takeReceipt(data.receipt);
    forgetDeleted(data.cases);
    // After a reload or a restart of the server there is a new session, which has heard nothing yet.
    const isNew = this.session !== data.receipt.session;
    this.session = data.receipt.session;
    if (isNew && outbox().entries.length) this.send();
    this.paint();
  }

  tick() {
    this.paint();
    if (!this.overdueCount) this.tries = 0;
    else if (Date.now() - this.sentAt >= RETRY_MS[Math.min(this.tries, RETRY_MS.length - 1)]) {
      this.tries++;
      this.send();
    }
  }

  paint() {
    const count = outbox().overdue.length;
    setText(this.waiting, count ? `Not saved yet: ${formatCount(count, "action")}. Keep this tab open.` : "");
    this.waiting.hidden = !count;
    if (count !== this.overdueCount) screen?.repaint();
    this.overdueCount = count;
  }

  showFailure({ message, action }) {
    const line = el("p", {}, `Not saved: ${describeAction(action)}. ${message} `,
      el("button", { type: "button", onclick: () => line.remove() }, "Dismiss"));
    this.failures.append(line);
  }

  destroy() {
    removeEventListener("beforeunload", this.beforeUnload);
    clearInterval(this.timer);
    this.watch.end();
    if (mounted === this) mounted = undefined;
    this.root.replaceChildren();
  }
}

// What this tab remembers of cases that have been deleted goes. Actions on them are refused by Python, and leave then.
function forgetDeleted(cases) {
  try {
    for (const key of Object.keys(sessionStorage)) {
      const match = KEY_OF_CASE.exec(key);
      if (match && !cases.includes(match[1])) sessionStorage.removeItem(key);
    }
  } catch { /* Then nothing is stored. */ }
}

export const mount = mounter(".outbox", (root) => new Delivery(root));
