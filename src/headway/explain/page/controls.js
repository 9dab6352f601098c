/* Buttons, switches and keys. One table holds every key, and the list that `?` opens is made from it. */
import { $, $$, h } from "dom";
import { block, language, set, state, stepOf, theme } from "state";
import { blocks, trace } from "trace";
import { t } from "words";

/* A switch between choices: one tab stop, arrows move. Built once a language, then only marked. */
export function segments(box, key, choices) {
  const signature = choices.join() + language();
  if (box.dataset.built !== signature) {
    box.replaceChildren(...choices.map(choice => h("button", { role: "radio", "data-value": choice }, t(choice))));
    box.dataset.built = signature;
    box.onclick = event => {
      const button = event.target.closest("button");
      if (button) set({ [key]: button.dataset.value, k: -1 });
    };
    box.onkeydown = event => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!move) return;
      const next = (choices.indexOf(state[key]) + move + choices.length) % choices.length;
      set({ [key]: choices[next], k: -1 });
      box.children[next].focus();
      event.preventDefault();
      event.stopPropagation();
    };
  }
  for (const button of box.children) {
    button.setAttribute("aria-checked", button.dataset.value === state[key]);
    button.tabIndex = button.dataset.value === state[key] ? 0 : -1;
  }
}

/* Choosing a writing step chooses the row that wrote it too. */
export function toStep(step) {
  if (!trace.out.length) return;
  const at = Math.max(1, Math.min(trace.out.length, step));
  set({ step: at, k: -1, ...(state.block === "encoder" ? {} : { q: trace.out[at - 1].at }) });
}

/* A row that is not written yet takes the writing step with it. */
function toRow(row) {
  const writes = state.block !== "encoder" && trace.out.length && row >= 0 && row < block().rows;
  set({ q: row, k: -1, ...(writes ? { step: Math.max(state.step, stepOf(row)) } : {}) });
}
function toLayer(by) {
  const { layers } = block(), at = layers.indexOf(state.layer) + by;
  if (layers[at] !== undefined) set({ layer: layers[at] });
}
const toHead = by => set({ head: (state.head + by + block().heads) % block().heads });
function toKey(by) {
  const keys = block().keys.length;
  set({ k: Math.max(0, Math.min(keys - 1, (state.k < 0 ? (by > 0 ? -1 : keys) : state.k) + by)) });
}
function nextBlock() {
  const names = Object.keys(blocks);
  set({ block: names[(names.indexOf(state.block) + 1) % names.length], k: -1 });
}
const turnTheme = () => set({ theme: theme() === "dark" ? "light" : "dark" });
const turnLanguage = () => set({ lang: language() === "ko" ? "en" : "ko" });
const help = () => $("#keys").showModal();

/* [keys as printed, what they are for, {key: action}] */
const KEYS = [
  ["← →", "keyToken", { ArrowLeft: () => toRow(state.q - 1), ArrowRight: () => toRow(state.q + 1) }],
  ["↑ ↓", "keyLayer", { ArrowUp: () => toLayer(-1), ArrowDown: () => toLayer(1) }],
  ["[ ]", "keyHead", { "[": () => toHead(-1), "]": () => toHead(1) }],
  [", .", "keyStep", { ",": () => toStep(state.step - 1), ".": () => toStep(state.step + 1) }, () => trace.out.length],
  ["M L", "keyView", { m: () => set({ view: "matrix" }), l: () => set({ view: "lines" }) }],
  ["B", "keyBlock", { b: nextBlock }, () => Object.keys(blocks).length > 1],
  ["D", "keyDark", { d: turnTheme }],
  ["Esc", "keyClear", { Escape: () => set({ k: -1 }) }],
  ["?", "keyHelp", { "?": help }],
].filter(([, , , here]) => !here || here());
const ACTIONS = Object.assign({}, ...KEYS.map(([, , actions]) => actions));

/* Inside the matrix and the wall the arrows move the cell. */
const INSIDE = {
  matrixPane: {
    ArrowLeft: () => toKey(-1), ArrowRight: () => toKey(1),
    ArrowUp: () => set({ q: state.q - 1 }), ArrowDown: () => set({ q: state.q + 1 }),
  },
  wall: { ArrowLeft: () => toHead(-1), ArrowRight: () => toHead(1) },
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
  if (event.target.matches("input") && event.key.startsWith("Arrow")) return;
  const place = INSIDE[event.target.closest?.("#matrixPane, #wall")?.id] ?? {};
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, act = place[key] ?? ACTIONS[key];
  if (!act) return;
  event.preventDefault();
  act();
  if (place === INSIDE.wall) requestAnimationFrame(() => $('#wall [aria-selected="true"]').focus());
}

let listed = "";
export function draw() {
  const names = Object.keys(blocks);
  $("#blocks").hidden = names.length < 2;
  segments($("#blocks"), "block", names);
  segments($("#views"), "view", ["matrix", "lines"]);
  $("#pair").dataset.view = state.view;
  $("#theme").textContent = t(theme() === "dark" ? "toLight" : "toDark");
  $("#language").textContent = t("language");
  $("#language").lang = language() === "ko" ? "en" : "ko";
  if (listed !== language())
    $("#keys dl").replaceChildren(...KEYS.flatMap(([keys, word]) => [h("dt", {}, keys), h("dd", {}, t(word))]),
      h("dd", { class: "wide" }, t("keyInside")));
  listed = language();
}

export function listen() {
  $("#theme").onclick = turnTheme;
  $("#language").onclick = turnLanguage;
  $("#help").onclick = help;
  $("#before").onclick = () => toStep(state.step - 1);
  $("#after").onclick = () => toStep(state.step + 1);
  $("#step").oninput = event => toStep(+event.target.value);
  addEventListener("keydown", pressed);
}
