/** The panel that chooses frames: sessions, sensors, classes, splits, scores, a condition on any column, and the order. */

import { change, go, read } from './address.js';
import { post } from './api.js';
import { button, fill, make } from './dom.js';
import { sayFault } from './notices.js';
import { count, shortId } from './words.js';

const MOST_SHOWN = 100; // of a long list; a word finds the rest
const FIND_FROM = 9;
const OPERATORS = { number: ['>=', '<=', '=', '<>'], bool: ['='], text: ['=', '<>', 'like'] };

export class Filters {
  constructor(page) {
    this.page = page;
    const { home } = page;
    this.lists = [
      new Choices('session', 'Sessions', home.sessions.map(describeSession)),
      new Choices('sensor', 'Sensors', home.sensors.map(plain)),
      new Choices('class', 'Classes', home.classes.map((name) => ({ ...plain(name), color: page.colors.css(name) }))),
      new Choices('split', 'Split', home.splits.map(plain)),
    ];
    this.order = new Order(home);
    this.condition = new Condition(home);
    this.answers = new Answers(home);
    this.clear = button('Clear', () => go(read().withoutFilters()), { class: 'quiet small' });
    this.element = make(
      'section',
      { class: 'filters', 'aria-label': 'Filters' },
      make('header', {}, make('h2', {}, 'Choose'), this.clear),
      this.order.element,
      this.condition.element,
      this.lists.map((list) => list.element),
      this.answers.element,
    );
  }

  update(address) {
    this.clear.hidden = !address.isFiltered && !address.get('sort');
    for (const part of [this.order, this.condition, this.answers, ...this.lists]) part.update(address);
  }

  focus() {
    this.condition.focus();
  }

  /** Show beside the condition what the server says of it. */
  tellFault(fault) {
    this.condition.tellFault(fault?.status === 400 && read().get('where') ? fault : null);
  }
}

function plain(name) {
  return { name };
}

function describeSession(one) {
  const marks = [
    one.published === false && ['held back', one.reason || 'a gate held it back'],
    one.num_quarantined > 0 && [`${one.num_quarantined} bad`, 'files or frames in quarantine'],
    one.drifted && ['drift', 'its frames, or answers on them, have drifted'],
  ];
  return { name: one.session, figure: count(one.num_frames), marks: marks.filter(Boolean) };
}

/** A list of values of which some are ticked. */
class Choices {
  #word = '';

  constructor(name, title, options) {
    [this.name, this.options] = [name, options];
    this.body = make('div', { class: 'choices' });
    this.chosen = make('span', { class: 'chosen' });
    const isLong = options.length >= FIND_FROM;
    this.find = make('input', {
      type: 'search',
      placeholder: `Find among ${count(options.length)}`,
      'aria-label': `Find among ${title}`,
      hidden: !isLong,
      on: { input: () => this.#search() },
    });
    this.element = make(
      'details',
      { open: options.length > 0 && (name !== 'sensor' || options.length < FIND_FROM) },
      make('summary', {}, title, this.chosen),
      this.find,
      this.body,
    );
  }

  update(address) {
    this.ticked = new Set(address.all(this.name));
    this.chosen.textContent = this.ticked.size ? `${this.ticked.size} chosen` : '';
    this.#fill();
  }

  #search() {
    this.#word = this.find.value.toLowerCase();
    this.#fill();
  }

