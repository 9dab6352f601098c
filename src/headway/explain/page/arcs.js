/* More than 40 tokens: arcs over the running text, only from the chosen token to the few it looks at most, because a
   line for every weight is what makes such pages slow and unreadable. Cross-attention shows both texts. */
import { $, $$, h, svg } from "dom";
import { colour, ink, tone } from "paint";
import { spans, tongue } from "strips";
import { trace } from "trace";
import { t } from "words";

const ARCS = 6;

function build({ block }, box) {
  const words = side => h("div", { class: "words", lang: tongue(trace.texts[side]) }, spans(side, "flow"));
  const titled = (side, word) => [h("p", { class: "caption" }, t(word)), words(side)];
  const texts = block.querySide === block.keySide ? words(block.keySide)
    : [titled(block.querySide, "writingNow"), titled(block.keySide, "toSource")].flat();
  box.replaceChildren(h("div", { class: "flow" }, texts, svg("svg", { "aria-hidden": "true" })));
  for (const token of $$(".token", box)) for (const name of ["role", "aria-label"]) token.removeAttribute(name);
}

const tokenOf = (box, side, i) => $(`#flow-${side}-${i}`, box);

function tint({ block, theme }, box, weights, least) {
  for (const [j, a] of weights.entries()) {
    const { style } = tokenOf(box, block.keySide, j), on = a > least, place = tone(255 * Math.sqrt(a), block.full);
    style.background = on ? colour(theme, place) : "";
    style.color = on ? ink(theme, place) : "";
  }
}

/* One arc between two boxes: over the words within one text, straight down from one text to the other. */
function path([x1, top1, bottom1], [x2, top2], within) {
  if (!within) return `M${x1} ${bottom1}C${x1} ${(bottom1 + top2) / 2} ${x2} ${(bottom1 + top2) / 2} ${x2} ${top2}`;
  const high = Math.min(top1, top2) - 10 - Math.min(40, Math.abs(x1 - x2) * 0.12);
  return `M${x1} ${top1 + 3}C${x1} ${high} ${x2} ${high} ${x2} ${top2 + 3}`;
}

let built = "";
export function draw(view, box) {
  const { block, head, q, language } = view, look = block.name + language;
  if (built !== look || !$(".flow", box)) build(view, box);
  built = look;
  const weights = block.keys.map((_, j) => head.at(q, j)), most = Math.max(...weights);
  const chosen = tokenOf(box, block.querySide, q + block.writes);
  tint(view, box, weights, Math.max(0.02, 0.1 * most));
  for (const token of $$(".query", box)) token.classList.remove("query");
  chosen.classList.add("query");
  const frame = $(".flow", box).getBoundingClientRect(), within = block.querySide === block.keySide;
  const corner = token => {
    const { left, width, top, bottom } = token.getClientRects()[0];
    return [left - frame.left + width / 2, top - frame.top, bottom - frame.top];
  };
  const ends = [...weights.keys()].filter(j => weights[j] > 0.12 * most && !(within && j === q))
    .sort((a, b) => weights[b] - weights[a]).slice(0, ARCS);
  $(".flow svg", box).replaceChildren(...ends.map(j => svg("path", {
    d: path(corner(chosen), corner(tokenOf(box, block.keySide, j)), within), fill: "none", stroke: "var(--query)",
    "stroke-linecap": "round", "stroke-width": (1 + 3.5 * weights[j] / most).toFixed(1),
    opacity: (0.3 + 0.6 * weights[j] / most).toFixed(2),
  })));
}
