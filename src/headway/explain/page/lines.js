/* Part 3, right: the same head as lines between tokens, up to 40 of them; more are drawn as arcs over the text, and only
   for the chosen token, because a line per weight is what makes such pages unreadable and slow. */
import { $, $$, css, h, svg } from "dom";
import { colour, ink, tone } from "paint";
import { set } from "state";
import { spans, tongue } from "strips";
import { trace } from "trace";
import { decimal, t } from "words";

const MOST = 40, THINNEST = 0.03;

const bend = (x1, y1, x2, y2) => `M${x1} ${y1}C${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2} ${x2} ${y2}`;

function curves({ block, head, rows, q }, x1, x2, y) {
  const found = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < block.keys.length; j++) if (head.at(i, j) > THINNEST) found.push([i === q, head.at(i, j), i, j]);
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);                      /* the chosen row last, over the others */
  return found.map(([on, a, i, j]) => svg("path", {
    d: bend(x1, y(i), x2, y(j)), fill: "none", stroke: `var(--${on ? "query" : "key"})`, "stroke-linecap": "round",
    "stroke-width": (0.8 + 7 * a).toFixed(2), opacity: (on ? 0.2 + 0.8 * Math.sqrt(a) : 0.05 + 0.22 * a).toFixed(2),
  }));
}

function drawLines(view, box) {
  const { block, theme, head, rows, q, k } = view, width = box.clientWidth, many = Math.max(block.rows, block.keys.length);
  const beside = $("#matrix").clientHeight, line = Math.max(20, Math.min(32, (Math.max(beside, 300) - 40) / many));
  const pen = $("#matrix").getContext("2d"), top = 34, y = i => top + (i + 0.5) * line, x1 = width * 0.35, x2 = width * 0.62;
  pen.font = `14px ${css("--sans")}`;
  const short = (text, room) => {
    const letters = [...text];
    while (letters.length > 1 && pen.measureText(letters.join("")).width > room) letters.pop();
    return letters.length < [...text].length ? `${letters.slice(0, -1).join("")}…` : text;
  };
  const rowNames = block.names.map((token, i) => svg("text", {
    "data-q": i, class: i === q ? "query" : "", x: x1 - 10, y: y(i) + 5, "text-anchor": "end", opacity: i < rows ? 1 : 0.3,
  }, short(token.n, x1 - 14)));
  const keyNames = block.keys.flatMap((token, j) => {
    const a = head.at(q, j), place = tone(255 * Math.sqrt(a), block.full), on = a > THINNEST, text = short(token.n, width - x2 - 52);
    const wide = pen.measureText(text).width + 12;
    return [
      svg("rect", { "data-k": j, class: j === k ? "key" : "", x: x2 + 5, y: y(j) - line * 0.42, width: wide, height: line * 0.84, rx: 4,
        fill: on ? colour(theme, place) : "transparent" }),
      svg("text", { "data-k": j, x: x2 + 11, y: y(j) + 5, style: `fill:${on ? ink(theme, place) : "var(--ink)"}` }, text),
      on ? svg("text", { class: "number", x: x2 + wide + 11, y: y(j) + 4 }, decimal(a)) : null,
    ];
  });
  const captions = [[x1 - 10, "end", block.writes ? "writingNow" : "from"], [x2 + 11, "start", block.writes ? "toSource" : "to"]];
  const height = top + line * many + 4;
  box.replaceChildren(svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": t("linesLabel") },
    captions.map(([x, anchor, word]) => svg("text", { class: "caption", x, y: 18, "text-anchor": anchor }, t(word))),
    curves(view, x1, x2, y), rowNames, keyNames));
}

/* Arcs: the text of the columns, and above it the text of the rows where that is another one. */
let laid = "";
function drawArcs(view, box) {
  const { block, theme, head, q, language } = view, two = block.querySide !== block.keySide, look = [block.name, language, box.clientWidth].join();
  if (laid !== look || !$(".flow", box)) {
    const text = side => h("div", { class: "words", lang: tongue(trace.texts[side]) }, spans(side, "flow"));
    const titled = (word, side) => [h("p", { class: "caption" }, t(word)), text(side)];
    box.replaceChildren(h("div", { class: "flow" }, two ? titled("writingNow", block.querySide) : [], two ? titled("toSource", block.keySide) : text(block.keySide), svg("svg", { "aria-hidden": "true" })));
    for (const token of $$(".token", box)) { token.removeAttribute("role"); token.removeAttribute("aria-label"); }
  }
  laid = look;
  const of = (side, i) => $(`#flow-${side}-${i}`, box), chosen = of(block.querySide, q + block.writes);
  const weights = block.keys.map((_, j) => head.at(q, j)), most = Math.max(...weights);
  for (const token of $$(".query", box)) token.classList.remove("query");
  for (const [j, a] of weights.entries()) {
    const token = of(block.keySide, j), on = a > Math.max(0.02, 0.1 * most), place = tone(255 * Math.sqrt(a), block.full);
    token.style.background = on ? colour(theme, place) : "";
    token.style.color = on ? ink(theme, place) : "";
  }
  chosen.classList.add("query");
  const flow = $(".flow", box), frame = flow.getBoundingClientRect();
  const middle = token => { const r = token.getClientRects()[0]; return [r.left - frame.left + r.width / 2, r.top - frame.top, r.bottom - frame.top]; };
  const [x1, up1, down1] = middle(chosen);
  const strongest = [...weights.keys()].filter(j => weights[j] > 0.12 * most && of(block.keySide, j) !== chosen).sort((a, b) => weights[b] - weights[a]).slice(0, 6);
  const arcs = strongest.map(j => {
    const [x2, up2] = middle(of(block.keySide, j)), y1 = two ? down1 : up1, high = Math.min(y1, up2) - 10 - Math.min(40, Math.abs(x1 - x2) * 0.12);
    const d = two ? `M${x1} ${y1}C${x1} ${(y1 + up2) / 2} ${x2} ${(y1 + up2) / 2} ${x2} ${up2}` : `M${x1} ${y1 + 3}C${x1} ${high} ${x2} ${high} ${x2} ${up2 + 3}`;
    const share = weights[j] / most;
    return svg("path", { d, fill: "none", stroke: "var(--query)", "stroke-linecap": "round", "stroke-width": (1 + 3.5 * share).toFixed(1), opacity: (0.3 + 0.6 * share).toFixed(2) });
  });
  $("svg", flow).replaceChildren(...arcs);
}

export function draw(view) {
  const box = $("#linesPane");
  if (!box.clientWidth) return;
  (Math.max(view.block.rows, view.block.keys.length) > MOST ? drawArcs : drawLines)(view, box);
}

export function clicked(event) {
  const { q, k } = event.target.dataset;
  if (q !== undefined) set({ q: +q, k: -1 });
  if (k !== undefined) set({ k: +k });
}
