// Watches for what others decide in the case that is open: another tab, another person, the command line.

import { fetchJson } from "./json.js";

const EACH_MS = 500;

export class Watch {
  // `onChange(news)` is called when the case has another state than the page was drawn with; nothing is asked while
  // `isPaused()`: actions of our own are on their way, for which Python draws the page anyway, or nobody looks.
  constructor({ onChange, isPaused, fetchState = fetchJson }) {
    Object.assign(this, { onChange, isPaused, fetchState, address: "", state: "", announced: "" });
    this.timer = setInterval(() => this.look(), EACH_MS);
  }

  // The page was drawn with this state of the case behind the address.
  drawn(address, state) { Object.assign(this, { address, state, announced: "" }); }

  async look() {
    if (!this.address || this.isLooking || this.isPaused()) return;
    this.isLooking = true;
    const { address } = this;
    try {
      const news = await this.fetchState(address), { state } = news;
      const isNews = state && state !== this.state && state !== this.announced && address === this.address;
      if (isNews && !this.isPaused()) {
        this.announced = state;
        this.onChange(news);
      }
    } catch { /* The server is restarting; the next look may find it. */
    } finally {
      this.isLooking = false;
    }
  }

  end() { clearInterval(this.timer); }
}
