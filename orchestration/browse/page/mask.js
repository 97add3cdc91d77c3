/** A mask of a picture, a byte a px, painted with a round brush; as runs along its rows there and back. No DOM. */

export class Mask {
  /** `runs` are px that are not of the mask and px that are, in turn, row by row, as the server tells them. */
  constructor({ width, height }, runs = []) {
    this.size = { width, height };
    this.bytes = new Uint8Array(width * height);
    let at = 0;
    runs.forEach((run, n) => {
      if (n % 2) this.bytes.fill(1, at, at + run);
      at += run;
    });
  }

  get runs() {
    const { bytes } = this;
    const runs = [];
    let from = 0;
    let value = 0;
    while (from < bytes.length) {
      const next = bytes.indexOf(1 - value, from);
      const end = next < 0 ? bytes.length : next;
      runs.push(end - from);
      from = end;
      value = 1 - value;
    }
    return runs;
  }

  /** The tightest [x0, y0, x1, y1] around it; null of a mask of nothing. */
  get box() {
    const { width, height } = this.size;
    let [left, top, right, bottom] = [width, -1, -1, -1];
    for (let y = 0; y < height; y++) {
      const row = this.bytes.subarray(y * width, (y + 1) * width);
      const first = row.indexOf(1);
      if (first < 0) continue;
      if (top < 0) top = y;
      bottom = y + 1;
      left = Math.min(left, first);
      right = Math.max(right, row.lastIndexOf(1) + 1);
    }
    return top < 0 ? null : [left, top, right, bottom];
  }

  /** Paint, or take away, all px whose centre is at most `radius` px from a line; the [x, y, width, height] that may differ. */
  paint([x0, y0], [x1, y1], radius, isThere) {
    const steps = Math.max(1, Math.ceil((2 * Math.hypot(x1 - x0, y1 - y0)) / Math.max(radius, 1)));
    for (let n = 0; n <= steps; n++) this.#stamp(x0 + ((x1 - x0) * n) / steps, y0 + ((y1 - y0) * n) / steps, radius, isThere ? 1 : 0);
    const { width, height } = this.size;
    const low = (one, other) => Math.max(0, Math.floor(Math.min(one, other) - radius));
    const high = (one, other, most) => Math.min(most, Math.ceil(Math.max(one, other) + radius));
    const [left, top] = [low(x0, x1), low(y0, y1)];
    return [left, top, Math.max(0, high(x0, x1, width) - left), Math.max(0, high(y0, y1, height) - top)];
  }

  #stamp(x, y, radius, value) {
    const { width, height } = this.size;
    const last = Math.min(height - 1, Math.floor(y + radius - 0.5));
    for (let row = Math.max(0, Math.ceil(y - radius - 0.5)); row <= last; row++) {
      const half = Math.sqrt(Math.max(0, radius ** 2 - (row + 0.5 - y) ** 2));
      const from = Math.max(0, Math.ceil(x - half - 0.5));
      const to = Math.min(width, Math.floor(x + half - 0.5) + 1);
      if (from < to) this.bytes.fill(value, row * width + from, row * width + to);
    }
  }
}
