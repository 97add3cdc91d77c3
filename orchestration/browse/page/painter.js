/** The brush that corrects a mask, by mouse or keys; and sheets, which show masks over a picture. */

import { prepare } from './drawing.js';
import { make } from './dom.js';
import { bind } from './keys.js';
import { Mask } from './mask.js';

const ALPHA = 0.5;
const SMALLEST_PX = 0.5;
const LARGEST_SHARE = 0.25; // of the picture's longer side
const GROWTH = 1.25;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** A mask in a colour, as large as its picture. */
export class Sheet {
  constructor(mask, [red, green, blue]) {
    this.mask = mask;
    this.word = ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    this.canvas = make('canvas', { width: mask.size.width, height: mask.size.height });
    this.refresh([0, 0, mask.size.width, mask.size.height]);
  }

  /** Show a part anew, after it was painted. */
  refresh([left, top, width, height]) {
    if (!width || !height) return;
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    for (let row = 0; row < height; row++) {
      const start = (top + row) * this.mask.size.width + left;
      for (let n = 0; n < width; n++) if (this.mask.bytes[start + n]) words[row * width + n] = this.word;
    }
    this.canvas.getContext('2d').putImageData(image, left, top);
  }

  draw(context, { left, top, scale }) {
    const { width, height } = this.mask.size;
    context.imageSmoothingEnabled = false;
    context.globalAlpha = ALPHA;
    context.drawImage(this.canvas, left, top, width * scale, height * scale);
    context.globalAlpha = 1;
  }
}

export class Painter {
  #steps = []; // runs before each stroke
  #isDown = false;
  #isErasing = false;
  #at;

  /** Begin with `runs` of a picture of `size`. `owner` has redraw(), done(isKept) and save(). */
  constructor(owner, size, runs, rgb, at) {
    this.owner = owner;
    this.size = size;
    this.rgb = rgb;
    this.radius = Math.max(2, Math.round(Math.max(size.width, size.height) / 60));
    this.#at = at.map((one) => Math.floor(one) + 0.5); // a centre of a px
    this.#load(runs);
    this.unbind = bind('Mask', this.#listKeys());
  }

  get isChanged() {
    return this.#steps.length > 0;
  }

  /** What the brush does, in words. */
  get told() {
    const does = this.#isErasing ? 'takes away' : 'paints';
    const pen = this.#isDown ? 'is down and ' : '';
    return `The brush ${pen}${does}, ${Math.round(2 * this.radius)} px wide. Arrows move it, p puts it down, x takes away, + and - change it, Enter ends.`;
  }

  draw(context, place) {
    this.sheet.draw(context, place);
    const [x, y] = this.#at;
    context.beginPath();
    context.arc(place.left + x * place.scale, place.top + y * place.scale, Math.max(2, this.radius * place.scale), 0, 2 * Math.PI);
    for (const [color, width, dash] of [['rgb(0 0 0 / 70%)', 3, []], ['#fff', 1.5, this.#isErasing ? [4, 3] : []]]) {
      context.setLineDash(dash);
      context.lineWidth = width;
      context.strokeStyle = color;
      context.stroke();
    }
    context.setLineDash([]);
  }

  // the pointer, in px of the picture

  press({ x, y }) {
    this.#keep();
    this.#at = [x, y];
    this.#stroke([x, y], [x, y]);
  }

  pull({ x, y }, isPressed) {
    const before = this.#at;
    this.#at = [x, y];
    if (isPressed) this.#stroke(before, this.#at);
    else this.owner.redraw();
  }

  close() {
    this.unbind();
  }

  // what is done

  #load(runs) {
    this.mask = new Mask(this.size, runs);
    this.sheet = new Sheet(this.mask, this.rgb);
  }

  #keep() {
    this.#steps.push(this.mask.runs);
  }

  #stroke(from, to) {
    this.sheet.refresh(this.mask.paint(from, to, this.radius, !this.#isErasing));
    this.owner.redraw();
  }

  #stamp() {
    this.#keep();
    this.#stroke(this.#at, this.#at);
  }

  #move(dx, dy) {
    const { width, height } = this.size;
    const before = this.#at;
    this.#at = [Math.min(Math.max(before[0] + dx, 0.5), width - 0.5), Math.min(Math.max(before[1] + dy, 0.5), height - 0.5)];
    if (this.#isDown) this.#stroke(before, this.#at);
    else this.owner.redraw();
  }

  #toggleDown() {
    this.#isDown = !this.#isDown;
    if (this.#isDown) this.#stamp();
    else this.owner.redraw();
  }

  #toggleErasing() {
    this.#isErasing = !this.#isErasing;
    if (this.#isDown) this.#keep();
    this.owner.redraw();
  }

  #grow(factor) {
    const most = LARGEST_SHARE * Math.max(this.size.width, this.size.height);
    const next = factor > 1 ? Math.max(this.radius * factor, this.radius + 0.5) : Math.min(this.radius * factor, this.radius - 0.5);
    this.radius = Math.min(Math.max(next, SMALLEST_PX), Math.max(most, SMALLEST_PX));
    this.owner.redraw();
  }

  #undo() {
    const runs = this.#steps.pop();
    this.#isDown = false;
    if (runs) this.#load(runs);
    this.owner.redraw();
  }

  #listKeys() {
    const told = { ArrowRight: 'move the brush by 1 px', 'Shift+ArrowRight': 'move it by 10 px' };
    const moves = Object.entries(ARROWS).flatMap(([key, [x, y]]) => [
      [key, () => this.#move(x, y)],
      [`Shift+${key}`, () => this.#move(10 * x, 10 * y)],
    ]);
    return [
      ...moves.map(([key, run]) => ({ keys: [key], does: told[key] ?? '', run })),
      { keys: ['p'], does: 'brush down or up', run: () => this.#toggleDown() },
      { keys: [' '], does: 'paint where it is', run: () => this.#stamp() },
      { keys: ['x'], does: 'paint or take away', run: () => this.#toggleErasing() },
      { keys: ['+', '='], does: 'larger brush', run: () => this.#grow(GROWTH) },
      { keys: ['-'], does: 'smaller brush', run: () => this.#grow(1 / GROWTH) },
      { keys: ['Ctrl+z', 'u'], does: 'take the last stroke back', run: () => this.#undo() },
      { keys: ['Enter', 'm'], does: 'end the mask', run: () => this.owner.done(true) },
      { keys: ['Ctrl+s', 'w'], does: 'end it and save', run: () => this.owner.save() },
      { keys: ['Escape'], does: 'leave it as it was', run: () => this.owner.done(false) },
    ];
  }
}
