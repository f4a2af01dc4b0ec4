// A button that shows and hides a part of the page; the tab remembers which it was.

import { el } from "../shell/dom.js";

// What the tab has stored under a key, as an object.
export function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(key)) ?? {};
  } catch {
    return {};
  }
}

export function remember(key, values) {
  try {
    sessionStorage.setItem(key, JSON.stringify({ ...recall(key), ...values }));
  } catch { /* The browser may store nothing. */ }
}

// `part` needs an id. It begins hidden, unless the tab has stored under `key` that `name` is open.
export function disclosureButton({ label, part, key, name }) {
  const button = el("button", { type: "button", "aria-controls": part.id, "data-focus": name }, label);
  const set = (isOpen) => {
    part.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
  };
  button.onclick = () => {
    set(part.hidden);
    remember(key, { [name]: !part.hidden });
  };
  set(recall(key)[name] === true);
  return button;
}
