// Gives the focus to the first field of a dialog, once, as it opens.

import { mounter } from "./mounting.js";

const TRY_MS = 3000;

// A dialog takes the focus itself as it opens, and would have the user press Tab three times.
function focusOnFirstField(dialog) {
  const start = performance.now();
  const focus = () => {
    const field = dialog?.querySelector("input");
    if (field && dialog === document.activeElement) field.focus();
    else if (dialog && performance.now() - start < TRY_MS) requestAnimationFrame(focus);
  };
  focus();
}

export const mount = mounter(".module", (root) => {
  focusOnFirstField(root.closest("[role=dialog]"));
  return { update() {}, destroy() {} };
});
