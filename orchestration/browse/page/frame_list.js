/** The frames that an address asks for, in its order: pages of them, asked for ahead and forgotten when far away. */

import { ask, isAborted } from './api.js';

export const PAGE = 200;
const MOST_PAGES = 80;
let shared = null;

/** The list of a question: the one that is there, or a new one in its place. */
export function openList(question) {
  if (shared?.question === question && !shared.fault) return shared;
  shared?.close();
  shared = new FrameList(question);
  return shared;
}

/** Ask anew: labels or tables have changed. */
export function forgetList() {
  shared?.close();
  shared = null;
}

export class FrameList {
  #pages = new Map(); // number -> frames, those used last at the end
  #asked = new Map(); // number -> what ends the request
  #watchers = new Set();

  constructor(question) {
    this.question = question;
    this.total = null; // not known yet
    this.index = -1; // the number of the index that answers
    this.fault = null; // why there are none
    this.#fetch(0);
  }

  /** Run when frames have come, or could not. Returns what ends that. */
  watch(run) {
    this.#watchers.add(run);
    return () => this.#watchers.delete(run);
  }

  /** The frame at a place, or null where it is not here yet. */
  get(index) {
    const number = Math.floor(index / PAGE);
    const page = this.#pages.get(number);
    if (!page) return null;
    this.#pages.delete(number);
    this.#pages.set(number, page);
    return page[index - number * PAGE] ?? null;
  }

  /** Fetch what is missing from `first` to `last`; requests for other places end. */
  need(first, last) {
    const end = this.total === null ? first : Math.min(last, this.total - 1);
    const wanted = new Set();
    for (let number = Math.floor(Math.max(0, first) / PAGE); number * PAGE <= end; number++) wanted.add(number);
    for (const [number, control] of this.#asked) {
      if (!wanted.has(number) && number) {
        control.abort();
        this.#asked.delete(number);
      }
    }
    for (const number of wanted) if (!this.#pages.has(number)) this.#fetch(number);
  }

  /** The frame at a place, waited for. Null past the end. */
  async wait(index) {
    while (!this.fault && (this.total === null || index < this.total)) {
      const frame = index < 0 ? undefined : this.get(index);
      if (frame) return frame;
      if (index < 0) return null;
      this.#fetch(Math.floor(index / PAGE));
      await this.#change();
    }
    return null;
  }

  /** Where a frame stands in this order, or null. */
  async find(frameId) {
    const query = new URLSearchParams(this.question);
    for (const [name, value] of Object.entries({ find: frameId, offset: 0, limit: 1 })) query.set(name, value);
    return (await ask('/api/frames', query)).found ?? null;
  }

  close() {
    for (const control of this.#asked.values()) control.abort();
    this.#asked.clear();
    this.#watchers.clear();
  }

  #change() {
    return new Promise((done) => {
      const end = this.watch(() => {
        end();
        done();
      });
    });
  }

  async #fetch(number) {
    if (this.#asked.has(number)) return;
    const control = new AbortController();
    this.#asked.set(number, control);
    const query = new URLSearchParams(this.question);
    query.set('offset', number * PAGE);
    query.set('limit', PAGE);
    try {
      const answer = await ask('/api/frames', query, control);
      this.total = answer.total;
      this.index = answer.index;
      this.fault = null;
      this.#keep(number, answer.frames);
    } catch (error) {
      if (isAborted(error)) return;
      this.fault = error;
    } finally {
      if (this.#asked.get(number) === control) this.#asked.delete(number);
    }
    for (const run of [...this.#watchers]) run();
  }

  #keep(number, frames) {
    this.#pages.set(number, frames);
    while (this.#pages.size > MOST_PAGES) this.#pages.delete(this.#pages.keys().next().value);
  }
}
