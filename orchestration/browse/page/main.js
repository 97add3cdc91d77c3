/** The page: what surrounds the views, which view an address opens, and the keys that count everywhere. */

import { follow, go, QUESTION, read } from './address.js';
import { ask, watch } from './api.js';
import { Colors } from './colors.js';
import { button, fill, link, make } from './dom.js';
import { Filters } from './filters.js';
import { openList } from './frame_list.js';
import { bind, showHelp } from './keys.js';
import { Layers } from './layers.js';
import { emptyFault, place, tellGone } from './notices.js';
import { many } from './words.js';

const VIEWS = {
  grid: { title: 'Frames', hasSide: true, load: () => import('./grid_view.js') },
  frame: { load: () => import('./frame_view.js') },
  timeline: { title: 'Timeline', load: () => import('./timeline_view.js') },
  map: { title: 'Map', load: () => import('./map_view.js') },
  models: { title: 'Two models', load: () => import('./models_view.js') },
  releases: { title: 'Two releases', load: () => import('./releases_view.js') },
  ask: { title: 'Ask', load: () => import('./ask_view.js') },
  govern: { title: 'Govern', load: () => import('./govern_view.js') },
};
const TABS = Object.entries(VIEWS).filter(([, view]) => view.title);
const KEPT = ['layers', 'hide', 'conf', 'size', 'task', 'depth']; // of an address, in every view
const OF_FRAMES = ['grid', 'timeline', 'map'];

class Page {
  #view = null;
  #name = '';
  #unbind = () => {};

  /** As long as nobody has told what the home holds, frames show without a panel that chooses among them. */
  constructor() {
    this.home = null;
    this.colors = new Colors([]);
    this.tabs = new Map(TABS.map(([name, { title }]) => [name, link(`view=${name}`, {}, title)]));
    this.placeText = make('span', { class: 'place', 'aria-live': 'polite' });
    this.homeText = make('span', { class: 'home', title: 'What this home holds' });
    this.personText = make('span', { class: 'home', title: 'Who you are here, and your roles' });
    this.side = make('aside', { class: 'side' });
    this.room = make('div', { class: 'room' });
    fill(
      document.getElementById('app'),
      make(
        'header',
        { class: 'top' },
        make('b', { class: 'brand' }, 'Daguerre'),
        make('nav', { 'aria-label': 'Views' }, [...this.tabs.values()]),
        this.placeText,
        this.homeText,
        this.personText,
        button('Keys ?', showHelp, { class: 'quiet keys', 'aria-label': 'Keys' }),
      ),
      ...place(),
      make('div', { class: 'body' }, this.side, this.room),
    );
  }

  /** Take in what the home holds. */
  learn(home) {
    this.home = home;
    this.homeText.textContent = tellHome(home);
    this.personText.textContent = tellPerson(home.person);
    this.colors = new Colors(home.classes);
    this.filters = new Filters(this);
    this.layers = new Layers(this);
    fill(this.side, this.filters.element, this.layers.element);
    this.#unbind();
    this.#unbind = this.#bindKeys();
  }

  /** Whether who looks has a right, such as export. */
  may(right) {
    return this.home?.person.may.includes(right) ?? false;
  }

  /** Ask again what the home holds, where frames are of a newer index of it. */
  async keepUp(index) {
    if (!this.home || index <= this.home.index) return;
    this.home.index = index; // asked once
    const home = await ask('/api/home').catch(() => null); // the next frames ask again
    if (!home || holdsSame(home, this.home)) return;
    this.learn(home);
    this.filters.update(read());
    this.layers.update(read());
  }

  /** What shows where of how much: "12 of 3 400 frames". */
  place(text) {
    this.placeText.textContent = text;
  }

  /** Say beside the condition what the server said of it; null: nothing. */
  tellFault(fault) {
    this.filters?.tellFault(fault);
  }

  /** Open the view of an address, or tell the one that is open. */
  async show(address) {
    const name = nameView(address);
    this.side.hidden = !VIEWS[name].hasSide;
    for (const [tab, element] of this.tabs) {
      const isHere = tab === name || (tab === 'grid' && name === 'frame');
      element.setAttribute('href', `#${this.#addressOf(tab, address)}`);
      if (isHere) element.setAttribute('aria-current', 'page');
      else element.removeAttribute('aria-current');
    }
    this.filters?.update(address);
    this.layers?.update(address);
    if (name !== this.#name) {
      this.#name = name;
      const { open } = await VIEWS[name].load();
      if (this.#name !== name) return; // somebody went on meanwhile
      this.#view?.close();
      this.place('');
      this.#view = open(this);
      fill(this.room, this.#view.element);
      document.title = `${VIEWS[name].title ?? 'Frame'} · Daguerre`;
    }
    this.#view?.update(read());
  }

  close() {
    this.#view?.close();
  }

  /** A tab keeps how marks look, and which frames are asked for where it shows those. */
  #addressOf(tab, address) {
    const names = OF_FRAMES.includes(tab) ? [...KEPT, ...QUESTION] : KEPT;
    return address.take(names).with({ view: tab === 'grid' ? null : tab });
  }

  #bindKeys() {
    return bind('Everywhere', [
      ...TABS.map(([name, { title }], n) => ({
        keys: [String(n + 1)],
        does: title.toLowerCase(),
        run: () => go(this.#addressOf(name, read())),
      })),
      { keys: ['/'], does: 'write a condition', run: () => this.filters.focus() },
      { keys: ['['], does: 'marks of lower scores too', run: () => this.layers.moveScore(-0.05) },
      { keys: [']'], does: 'marks of higher scores only', run: () => this.layers.moveScore(0.05) },
      { keys: ['?'], does: 'these keys', run: showHelp },
    ]);
  }
}

function holdsSame(one, other) {
  const [first, second] = [one, other].map((home) => JSON.stringify({ ...home, index: null }));
  return first === second;
}

function tellHome(home) {
  const holds = `${many(home.num_frames, 'frame')}, ${many(home.sessions.length, 'session')}`;
  return home.home ? `${home.home}: ${holds}` : holds;
}

/** Of who was given roles: "anna: reader, annotator". */
function tellPerson({ name, roles }) {
  return roles.includes('holder') ? '' : `${name}: ${roles.join(', ')}`;
}

/** The view that an address asks for; of another word the grid. */
function nameView(address) {
  return Object.hasOwn(VIEWS, address.view) ? address.view : 'grid';
}

async function start() {
  watch(tellGone);
  const asked = ask('/api/home');
  asked.catch(() => {}); // told below
  const page = new Page();
  const name = nameView(read());
  try {
    if (name === 'grid') {
      openList(read().question()); // asked for while the rest is on its way
      await page.show(read()); // and shown before it
    }
    const [home] = await Promise.all([asked, VIEWS[name].load()]);
    page.learn(home);
  } catch (error) {
    page.close();
    fill(document.getElementById('app'), ...place(), emptyFault(error, button('Ask again', start)));
    return;
  }
  follow((next) => page.show(next));
  await page.show(read());
}

start();
