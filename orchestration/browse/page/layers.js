/** The legend: layers of marks and classes, each shown or hidden, and the lowest score of what is drawn. */

import { read } from './address.js';
import { fill, make, makeSvg } from './dom.js';
import { nameModel } from './filters.js';
import { LABELS, layerOf, Look, TRACKS } from './look.js';
import { count } from './words.js';

const MOST_CLASSES = 60;

export class Layers {
  constructor(page) {
    this.page = page;
    this.layers = [
      [LABELS, 'labels'],
      ...page.home.models.map((one) => [layerOf(one.model_id), nameModel(one)]),
      [TRACKS, 'tracks'],
    ];
    this.list = make('div', { class: 'choices' });
    this.classes = make('div', { class: 'choices' });
    this.slider = make('input', { type: 'range', min: '0', max: '1', step: '0.01', 'aria-label': 'Lowest score that is drawn', on: { input: () => this.#slide() } });
    this.told = make('output', {});
    const tasks = page.home.tasks ?? [];
    this.task = make(
      'select',
      { on: { change: () => this.look.setTask(this.task.value || null) } },
      make('option', { value: '' }, 'all tasks'),
      tasks.map((task) => make('option', { value: task }, task)),
    );
    this.element = make(
      'section',
      { class: 'layers', 'aria-label': 'Marks' },
      make('header', {}, make('h2', {}, 'Marks')),
      this.list,
      tasks.length > 1 && make('label', { class: 'row' }, 'labels of', this.task),
      make('label', { class: 'row' }, 'score from', this.slider, this.told),
      make('details', { open: true }, make('summary', {}, 'Legend'), this.classes),
    );
  }

  update(address) {
    this.look = new Look(address, this.page.colors);
    this.task.value = this.look.task ?? '';
    this.slider.value = String(this.look.minScore);
    this.told.textContent = this.look.minScore.toFixed(2);
    const strangers = this.look.layers.filter((layer) => !this.layers.some(([name]) => name === layer));
    const all = [...this.layers, ...strangers.map((layer) => [layer, layer])];
    fill(this.list, all.map(([layer, title]) => this.#layer(layer, title)));
    const names = this.page.home.classes;
    fill(
      this.classes,
      names.slice(0, MOST_CLASSES).map((name) => this.#class(name, names)),
      names.length > MOST_CLASSES && make('p', { class: 'hint' }, `and ${count(names.length - MOST_CLASSES)} more`),
      !names.length && make('p', { class: 'hint' }, 'No class yet: labels and models bring them.'),
    );
  }

  /** Raise or lower the score from which marks are drawn. */
  moveScore(by) {
    const look = new Look(read(), this.page.colors);
    look.setScore(Math.min(1, Math.max(0, look.minScore + by)));
  }

  #slide() {
    this.told.textContent = Number(this.slider.value).toFixed(2);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look.setScore(Number(this.slider.value)), 60);
  }

  #layer(layer, title) {
    const box = make('input', { type: 'checkbox', data: { key: layer }, on: { change: () => this.look.toggleLayer(layer) } });
    box.checked = this.look.shows(layer);
    const { dash, width } = this.look.lineOf(layer);
    const line = makeSvg('line', { x1: 0, x2: 22, y1: 5, y2: 5, stroke: 'currentColor', 'stroke-width': width, 'stroke-dasharray': dash.join(' ') || null });
    return make('label', {}, box, makeSvg('svg', { width: 22, height: 10, class: 'line', 'aria-hidden': 'true' }, line), make('span', { class: 'name', title }, title));
  }

  #class(name, names) {
    const box = make('input', { type: 'checkbox', data: { key: name }, on: { change: () => this.look.toggleClass(name) } });
    box.checked = this.look.showsClass(name);
    const only = make('button', { type: 'button', class: 'bare only', data: { key: `only ${name}` }, 'aria-label': `${name} alone`, on: { click: () => this.look.only(name, names) } }, 'only');
    return make('div', { class: 'pair' }, make('label', {}, box, make('i', { class: 'swatch', style: { background: this.page.colors.css(name) } }), make('span', { class: 'name', title: name }, name)), only);
  }
}
