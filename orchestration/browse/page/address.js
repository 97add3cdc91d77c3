/** Every view's state lies in the address, after the #, so that it can be sent to somebody. */

/** Which frames, in which order: what the server is asked with. The rest of the address is how they are shown. */
export const QUESTION = ['session', 'sensor', 'class', 'split', 'where', 'selection', 'model', 'score_from', 'sort'];
const listeners = new Set();
let current = null;

/** What stands in an address; never changed, `with` gives another. */
export class Address {
  #values;

  constructor(text = '') {
    this.#values = new URLSearchParams(text);
  }

  get view() {
    return this.get('view') ?? 'grid';
  }

  /** The value of a name, or null. */
  get(name) {
    return this.#values.get(name);
  }

  /** Whether a name stands there, empty too. */
  has(name) {
    return this.#values.has(name);
  }

  /** All values of a name that may stand several times. */
  all(name) {
    return this.#values.getAll(name);
  }

  /** A whole number from 0, or what to take in place of anything else. */
  count(name, otherwise) {
    const text = this.#values.get(name) ?? '';
    return /^\d{1,9}$/.test(text) ? Number(text) : otherwise;
  }

  /** Another address: a value, a list of values, or null for none. */
  with(changes) {
    const made = new Address(this.toString());
    for (const [name, value] of Object.entries(changes)) {
      made.#values.delete(name);
      if (value === null || value === undefined) continue;
      for (const one of Array.isArray(value) ? value : [value]) made.#values.append(name, one);
    }
    return made;
  }

  /** An address with these names of this one alone. */
  take(names) {
    return new Address().with(Object.fromEntries(names.map((name) => [name, this.all(name)])));
  }

  /** Which frames, in which order, as a query of HTTP. */
  question() {
    const asked = new URLSearchParams();
    for (const name of QUESTION) for (const value of this.all(name)) if (value) asked.append(name, value);
    return asked.toString();
  }

  /** Whether some frames are left out. */
  get isFiltered() {
    return QUESTION.some((name) => name !== 'sort' && this.get(name));
  }

  /** All frames, shown as they are now. */
  withoutFilters() {
    return this.with(Object.fromEntries([...QUESTION, 'at'].map((name) => [name, null])));
  }

  toString() {
    return this.#values.toString();
  }
}

/** What stands in the address now. */
export function read() {
  const text = location.hash.slice(1);
  if (current?.text !== text) current = { text, address: new Address(text) };
  return current.address;
}

/** Go where the address leads; `replace` leaves no step to go back to. */
export function go(address, { replace = false } = {}) {
  const text = `#${address}`;
  if (text === location.hash) return;
  if (replace) history.replaceState(null, '', text);
  else history.pushState(null, '', text);
  tell();
}

/** Change some of it. */
export function change(changes, options) {
  go(read().with(changes), options);
}

/** Run when the address has become another. */
export function follow(run) {
  listeners.add(run);
}

function tell() {
  const address = read();
  for (const run of listeners) run(address);
}

let told = location.hash;
for (const event of ['popstate', 'hashchange']) {
  addEventListener(event, () => {
    if (told === location.hash && event === 'hashchange') return;
    told = location.hash;
    tell();
  });
}
