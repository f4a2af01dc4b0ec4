// Gives the focus to the first field of a dialog, as it opens.

const TRY_MS = 3000;

// A dialog takes the focus itself as it opens, and would have the user press Tab three times.
export function mount({ parentElement }) {
  const start = performance.now();
  const dialog = parentElement.closest("[role=dialog]");
  const focus = () => {
    const field = dialog?.querySelector("input");
    if (field && dialog === document.activeElement) field.focus();
    else if (dialog && performance.now() - start < TRY_MS) requestAnimationFrame(focus);
  };
  focus();
}
