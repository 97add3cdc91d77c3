/** Two models on one exam: their figures, slices that moved, and frames that changed sides as truth | A | B. */

import { Address, change, go, read } from './address.js';
import { button, fill, link, make, makeSvg } from './dom.js';
import { nameModel } from './filters.js';
import { LABELS, layerOf, Look } from './look.js';
import { Marks } from './marks.js';
import { empty, sayFault } from './notices.js';
import { Pair, tiles, warn } from './pair.js';
import { Picture, pictureOf } from './picture.js';
import { bind } from './keys.js';
import { figure, many, score } from './words.js';

const AT_ONCE = 12;
const SIDES = [['lost', 'Lost by B'], ['won', 'Won by B']];

export function open(page) {
  return new ModelsView(page);
}

class ModelsView {
  #marks = null;
  #rows = [];

  constructor(page) {
    this.page = page;
    const options = page.home.models.map((one) => [one.model_id, nameModel(one)]);
    this.pair = new Pair('Two models', '/api/compare/models', options, (answer) => this.#show(answer), () => this.#nothing(options));
    this.element = this.pair.element;
    this.unbind = bind('Two models', [
      { keys: ['j', 'ArrowDown'], does: 'next frame', run: () => this.#step(1) },
      { keys: ['k', 'ArrowUp'], does: 'frame before', run: () => this.#step(-1) },
    ]);
  }

  async update(address) {
    this.look = new Look(address, this.page.colors);
    this.side = address.get('side') ?? 'lost';
    const before = this.answer;
    await this.pair.update(address);
    if (this.answer && this.answer === before) this.#showFrames();
  }

  close() {
    this.unbind();
    this.pair.close();
    this.#forget();
  }

  #nothing(options) {
    if (options.length < 2) return empty('There are not two models yet', 'Train another with `daguerre train TASK`: each model that was examined stands here.');
    return empty('Choose two models of one task', 'Both must have sat the exam of one release; where one has not, `daguerre compare` names what helps.');
  }

  #show(answer) {
    this.answer = answer;
    this.ids = answer.model_ids ?? answer.models;
    const { metric, difference, num_frames: frames, changed_sides: changed } = answer;
    const between = difference.interval?.map(signed).join(' to ') ?? '';
    this.frames = make('div', {});
    this.#showFrames();
    return [
      warn(answer.warnings),
      tiles([
        [`${metric} of A`, figure(difference.first)],
        [`${metric} of B`, figure(difference.second)],
        ['B − A', signed(difference.difference), between],
        ['test frames', figure(frames)],
        ['won, lost', `${changed.won}, ${changed.lost}`],
      ]),
      make('h2', {}, 'Figures'),
      this.#listFigures(answer.figures),
      make('h2', {}, 'Slices'),
      this.#listSlices(answer.slices),
      make('h2', {}, 'Frames that changed sides'),
      this.frames,
    ];
  }

  #listFigures(figures) {
    const rows = Object.entries(figures).map(([name, { first, second }]) => {
      const by = typeof first === 'number' && typeof second === 'number' ? second - first : null;
      return make('tr', {}, make('td', {}, name), make('td', { class: 'n' }, figure(first)), make('td', { class: 'n' }, figure(second)), make('td', { class: 'n' }, by === null ? '' : signed(by)));
    });
    return make('table', { class: 'figures' }, make('thead', {}, make('tr', {}, make('th', {}, 'figure'), ['A', 'B', 'B − A'].map((text) => make('th', { class: 'n' }, text)))), make('tbody', {}, rows));
  }

  #listSlices(slices) {
    if (!slices.length) return make('p', { class: 'hint' }, 'No slice has frames of both.');
    const sorted = [...slices].sort((one, other) => Number(other.has_moved) - Number(one.has_moved) || (one.difference ?? 0) - (other.difference ?? 0));
    const reach = Math.max(0.01, ...sorted.flatMap((one) => [...(one.interval ?? []), one.difference]).filter(Number.isFinite).map(Math.abs));
    const rows = sorted.map((one) => {
      const kind = one.has_moved ? (one.difference < 0 ? 'bad-ink' : 'good-ink') : 'muted';
      return make(
        'tr',
        {},
        make('td', {}, this.#linkSlice(one)),
        make('td', { class: 'n' }, figure(one.num_frames)),
        make('td', { class: 'n' }, figure(one.first)),
        make('td', { class: 'n' }, figure(one.second)),
        make('td', { class: `n ${kind}` }, signed(one.difference)),
        make('td', {}, drawInterval(one, reach)),
      );
    });
    const heads = ['frames', 'A', 'B', 'B − A'].map((text) => make('th', { class: 'n' }, text));
    return make('table', { class: 'figures' }, make('thead', {}, make('tr', {}, make('th', {}, 'slice'), heads, make('th', {}, '95 % of other recordings'))), make('tbody', {}, rows));
  }

