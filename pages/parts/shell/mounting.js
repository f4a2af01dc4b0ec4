// How a module becomes a part of a page. Streamlit calls `mount` each time that its data change, and the function that
// `mount` returned last when the part leaves the page. A call that another one has overtaken must not end the view.
//
// After an update of the program modules have other addresses, and a second instance of the module is given the element
// of the first, which is never told to leave. So views are kept with their element, where every instance finds them.

const VIEW = Symbol.for("sightline view");

// `create(root, component)` makes a view with `update(component)` and `destroy()` in the element of the selector.
export function mounter(selector, create) {
  return (component) => {
    const mounted = viewIn(component.parentElement.querySelector(selector), create, component), call = ++mounted.calls;
    mounted.view.update(component);
    return () => {
      if (mounted.calls !== call || mounted.root[VIEW] !== mounted) return;
      mounted.root[VIEW] = undefined;
      mounted.view.destroy();
    };
  };
}

// The view of this instance of the module; one that another instance has left behind goes, with all that it has drawn.
function viewIn(root, create, component) {
  const found = root[VIEW];
  if (found?.create === create) return found;
  let place = root;
  if (found) {
    root[VIEW] = undefined;
    found.view.destroy();
    place = found.pristine;
    root.replaceWith(place);
  }
  const mounted = { root: place, create, pristine: place.cloneNode(true), calls: 0 };
  place[VIEW] = mounted;
  mounted.view = create(place, component);
  return mounted;
}
