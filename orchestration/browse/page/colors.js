/** One colour a class, the same in every view and in the reports; told apart with red-green blindness too. */

const FIRST = [
  [64, 176, 255],
  [255, 143, 64],
  [72, 214, 140],
  [206, 122, 255],
  [255, 222, 89],
  [255, 112, 148],
  [94, 226, 226],
  [176, 148, 118],
];
const GOLDEN_DEG = 137.5;

export class Colors {
  #place = new Map();

  /** Classes in their order; one that comes later gets the next colour. */
  constructor(names) {
    for (const name of names) this.#place.set(name, this.#place.size);
  }

  /** [red, green, blue], 0 to 255. */
  rgb(name) {
    if (!this.#place.has(name)) this.#place.set(name, this.#place.size);
    return colorAt(this.#place.get(name));
  }

  css(name) {
    return `rgb(${this.rgb(name).join(' ')})`;
  }
}

/** The colour with this number. */
export function colorAt(number) {
  return FIRST[number] ?? fromHue((number * GOLDEN_DEG) % 360, number % 2 ? 0.62 : 0.72);
}

function fromHue(hue, lightness) {
  const spread = 0.7 * Math.min(lightness, 1 - lightness);
  const channel = (n) => {
    const k = (n + hue / 30) % 12;
    return Math.round(255 * (lightness - spread * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
