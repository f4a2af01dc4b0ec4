// How a module becomes a part of a page. Streamlit calls `mount` each time that its data change, and the function that
// `mount` returned last when the part leaves the page. A call that another one has overtaken must not end the view.

const views = new WeakMap();

// `create(root, component)` makes a view with `update(component)` and `destroy()` in the element of the selector.
export function mounter(selector, create) {
  return (component) => {
    const root = component.parentElement.querySelector(selector);
    let mounted = views.get(root);
    if (!mounted) {
      mounted = { view: create(root, component), calls: 0 };
      views.set(root, mounted);
    }
    const call = ++mounted.calls;
    mounted.view.update(component);
    return () => {
      if (mounted.calls !== call || views.get(root) !== mounted) return;
      views.delete(root);
      mounted.view.destroy();
    };
  };
}
