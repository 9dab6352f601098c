/* Part 3, right: the same head as lines from each token to the tokens it looks at, for at most 40 tokens a side. */
import { $, css, svg } from "dom";
import { colour, ink, tone } from "paint";
import { set } from "state";
import { decimal, t } from "words";

const THINNEST = 0.03, TOP = 34;

export function bend(x1, y1, x2, y2) {
  const x = (x1 + x2) / 2;
  return `M${x1} ${y1}C${x} ${y1} ${x} ${y2} ${x2} ${y2}`;
}

function curves({ block, head, rows, q }, place) {
  const found = [];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < block.keys.length; j++)
      if (head.at(i, j) > THINNEST) found.push([i === q, head.at(i, j), i, j]);
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);                      /* the chosen row last, over the others */
  return found.map(([on, a, i, j]) => svg("path", {
    d: bend(place.x1, place.row(i), place.x2, place.key(j)), fill: "none", "stroke-linecap": "round",
    stroke: `var(--${on ? "query" : "key"})`, "stroke-width": (0.8 + 7 * a).toFixed(2),
    opacity: (on ? 0.2 + 0.8 * Math.sqrt(a) : 0.05 + 0.22 * a).toFixed(2),
  }));
}

/* Where names and lines stand: both columns are spread over one height, so that like order gives straight lines. */
function layout(block, width) {
  const many = Math.max(block.rows, block.keys.length), beside = $("#matrix").clientHeight;
  const line = Math.max(20, Math.min(32, (Math.max(beside, 300) - TOP - 6) / many)), high = line * many;
  const spread = count => i => TOP + (i + 0.5) * Math.min(high / count, 1.6 * line)
    + Math.max(0, high - 1.6 * line * count) / 2;
  const row = spread(block.rows), key = spread(block.keys.length);
  return { line, high, width, row, key, x1: width * 0.35, x2: width * 0.62 };
}

function measured() {
  const pen = $("#matrix").getContext("2d");
  pen.font = `14px ${css("--sans")}`;
  return text => pen.measureText(text).width;
}

function short(text, room, widthOf) {
  const letters = [...text];
  if (widthOf(text) <= room) return text;
  while (letters.length > 1 && widthOf(`${letters.join("")}…`) > room) letters.pop();
  return `${letters.join("")}…`;
}

function names({ block, rows, q }, place, widthOf) {
  return block.names.map((token, i) => svg("text", {
    "data-q": i, class: i === q ? "query" : "", x: place.x1 - 10, y: place.row(i) + 5, "text-anchor": "end",
    opacity: i < rows ? 1 : 0.3,
  }, short(token.n, place.x1 - 14, widthOf)));
}

function targets({ block, theme, head, rows, q, k }, place, widthOf) {
  return block.keys.flatMap((token, j) => {
    const a = head.at(q, j), on = a > THINNEST, shade = tone(255 * Math.sqrt(a), block.full), y = place.key(j);
    const text = short(token.n, place.width - place.x2 - 52, widthOf), wide = widthOf(text) + 12;
    const high = place.line * 0.84;
    const fill = on ? colour(theme, shade) : "transparent", style = `fill:${on ? ink(theme, shade) : "var(--ink)"}`;
    return [
      svg("rect", {
        "data-k": j, class: j === k ? "key" : "", x: place.x2 + 5, y: y - high / 2, width: wide, height: high, rx: 4, fill,
      }),
      svg("text", { "data-k": j, x: place.x2 + 11, y: y + 5, style, opacity: block.causal && j >= rows ? 0.3 : 1 }, text),
      on ? svg("text", { class: "number", x: place.x2 + wide + 11, y: y + 4 }, decimal(a)) : null,
    ];
  });
}

export function draw(view, box) {
  const { block } = view, place = layout(block, box.clientWidth), widthOf = measured(), height = TOP + place.high + 4;
  const caption = (x, anchor, word) => svg("text", { class: "caption", x, y: 18, "text-anchor": anchor }, t(word));
  box.replaceChildren(svg("svg", {
    viewBox: `0 0 ${place.width} ${height}`, height, role: "img", "aria-label": t("linesLabel"),
  },
  caption(place.x1 - 10, "end", block.writes ? "writingNow" : "from"),
  caption(place.x2 + 11, "start", block.writes ? "toSource" : "to"),
  curves(view, place), names(view, place, widthOf), targets(view, place, widthOf)));
}

export function clicked(event) {
  const { q, k } = event.target.dataset;
  if (q !== undefined) set({ q: +q, k: -1 });
  if (k !== undefined) set({ k: +k });
}
