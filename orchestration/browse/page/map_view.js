/** The view of likeness: each frame a point, near to those that look alike; a lasso chooses some for the grid. */

import { Address, change, go, read } from './address.js';
import { ask, isAborted, post } from './api.js';
import { colorAt } from './colors.js';
import { prepare } from './drawing.js';
import { button, fill, make } from './dom.js';
import { bind } from './keys.js';
import { boundsOf, Camera, findNearest, paint, readArray } from './map_points.js';
import { empty, emptyFault, say, sayFault } from './notices.js';
import { thumbOf } from './picture.js';
import { count, many } from './words.js';

const NEAR_PX = 12;
const MOST_CORNERS = 500; // that the server reads
const ID_PAGE = 1000;
const STEP_PX = 24;
const MOST_IN_LEGEND = 24;
const ONE = '';

export function open(page) {
  return new MapView(page);
}

class MapView {
  #control = new AbortController();
  #ids = new Map(); // page -> promise of ids
  #points = null;
  #corners = [];
  #drag = null;
  #cursor = null;
  #isDue = false;

  constructor(page) {
    this.page = page;
    this.held = new Map(page.home.sessions.filter((one) => one.published === false).map((one) => [one.session, one.reason]));
    this.dots = make('canvas', { 'aria-hidden': 'true' });
    this.lines = make('canvas', { 'aria-hidden': 'true' });
    this.waiting = make('p', { class: 'waiting' }, 'Asking for the map …');
    this.card = make('div', { class: 'map-card', hidden: true });
    this.legend = make('div', { class: 'map-legend', hidden: true });
    this.stage = make('div', { class: 'map-stage', tabindex: '0', role: 'application', 'aria-label': 'Map of frames by likeness' }, this.dots, this.lines, this.legend, this.card, this.waiting);
    this.tool = button('Lasso', () => this.#setLasso(!this.isLasso), { 'aria-pressed': 'false', class: 'small' });
    this.select = make('select', { 'aria-label': 'Colour by', on: { change: () => change({ color: this.select.value || null }, { replace: true }) } });
    this.bar = make(
      'div',
      { class: 'map-bar', hidden: true },
      this.tool,
      make('label', { class: 'row hint' }, 'colour by', this.select),
      button('Whole map', () => this.#showAll(), { class: 'small quiet' }),
      make('span', { class: 'hint' }, 'Wheel: nearer. Drag: move. Lasso, or Shift and drag: choose. A point opens its frame.'),
    );
    this.element = make('main', { class: 'map-view' }, this.bar, this.stage);
    this.#listen();
    this.unbind = bind('Map', this.#listKeys());
    this.watcher = new ResizeObserver(() => this.#resize());
    this.watcher.observe(this.stage);
  }

  async update(address) {
    this.color = address.get('color') ?? 'session';
    if (this.#points) return this.#draw();
    if (this.isAsked) return;
    this.isAsked = true;
    try {
      this.#take(await ask('/api/map', '', this.#control));
    } catch (error) {
      if (!isAborted(error)) fill(this.element, emptyFault(error));
    }
  }

  close() {
    this.#control.abort();
    this.unbind();
    this.watcher.disconnect();
  }

  #take({ num, num_frames: all, x, y, fields = {} }) {
    if (!num) {
      fill(this.element, empty('There is no map yet', 'Its points are made from the vectors of frames: `daguerre ingest` makes those of the colour frames of a session.'));
      return;
    }
    this.#points = { x: readArray(x, Float32Array), y: readArray(y, Float32Array), fields };
    for (const field of Object.values(fields)) field.values = readArray(field.codes, Uint16Array);
    fill(this.select, [ONE, ...Object.keys(fields)].map((name) => make('option', { value: name }, name || 'nothing')));
    this.waiting.remove();
    this.bar.hidden = false;
    this.page.place(all > num ? `${count(num)} of ${many(all, 'frame')} with a vector` : many(num, 'frame'));
    this.#showAll();
    this.stage.focus({ preventScroll: true });
  }

  // what is drawn

  #showAll() {
    if (!this.#points) return;
    const { width, height } = this.stage.getBoundingClientRect();
    this.camera = new Camera(boundsOf(this.#points.x, this.#points.y), width || 1, height || 1);
    this.#cursor = null;
    this.#draw();
  }

  #resize() {
    const { width, height } = this.stage.getBoundingClientRect();
    if (!this.camera || !width) return;
    this.camera.resize(width, height);
    this.#draw();
  }

  #draw() {
    if (this.#isDue || !this.camera) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#paintDots();
      this.#drawLines();
    });
  }

  #paintDots() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.camera.width, this.camera.height].map((px) => Math.max(1, Math.round(px * ratio)));
    if (this.dots.width !== width || this.dots.height !== height) {
      [this.dots.width, this.dots.height] = [width, height];
      this.image = new ImageData(width, height);
    }
    const field = this.#points.fields[this.color];
    this.select.value = field ? this.color : ONE;
    const names = field?.names ?? [ONE];
    const words = Uint32Array.from(names, (_, n) => asWord(colorAt(n)));
    const side = Math.round((this.#points.x.length > 50_000 ? 2 : this.#points.x.length > 5_000 ? 3 : 5) * ratio);
    paint(this.image, this.camera, { ...this.#points, codes: field?.values }, words, side);
    this.dots.getContext('2d').putImageData(this.image, 0, 0);
    this.legend.hidden = !field;
    if (field) fill(this.legend, names.slice(0, MOST_IN_LEGEND).map((name, n) => make('p', {}, make('i', { class: 'swatch', style: { background: `rgb(${colorAt(n).join(' ')})` } }), name || 'none', this.color === 'session' && this.#tellHeld(name))));
  }

  #drawLines() {
    const context = prepare(this.lines, this.camera.width, this.camera.height);
    const ink = getComputedStyle(this.stage).color;
    const corners = this.#corners.map(([x, y]) => this.camera.toScreen(x, y));
    if (corners.length) {
      context.beginPath();
      corners.forEach(([x, y], n) => context[n ? 'lineTo' : 'moveTo'](x, y));
      context.closePath();
      context.globalAlpha = 0.12;
      context.fillStyle = ink;
      context.fill();
      context.globalAlpha = 1;
      context.lineWidth = 1.5;
      context.strokeStyle = ink;
      context.stroke();
    }
    if (!this.#cursor) return;
    const [x, y] = this.#cursor;
    context.strokeStyle = ink;
    context.lineWidth = 1.5;
    for (const [dx, dy] of [[10, 0], [0, 10]]) {
      context.beginPath();
      context.moveTo(x - dx, y - dy);
      context.lineTo(x + dx, y + dy);
      context.stroke();
    }
  }

  // the pointer

  #listen() {
    const runs = {
      pointerdown: (event) => this.#press(event),
      pointermove: (event) => this.#pull(event),
      pointerup: (event) => this.#let(event),
      pointerleave: () => this.#hover(-1),
      wheel: (event) => this.#wheel(event),
    };
    for (const [event, run] of Object.entries(runs)) this.stage.addEventListener(event, run, { passive: false });
  }

  #press(event) {
    if (!this.camera) return;
    const [x, y] = this.#at(event);
    const isLasso = this.isLasso || event.shiftKey;
    this.#drag = { x, y, isLasso, isMoved: false };
    if (isLasso) this.#corners = [this.camera.toPlane(x, y)];
    this.stage.setPointerCapture(event.pointerId);
  }

  #pull(event) {
    if (!this.camera) return;
    const [x, y] = this.#at(event);
    const drag = this.#drag;
    if (!drag) return this.#hover(findNearest(this.camera, this.#points, x, y, NEAR_PX), x, y);
    const [dx, dy] = [x - drag.x, y - drag.y];
    if (!drag.isMoved && Math.hypot(dx, dy) < 4) return;
    drag.isMoved = true;
    if (drag.isLasso) this.#corners.push(this.camera.toPlane(x, y));
    else this.camera.pan(dx, dy);
    [drag.x, drag.y] = [x, y];
    this.#draw();
  }

  #let(event) {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    if (drag.isLasso && drag.isMoved) return this.#choose();
    const [x, y] = this.#at(event);
    if (!drag.isMoved) this.#openAt(x, y);
  }

  #wheel(event) {
    if (!this.camera) return;
    event.preventDefault();
    const [x, y] = this.#at(event);
    this.camera.zoom(Math.exp(-event.deltaY / 400), x, y);
    this.#draw();
  }

  #at(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  async #hover(index, x = 0, y = 0) {
    this.hovered = index;
    if (index < 0) {
      this.card.hidden = true;
      return;
    }
    const id = await this.#idOf(index);
    if (this.hovered !== index || !id) return;
    const { session } = this.#points.fields;
    const name = session?.names[session.values[index]];
    fill(this.card, make('img', { src: thumbOf(id), alt: '' }), make('p', {}, name ?? id), this.#tellHeld(name));
    this.card.hidden = false;
    this.card.style.left = `${Math.min(x + 14, this.camera.width - 180)}px`;
    this.card.style.top = `${Math.min(y + 14, this.camera.height - 160)}px`;
  }

  /** A badge of a session that readers do not get. */
  #tellHeld(session) {
    const reason = this.held.get(session);
    return reason !== undefined && make('span', { class: 'badge', title: reason }, 'held back');
  }

  async #openAt(x, y) {
    const id = await this.#idOf(findNearest(this.camera, this.#points, x, y, NEAR_PX));
    if (id) go(read().with({ view: 'frame', frame: id, at: null }));
  }

  async #idOf(index) {
    if (index < 0) return null;
    const page = Math.floor(index / ID_PAGE);
    const query = { offset: page * ID_PAGE, limit: ID_PAGE };
    if (!this.#ids.has(page)) this.#ids.set(page, ask('/api/map/frames', query, this.#control).then((found) => found.frame_ids));
    try {
      return (await this.#ids.get(page))[index - page * ID_PAGE];
    } catch (error) {
      this.#ids.delete(page);
      if (!isAborted(error)) sayFault(error);
      return null;
    }
  }

  // the lasso

  #setLasso(isLasso) {
    this.isLasso = isLasso;
    this.tool.setAttribute('aria-pressed', String(isLasso));
    this.#corners = [];
    this.#draw();
  }

  async #choose() {
    const every = Math.ceil(this.#corners.length / MOST_CORNERS);
    const polygon = this.#corners.filter((_, n) => n % every === 0);
    if (polygon.length < 3) return say('A lasso needs three corners.');
    try {
      const { selection, num } = await post('/api/lasso', { polygon });
      if (num === 0) say('The lasso holds no point.');
      else go(new Address().with({ selection }));
    } catch (error) {
      sayFault(error);
    }
    this.#setLasso(false);
  }

  #move(dx, dy) {
    if (!this.camera) return;
    const { width, height } = this.camera;
    const [x, y] = this.#cursor ?? [width / 2, height / 2];
    this.#cursor = [Math.min(Math.max(x + dx, 0), width), Math.min(Math.max(y + dy, 0), height)];
    this.#hover(findNearest(this.camera, this.#points, ...this.#cursor, NEAR_PX), ...this.#cursor);
    this.#draw();
  }

  #zoom(factor) {
    if (!this.camera) return;
    this.camera.zoom(factor, ...(this.#cursor ?? [this.camera.width / 2, this.camera.height / 2]));
    this.#draw();
  }

  #dropCorner() {
    if (!this.#cursor) return;
    this.#corners.push(this.camera.toPlane(...this.#cursor));
    this.#draw();
  }

  #listKeys() {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const moves = Object.entries(arrows).flatMap(([key, [x, y]]) => [
      { keys: [key], does: 'move the cross', run: () => this.#move(x * STEP_PX, y * STEP_PX) },
      { keys: [`Shift+${key}`], does: 'move it a little', run: () => this.#move(x * 3, y * 3) },
    ]);
    return [
      ...moves,
      { keys: ['+', '='], does: 'nearer', run: () => this.#zoom(1.4) },
      { keys: ['-'], does: 'farther', run: () => this.#zoom(1 / 1.4) },
      { keys: ['0'], does: 'the whole map', run: () => this.#showAll() },
      { keys: ['Enter'], does: 'open the frame at the cross', run: () => this.#cursor && this.#openAt(...this.#cursor) },
      { keys: ['p'], does: 'put a corner of a lasso at the cross', run: () => this.#dropCorner() },
      { keys: ['f'], does: 'choose what the lasso holds', run: () => this.#choose() },
      { keys: ['Escape'], does: 'leave the lasso', run: () => this.#setLasso(false) },
    ];
  }
}

function asWord([red, green, blue]) {
  return ((235 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
