/* The trace inside the page: names its axes, unpacks weights when they are asked for.
   One byte b means the weight (b / 255)²; b is also the index into the colour ramp. */
import { $ } from "dom";

export const trace = JSON.parse($("#trace").textContent);
export const WEIGHT = Float32Array.from({ length: 256 }, (_, b) => (b / 255) ** 2);

const fromBase64 = text => Uint8Array.fromBase64
  ? Uint8Array.fromBase64(text)
  : Uint8Array.from(atob(text), letter => letter.charCodeAt(0));

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* The bytes of a blob in its full shape (…, rows, keys); what a causal blob leaves out is 0. */
export async function unpack(blob) {
  const packed = fromBase64(blob.data), raw = blob.enc ? await inflate(packed) : packed;
  if (raw.length !== blob.bytes) throw new Error(`${raw.length} bytes, expected ${blob.bytes}`);
  if (!blob.tri) return raw;
  const [heads, rows, keys] = blob.shape, full = new Uint8Array(heads * rows * keys);
  for (let head = 0, from = 0; head < heads; head++)
    for (let row = 0; row < rows; from += ++row)
      full.set(raw.subarray(from, from + row + 1), (head * rows + row) * keys);
  return full;
}

/* What does not change about a block: who looks (queries), at whom (keys), what the rows are called (names). */
function describe(name) {
  const { q, k, causal, writes } = trace.blocks[name], layers = trace.attn[name], first = layers.find(Boolean);
  const [heads, rows, keys] = first.shape, from = trace.tokens[q];
  return {
    name, causal, writes, heads, rows, querySide: q, keySide: k, total: layers.length,
    layers: layers.flatMap((blob, layer) => blob ? [layer] : []),
    queries: from.slice(0, rows), keys: trace.tokens[k].slice(0, keys), names: from.slice(writes, rows + writes),
    full: keys > 40 ? 0.5 : 1,                      /* the weight at the dark end of the scale */
  };
}
export const blocks = Object.fromEntries(Object.keys(trace.blocks).map(name => [name, describe(name)]));

/* Layers stay unpacked until eight others have been looked at. */
const unpacked = new Map();
export const peek = (block, layer) => unpacked.get(`${block}.${layer}`);
export async function load(block, layer) {
  const bytes = await unpack(trace.attn[block][layer]);
  unpacked.set(`${block}.${layer}`, bytes);
  if (unpacked.size > 8) unpacked.delete(unpacked.keys().next().value);
}

/* One head as {bytes, at(row, key)}; bytes are shared with the layer. */
export function headOf(block, bytes, head) {
  const { rows, keys } = blocks[block], n = keys.length, own = bytes.subarray(head * rows * n, (head + 1) * rows * n);
  return { bytes: own, at: (row, key) => WEIGHT[own[row * n + key]] };
}

/* Thumbnails: block → {height, width, of(layer, head)}, patches of maxima; small, so unpacked before all drawing. */
export const thumbs = {};
export async function unpackThumbs() {
  for (const [block, blob] of Object.entries(trace.thumbs)) {
    const [, heads, height, width] = blob.shape, size = height * width, bytes = await unpack(blob);
    const of = (layer, head) => bytes.subarray((layer * heads + head) * size, (layer * heads + head + 1) * size);
    thumbs[block] = { height, width, of };
  }
}
