/* Bytes to colours: one neutral ramp of monotone luminance, so it survives any colour vision and a printer. */

const RAMPS = {
  light: ["f4f2ec", "cfe0e8", "84b1cd", "2f76a6", "0b3255"],
  dark: ["20262e", "1f4360", "2b77a6", "86bedb", "f7f2da"],
};

function table(stops) {
  const ends = stops.map(stop => [0, 2, 4].map(at => parseInt(stop.slice(at, at + 2), 16)));
  const colours = new Uint8Array(768);
  for (let n = 0; n < 256; n++) {
    const x = n / 255 * (ends.length - 1), a = Math.min(ends.length - 2, Math.floor(x));
    for (let c = 0; c < 3; c++) colours[3 * n + c] = ends[a][c] + (ends[a + 1][c] - ends[a][c]) * (x - a);
  }
  return colours;
}
const COLOURS = Object.fromEntries(Object.entries(RAMPS).map(([theme, stops]) => [theme, table(stops)]));

/* Place on the ramp, 0..1, of a weight byte when the scale ends at the weight `full`. */
export const tone = (byte, full) => Math.min(1, byte / 255 / Math.sqrt(full));

export function colour(theme, place) {
  const n = 3 * Math.round(255 * place), c = COLOURS[theme];
  return `rgb(${c[n]},${c[n + 1]},${c[n + 2]})`;
}

/* The ink that reads best on that place of the ramp. */
export const ink = (theme, place) =>
  theme === "light" ? (place > 0.56 ? "#ffffff" : "#1c2126") : place > 0.62 ? "#10151b" : "#e9e6df";

/* A matrix of bytes as an image; `shown(row, key)` tells which cells exist. */
export function image(theme, bytes, rows, keys, full, shown) {
  const picture = new ImageData(keys, rows), colours = COLOURS[theme];
  for (let row = 0; row < rows; row++)
    for (let key = 0; key < keys; key++) {
      if (!shown(row, key)) continue;
      const at = row * keys + key, n = 3 * Math.round(255 * tone(bytes[at], full));
      picture.data.set([colours[n], colours[n + 1], colours[n + 2], 255], 4 * at);
    }
  return picture;
}

/* Puts an image on a canvas of its own size, a pixel a cell. */
export function put(canvas, picture) {
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").putImageData(picture, 0, 0);
}
