/** Boxes that can be taken by their handles or moved by keys, over a picture, and the list of them beside it. */

import { button, fill, make, makeSvg } from './dom.js';
import { Edits, shift, stretch } from './edits.js';
import { bind } from './keys.js';

const HANDLES = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];
const HANDLE_PX = 9;
const LEAST_PX = 4; // of the screen: a smaller drag is a click
const NEW_SHARE = 0.2; // of the picture, for a box that keys add
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Editor {
  #drag = null;
  #place = null;

  /** `owner` has classes, colors, task, save(changes), judge(act) and leave(). */
  constructor(owner, marks, size) {
    this.owner = owner;
    this.edits = new Edits(marks, size);
    this.chosen = this.edits.objects.length ? 0 : -1;
    this.lastClass = this.edits.objects[0]?.class_name ?? owner.classes[0] ?? '';
    this.element = makeSvg('svg', { 'aria-label': 'Boxes', role: 'group' });
    for (const [event, run] of Object.entries({ pointerdown: this.#press, pointermove: this.#pull, pointerup: this.#let })) {
      this.element.addEventListener(event, run.bind(this));
    }
    this.names = make('datalist', { id: 'class-names' }, owner.classes.map((name) => make('option', { value: name })));
    this.list = make('ul', { class: 'objects' });
    this.field = make('input', { list: 'class-names', 'aria-label': 'Class', on: { keydown: (event) => this.#name(event) } });
    this.save = button('Save', () => this.#save(), { class: 'main small' });
    this.panel = make(
      'section',
      { class: 'panel', 'aria-label': 'Corrections' },
      make('h2', {}, `Correct: ${owner.task}`),
      this.list,
      make('div', { class: 'row', style: { margin: '8px 0' } }, make('span', { class: 'hint' }, 'class'), this.field, this.names),
      make(
        'div',
        { class: 'row' },
        this.save,
        button('Add', () => this.#add(), { class: 'small' }),
        button('Remove', () => this.#remove(), { class: 'small' }),
        button('Undo', () => this.#undo(), { class: 'small' }),
      ),
      make(
        'div',
        { class: 'row', style: { 'margin-top': '6px' } },
        button('All is right', () => owner.judge('confirm'), { class: 'small' }),
        button('Reject', () => owner.judge('reject'), { class: 'small', title: 'What stands is wrong, and the frame is not to be used' }),
        button('Leave', () => owner.leave(), { class: 'small quiet' }),
      ),
      make('p', { class: 'hint', style: { 'margin-top': '6px' } }, 'Draw a box where there is none; ? lists the keys. A box that is moved loses its mask.'),
    );
    this.unbind = bind('Corrections', this.#listKeys());
    this.show();
  }

  /** Where the picture lies now. */
  setPlace(place) {
    this.#place = place;
    this.#draw();
  }

  show() {
    const rows = this.edits.objects.map((one, n) => this.#row(one, n));
    fill(this.list, rows.length ? rows : make('li', { class: 'hint' }, 'No object yet.'));
    const one = this.edits.objects[this.chosen];
    if (document.activeElement !== this.field) this.field.value = one?.class_name ?? this.lastClass;
    this.save.disabled = !this.edits.isChanged;
    this.#draw();
  }

  close() {
    this.unbind();
  }

  // what is drawn

  #row(one, index) {
    const pick = button(one.class_name || 'no class', () => this.#choose(index), { class: 'name', data: { key: `object ${index}` } });
    const size = one.box ? `${Math.round(one.box[2] - one.box[0])}×${Math.round(one.box[3] - one.box[1])}` : 'picture';
    return make(
      'li',
      { 'aria-current': index === this.chosen ? 'true' : null, class: one.isGone ? 'is-gone' : null },
      make('i', { class: 'swatch', style: { background: this.owner.colors.css(one.class_name) } }),
      pick,
      make('span', { class: 'mono' }, one.label_id ? size : `${size} new`),
    );
  }

  #draw() {
    if (!this.#place) return;
    const objects = this.edits.objects.map((one, n) => [one, n]).filter(([one]) => one.box && !one.isGone);
    const last = objects.filter(([, n]) => n === this.chosen);
    const shapes = [...objects.filter(([, n]) => n !== this.chosen), ...last].flatMap(([one, n]) => this.#box(one, n));
    const drawn = this.#drag?.rect ? [makeSvg('rect', { class: 'box-edge', stroke: '#fff', ...asRect(this.#drag.rect) })] : [];
    fill(this.element, shapes, drawn);
  }

  #box(one, index) {
    const rect = asRect(this.#toScreen(one.box));
    const isChosen = index === this.chosen;
    const color = this.owner.colors.css(one.class_name);
    const parts = [
      makeSvg('rect', { class: 'box-shade', ...rect }),
      makeSvg('rect', { class: `box-edge${isChosen ? ' chosen' : ''}`, stroke: color, 'data-index': index, ...rect }),
    ];
    return isChosen ? [...parts, ...HANDLES.map((handle) => this.#handle(handle, rect))] : parts;
  }

  #handle(handle, { x, y, width, height }) {
    const at = (low, high, size) => (handle.includes(low) ? 0 : handle.includes(high) ? size : size / 2) - HANDLE_PX / 2;
    const place = { x: x + at('w', 'e', width), y: y + at('n', 's', height) };
    const shape = { class: 'handle', width: HANDLE_PX, height: HANDLE_PX, 'data-handle': handle, style: { cursor: `${handle}-resize` } };
    return makeSvg('rect', { ...shape, ...place });
  }

  // the pointer

  #press(event) {
    const at = this.#toPicture(event);
    const { index, handle } = event.target.dataset;
    if (index !== undefined) this.#choose(Number(index));
    const box = this.edits.objects[this.chosen]?.box;
    if (handle) this.#drag = { at, box, to: (dx, dy) => stretch(box, handle, dx, dy) };
    else if (index !== undefined) this.#drag = { at, box, to: (dx, dy) => shift(box, dx, dy, this.edits.size) };
    else this.#drag = { at, isNew: true };
    this.element.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  #pull(event) {
    if (!this.#drag) return;
    const { at, isNew, to } = this.#drag;
    const now = this.#toPicture(event);
    const box = isNew ? [at.x, at.y, now.x, now.y] : to(now.x - at.x, now.y - at.y);
    this.#drag.box = box;
    this.#drag.rect = this.#toScreen(box);
    this.#draw();
  }

  #let() {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag?.rect) return;
    const [x0, y0, x1, y1] = drag.rect;
    const isBox = Math.abs(x1 - x0) >= LEAST_PX && Math.abs(y1 - y0) >= LEAST_PX;
    if (isBox && drag.isNew) this.chosen = this.edits.add(this.#className(), drag.box);
    else if (isBox) this.edits.place(this.chosen, drag.box);
    this.show();
    if (isBox && drag.isNew && !this.#className()) this.field.focus();
  }

  // what is done

  #className() {
    return this.field.value.trim() || this.lastClass;
  }

  #choose(index) {
    this.chosen = index;
    this.show();
  }

  #step(by) {
    const { length } = this.edits.objects;
    if (length) this.#choose((this.chosen + by + length) % length);
  }

  #add() {
    const { width, height } = this.edits.size;
    const [w, h] = [width * NEW_SHARE, height * NEW_SHARE];
    const [x, y] = [(width - w) / 2, (height - h) / 2];
    this.chosen = this.edits.add(this.#className(), [x, y, x + w, y + h]);
    this.show();
    if (!this.#className()) this.field.focus();
  }

  #remove() {
    if (this.chosen < 0) return;
    this.edits.remove(this.chosen);
    this.show();
  }

  #undo() {
    this.edits.undo();
    this.chosen = Math.min(this.chosen, this.edits.objects.length - 1);
    this.show();
  }

  #rename(name) {
    if (!name) return;
    this.lastClass = name;
    if (this.chosen >= 0) this.edits.rename(this.chosen, name);
    this.show();
  }

  #name(event) {
    if (event.key !== 'Enter') return;
    this.#rename(this.field.value.trim());
    this.field.blur();
  }

  #nudge(change) {
    const one = this.edits.objects[this.chosen];
    if (!one?.box || one.isGone) return;
    this.edits.place(this.chosen, change(one.box));
    this.show();
  }

  #save() {
    if (this.edits.isChanged) this.owner.save(this.edits.changes);
  }

  #listKeys() {
    const moves = Object.entries(ARROWS).flatMap(([key, [x, y]]) => [
      [key, (box) => shift(box, x, y, this.edits.size)],
      [`Shift+${key}`, (box) => shift(box, 10 * x, 10 * y, this.edits.size)],
      [`Ctrl+${key}`, (box) => stretch(box, 'se', x, y)],
      [`Ctrl+Shift+${key}`, (box) => stretch(box, 'se', 10 * x, 10 * y)],
    ]);
    const told = { ArrowRight: 'move by 1 px', 'Shift+ArrowRight': 'move by 10 px', 'Ctrl+ArrowRight': 'widen or narrow by 1 px, with Shift by 10' };
    const classes = this.owner.classes.slice(0, 9).map((name, n) => [String(n + 1), name]);
    return [
      { keys: ['.', 'n'], does: 'next object', run: () => this.#step(1) },
      { keys: [','], does: 'object before', run: () => this.#step(-1) },
      { keys: ['a'], does: 'add a box', run: () => this.#add() },
      { keys: ['Delete', 'Backspace', 'd'], does: 'remove the object', run: () => this.#remove() },
      { keys: ['c'], does: 'write its class, Enter takes it', run: () => this.field.select() },
      ...classes.map(([key, name]) => ({ keys: [key], does: `it is ${name}`, run: () => this.#rename(name) })),
      ...moves.map(([key, run]) => ({ keys: [key], does: told[key] ?? '', run: () => this.#nudge(run) })),
      { keys: ['Ctrl+z', 'u'], does: 'undo', run: () => this.#undo() },
      { keys: ['Ctrl+s', 'w'], does: 'save', run: () => this.#save() },
      { keys: ['y'], does: 'all that stands is right', run: () => this.owner.judge('confirm') },
      { keys: ['Escape'], does: 'leave', run: () => this.owner.leave() },
    ];
  }

  #toPicture(event) {
    const room = this.element.getBoundingClientRect();
    const { left, top, scale } = this.#place;
    return { x: (event.clientX - room.left - left) / scale, y: (event.clientY - room.top - top) / scale };
  }

  #toScreen([x0, y0, x1, y1]) {
    const { left, top, scale } = this.#place;
    return [left + x0 * scale, top + y0 * scale, left + x1 * scale, top + y1 * scale];
  }
}

function asRect([x0, y0, x1, y1]) {
  return { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
}
