/** Boxes that can be taken by their handles or moved by keys, and masks that are painted, over a picture; beside it a list. */

import { button, fill, make, makeSvg } from './dom.js';
import { prepare } from './drawing.js';
import { Edits, shift, stretch } from './edits.js';
import { bind } from './keys.js';
import { Mask } from './mask.js';
import { say, sayFault } from './notices.js';
import { Painter, Sheet } from './painter.js';

const HANDLES = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];
const HANDLE_PX = 9;
const LEAST_PX = 4; // of the screen: a smaller drag is a click
const NEW_SHARE = 0.2; // of the picture, for a box that keys add
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Editor {
  #drag = null;
  #place = null;
  #painter = null;
  #sheets = new WeakMap(); // by the runs of a mask

  /** `owner` has classes, colors, task, masks(), save(changes), judge(act) and leave(). */
  constructor(owner, marks, size) {
    this.owner = owner;
    this.outlines = Map.groupBy(marks.filter((mark) => mark.kind === 'mask'), (mark) => mark.label_id);
    const objects = [...new Map(marks.map((mark) => [mark.label_id, mark])).values()]; // a mask may have parts
    this.edits = new Edits(objects, size);
    this.chosen = this.edits.objects.length ? 0 : -1;
    this.lastClass = this.edits.objects[0]?.class_name ?? owner.classes[0] ?? '';
    this.masks = make('canvas', { 'aria-hidden': 'true' });
    this.element = makeSvg('svg', { 'aria-label': 'Boxes', role: 'group' });
    for (const [event, run] of Object.entries({ pointerdown: this.#press, pointermove: this.#pull, pointerup: this.#let })) {
      this.element.addEventListener(event, run.bind(this));
    }
    this.names = make('datalist', { id: 'class-names' }, owner.classes.map((name) => make('option', { value: name })));
    this.list = make('ul', { class: 'objects' });
    this.field = make('input', { list: 'class-names', 'aria-label': 'Class', on: { keydown: (event) => this.#name(event) } });
    this.hint = make('p', { class: 'hint', style: { 'margin-top': '6px' }, 'aria-live': 'polite' });
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
        button('Mask', () => this.#startPainting(), { class: 'small', title: 'Paint the mask of the object (m)' }),
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
      this.hint,
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
    this.#refresh();
  }

  #refresh() {
    this.save.disabled = !this.isChanged;
    this.hint.textContent = this.#painter?.told ?? 'Draw a box where there is none, or paint the mask of an object (m); ? lists the keys. A box that is moved loses its mask.';
    this.#draw();
  }

  /** Whether something would be lost. */
  get isChanged() {
    return this.edits.isChanged || Boolean(this.#painter?.isChanged);
  }

  close() {
    this.#painter?.close();
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
    const outlines = this.edits.objects.flatMap((one, n) => this.#outline(one, n));
    fill(this.element, outlines, this.#painter ? [] : shapes, drawn);
    this.#drawMasks();
  }

  /** Of a mask that is as it was. */
  #outline(one, index) {
    const isPainted = this.#painter && index === this.chosen;
    if (one.isGone || one.runs || isPainted) return [];
    const parts = this.outlines.get(one.label_id) ?? [];
    if (parts.length && String(parts[0].box ?? null) !== String(one.box)) return []; // of another box
    const color = this.owner.colors.css(one.class_name);
    return parts.map(({ points }) => makeSvg('polygon', { class: 'mask-part', fill: color, stroke: color, points: points.map(([x, y]) => this.#toScreen([x, y, x, y]).slice(0, 2).join()).join(' ') }));
  }

  #drawMasks() {
    const { width, height } = this.element.getBoundingClientRect();
    const context = prepare(this.masks, width, height);
    this.edits.objects.forEach((one, n) => {
      if (one.isGone || !one.runs || (this.#painter && n === this.chosen)) return;
      this.#sheetOf(one).draw(context, this.#place);
    });
    this.#painter?.draw(context, this.#place);
  }

  #sheetOf({ runs, class_name: name }) {
    if (!this.#sheets.has(runs)) this.#sheets.set(runs, new Sheet(new Mask(this.edits.size, runs), this.owner.colors.rgb(name)));
    return this.#sheets.get(runs);
  }

  // masks

  /** Paint that of the chosen object; where none is chosen, of a new one. */
  async #startPainting() {
    if (this.#painter) return;
    try {
      this.stored ??= await this.owner.masks();
    } catch (error) {
      return sayFault(error);
    }
    if (this.#painter || !this.element.isConnected) return;
    if (this.chosen < 0 || this.edits.objects[this.chosen].isGone) this.chosen = this.edits.add(this.#className(), null);
    const one = this.edits.objects[this.chosen];
    const runs = one.runs ?? this.stored[one.label_id] ?? [];
    const { width, height } = this.edits.size;
    const [x0, y0, x1, y1] = one.box ?? [0, 0, width, height];
    const owner = { redraw: () => this.#refresh(), done: (isKept) => this.#endPainting(isKept), save: () => this.#save() };
    this.#painter = new Painter(owner, this.edits.size, runs, this.owner.colors.rgb(one.class_name), [(x0 + x1) / 2, (y0 + y1) / 2]);
    this.show();
  }

  #endPainting(isKept = true) {
    const painter = this.#painter;
    if (!painter) return;
    this.#painter = null;
    painter.close();
    const { box, runs } = painter.mask;
    if (isKept && painter.isChanged && box) this.edits.paint(this.chosen, runs, box);
    else if (isKept && painter.isChanged) say('A mask of nothing is not kept: Delete removes the object.');
    this.show();
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
    if (this.#painter) {
      this.element.setPointerCapture(event.pointerId);
      event.preventDefault();
      return this.#painter.press(at);
    }
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
    if (this.#painter) return this.#painter.pull(this.#toPicture(event), event.buttons === 1);
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
    this.#endPainting();
    this.chosen = index;
    this.show();
  }

  #step(by) {
    const { length } = this.edits.objects;
    if (length) this.#choose((this.chosen + by + length) % length);
  }

  #add() {
    this.#endPainting();
    const { width, height } = this.edits.size;
    const [w, h] = [width * NEW_SHARE, height * NEW_SHARE];
    const [x, y] = [(width - w) / 2, (height - h) / 2];
    this.chosen = this.edits.add(this.#className(), [x, y, x + w, y + h]);
    this.show();
    if (!this.#className()) this.field.focus();
  }

  #remove() {
    this.#endPainting(false);
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
    this.#endPainting();
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
      { keys: ['m'], does: 'paint its mask', run: () => this.#startPainting() },
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
