/* The Headway attention page: one state, one view of it, and panels that each draw that view.
   Order of the page is the order of computation: tokens, attention, next token. */
import * as arcs from "arcs";
import * as controls from "controls";
import { $ } from "dom";
import * as lines from "lines";
import * as matrix from "matrix";
import * as measure from "measure";
import * as output from "output";
import { block, hover, language, start, state, theme, visible } from "state";
import * as strips from "strips";
import { blocks, headOf, load, peek, trace, unpackThumbs } from "trace";
import { plain, say, setLanguage, t, translate } from "words";
import * as wall from "wall";

/* Everything a panel needs to draw: the state, with what the pointer previews in place of what is kept. */
function look(bytes) {
  const now = block(), head = headOf(now.name, bytes, state.head), rows = visible();
  return {
    block: now, head, rows, theme: theme(), language: language(), layer: state.layer, headNumber: state.head,
    q: Math.min(hover?.q ?? state.q, rows - 1), k: hover?.k ?? state.k,
    id: [now.name, state.layer, state.head].join("."),
  };
}

let shownIn = "";
function frame() {
  const root = document.documentElement;
  root.dataset.theme = theme();
  root.lang = language();
  if (shownIn === language()) return;
  shownIn = language();
  setLanguage(shownIn);
  translate();
  const { name, family, d_model, vocab_size } = trace.model, first = Object.values(blocks)[0];
  const count = n => n.toLocaleString("en"), facts = [
    name, family, plain(say("size", first.total, first.heads)), d_model && `d ${d_model}`,
    vocab_size && plain(say("vocabulary", count(vocab_size))),
  ];
  $("#model").textContent = facts.filter(Boolean).join(" · ");
  document.title = `${name} · ${t("attention")} · Headway`;
  $("#recorded").replaceChildren(...strips.bold([
    ...(trace.truncated ? say("truncated", ...trace.truncated) : []),
    ...(trace.recorded ? say("recorded", trace.recorded) : []), ...say("noModel"),
  ]));
}

function problem(error) {
  $("#problem").hidden = false;
  $("#problem").textContent = plain(say("broken", error.message));
}

const isLong = ({ rows, keys }) => Math.max(rows, keys.length) > 40;

/* A layer that is not unpacked yet leaves the old picture until it is. */
function draw() {
  frame();
  const bytes = peek(state.block, state.layer);
  if (!bytes) return load(state.block, state.layer).then(draw, problem);
  const view = look(bytes);
  controls.draw();
  strips.draw(view);
  wall.draw(view);
  measure.draw(view);
  matrix.draw(view);
  matrix.legend(view);
  if ($("#linesPane").clientWidth) (isLong(view.block) ? arcs : lines).draw(view, $("#linesPane"));
  output.draw(view);
  document.body.dataset.ready = "true";
}

function listen() {
  controls.listen();
  matrix.listen();
  $("#strips").addEventListener("click", strips.clicked);
  $("#linesPane").addEventListener("click", event => { lines.clicked(event); strips.clicked(event); });
  $("#wall").addEventListener("click", wall.clicked);
  $("#spark").addEventListener("click", output.clicked);
  $("#table").addEventListener("toggle", draw);
}

unpackThumbs().then(() => {
  const name = ["cross", "decoder", "encoder"].find(each => blocks[each]), steps = trace.out.length;
  start({ block: name, ...wall.telling(name), step: steps, q: trace.masks[0]?.at ?? Math.floor(blocks[name].rows / 2) }, draw);
  listen();
  draw();
}, error => { setLanguage(language()); problem(error); });
