/** The view of many frames: the grid with pictures, marks and captions, and what its keys do. */

import { change, go, read } from './address.js';
import { fit, draw, prepare } from './drawing.js';
import { button, fill, make } from './dom.js';
import { openList } from './frame_list.js';
import { Grid } from './grid.js';
import { bind } from './keys.js';
import { LABELS, Look } from './look.js';
import { Marks } from './marks.js';
import { empty, emptyFault, say, sayFault } from './notices.js';
import { pictureOf, thumbOf } from './picture.js';
import { clock, count, many, score, shortId } from './words.js';

const SIZES = [112, 168, 232, 328];
const THUMB_FITS_PX = 240;
const CAPTION_PX = 20;
const [LEAST_ASPECT, MOST_ASPECT] = [0.5, 1.4];
const ADDRESS_MS = 250; // browsers count changes of the address
const HELD = 'held back: readers do not get it';
const TAKE_IN = 'Take a folder in with `daguerre ingest PATH`, then open this page again.';

export function open(page) {
  return new GridView(page);
}

class GridView {
  #list = null;
  #marks = null;
  #unwatch = () => {};
  #timer = null;
  #shown = null; // the question of the list that stands

  constructor(page) {
    this.page = page;
    this.grid = new Grid(this);
    this.notice = make('div', { class: 'notice', hidden: true });
    this.element = make('main', { class: 'grid-view' }, this.grid.element, this.notice);
    this.unbind = bind('Grid', this.#listKeys());
  }

  /** Show what an address asks for. */
  update(address) {
    this.look = new Look(address, this.page.colors);
    this.size = SIZES[address.count('size', 1)] ?? SIZES[1];
    this.#openMarks();
    const list = openList(address.question());
    if (list !== this.#list) this.#openList(list, address.count('at', 0));
    else this.#show();
    if (document.activeElement === document.body) this.grid.element.focus({ preventScroll: true });
  }

  close() {
    clearTimeout(this.#timer);
    this.unbind();
    this.#unwatch();
    this.#marks?.close();
    this.grid.close();
  }

  // what the grid asks of its owner

  make() {
    const picture = make('img', { alt: '', decoding: 'async', draggable: 'false' });
    picture.addEventListener('load', () => picture.classList.add('is-here'));
    picture.addEventListener('error', () => picture.hasAttribute('src') && picture.parentNode.classList.add('is-lost'));
    const stage = make('div', { class: 'stage' }, picture, make('canvas', { 'aria-hidden': 'true' }));
    return make('div', { class: 'cell', role: 'gridcell' }, stage, make('div', { class: 'caption' }, make('span'), make('b')));
  }

  fill(cell, index) {
    const frame = this.#list.get(index);
    const [stage, caption] = cell.children;
    cell.classList.toggle('is-waiting', !frame);
    if (!frame) return this.clear(cell);
    if (cell.dataset.frame !== frame.frame_id) this.clear(cell);
    cell.dataset.frame = frame.frame_id;
    if (!this.grid.isLeaping) this.#showPicture(stage.firstChild, frame);
    const [where, figure] = caption.children;
    where.textContent = `${frame.sensor} ${clock(frame.time_ns)}`;
    figure.textContent = score(frame.distance ?? frame.score);
    stage.classList.toggle('is-held', frame.is_held);
    const held = frame.is_held ? [HELD] : [];
    cell.title = [frame.session, frame.sensor, frame.split ?? 'in no split', ...held].join(' · ');
    cell.setAttribute('aria-label', [frame.session, frame.sensor, `frame ${index + 1}`, ...held].join(', '));
    this.#draw(stage, frame);
  }

  clear(cell) {
    delete cell.dataset.frame;
    const stage = cell.firstChild;
    stage.classList.remove('is-lost', 'is-held');
    stage.firstChild.classList.remove('is-here');
    stage.firstChild.removeAttribute('src');
    stage.lastChild.width = 0;
    for (const text of cell.lastChild.children) text.textContent = '';
  }

  near(first, last, direction) {
    const ahead = 3 * this.grid.perView;
    this.#list.need(direction > 0 ? first : first - ahead, direction > 0 ? last + ahead : last);
  }

  moved() {
    this.#tellAddress();
    this.#tellPlace();
  }

  opened(index) {
    const frame = this.#list.get(index);
    if (frame) go(read().with({ view: 'frame', frame: frame.frame_id, at: index }));
  }

  rested() {
    this.grid.refresh();
    this.#wantMarks();
    const { first, last } = this.grid.visible();
    const { cursor } = this.grid;
    if (this.#list.total && (cursor < first || cursor > last) && !this.isMoving) this.#keepCursor(first);
  }

  // the list

  #openList(list, at) {
    this.#unwatch();
    this.#list = list;
    this.#shown = null;
    this.aspect = null;
    this.#unwatch = list.watch(() => this.#show(at));
    this.#show(at);
  }

  #show(at = null) {
    const { total, fault, question, index } = this.#list;
    this.page.tellFault(fault);
    this.page.keepUp(index);
    if (fault || total === null || total === 0) return this.#showNothing(fault, total);
    this.notice.hidden = true;
    this.aspect ??= this.#findAspect();
    this.grid.show(total, this.size, this.aspect, CAPTION_PX);
    const isFirst = this.#shown !== question;
    this.#shown = question;
    if (isFirst) this.grid.move(at ?? 0, { isCentred: true });
    this.grid.refresh();
    this.#wantMarks();
    this.#tellPlace();
  }

  #showNothing(fault, total) {
    this.notice.hidden = false;
    this.page.place('');
    if (fault?.status === undefined && fault) {
      fill(this.notice, emptyFault(fault, button('Ask again', () => this.update(read()))));
    } else if (fault) {
      fill(this.notice, emptyFault(fault, this.#offerAll()));
    } else if (total === null) {
      fill(this.notice, make('p', { class: 'waiting' }, 'Asking …'));
    } else if (read().isFiltered) {
      this.grid.show(0, this.size, 1, CAPTION_PX);
      fill(this.notice, empty('No frame passes these filters', 'Take one of them out, on the left.', this.#offerAll()));
    } else if (read().get('sort')) {
      this.grid.show(0, this.size, 1, CAPTION_PX);
      fill(this.notice, empty('No frame is found in this order', 'Ask by other words, or order frames as recorded.', this.#offerAll()));
    } else {
      fill(this.notice, empty('There are no frames yet', TAKE_IN));
    }
  }

  /** Height by width of most frames of the first page. */
  #findAspect() {
    const found = Array.from({ length: 60 }, (_, n) => this.#list.get(n)).filter(Boolean);
    const ratios = found.map(({ width, height }) => height / width).sort((one, other) => one - other);
    const middle = ratios[Math.floor(ratios.length / 2)] ?? 1;
    return Math.min(Math.max(middle, LEAST_ASPECT), MOST_ASPECT);
  }

  #offerAll() {
    return button('Show all frames', () => go(read().withoutFilters()), { class: 'main' });
  }

  #tellPlace() {
    const total = this.#list.total ?? 0;
    this.page.place(total ? `${count(this.grid.cursor + 1)} of ${many(total, 'frame')}` : '');
  }

  #tellAddress() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => change({ at: this.grid.cursor || null }, { replace: true }), ADDRESS_MS);
  }

  #keepCursor(first) {
    // the cursor goes with the view, so that keys and the address start from what shows
    this.isMoving = true;
    this.grid.move(Math.min(first + this.grid.columns, this.#list.total - 1));
    this.isMoving = false;
  }

  // pictures and marks

  #showPicture(picture, frame) {
    const address = (this.size > THUMB_FITS_PX ? pictureOf : thumbOf)(frame.frame_id);
    if (picture.getAttribute('src') !== address) picture.src = address;
  }

  #draw(stage, frame) {
    const canvas = stage.lastChild;
    const layers = this.#marks?.get(frame.frame_id);
    if (!layers || !this.look.layers.length) {
      canvas.width = 0;
      return;
    }
    const room = { width: stage.clientWidth, height: stage.clientHeight };
    const context = prepare(canvas, room.width, room.height);
    draw(context, layers, this.look, fit(frame, room), { names: this.size >= SIZES[2] });
  }

  #openMarks() {
    const { layers } = this.look;
    if (this.#marks?.layers.join() === layers.join()) return;
    this.#marks?.close();
    this.#marks = new Marks(layers, () => this.grid.refresh(), sayFault);
  }

  #wantMarks() {
    const { first, last } = this.grid.visible();
    const ahead = this.grid.perView;
    const ids = [];
    for (let index = Math.max(0, first); index <= last + ahead; index++) {
      const frame = index < (this.#list.total ?? 0) ? this.#list.get(index) : null;
      if (frame) ids.push(frame.frame_id);
    }
    this.#marks.want(ids);
  }

  // keys

  #listKeys() {
    const step = (by) => () => this.grid.move(this.grid.cursor + by());
    const columns = () => this.grid.columns;
    const view = () => Math.max(columns(), this.grid.perView - 2 * columns());
    return [
      { keys: ['ArrowLeft', 'h'], does: 'frame before', run: step(() => -1) },
      { keys: ['ArrowRight', 'l'], does: 'frame after', run: step(() => 1) },
      { keys: ['ArrowUp', 'k'], does: 'row above', run: step(() => -columns()) },
      { keys: ['ArrowDown', 'j'], does: 'row below', run: step(columns) },
      { keys: ['PageUp'], does: 'view before', run: step(() => -view()) },
      { keys: ['PageDown', ' '], does: 'view after', run: step(view) },
      { keys: ['Home'], does: 'first frame', run: () => this.grid.move(0) },
      { keys: ['End'], does: 'last frame', run: () => this.grid.move(this.#list.total - 1) },
      { keys: ['Enter'], does: 'open the frame', run: () => this.opened(this.grid.cursor) },
      { keys: ['s'], does: 'sort by likeness to the frame', run: () => this.#sortBySimilarity() },
      { keys: ['+', '='], does: 'larger', run: () => this.#resize(1) },
      { keys: ['-'], does: 'smaller', run: () => this.#resize(-1) },
      { keys: ['b'], does: 'labels on or off', run: () => this.look.toggleLayer(LABELS) },
      { keys: ['x'], does: 'all frames, no filter', run: () => go(read().withoutFilters()) },
    ];
  }

  #sortBySimilarity() {
    const frame = this.#list.get(this.grid.cursor);
    if (!frame) return;
    if (!this.page.home?.has_embeddings) return say('No frame has a vector yet: `daguerre ingest` embeds colour frames of sessions that pass their checks.', 'bad');
    say(`Sorted by likeness to ${shortId(frame.frame_id)}`);
    change({ sort: `similar:${frame.frame_id}`, at: null });
  }

  #resize(by) {
    const at = SIZES.indexOf(this.size) + by;
    if (SIZES[at]) change({ size: at === 1 ? null : at }, { replace: true });
  }
}