  #linkSlice({ slice_by: by, slice_value: value }) {
    const text = `${by} = ${value}`;
    const name = { session: 'session', sensor: 'sensor', class: 'class' }[by];
    if (!name) return text;
    const layers = [LABELS, ...this.ids.map(layerOf)].join(',');
    return link(new Address().with({ [name]: value, layers }), {}, text);
  }

  // frames

  #showFrames() {
    this.#forget();
    const { frames } = this.answer.changed_sides;
    const found = frames.filter((one) => (one.second > one.first) === (this.side === 'won'));
    const tabs = SIDES.map(([side, text]) => button(text, () => change({ side: side === 'lost' ? null : side }, { replace: true }), { class: 'small', 'aria-pressed': String(side === this.side), data: { key: side } }));
    this.layers = [LABELS, ...this.ids.map(layerOf)];
    this.#marks = new Marks(this.layers, () => this.#drawAll(), sayFault);
    this.body = make('div', { class: 'threes' });
    this.more = button('More', () => this.#add(found), { class: 'more' });
    fill(this.frames, make('p', { class: 'row', style: { 'margin-bottom': '8px' } }, tabs, make('span', { class: 'hint' }, many(found.length, 'frame'))), this.body, this.more, !found.length && make('p', { class: 'hint' }, 'There is none.'));
    this.#add(found);
  }

  #add(found) {
    const fresh = found.slice(this.#rows.length, this.#rows.length + AT_ONCE).map((frame) => new Three(frame, this.layers, () => this.#openFrame(frame)));
    this.#rows.push(...fresh);
    this.body.append(...fresh.map((row) => row.element));
    this.more.hidden = this.#rows.length >= found.length;
    this.#marks.want(this.#rows.map((row) => row.frame.frame_id));
  }

  #drawAll() {
    for (const row of this.#rows) row.draw(this.#marks.get(row.frame.frame_id), this.look);
  }

  #openFrame(frame) {
    go(new Address().with({ view: 'frame', frame: frame.frame_id, layers: this.layers.join(','), session: frame.session }));
  }

  #step(by) {
    const at = this.#rows.findIndex((row) => row.element === document.activeElement);
    const row = this.#rows[Math.min(Math.max(at + by, 0), this.#rows.length - 1)];
    row?.element.focus();
  }

  #forget() {
    this.#marks?.close();
    for (const row of this.#rows) row.close();
    this.#rows = [];
  }
}

/** One frame three times: what is true, what A said, what B said. */
class Three {
  constructor(frame, layers, run) {
    this.frame = frame;
    const told = ['ground truth', `A ${score(frame.first)}`, `B ${score(frame.second)}`];
    this.panes = layers.map((layer, n) => ({ layer, picture: new Picture(), told: told[n] }));
    this.element = make(
      'div',
      { class: 'three', tabindex: '0', role: 'link', 'aria-label': `Open the frame of ${frame.session}`, on: { click: run, keydown: (event) => event.key === 'Enter' && run() } },
      make('p', {}, make('b', {}, frame.session), make('span', { class: 'muted' }, frame.sensor)),
      this.panes.map(({ picture, told: text }) => make('figure', { class: 'pane' }, picture.element, make('figcaption', {}, text))),
    );
    for (const { picture } of this.panes) {
      picture.image.loading = 'lazy';
      picture.image.addEventListener('load', () => this.#size(picture));
      picture.open(pictureOf(frame.frame_id), { width: 4, height: 3 });
    }
  }

  draw(marks, look) {
    this.marks = [marks, look];
    if (!marks) return;
    for (const { layer, picture } of this.panes) {
      const alone = new Look(read().with({ layers: layer }), look.colors);
      if (picture.image.naturalWidth) picture.show(marks, alone, { names: true });
    }
  }

  close() {
    for (const { picture } of this.panes) picture.close();
  }

  /** The upright picture tells its own size. */
  #size(picture) {
    picture.open(pictureOf(this.frame.frame_id), { width: picture.image.naturalWidth, height: picture.image.naturalHeight });
    if (this.marks) this.draw(...this.marks);
  }
}

function signed(value) {
  if (!Number.isFinite(value)) return '–';
  return `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(3)}`;
}

function drawInterval({ interval, difference, has_moved: hasMoved }, reach) {
  const x = (value) => 90 + (85 * value) / reach;
  const parts = [makeSvg('line', { x1: 90, x2: 90, y1: 0, y2: 14, stroke: 'currentColor', 'stroke-opacity': 0.3 })];
  if (interval) {
    const [x1, x2] = interval.map(x);
    parts.push(makeSvg('line', { x1, x2, y1: 7, y2: 7, stroke: 'currentColor', 'stroke-width': 2, 'stroke-opacity': hasMoved ? 1 : 0.45 }));
  }
  if (Number.isFinite(difference)) {
    parts.push(makeSvg('circle', { cx: x(difference), cy: 7, r: 3, fill: 'currentColor', 'fill-opacity': hasMoved ? 1 : 0.6 }));
  }
  return makeSvg('svg', { class: 'interval', viewBox: '0 0 180 14', 'aria-hidden': 'true' }, parts);
}
