/* Part 3, left: every head of the block as a small picture, layers down and heads across. */
import { $, $$, h } from "dom";
import { image, put } from "paint";
import { set, state } from "state";
import { blocks, thumbs } from "trace";
import { plain, say } from "words";

/* The head to open on: the one whose columns are each looked at hard by some row. Neither a head that always looks at
   one place nor one that looks everywhere does so; one that takes its tokens one by one does. */
export function telling(name) {
  const { layers, heads } = blocks[name], { of, height, width } = thumbs[name];
  let best = { layer: layers.at(-1), head: 0, score: -1 };
  for (const layer of layers)
    for (let head = 0; head < heads; head++) {
      const bytes = of(layer, head);
      let score = 0;
      for (let x = 0; x < width; x++) {
        let most = 0;
        for (let y = 0; y < height; y++) most = Math.max(most, bytes[y * width + x]);
        score += most * most;
      }
      if (score >= best.score) best = { layer, head, score };
    }
  return { layer: best.layer, head: best.head };
}

const cellName = (layer, head) => plain(say("cell", layer + 1, head + 1));

function build({ layers, heads, total }) {
  $("#wall").classList.toggle("dense", heads > 20);
  $(".columns").style = `--heads:${heads};--gap:${heads > 12 ? 2 : 4}px`;
  const columns = h("div", { class: "heading", role: "row" },
    h("span", { role: "presentation" }),
    Array.from({ length: heads }, (_, head) => h("span", { role: "columnheader" }, `${head + 1}`)));
  const rows = layers.map(layer => h("div", { class: "row-of-heads", role: "row" },
    h("span", { role: "rowheader" }, `${layer + 1}`),
    Array.from({ length: heads }, (_, head) => h("button", {
      class: "cell", role: "gridcell", tabindex: -1, "data-layer": layer, "data-head": head,
      "aria-label": cellName(layer, head), title: cellName(layer, head),
    }, h("canvas", { "aria-hidden": "true" })))));
  $("#wall").replaceChildren(columns, ...rows);
  const numbers = layers.map(layer => layer + 1).join(", ");
  $("#kept").textContent = layers.length < total ? plain(say("kept", numbers, total)) : "";
}

function paint({ block, theme, rows }) {
  const { height, width, of } = thumbs[block.name], first = y => Math.floor(y * block.rows / height);
  const key = x => Math.floor(x * block.keys.length / width);
  const shown = (y, x) => first(y) < rows && (!block.causal || key(x) < first(y + 1));
  for (const cell of $$("#wall .cell")) {
    const bytes = of(+cell.dataset.layer, +cell.dataset.head);
    put(cell.firstChild, image(theme, bytes, height, width, block.full, shown));
  }
}

let built = "", painted = "";
export function draw(view) {
  const { block, theme, rows, language } = view;
  if (built !== block.name + language) { build(block); built = block.name + language; painted = ""; }
  for (const cell of $$("#wall .cell")) {
    const on = +cell.dataset.layer === state.layer && +cell.dataset.head === state.head;
    cell.setAttribute("aria-selected", on);
    cell.tabIndex = on ? 0 : -1;
  }
  const wanted = [block.name, language, theme, rows].join();
  if (painted !== wanted) paint(view);
  painted = wanted;
}

export function clicked(event) {
  const cell = event.target.closest(".cell");
  if (cell) set({ layer: +cell.dataset.layer, head: +cell.dataset.head });
}
