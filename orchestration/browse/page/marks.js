/** What is marked on frames, by layer: asked for in lots of frames, kept while they are near. */

import { ask, isAborted } from './api.js';

const MOST_AT_ONCE = 60; // ids in an address
const MOST_KEPT = 3000;
const WAIT_MS = 120; // pictures first

export class Marks {
  #kept = new Map(); // frame id -> layer -> marks
  #wanted = new Set();
  #under = new Set();
  #timer = null;
  #control = new AbortController();
  #onCome;
  #onFault;

  /** `layers` as the server names them; `onCome(ids)` runs when some have come. */
  constructor(layers, onCome, onFault = () => {}) {
    this.layers = layers;
    this.#onCome = onCome;
    this.#onFault = onFault;
  }

  /** Layer -> marks of a frame, or null where they are not here yet. */
  get(frameId) {
    return this.#kept.get(frameId) ?? null;
  }

  /** These frames are looked at now; what was wanted before and not asked for is not any more. */
  want(frameIds) {
    if (!this.layers.length) return;
    this.#wanted = new Set(frameIds.filter((id) => !this.#kept.has(id) && !this.#under.has(id)));
    if (this.#wanted.size && this.#timer === null) this.#timer = setTimeout(() => this.#askAll(), WAIT_MS);
  }

  /** Somebody has changed what stands on a frame. */
  forget(frameId) {
    this.#kept.delete(frameId);
  }

  close() {
    clearTimeout(this.#timer);
    this.#control.abort();
  }

  async #askAll() {
    this.#timer = null;
    const ids = [...this.#wanted];
    this.#wanted.clear();
    const lots = [];
    for (let at = 0; at < ids.length; at += MOST_AT_ONCE) lots.push(ids.slice(at, at + MOST_AT_ONCE));
    await Promise.all(lots.map((lot) => this.#askFor(lot)));
  }

  async #askFor(ids) {
    for (const id of ids) this.#under.add(id);
    try {
      const query = { frames: ids.join(','), layers: this.layers.join(',') };
      const answer = await ask('/api/marks', query, this.#control);
      for (const id of ids) this.#keep(id, answer[id] ?? {});
      this.#onCome(ids);
    } catch (error) {
      if (!isAborted(error)) this.#onFault(error);
    } finally {
      for (const id of ids) this.#under.delete(id);
    }
  }

  #keep(id, layers) {
    this.#kept.set(id, layers);
    while (this.#kept.size > MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
  }
}
