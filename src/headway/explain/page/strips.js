/* Part 1: the texts, cut into pieces. The pieces of one character (bytes of a Hangul syllable) share it: the character
   is printed once, with one tick a piece. Nothing but the text itself is text here, so copying a strip copies it. */
import { $, $$, h } from "dom";
import { set, state, stepOf } from "state";
import { blocks, trace } from "trace";
import { plain, say, t } from "words";

/* Runs of tokens that cannot be printed apart: they overlap, or the cut between them is inside a character. */
function groups(text, tokens) {
  const cuts = new Set([...new Intl.Segmenter().segment(text)].map(part => part.index)), found = [];
  for (const [i, { s, e, special }] of tokens.entries()) {
    const last = found.at(-1);
    if (special || s === e) found.push({ s, e: s, tokens: [i], silent: true });
    else if (last && !last.silent && (s < last.e || !cuts.has(s))) { last.tokens.push(i); last.e = Math.max(last.e, e); }
    else found.push({ s, e, tokens: [i] });
  }
  return found;
}

function label(token, number, count) {
  const parts = [token.n, token.id];
  if (count > 1) parts.push(plain(say("piece", number, count)));
  if (token.byte) parts.push(token.t);
  if (token.special) parts.push(t("special"));
  if (token.unknown) parts.push(t("unknown"));
  return parts.join(", ");
}

/* The text of one side as spans; `prefix` makes their ids, `names` prints special tokens small. */
export function spans(side, prefix, many = trace.tokens[side].length) {
  const text = trace.texts[side], tokens = trace.tokens[side], out = [];
  let at = 0;
  for (const group of groups(text, tokens)) {
    if (group.tokens[0] >= many) break;
    const blank = group.silent ? "" : text.slice(group.s, group.e).match(/^\s*(?=\S)/)?.[0] ?? "";
    out.push(text.slice(at, group.s) + blank);
    const body = group.silent ? "" : text.slice(group.s + blank.length, group.e), several = group.tokens.length > 1;
    const pieces = group.tokens.map((i, n) => h("span", {
      class: ["token", several && "tick", tokens[i].special && "special", tokens[i].unknown && "unknown"].filter(Boolean).join(" "),
      id: `${prefix}-${side}-${i}`, role: "option", "data-side": side, "data-i": i, "data-id": tokens[i].id,
      "data-name": group.silent ? tokens[i].n : null, title: label(tokens[i], n + 1, group.tokens.length),
      "aria-label": label(tokens[i], n + 1, group.tokens.length),
    }, several ? "" : body));
    out.push(several ? h("span", { class: "shared", style: `--n:${pieces.length}`, role: "presentation" }, body, ...pieces) : pieces[0]);
    at = Math.max(at, group.e);
  }
  if (many >= tokens.length) out.push(text.slice(at));
  return out;
}

export const tongue = text => /[\u1100-\u11FF\u3130-\u318F\uAC00-\uD7A3]/.test(text) ? "ko" : "";

function strip(side, title) {
  const tokens = trace.tokens[side], unknown = tokens.filter(token => token.unknown).length;
  return h("div", { class: "strip" },
    h("div", { class: "caption" }, title, ` · ${tokens.length} ${t("count")}`, unknown ? ` · ${plain(say("unknowns", unknown))}` : ""),
    h("div", { class: "line", lang: tongue(trace.texts[side]), role: "listbox", tabindex: 0, "aria-label": title, "data-side": side },
      spans(side, "strip")));
}

function titles() {
  if (!trace.tokens.source.length) return { target: t("targetOnly") };
  const target = trace.tokens.target.length ? { target: t(trace.given ? "targetGiven" : "targetWritten") } : {};
  return { source: t("source"), ...target };
}

/* Which token of each side is chosen and which is looked at; rows of cross are called by the token being written. */
function marks({ block, q, k }) {
  return { query: [block.querySide, q + block.writes], key: [block.keySide, k], row: block.writes ? [block.querySide, q] : null };
}

let built = "";
export function draw(view) {
  const box = $("#strips"), shown = titles(), many = Math.max(trace.tokens.source.length, trace.tokens.target.length);
  if (built !== view.language) {
    box.replaceChildren(...Object.entries(shown).map(([side, title]) => strip(side, title)));
    $("#tokens").classList.toggle("long", many >= 60);
    built = view.language;
  }
  const { query, key } = marks(view), ahead = trace.out.length ? trace.out[state.step - 1].at + 1 : Infinity;
  for (const token of $$(".token", box)) {
    const side = token.dataset.side, i = +token.dataset.i;
    const is = ([where, index]) => where === side && index === i;
    token.classList.toggle("query", is(query));
    token.classList.toggle("key", view.k >= 0 && is(key));
    token.classList.toggle("ahead", side === "target" && i > ahead);
    token.setAttribute("aria-selected", is(query));
    if (is(query)) token.parentElement.closest(".line").setAttribute("aria-activedescendant", token.id);
  }
  for (const shared of $$(".shared", box)) {
    shared.classList.toggle("query", !!$(".query", shared));
    shared.classList.toggle("key", !!$(".key", shared));
  }
  for (const token of $$(".token:not(.tick)", box)) token.classList.toggle("narrow", token.offsetWidth < 30);
  about(...query);
}

/* The chosen token in full: its number, its piece as the vocabulary spells it, its id. */
function about(side, i) {
  const token = trace.tokens[side][i], many = trace.tokens[side].length;
  const spelled = JSON.stringify(token.t).slice(1, -1), bytes = token.byte ? "bytes " : "";
  $("#chosen").replaceChildren(...bold(say("chosen", token.n, i + 1, many)), bytes, h("code", {}, spelled), ` · id ${token.id}`);
}

export const bold = parts => parts.map(part =>
  Array.isArray(part) ? h(part[0] === "code" ? "code" : "b", part[0] ? { class: part[0] } : {}, part[1]) : part);

/* A click: on the text of the rows it chooses, on the text of the columns it looks at, on a third text it changes block. */
export function choose(side, i) {
  const { querySide, keySide, writes } = blocks[state.block];
  const row = index => ({ q: Math.max(0, index), k: -1, ...(trace.out.length && side === "target" ? { step: Math.max(state.step, stepOf(index)) } : {}) });
  if (side === querySide) set(row(i - writes));
  else if (side === keySide) set({ k: state.k === i ? -1 : i });
  else if (side === "source" && blocks.encoder) set({ block: "encoder", ...row(i) });
  else if (side === "target" && blocks.cross) set({ block: "cross", ...row(i - 1) });
}

/* A click on a shared character goes through its pieces in turn. */
export function clicked(event) {
  const shared = event.target.closest(".shared"), pieces = shared ? $$(".token", shared) : [];
  const now = pieces.findIndex(piece => piece.matches(".query, .key"));
  const token = event.target.closest(".token") ?? pieces[(now + 1) % pieces.length];
  if (token) choose(token.dataset.side, +token.dataset.i);
}
