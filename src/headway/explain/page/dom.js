/* Elements from values. Text of a trace only ever becomes a text node or an attribute, so it can never be markup. */

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  element.append(...children.flat().filter(child => child !== null && child !== ""));
  return element;
}

/* h("b", {class: "key"}, "은행") is <b class="key">은행</b>; false, null and undefined attributes are left out. */
export const h = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) =>
  build(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

/* A canvas of w × h CSS pixels, sharp on any screen. */
export function fit(canvas, w, h) {
  const ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.width = Math.round(w * ratio);
  canvas.height = Math.round(h * ratio);
  canvas.style.width = `${w}px`;
  canvas.style.height = `${h}px`;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

export const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
