/** One picture with its marks, as large as there is room: for the views that show a few. */

import { draw, fit, prepare } from './drawing.js';
import { make } from './dom.js';

/** Where the whole picture, or the thumbnail, of a frame is. */
export function pictureOf(frameId) {
  return `/pictures/${encodeURIComponent(frameId)}.jpg`;
}

export function thumbOf(frameId) {
  return `/thumbs/${encodeURIComponent(frameId)}.jpg`;
}

/** A stage with a picture; `show(layers, look, options)` draws marks over it, now and whenever it becomes larger. */
export class Picture {
  #size = null;
  #drawn = null;

  constructor(className = 'stage') {
    this.image = make('img', { alt: '', decoding: 'async', draggable: 'false' });
    this.canvas = make('canvas', { 'aria-hidden': 'true' });
    this.element = make('div', { class: className }, this.image, this.canvas);
    this.image.addEventListener('load', () => {
      this.element.classList.remove('is-lost');
      this.image.classList.add('is-here');
    });
    this.image.addEventListener('error', () => this.element.classList.add('is-lost'));
    this.watcher = new ResizeObserver(() => this.#draw());
    this.watcher.observe(this.element);
  }

  /** Show a frame of this size in px, by an address of its picture. */
  open(source, size) {
    this.#size = size;
    this.#drawn = null;
    if (this.image.getAttribute('src') !== source) {
      this.image.classList.remove('is-here');
      this.image.src = source;
    }
    this.#draw();
  }

  show(layers, look, options = {}) {
    this.#drawn = [layers, look, options];
    this.#draw();
  }

  /** Where the picture lies in its room, in px of the screen; null as long as there is no room. */
  place() {
    const room = { width: this.element.clientWidth, height: this.element.clientHeight };
    return this.#size && room.width && room.height ? fit(this.#size, room) : null;
  }

  close() {
    this.watcher.disconnect();
  }

  #draw() {
    const place = this.place();
    if (!place) return;
    const context = prepare(this.canvas, this.element.clientWidth, this.element.clientHeight);
    if (this.#drawn) {
      const [layers, look, options] = this.#drawn;
      draw(context, layers, look, place, options);
    }
    this.onplace?.(place);
  }
}
