/* What a head does, measured from its own weights: the bars, the sentence over the matrix, the readout under it. */
import { $, h } from "dom";
import { bold } from "strips";
import { percent, plain, say, t } from "words";

const MARK = /^[\p{P}\p{S}]+$/u;
const isMark = (token, i) =>                         /* the start token ends nothing, and a mask stands for a word */
  token.special ? i > 0 && token.s === token.e : MARK.test(token.n);

/* Shares of all weight on show, by where it goes. For self-attention by distance and kind, for cross by column. */
function measure({ block, head, rows }) {
  const shares = { self: 0, previous: 0, following: 0, first: 0, same: 0, marks: 0, far: 0 };
  const columns = new Float64Array(block.keys.length), marks = block.keys.map(isMark);
  let total = 0, entropy = 0, even = 0, distance = 0, near = 0;
  for (let i = 0; i < rows; i++) {
    const own = block.queries[i].id, last = block.causal ? i : block.keys.length - 1;
    let sum = 0;
    for (let j = 0; j <= last; j++) sum += head.at(i, j);
    for (let j = 0; j <= last && sum; j++) {
      const a = head.at(i, j) / sum, far = Math.abs(i - j);
      if (!a) continue;
      columns[j] += a;
      entropy -= a * Math.log(a);
      distance += a * far;
      if (far < 4) near += a;
      if (j === i) shares.self += a;
      else if (block.keys[j].id === own) shares.same += a;
      if (j === i - 1) shares.previous += a;
      if (j === i + 1) shares.following += a;
      if (j === 0) shares.first += a;
      if (marks[j]) shares.marks += a;
      if (far >= 4) shares.far += a;
    }
    total += sum > 0;
    even += Math.log(last + 1);
  }
  for (const name in shares) shares[name] /= total;
  return {
    shares, columns: [...columns].map(c => c / total), effective: Math.exp(entropy / total),
    flat: even ? entropy / even : 0, distance: distance / total, near: near / total,
  };
}

function sentence({ block }, m) {
  const average = say("average", m.effective.toFixed(1));
  if (m.flat > 0.93) return [...say("even"), ...average];
  const counted = block.writes ? ["first", "marks"] : ["self", "previous", "following", "first", "same", "marks"];
  const [name, share] = counted.map(key => [key, m.shares[key]]).sort((a, b) => b[1] - a[1])[0];
  if (share > 0.34) return [...say("share", percent(share), t(`to_${name}`)), ...average];
  if (block.writes) return average;
  return [...say("distance", m.distance.toFixed(1)), ...(m.near > 0.75 ? say("near") : []), ...average];
}

/* A token by name, and by its number where the name stands more than once. */
const called = (tokens, j) =>
  tokens.filter(token => token.n === tokens[j].n).length > 1 ? `${tokens[j].n} (${j + 1})` : tokens[j].n;

function bars({ block }, m) {
  const places = Object.keys(m.shares).filter(name => name !== "following" || !block.causal);
  const list = block.writes
    ? m.columns.map((share, j) => [called(block.keys, j), share]).sort((a, b) => b[1] - a[1]).slice(0, 7)
    : places.map(name => [t(name), m.shares[name]]);
  return list.map(([name, share]) => bar(name, share));
}

export const bar = (name, share, kind = "") => h("div", { class: `bar ${kind}` },
  h("span", { class: "name" }, name),
  h("span", { class: "rail" }, h("i", { style: `width:${(100 * share).toFixed(2)}%` })),
  h("span", { class: "number" }, percent(share)));

/* The chosen row in words: the token looked at, or the three it looks at most. */
function readout({ block, head, q, k }) {
  const all = block.keys.map((_, j) => [head.at(q, j), j]);
  const shown = k >= 0 ? [all[k]] : all.sort((a, b) => b[0] - a[0]).slice(0, 3).filter(([a], n) => !n || a > 0.04);
  const list = shown.flatMap(([a, j], n) => [n ? ", " : "", ["key", called(block.keys, j)], ` ${percent(a)}`]);
  return say(block.writes ? "looksWriting" : "looks", block.names[q].n, list);
}

function rowTable({ block, head, q }) {
  const all = block.keys.map((_, j) => [head.at(q, j), called(block.keys, j)]).sort((a, b) => b[0] - a[0]);
  return h("table", {}, h("caption", {}, block.names[q].n),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("token")), h("th", { scope: "col" }, t("weight")))),
    h("tbody", {}, all.map(([a, name]) => h("tr", {}, h("td", {}, name), h("td", {}, percent(a))))));
}

let spoken = 0, measured = "";
export function draw(view) {
  const { block, id, rows, language } = view, look = [id, rows, language].join();
  if (look !== measured) {
    const found = measure(view);
    $("#headName").textContent = plain(say("headName", t(block.name), view.layer + 1, view.headNumber + 1));
    $("#sentence").replaceChildren(...bold(sentence(view, found)));
    $("#shares").replaceChildren(...bars(view, found));
  }
  measured = look;
  const parts = readout(view);
  $("#readout").replaceChildren(...bold(parts));
  clearTimeout(spoken);
  spoken = setTimeout(() => { $("#spoken").textContent = plain(parts); }, 300);
  if ($("#table").open) $("#table .scroll").replaceChildren(rowTable(view));
}
