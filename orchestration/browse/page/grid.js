/** A grid of cells of one size, of which only those near the view are elements. What a cell shows is its owner's. */

import { make } from './dom.js';
import { ScrollMap } from './scroll_map.js';

const AHEAD_VIEWS = 2.5; // in the direction of the scroll
const BEHIND_VIEWS = 0.75;
const REST_MS = 90; // after a leap, so long before its pictures are asked for

export class Grid {
  #map;
  #cells = new Map(); // index -> element
  #free = [];
  #size = 168;
  #height = 168;
  #total = 0;
  #columns = 1;
  #isDue = false;
  #lastTop = 0;
  #direction = 1;
  #rest = null;
  #cursor = 0;

  /** `owner` has make() -> element, fill(element, index), clear(element), near(first, last), moved(index), opened(index),
   * rested(). */
  constructor(owner, mostPx) {
    this.owner = owner;
    this.#map = new ScrollMap(mostPx);
    this.floor = make('div', { class: 'floor' });
    this.element = make(
      'div',
      { class: 'grid', role: 'grid', tabindex: '0', 'aria-label': 'Frames', on: { scroll: () => this.#follow() } },
      this.floor,
    );
    this.floor.addEventListener('click', (event) => this.#click(event));
    this.watcher = new ResizeObserver(() => this.#measure());
    this.watcher.observe(this.element);
  }

  get cursor() {
    return this.#cursor;
  }

  get columns() {
    return this.#columns;
  }

  /** How many cells a view has, at most. */
  get perView() {
    return this.#columns * (Math.ceil(this.element.clientHeight / this.#height) + 1);
  }

  /** So many cells, each so wide at least; widths grow until a row is full. `aspect` is a cell's height by its width,
   * `extra` px come below it. */
  show(total, width, aspect, extra) {
    [this.#total, this.#size, this.aspect, this.extra] = [total, width, aspect, extra];
    this.element.setAttribute('aria-rowcount', String(total));
    this.#cursor = Math.min(this.#cursor, Math.max(0, total - 1));
    this.#measure();
  }

  /** Fill the cells anew that are elements, or one of them. */
  refresh(index = null) {
    if (index === null) for (const [at, cell] of this.#cells) this.owner.fill(cell, at);
    else if (this.#cells.has(index)) this.owner.fill(this.#cells.get(index), index);
  }

  /** The indices of cells that show now, and how many. */
  visible() {
    const first = Math.floor(this.#map.top / this.#height) * this.#columns;
    return { first, last: Math.min(this.#total, first + this.perView) - 1 };
  }

  /** Move the cursor, and show where it is. */
  move(index, { isCentred = false } = {}) {
    if (!this.#total) return;
    const before = this.#cells.get(this.#cursor);
    before?.classList.remove('cursor');
    before?.removeAttribute('aria-selected');
    this.#cursor = Math.min(Math.max(index, 0), this.#total - 1);
    this.#markCursor();
    this.#reveal(isCentred);
    this.owner.moved(this.#cursor);
  }

  close() {
    this.watcher.disconnect();
    clearTimeout(this.#rest);
  }

  #markCursor() {
    const cell = this.#cells.get(this.#cursor);
    cell?.classList.add('cursor');
    cell?.setAttribute('aria-selected', 'true');
    if (cell) this.element.setAttribute('aria-activedescendant', cell.id);
  }

  #reveal(isCentred) {
    const top = Math.floor(this.#cursor / this.#columns) * this.#height;
    const view = this.element.clientHeight;
    const at = this.#map.top;
    if (isCentred) this.#jump(top - (view - this.#height) / 2);
    else if (top < at) this.#jump(top);
    else if (top + this.#height > at + view) this.#jump(top + this.#height - view);
    else this.#schedule();
  }

  #jump(top) {
    this.element.scrollTop = this.#map.jump(top);
    this.#schedule();
  }

  #click(event) {
    const cell = event.target.closest('.cell');
    if (cell) this.owner.opened(Number(cell.dataset.index));
  }

  #measure() {
    const width = this.element.clientWidth;
    if (!width || !this.aspect) return;
    const first = this.#columns ? Math.floor(this.#map.top / this.#height) * this.#columns : 0;
    this.#columns = Math.max(1, Math.floor(width / this.#size));
    this.cellWidth = Math.floor(width / this.#columns);
    const height = Math.round(this.cellWidth * this.aspect) + this.extra;
    const isOther = height !== this.#height;
    this.#height = height;
    const rows = Math.ceil(this.#total / this.#columns);
    let top = this.#map.resize(rows * height, this.element.clientHeight);
    if (isOther && first) top = this.#map.jump(Math.floor(first / this.#columns) * height);
    this.floor.style.height = `${this.#map.heightPx}px`;
    this.element.scrollTop = top;
    this.#render();
  }

  #follow() {
    const wanted = this.#map.follow(this.element.scrollTop);
    if (Math.abs(wanted - this.element.scrollTop) >= 1) this.element.scrollTop = wanted;
    this.#schedule();
  }

  #schedule() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#render();
    });
  }

  #render() {
    const view = this.element.clientHeight;
    const top = this.#map.top;
    const moved = top - this.#lastTop;
    if (moved) this.#direction = Math.sign(moved);
    this.#lastTop = top;
    this.isLeaping = Math.abs(moved) > view * 1.5;
    const [above, below] = this.#direction > 0 ? [BEHIND_VIEWS, AHEAD_VIEWS] : [AHEAD_VIEWS, BEHIND_VIEWS];
    const first = Math.max(0, Math.floor((top - above * view) / this.#height)) * this.#columns;
    const last = Math.min(this.#total, Math.ceil((top + (1 + below) * view) / this.#height) * this.#columns) - 1;
    this.#release(first, last);
    this.owner.near(first, last, this.#direction);
    for (const index of this.#inOrder(first, last)) this.#put(index);
    this.#markCursor();
    if (!moved) return;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.isLeaping = false;
      this.owner.rested();
    }, REST_MS);
  }

  /** What shows first, then what comes next in the direction of the scroll. */
  #inOrder(first, last) {
    const seen = this.visible();
    const shown = range(Math.max(first, seen.first), Math.min(last, seen.last));
    const after = range(seen.last + 1, last);
    const before = range(first, seen.first - 1).reverse();
    return this.#direction > 0 ? [...shown, ...after, ...before] : [...shown, ...before, ...after];
  }

  #put(index) {
    let cell = this.#cells.get(index);
    if (!cell) {
      cell = this.#free.pop() ?? this.floor.appendChild(this.owner.make());
      cell.hidden = false;
      cell.dataset.index = index;
      cell.id = `cell-${index}`;
      cell.setAttribute('aria-rowindex', String(index + 1));
      this.#cells.set(index, cell);
      this.owner.fill(cell, index);
    }
    const y = this.#map.place(Math.floor(index / this.#columns) * this.#height);
    const place = `translate(${(index % this.#columns) * this.cellWidth}px, ${Math.round(y)}px)`;
    if (cell.style.transform !== place) cell.style.transform = place;
    const width = `${this.cellWidth}px`;
    if (cell.style.width !== width) {
      cell.style.width = width;
      cell.style.height = `${this.#height}px`;
      this.owner.fill(cell, index);
    }
  }

  #release(first, last) {
    for (const [index, cell] of this.#cells) {
      if (index >= first && index <= last) continue;
      this.#cells.delete(index);
      cell.classList.remove('cursor');
      cell.removeAttribute('aria-selected');
      cell.hidden = true;
      this.owner.clear(cell);
      this.#free.push(cell);
    }
  }
}

function range(first, last) {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}
