/* Part 3, middle: one head as a matrix. What is masked or not written yet is no cell; zero is a pale cell. */
import { $, css, fit } from "dom";
import { colour, image, ink, put, tone } from "paint";
import { preview, set } from "state";
import { WEIGHT } from "trace";
import { decimal, t } from "words";

const TALL = 620, LARGEST = 36, NUMBERS_FROM = 27, NAMES_FROM = 11;
const picture = document.createElement("canvas");                      /* the head on show, a pixel a cell */
let place = null, pictured = "";

/* Sizes in CSS pixels: cells, and the room for names on the left and on top where cells are large enough for them. */
function layout(pen, width, names, keys) {
  const widest = list => Math.min(132, Math.max(...list.map(token => pen.measureText(token.n).width)) + 14);
  const cellH = Math.min(LARGEST, TALL / names.length);
  const left = cellH >= NAMES_FROM ? Math.min(widest(names), width * 0.3) : 4, room = Math.min(width, 620) - left - 4;
  const named = Math.min(LARGEST, (room - 20) / keys.length) >= NAMES_FROM;
  const cellW = Math.min(LARGEST, (named ? room - 20 : room) / keys.length), slope = cellW >= 19 ? 0.72 : Math.PI / 2;
  const top = named ? 12 + Math.sin(slope) * Math.min(96, widest(keys)) + 4 : 4;
  const high = Math.min(cellH, cellH < NAMES_FROM ? cellW : Math.max(cellW, 20));
  return { left, top, cellW, cellH: high, named, slope, right: named && slope < 1 ? 20 : 4 };
}

function cut(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  const letters = [...text];
  while (letters.length > 1 && pen.measureText(`${letters.join("")}…`).width > width) letters.pop();
  return `${letters.join("")}…`;
}

function drawNames(pen, view, { left, top, cellW, cellH, named, slope }) {
  const { block, rows, q, k } = view, face = css("--sans"), size = cell => Math.max(9.5, Math.min(13, cell - 1));
  const font = (cell, bold) => { pen.font = `${bold ? 700 : 400} ${size(cell)}px ${face}`; };
  pen.textBaseline = "middle";
  if (left > 4) for (const [i, token] of block.names.entries()) {
    font(cellH, i === q);
    pen.textAlign = "right";
    pen.fillStyle = css(i >= rows ? "--off" : i === q ? "--query" : "--ink");
    pen.fillText(cut(pen, token.n, left - 10), left - 8, top + (i + 0.5) * cellH);
  }
  if (named) for (const [j, token] of block.keys.entries()) {
    font(cellW, j === k);
    pen.save();
    pen.translate(left + (j + 0.5) * cellW, top - 7);
    pen.rotate(-slope);
    pen.textAlign = "left";
    pen.fillStyle = css(j === k ? "--key" : "--ink");
    pen.fillText(cut(pen, token.n, 96), 0, 0);
    pen.restore();
  }
}

function drawNumbers(pen, { block, theme, head, rows }, { left, top, cellW, cellH }) {
  pen.textAlign = "center";
  pen.font = `11px ${css("--sans")}`;
  const many = block.keys.length;
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < many; j++) {
      const byte = head.bytes[i * many + j];
      if (WEIGHT[byte] < 0.095) continue;
      pen.fillStyle = ink(theme, tone(byte, block.full));
      pen.fillText(decimal(WEIGHT[byte]), left + (j + 0.5) * cellW, top + (i + 0.5) * cellH + 0.5);
    }
}

export function draw(view) {
  const { block, theme, head, rows, q, k, id } = view, canvas = $("#matrix"), width = $("#matrixPane").clientWidth;
  if (!width) return;
  const nq = block.rows, nk = block.keys.length, ruler = canvas.getContext("2d"), look = [id, theme, rows].join();
  ruler.font = `700 13px ${css("--sans")}`;                             /* the chosen row is bold */
  const sizes = layout(ruler, width, block.names, block.keys), { left, top, cellW, cellH, right } = sizes;
  const w = cellW * nk, h = cellH * nq, pen = fit(canvas, left + w + right, top + h + 3);
  if (look !== pictured)
    put(picture, image(theme, head.bytes, nq, nk, block.full, (i, j) => i < rows && (!block.causal || j <= i)));
  pictured = look;
  place = { ...sizes, rows, nk };
  pen.imageSmoothingEnabled = false;
  pen.drawImage(picture, left, top, w, h);
  if (cellW >= 8 && cellH >= 8) drawGaps(pen, place, w, h, nq);
  drawNames(pen, view, sizes);
  if (cellW >= NUMBERS_FROM && cellH >= 18) drawNumbers(pen, view, sizes);
  if (block.causal && w > 150) {
    pen.textAlign = "right";
    pen.fillStyle = css("--soft");
    pen.font = `12px ${css("--sans")}`;
    pen.fillText(t("masked"), left + w - 4, top + Math.max(10, cellH / 2));
  }
  drawFrames(pen, place, w, h, q, k);
  canvas.setAttribute("aria-label", `${$("#headName").textContent}. ${$("#sentence").textContent}`);
}

/* Thin gaps between the cells. */
function drawGaps(pen, { left, top, cellW, cellH, nk }, w, h, nq) {
  pen.strokeStyle = css("--card");
  pen.beginPath();
  for (let i = 0; i <= nq; i++) { pen.moveTo(left, top + i * cellH); pen.lineTo(left + w, top + i * cellH); }
  for (let j = 0; j <= nk; j++) { pen.moveTo(left + j * cellW, top); pen.lineTo(left + j * cellW, top + h); }
  pen.stroke();
}

/* The chosen row and the column looked at. */
function drawFrames(pen, { left, top, cellW, cellH, rows }, w, h, q, k) {
  pen.lineWidth = cellH < 12 ? 1.5 : 2.5;
  pen.strokeStyle = css("--query");
  if (q < rows) pen.strokeRect(left - 1, top + q * cellH - 0.5, w + 2, Math.max(cellH + 1, 3));
  if (k < 0) return;
  pen.lineWidth = 1.5;
  pen.strokeStyle = css("--key");
  pen.strokeRect(left + k * cellW - 0.5, top - 1, Math.max(cellW + 1, 3), h + 2);
}

/* The legend under it. */
export function legend({ theme, block }) {
  const pen = $("#ramp").getContext("2d");
  for (let x = 0; x < 160; x++) {
    pen.fillStyle = colour(theme, Math.sqrt(x / 159));
    pen.fillRect(x, 0, 1, 8);
  }
  $("#rampEnd").textContent = block.full < 1 ? `≥ ${block.full}` : "1";
}

function cellAt(event) {
  const box = $("#matrix").getBoundingClientRect();
  const q = Math.floor((event.clientY - box.top - place.top) / place.cellH);
  const k = Math.floor((event.clientX - box.left - place.left) / place.cellW);
  return q >= 0 && q < place.rows && k >= 0 && k < place.nk ? { q, k } : null;
}

export function listen() {
  $("#matrix").addEventListener("pointermove", event => event.pointerType !== "touch" && preview(cellAt(event)));
  $("#matrix").addEventListener("pointerleave", () => preview(null));
  $("#matrix").addEventListener("click", event => { const cell = cellAt(event); if (cell) set(cell); });
}
