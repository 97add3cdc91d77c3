/** Two releases: classes, sessions and frames that came, went, moved to another part, or are labelled anew. */

import { Address, change } from './address.js';
import { button, fill, link, make } from './dom.js';
import { empty } from './notices.js';
import { Pair, tiles, warn } from './pair.js';
import { Picture, thumbOf } from './picture.js';
import { count, figure, many, shortId } from './words.js';

const AT_ONCE = 60;
const CHANGES = ['added', 'removed', 'relabelled', 'moved'];

export function open(page) {
  return new ReleasesView(page);
}

class ReleasesView {
  #pictures = [];

  constructor(page) {
    const options = page.home.releases.map((one) => [one.release_id, `${one.task} ${shortId(one.release_id)}, ${many(one.num_frames, 'frame')}`]);
    this.pair = new Pair('Two releases', '/api/compare/releases', options, (answer) => this.#show(answer), () => this.#nothing(options));
    this.element = this.pair.element;
  }

  async update(address) {
    this.kind = address.get('kind');
    const before = this.answer;
    await this.pair.update(address);
    if (this.answer && this.answer === before) this.#showFrames();
  }

  close() {
    this.pair.close();
    this.#forget();
  }

  #nothing(options) {
    if (options.length < 2) return empty('There are not two releases yet', 'A dataset makes one: `daguerre train TASK`, or the asset of a dataset in the UI.');
    return empty('Choose two releases of one task', 'A is the one before, B the one after.');
  }

  #show(answer) {
    this.answer = answer;
    const counts = new Map(CHANGES.map((kind) => [kind, answer.num_frames[kind] ?? 0]));
    this.counts = counts;
    this.frames = make('div', {});
    this.#showFrames();
    return [
      warn(answer.warnings),
      tiles([...[...counts].map(([kind, number]) => [`frames ${kind}`, count(number)]), ['the same', figure(answer.num_frames.same)]]),
      this.#listNames('Classes added', answer.classes_added),
      this.#listNames('Classes removed', answer.classes_removed),
      this.#listNames('Sessions added', answer.sessions_added),
      this.#listNames('Sessions removed', answer.sessions_removed),
      answer.classes?.length > 0 && [make('h2', {}, 'Objects'), this.#listClasses(answer.classes)],
      make('h2', {}, 'Frames'),
      this.frames,
    ];
  }

  #listNames(title, names = []) {
    return names.length > 0 && [make('h2', {}, title), make('p', {}, names.join(', '))];
  }

  #listClasses(classes) {
    const heads = ['before', 'after', 'added', 'removed', 'changed'];
    const rows = classes.map((one) => make('tr', {}, make('td', {}, one.name), heads.map((name) => make('td', { class: 'n' }, figure(one[name])))));
    return make('table', { class: 'figures' }, make('thead', {}, make('tr', {}, make('th', {}, 'class'), heads.map((text) => make('th', { class: 'n' }, text)))), make('tbody', {}, rows));
  }

  #showFrames() {
    this.#forget();
    const all = this.answer.frames ?? [];
    const kind = this.kind ?? CHANGES.find((one) => this.counts.get(one)) ?? CHANGES[0];
    const found = all.filter((one) => one.change === kind);
    const tabs = CHANGES.map((one) => button(`${one} ${count(this.counts.get(one))}`, () => change({ kind: one }, { replace: true }), { class: 'small', 'aria-pressed': String(one === kind), data: { key: one } }));
    this.body = make('div', { class: 'thumbs' });
    this.more = button('More', () => this.#add(found), { class: 'more' });
    fill(this.frames, make('p', { class: 'row', style: { 'margin-bottom': '8px' } }, tabs), this.body, this.more, !found.length && make('p', { class: 'hint' }, `No frame is ${kind}.`));
    this.#add(found);
  }

  #add(found) {
    const fresh = found.slice(this.#pictures.length, this.#pictures.length + AT_ONCE).map((one) => {
      const picture = new Picture();
      picture.image.loading = 'lazy';
      picture.open(thumbOf(one.frame_id), null);
      this.#pictures.push(picture);
      return link(new Address().with({ view: 'frame', frame: one.frame_id }), { class: 'thumb' }, picture.element, make('small', {}, one.told || one.change));
    });
    this.body.append(...fresh);
    this.more.hidden = this.#pictures.length >= found.length;
  }

  #forget() {
    for (const picture of this.#pictures) picture.close();
    this.#pictures = [];
  }
}
