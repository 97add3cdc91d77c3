/** The points of the embedding map: read from base64, painted, and found again. Plain arrays, no DOM but image data. */

/** float32 or uint16 values of base64 text. */
export function readArray(text, Type) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Type(bytes.buffer, 0, Math.floor(bytes.length / Type.BYTES_PER_ELEMENT));
}

/** [left, top, right, bottom] of all points that are numbers. */
export function boundsOf(x, y) {
  const bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (let n = 0; n < x.length; n++) {
    if (!(Number.isFinite(x[n]) && Number.isFinite(y[n]))) continue;
    if (x[n] < bounds[0]) bounds[0] = x[n];
    if (y[n] < bounds[1]) bounds[1] = y[n];
    if (x[n] > bounds[2]) bounds[2] = x[n];
    if (y[n] > bounds[3]) bounds[3] = y[n];
  }
  return bounds;
}

/** What of the plane shows: its middle, and px of the screen by unit. */
export class Camera {
  constructor(bounds, width, height) {
    const [left, top, right, bottom] = bounds;
    this.x = (left + right) / 2;
    this.y = (top + bottom) / 2;
    this.scale = 0.92 * Math.min(width / (right - left || 1), height / (bottom - top || 1));
    this.resize(width, height);
  }

  resize(width, height) {
    [this.width, this.height] = [width, height];
  }

  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  toPlane(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  pan(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
  }

  /** Larger or smaller by a factor, with one place of the screen held. */
  zoom(factor, left, top) {
    const [x, y] = this.toPlane(left, top);
    this.scale *= factor;
    const [nowX, nowY] = this.toPlane(left, top);
    this.x += x - nowX;
    this.y += y - nowY;
  }
}

/** Paint points, each `side` px, the colour of its code; `image` is as large as the canvas. */
export function paint(image, camera, points, words, side) {
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  const { width, height } = image;
  const ratio = width / camera.width;
  const scale = camera.scale * ratio;
  const [left, top] = [width / 2 - camera.x * scale, height / 2 - camera.y * scale];
  const { x, y, codes } = points;
  for (let n = 0; n < x.length; n++) {
    const px = Math.round(x[n] * scale + left);
    const py = Math.round(y[n] * scale + top);
    if (!(px >= 0 && py >= 0 && px < width - side && py < height - side)) continue;
    const word = words[codes ? codes[n] % words.length : 0];
    for (let row = 0; row < side; row++) pixels.fill(word, (py + row) * width + px, (py + row) * width + px + side);
  }
}

/** The point nearest to a place of the screen, within so many px; -1 for none. */
export function findNearest(camera, { x, y }, left, top, withinPx) {
  const [atX, atY] = camera.toPlane(left, top);
  let best = (withinPx / camera.scale) ** 2;
  let found = -1;
  for (let n = 0; n < x.length; n++) {
    const distance = (x[n] - atX) ** 2 + (y[n] - atY) ** 2;
    if (distance < best) [best, found] = [distance, n];
  }
  return found;
}
