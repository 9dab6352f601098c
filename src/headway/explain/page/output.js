/* Part 4: what the model offered at the present writing step, and how likely the token it wrote was at every step; or,
   where it read masks, what it offers for the chosen one. */
import { toStep } from "controls";
import { $, h } from "dom";
import { bar } from "measure";
import { state } from "state";
import { bold } from "strips";
import { trace } from "trace";
import { percent, plain, say, t } from "words";

const written = step => trace.tokens.target[step.at + 1].n;
const likely = step => Math.exp(-step.loss);

function bars(step) {
  const rows = step.ids.map((id, n) => bar(step.t[n], step.p[n], id === step.chosen ? "pick" : ""));
  const listed = step.ids.includes(step.chosen);
  if (!listed) rows.push(bar(written(step), likely(step), "pick"));
  return [...rows, bar(t("others"), Math.max(0, step.rest - (listed ? 0 : likely(step))), "rest")];
}

/* The mask that is chosen, or the one before the chosen token, or the first. */
function drawMask(q) {
  const { masks } = trace, n = Math.max(0, masks.findLastIndex(mask => mask.at <= q)), mask = masks[n];
  $("#barsTitle").replaceChildren(...bold(say("offersMask", n + 1, masks.length)));
  $("#bars").replaceChildren(...mask.t.map((name, i) => bar(name, mask.p[i])), bar(t("others"), mask.rest, "rest"));
}

if (trace.masks.length) for (const [part, word] of [["h2", "gap"], [".head p", "gapCaption"]])
  $(`#output ${part}`).dataset.t = word;

export function draw({ q }) {
  const many = trace.out.length;
  $("#output").hidden = !many && !trace.masks.length;
  $("#written").hidden = $("#transport").hidden = !many;
  document.body.classList.toggle("timed", many > 0);
  if (trace.masks.length) drawMask(q);
  if (!many) return;
  const step = trace.out[state.step - 1];
  $("#step").max = many;
  $("#step").value = state.step;
  $("#doing").textContent = t(trace.given || step.at + 1 < trace.prompt ? "reading" : "writing");
  $("#stepName").textContent = `${state.step} / ${many}  “${written(step)}”`;
  $("#step").setAttribute("aria-valuetext", $("#stepName").textContent);
  $("#barsTitle").replaceChildren(...bold(say("offers", `${state.step}`)));
  $("#bars").replaceChildren(...bars(step));
  const least = trace.out.reduce((a, b) => likely(b) < likely(a) ? b : a);
  $("#spark").setAttribute("aria-label", plain(say("sparkLabel", many, written(least), percent(likely(least)))));
  $("#spark").classList.toggle("dense", many > 60);
  $("#spark").replaceChildren(...trace.out.map((each, n) => h("span", {
    "data-step": n + 1, class: n + 1 === state.step ? "now" : n + 1 > state.step ? "later" : "",
    title: `${written(each)} ${percent(likely(each))}`,
  }, h("i", { style: `height:${(100 * likely(each)).toFixed(1)}%` }))));
  $("#loss").replaceChildren(...bold(say("lossIs", step.loss.toFixed(2), step.entropy.toFixed(2), step.rank)));
}

export function clicked(event) {
  const bar = event.target.closest("[data-step]");
  if (bar) toStep(+bar.dataset.step);
}
