/* The one state of the page. It lives in the URL hash, so a view is a link; numbers there count from 1, like the page.
   One token is chosen (q, the row), one may be looked at (k, the column, -1 for none); hovering only previews. */
import { blocks, trace } from "trace";

const NUMBERS = ["layer", "head", "q", "k", "step"], NAMES = ["block", "view", "theme", "lang"];
export const state = { block: "", layer: 0, head: 0, q: 0, k: -1, step: 1, view: "matrix", theme: "", lang: "" };
export let hover = null;

const clamp = (x, low, high) => Math.max(low, Math.min(high, Number.isFinite(x) ? x : low));
const dark = matchMedia("(prefers-color-scheme: dark)");
export const theme = () => state.theme || (dark.matches ? "dark" : "light");
export const language = () => state.lang || (navigator.language.startsWith("ko") ? "ko" : "en");
export const block = () => blocks[state.block];

/* How many rows exist at the present writing step: later ones are not written yet. */
export const visible = () => state.block === "encoder" || !trace.out.length
  ? block().rows : Math.min(block().rows, trace.out[state.step - 1].at + 1);

/* The first step at which a row can be seen. */
export const stepOf = row => trace.out.findIndex(step => step.at >= row) + 1 || trace.out.length;

function settle() {
  if (!blocks[state.block]) state.block = ["cross", "decoder", "encoder"].find(name => blocks[name]);
  const { layers, heads, keys } = block();
  if (!layers.includes(state.layer)) state.layer = layers.findLast(layer => layer < state.layer) ?? layers[0];
  state.head = clamp(state.head, 0, heads - 1);
  state.step = clamp(state.step, 1, Math.max(1, trace.out.length));
  state.q = clamp(state.q, 0, visible() - 1);
  if (!(state.k < keys.length)) state.k = -1;
  if (!["matrix", "lines"].includes(state.view)) state.view = "matrix";
  if (!["", "light", "dark"].includes(state.theme)) state.theme = "";
  if (!["", "en", "ko"].includes(state.lang)) state.lang = "";
}

let redraw = () => {}, frame = 0, saved = 0;
function changed() {
  settle();
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(() => redraw());
}

/* What is shown now, as a link. */
export function link() {
  const pairs = NAMES.filter(name => state[name]).map(name => [name, state[name]]);
  for (const name of NUMBERS) if (state[name] >= 0) pairs.push([name, name === "step" ? state.step : state[name] + 1]);
  return new URLSearchParams(pairs).toString();
}

/* Puts it into the address, a little later: browsers refuse a hundred changes in a few seconds. */
function save() {
  clearTimeout(saved);
  saved = setTimeout(() => history.replaceState(null, "", `#${link()}`), 120);
}

export function set(change) {
  Object.assign(state, change);
  hover = null;
  changed();
  save();
}
export function preview(cell) {
  if (cell?.q === hover?.q && cell?.k === hover?.k) return;
  hover = cell;
  changed();
}

function read() {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1)))
    if (NAMES.includes(name)) state[name] = value;
    else if (NUMBERS.includes(name)) state[name] = clamp(parseInt(value, 10), 1, 1e6) - (name === "step" ? 0 : 1);
}

/* Starts with `first` where the address says nothing; `draw` is called after every change, once a frame. */
export function start(first, draw) {
  Object.assign(state, first);
  read();
  settle();
  redraw = draw;
  addEventListener("hashchange", () => { read(); changed(); });
  dark.addEventListener("change", changed);
  new ResizeObserver(changed).observe(document.querySelector("main"));
}
