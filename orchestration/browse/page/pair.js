/** What views of two things share: the two choices in the address, the question, and what stands while there is none. */

import { change } from './address.js';
import { ask, isAborted } from './api.js';
import { button, fill, make } from './dom.js';
import { emptyFault } from './notices.js';

export class Pair {
  #control = null;
  #asked = '';

  /** `options` are [id, name]; `show(answer)` returns what is shown of it, `nothing()` what stands before. */
  constructor(title, path, options, show, nothing) {
    Object.assign(this, { path, options, show, nothing });
    this.selects = ['a', 'b'].map((side) => this.#makeSelect(side));
    this.body = make('div', {});
    this.head = make(
      'header',
      {},
      make('h1', {}, title),
      make('label', {}, 'A', this.selects[0]),
      make('label', {}, 'B', this.selects[1]),
      button('Swap', () => change({ a: this.selects[1].value || null, b: this.selects[0].value || null }), { class: 'small quiet' }),
    );
    this.element = make('main', { class: 'page' }, this.head, this.body);
  }

  async update(address) {
    const ids = ['a', 'b'].map((side) => this.#complete(address.get(side) ?? ''));
    ids.forEach((id, n) => this.#choose(this.selects[n], id));
    const [a, b] = ids;
    if (`${a} ${b}` === this.#asked) return;
    this.#asked = `${a} ${b}`;
    this.#control?.abort();
    if (!a || !b || a === b) return fill(this.body, this.nothing());
    this.#control = new AbortController();
    fill(this.body, make('p', { class: 'waiting' }, 'Comparing …'));
    try {
      fill(this.body, this.show(await ask(this.path, { a, b }, this.#control)));
    } catch (error) {
      if (!isAborted(error)) fill(this.body, emptyFault(error));
    }
  }

  close() {
    this.#control?.abort();
  }

  /** An id may be given by its beginning, as elsewhere. One that came after the page the server knows. */
  #complete(id) {
    return this.options.find(([one]) => id && one.startsWith(id))?.[0] ?? id;
  }

  #choose(select, id) {
    if (![...select.options].some((one) => one.value === id)) select.append(make('option', { value: id }, id.slice(0, 8)));
    select.value = id;
  }

  #makeSelect(side) {
    const select = make(
      'select',
      { 'aria-label': side.toUpperCase(), on: { change: () => change({ [side]: select.value || null }) } },
      make('option', { value: '' }, 'choose …'),
      this.options.map(([id, name]) => make('option', { value: id }, name)),
    );
    return select;
  }
}

/** What stands as a line of figures. */
export function tiles(entries) {
  return make('dl', { class: 'tiles' }, entries.map(([name, value, more]) => make('div', {}, make('dt', {}, name), make('dd', {}, value, more && make('small', {}, ` ${more}`)))));
}

/** Warnings of a comparison. */
export function warn(warnings = []) {
  return warnings.map((text) => make('p', { class: 'fault' }, text));
}