  #fill() {
    const known = new Set(this.options.map((one) => one.name));
    const strangers = [...this.ticked].filter((name) => !known.has(name)).map((name) => ({ name, marks: [['absent', 'not in this home']] }));
    const found = this.options.filter((one) => one.name.toLowerCase().includes(this.#word) || this.ticked.has(one.name));
    const shown = [...strangers, ...found.slice(0, MOST_SHOWN)];
    const left = found.length - MOST_SHOWN;
    fill(
      this.body,
      shown.map((one) => this.#row(one)),
      left > 0 && make('p', { class: 'hint' }, `and ${count(left)} more: find them by a word`),
      !shown.length && make('p', { class: 'hint' }, this.options.length ? 'None has this word.' : 'There are none.'),
    );
  }

  #row(one) {
    const box = make('input', { type: 'checkbox', data: { key: one.name }, on: { change: () => this.#toggle(one.name) } });
    box.checked = this.ticked.has(one.name);
    const badges = (one.marks ?? []).map(([text, why]) => make('span', { class: 'badge', title: why }, text));
    return make(
      'label',
      {},
      box,
      one.color && make('i', { class: 'swatch', style: { background: one.color } }),
      make('span', { class: 'name', title: one.name }, one.name),
      badges,
      one.figure && make('span', { class: 'figure' }, one.figure),
    );
  }

  #toggle(name) {
    const ticked = new Set(this.ticked);
    if (!ticked.delete(name)) ticked.add(name);
    change({ [this.name]: [...ticked], at: null });
  }
}

/** In which order frames come; by likeness to a picture or words as well. */
class Order {
  constructor(home) {
    this.home = home;
    this.select = make(
      'select',
      { 'aria-label': 'Order by', on: { change: () => this.#choose() } },
      make('option', { value: '' }, 'as recorded'),
      home.sort_columns.map((name) => make('option', { value: name }, name)),
    );
    this.turn = button('↑', () => this.#turn(), { class: 'quiet small', 'aria-label': 'Turn the order', title: 'Turn the order' });
    this.like = make('div', { class: 'like' });
    this.file = make('input', { type: 'file', accept: 'image/*', hidden: true, on: { change: () => this.#upload() } });
    this.words = make('input', {
      type: 'search',
      placeholder: 'About …, e.g. mug',
      'aria-label': 'Words that frames are about',
      hidden: !home.has_text_search,
      on: { keydown: (event) => event.key === 'Enter' && this.#say() },
    });
    this.element = make(
      'div',
      { class: 'order' },
      make('div', { class: 'row' }, make('span', { class: 'hint' }, 'Order'), this.select, this.turn),
      this.words,
      this.like,
      this.file,
    );
  }

  update(address) {
    const sort = address.get('sort') ?? '';
    const isLike = /^(similar|text):/.test(sort);
    this.select.value = isLike ? '' : sort.replace(/^-/, '');
    this.isDown = sort.startsWith('-');
    this.turn.textContent = this.isDown ? '↓' : '↑';
    this.turn.disabled = isLike || !sort;
    const upload = button('By a picture of yours …', () => this.file.click(), { class: 'quiet small' });
    fill(
      this.like,
      isLike && make('span', { class: 'chip' }, tellLikeness(sort), button('×', () => change({ sort: null, at: null }), { class: 'bare', 'aria-label': 'Order as recorded' })),
      this.home.has_embeddings && !isLike && upload,
    );
  }

  #choose() {
    change({ sort: this.select.value || null, at: null });
  }

  #turn() {
    const column = this.select.value;
    change({ sort: this.isDown ? column : `-${column}`, at: null });
  }

  #say() {
    const text = this.words.value.trim();
    if (text) change({ sort: `text:${text}`, at: null });
  }

  async #upload() {
    const [file] = this.file.files;
    this.file.value = '';
    if (!file) return;
    try {
      const { upload_id: id } = await post('/api/similar', file);
      change({ sort: `similar:${id}`, at: null });
    } catch (error) {
      sayFault(error);
    }
  }
}

function tellLikeness(sort) {
  const [kind, ...rest] = sort.split(':');
  const what = rest.join(':');
  return kind === 'text' ? `about “${what}”` : `like ${shortId(what)}`;
}

/** A condition as SQL has it, with the columns that it may name, and what the server says of it. */
class Condition {
  constructor(home) {
    this.columns = new Map(home.columns.map((column) => [column.name, column]));
    this.text = make('textarea', {
      rows: '2',
      spellcheck: 'false',
      placeholder: "e.g. brightness < 0.2 and sensor = 'left'",
      'aria-label': 'Condition, as SQL has it',
      on: { keydown: (event) => this.#press(event) },
    });
    this.fault = make('p', { class: 'fault', role: 'alert', hidden: true });
    this.column = make(
      'select',
      { 'aria-label': 'Column', on: { change: () => this.#offer() } },
      home.columns.map(({ name, unit }) => make('option', { value: name, title: unit ?? '' }, name)),
    );
    this.operator = make('select', { 'aria-label': 'Compared by' });
    this.value = make('input', { 'aria-label': 'Value', size: '8', on: { keydown: (event) => event.key === 'Enter' && this.#add() } });
    this.chip = make('div', {});
    this.element = make(
      'details',
      { open: true, class: 'condition' },
      make('summary', {}, 'Condition'),
      this.text,
      make('div', { class: 'row' }, button('Apply', () => this.#apply(), { class: 'small main' }), make('span', { class: 'hint' }, 'Enter applies')),
      this.fault,
      home.columns.length > 0 && make('div', { class: 'row builder' }, this.column, this.operator, this.value, button('+', () => this.#add(), { class: 'small', 'aria-label': 'Add to the condition' })),
      this.chip,
    );
    this.#offer();
  }

  update(address) {
    const where = address.get('where') ?? '';
    if (document.activeElement !== this.text || !where) this.text.value = where;
    const selection = address.get('selection');
    fill(
      this.chip,
      selection && make('span', { class: 'chip' }, 'chosen on the map', button('×', () => change({ selection: null, at: null }), { class: 'bare', 'aria-label': 'Leave the selection' })),
    );
  }

  focus() {
    this.element.open = true;
    this.text.focus();
  }

  tellFault(fault) {
    this.fault.hidden = !fault;
    this.text.toggleAttribute('aria-invalid', Boolean(fault));
    if (fault) fill(this.fault, fault.message);
  }

  #press(event) {
    if (event.key !== 'Enter' || event.shiftKey) return;
    event.preventDefault();
    this.#apply();
  }

  #apply() {
    change({ where: this.text.value.trim() || null, at: null });
  }

  #offer() {
    const kind = this.columns.get(this.column.value)?.kind ?? 'text';
    fill(this.operator, (OPERATORS[kind] ?? OPERATORS.text).map((one) => make('option', {}, one)));
  }

  #add() {
    const column = this.columns.get(this.column.value);
    const value = this.value.value.trim();
    if (!column || !value) return;
    const isText = column.kind === 'text';
    const written = isText ? `'${value.replaceAll("'", "''")}'` : value;
    const part = `"${column.name.replaceAll('"', '""')}" ${this.operator.value} ${written}`;
    const before = this.text.value.trim();
    this.text.value = before ? `${before} and ${part}` : part;
    this.value.value = '';
    this.#apply();
  }
}

/** Frames on which a model answered, from a score on. */
class Answers {
  constructor(home) {
    this.model = make(
      'select',
      { 'aria-label': 'Model that answered', on: { change: () => this.#change() } },
      make('option', { value: '' }, 'any model, or none'),
      home.models.map((one) => make('option', { value: one.model_id }, nameModel(one))),
    );
    this.from = make('input', { type: 'range', min: '0', max: '1', step: '0.05', 'aria-label': 'Lowest score of an answer', on: { change: () => this.#change() } });
    this.told = make('output', {});
    this.from.addEventListener('input', () => this.#tell());
    this.element = make(
      'details',
      { hidden: home.models.length === 0, open: true },
      make('summary', {}, 'Answers'),
      this.model,
      make('label', { class: 'row' }, 'score from', this.from, this.told),
    );
  }

  update(address) {
    this.model.value = address.get('model') ?? '';
    this.from.value = address.get('score_from') ?? '0';
    this.#tell();
  }

  #tell() {
    this.told.textContent = Number(this.from.value).toFixed(2);
  }

  #change() {
    const from = Number(this.from.value);
    change({ model: this.model.value || null, score_from: from > 0 ? from : null, at: null });
  }
}

/** What a person calls a model: its name, its task where that does not say it, and whether it is champion. */
export function nameModel(one) {
  const star = one.is_champion ? ' ★' : '';
  const name = one.name ?? `${one.recipe ?? ''} ${shortId(one.model_id).slice(0, 7)}`.trim();
  return `${name.includes(one.task) ? '' : `${one.task} `}${name}${star}`;
}
