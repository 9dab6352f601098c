/* Part 1: the texts, cut into pieces. The pieces of one character (bytes of a Hangul syllable) share it: the character
   is printed once, with one tick a piece. Nothing but the text itself is text here, so copying a strip copies it. */
import { $, $$, h } from "dom";
import { set, state, stepOf } from "state";
import { blocks, trace } from "trace";
import { plain, say, t } from "words";

/* Runs of tokens that cannot be printed apart: they overlap, or the cut between them is inside a character. */
function groups(text, tokens) {
  const cuts = new Set([...new Intl.Segmenter().segment(text)].map(part => part.index)), found = [];
  for (const [i, { s, e }] of tokens.entries()) {
    const last = found.at(-1);
    if (s === e) found.push({ s, e: s, tokens: [i], silent: true });
    else if (last && !last.silent && (s < last.e || !cuts.has(s))) {
      last.tokens.push(i);
      last.e = Math.max(last.e, e);
    } else found.push({ s, e, tokens: [i] });
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

const goesOn = trace.prompt > 0 && !trace.given;                          /* the model wrote behind what it was given */

/* Text that no piece covers; struck through unless it is blank, because the model did not read it. */
const unread = text => text.trim() ? h("s", {}, text) : text;

/* The text of one side with a span for every token; `prefix` makes their ids. A sign stands for what has no shape:
   the name of a special token, ␣ for a piece that is a space. */
export function spans(side, prefix) {
  const text = trace.texts[side], tokens = trace.tokens[side], out = [];
  const isNew = i => side === "target" && goesOn && i >= trace.prompt;
  let at = 0;
  for (const group of groups(text, tokens)) {
    const blank = group.silent ? "" : text.slice(group.s, group.e).match(/^\s*(?=\S)/)?.[0] ?? "";
    const body = group.silent ? "" : text.slice(group.s + blank.length, group.e), count = group.tokens.length;
    const sign = group.silent || !body.trim() ? tokens[group.tokens[0]].n.replace(/ 1\/.*/, "") : null;
    const pieces = group.tokens.map((i, n) => {
      const { id, unknown } = tokens[i], spoken = label(tokens[i], n + 1, count);
      return h("span", {
        class: ["token", count > 1 ? "tick" : sign ? "signed" : "", unknown && "unknown", isNew(i) && "written"]
          .filter(Boolean).join(" "),
        id: `${prefix}-${side}-${i}`, role: "option", title: spoken, "aria-label": spoken,
        "data-side": side, "data-i": i, "data-id": id, "data-sign": count > 1 ? null : sign,
      }, count > 1 ? "" : body);
    });
    const shared = () => h("span", {
      class: `shared${sign ? " signed" : ""}${isNew(group.tokens[0]) ? " written" : ""}`, style: `--n:${count}`, role: "presentation", "data-sign": sign,
    }, body, ...pieces);
    out.push(unread(text.slice(at, group.s)), blank, count > 1 ? shared() : pieces[0]);
    at = Math.max(at, group.e);
  }
  return [...out, unread(text.slice(at))];
}

export const tongue = text => /[\u1100-\u11FF\u3130-\u318F\uAC00-\uD7A3]/.test(text) ? "ko" : "";

function strip(side, title) {
  const tokens = trace.tokens[side], unknown = tokens.filter(token => token.unknown).length;
  const note = unknown ? ` · ${plain(say("unknowns", unknown))}` : "";
  return h("div", { class: "strip" },
    h("div", { class: "caption" }, `${title} · ${tokens.length} ${t("count")}${note}`),
    h("div", { class: "line", lang: tongue(trace.texts[side]), role: "listbox", tabindex: 0, "aria-label": title },
      spans(side, "strip")));
}

function titles() {
  const { source, target } = trace.tokens;
  if (!target.length) return { source: t("text") };
  if (!source.length) return { target: goesOn ? plain(say("wroteOn", target.length - trace.prompt)) : t("text") };
  return { source: t("source"), target: t(trace.given ? "targetGiven" : "targetWritten") };
}

/* An id wider than its piece would run into its neighbours; so would one of a piece that ends a line. */
function hideNarrowIds(box) {
  const tokens = $$(".token:not(.tick)", box);
  const narrow = tokens.map(token => token.offsetWidth < 30 || token.getClientRects().length > 1);
  tokens.forEach((token, n) => token.classList.toggle("narrow", narrow[n]));
  fitted = box.clientWidth;
}

let built = "", fitted = 0;
export function draw(view) {
  const box = $("#strips"), { block, q, k } = view, side = block.querySide, index = q + block.writes;
  if (built !== view.language) {
    box.replaceChildren(...Object.entries(titles()).map(([name, title]) => strip(name, title)));
    $("#tokens").classList.toggle("long", Math.max(...Object.values(trace.tokens).map(tokens => tokens.length)) >= 60);
    built = view.language;
    fitted = 0;
  }
  const ahead = trace.out.length ? trace.out[state.step - 1].at + 1 : Infinity;       /* the token being written */
  for (const token of $$(".token", box)) {
    const { side: own, i } = token.dataset, chosen = own === side && +i === index;
    token.classList.toggle("query", chosen);
    token.classList.toggle("key", own === block.keySide && +i === k);
    token.classList.toggle("ahead", own === "target" && +i > ahead);
    token.setAttribute("aria-selected", chosen);
    if (chosen) token.closest(".line").setAttribute("aria-activedescendant", token.id);
  }
  for (const shared of $$(".shared", box)) {
    shared.classList.toggle("query", !!$(".query", shared));
    shared.classList.toggle("key", !!$(".key", shared));
  }
  if (fitted !== box.clientWidth) hideNarrowIds(box);
  about(side, index);
}

/* The chosen token in full: its number, its piece as the vocabulary spells it, its id. */
function about(side, i) {
  const token = trace.tokens[side][i], many = trace.tokens[side].length;
  const spelled = JSON.stringify(token.t).slice(1, -1), bytes = token.byte ? "bytes " : "";
  $("#chosen").replaceChildren(
    ...bold(say("chosen", token.n, i + 1, many)), bytes, h("code", {}, spelled), ` · id ${token.id}`);
}

export const bold = parts => parts.map(part =>
  Array.isArray(part) ? h(part[0] === "code" ? "code" : "b", part[0] ? { class: part[0] } : {}, part[1]) : part);

/* In the text of the rows a click chooses, in the text of the columns it looks at, in another it changes the block. */
function choose(side, i) {
  const { querySide, keySide, writes } = blocks[state.block], timed = trace.out.length && side === "target";
  const row = index => ({
    q: Math.max(0, index), k: -1, ...(timed ? { step: Math.max(state.step, stepOf(index)) } : {}),
  });
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
