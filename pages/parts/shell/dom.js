// Elements of a page, made and changed in a line.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes, listeners (on...) and children; what is null, undefined or false is left out.
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function svgElement(tag, attributes, parent) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.appendChild(element);
  return element;
}

// Only where it differs: live regions would be read again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// The element with the focus, in the shadow tree of `root`.
export function focusedElement(root) {
  return root.getRootNode().activeElement;
}

// Give a canvas the pixels of its place on the screen; returns pixels per CSS pixel and its size in CSS pixels.
export function fitCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = canvas;
  const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  return { ratio, width: clientWidth, height: clientHeight };
}
