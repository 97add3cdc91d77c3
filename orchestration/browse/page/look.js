/** How marks are looked at: which layers, classes and scores show. Read from the address, and changed there. */

import { change } from './address.js';

export const LABELS = 'labels';
export const TRACKS = 'tracks';
const PREDICTIONS = 'predictions:';
// dashes in px of the screen, by the place of a layer of predictions
const DASHES = [[7, 3], [2, 3], [10, 3, 2, 3]];

/** The name of a model's layer. */
export function layerOf(modelId) {
  return `${PREDICTIONS}${modelId}`;
}

/** The model of a layer, or null. */
export function modelOf(layer) {
  return layer.startsWith(PREDICTIONS) ? layer.slice(PREDICTIONS.length) : null;
}

export class Look {
  #hidden;

  constructor(address, colors) {
    this.colors = colors;
    const chosen = address.has('layers') ? address.get('layers').split(',') : [LABELS];
    this.layers = chosen.filter(Boolean);
    this.task = address.get('task');
    this.minScore = Number(address.get('conf') ?? 0) || 0;
    this.#hidden = new Set(address.all('hide'));
  }

  shows(layer) {
    return this.layers.includes(layer);
  }

  showsClass(name) {
    return !this.#hidden.has(name);
  }

  /** Whether one mark is drawn. */
  draws(layer, mark) {
    const isSure = mark.score === null || mark.score === undefined || mark.score >= this.minScore;
    const isAsked = !this.task || !mark.task || mark.task === this.task;
    return this.showsClass(mark.class_name) && isAsked && (layer === LABELS || isSure);
  }

  /** How lines of a layer are drawn: dashes, and their width in px of the screen. */
  lineOf(layer) {
    if (layer === LABELS) return { dash: [], width: 2 };
    if (layer === TRACKS) return { dash: [], width: 1 };
    const models = this.layers.filter((one) => modelOf(one) !== null);
    return { dash: DASHES[models.indexOf(layer) % DASHES.length] ?? DASHES[0], width: 2 };
  }

  /** Show labels of one task; null: of all. */
  setTask(task) {
    change({ task }, { replace: true });
  }

  toggleLayer(layer) {
    const layers = this.shows(layer) ? this.layers.filter((one) => one !== layer) : [...this.layers, layer];
    change({ layers: layers.join(',') }, { replace: true });
  }

  toggleClass(name) {
    const hidden = new Set(this.#hidden);
    if (!hidden.delete(name)) hidden.add(name);
    change({ hide: [...hidden] }, { replace: true });
  }

  /** Hide all but one class; where that one is alone already, show all. */
  only(name, names) {
    const others = names.filter((one) => one !== name);
    const isAlone = this.showsClass(name) && others.every((one) => this.#hidden.has(one));
    change({ hide: isAlone ? null : others }, { replace: true });
  }

  setScore(value) {
    change({ conf: value > 0 ? value.toFixed(2) : null }, { replace: true });
  }
}
