/** Questions in words: the answer with where each sentence is from, and what programs propose. */

import { Address, change } from './address.js';
import { ask, post } from './api.js';
import { button, fill, link, linkOut, make } from './dom.js';
import { emptyFault, faultLine, sayFault } from './notices.js';
import { listProposals } from './proposals_panel.js';
import { count, figure, many } from './words.js';

const EXAMPLES = ['which checks failed?', 'what is stale?', 'which sessions have drifted?', 'which models are there?'];

export function open(page) {
  return new AskView(page);
}

class AskView {
  #isOpen = true;
  #asked = null;

  constructor(page) {
    this.page = page;
    this.field = make('input', { type: 'text', maxlength: 1000, 'aria-label': 'Question', placeholder: 'why did a session drift?', autocomplete: 'off', data: { key: 'question' } });
    this.always = make('input', { type: 'checkbox' });
    this.mayPropose = make('input', { type: 'checkbox' });
    this.choices = make('span', { class: 'row' });
    this.send = make('button', { type: 'submit', class: 'main' }, 'Ask');
    const form = make('form', { on: { submit: (event) => this.#submit(event) } }, this.field, this.send, this.choices);
    this.answer = make('div', { class: 'answer', 'aria-live': 'polite' }, this.#listExamples());
    this.proposals = make('section', { 'aria-label': 'Proposals' });
    this.element = make('main', { class: 'page asking' }, make('header', {}, make('h1', {}, 'Ask')), form, this.answer, this.proposals);
    this.#learn();
  }

  /** A question in the address stands in the field; it is asked when somebody asks it. */
  update(address) {
    const text = address.get('q') ?? '';
    if (text && text !== this.#asked) this.field.value = text;
  }

  close() {
    this.#isOpen = false;
  }

  #listExamples() {
    return make('p', { class: 'sources' }, 'Such as: ', EXAMPLES.map((text) => button(text, () => this.#put(text), { class: 'small quiet' })));
  }

  #put(text) {
    this.field.value = text;
    this.#ask();
  }

  async #learn() {
    try {
      const told = await ask('/api/asking');
      if (!this.#isOpen) return;
      fill(this.choices, told.model && this.#listChoices(told));
      fill(this.proposals, listProposals(told.proposals, () => this.#learn()));
    } catch (error) {
      if (this.#isOpen) fill(this.proposals, emptyFault(error));
    }
  }

  #listChoices({ model, is_local: isLocal }) {
    const where = isLocal ? 'on this machine' : 'elsewhere: the question and what tools say are sent there';
    return [
      make('label', { title: 'Without the rules, which are asked first' }, this.always, `let ${model} answer (${where})`),
      this.page.may('propose') && make('label', { title: 'It keeps commands with their plans; a person decides about each' }, this.mayPropose, 'it may propose'),
    ];
  }

  #submit(event) {
    event.preventDefault();
    this.#ask();
  }

  async #ask() {
    const question = this.field.value.trim();
    if (!question || this.send.disabled) return;
    this.#asked = question;
    change({ q: question }, { replace: true });
    this.send.disabled = true;
    fill(this.answer, make('p', { class: 'hint' }, 'Asking …'));
    try {
      const found = await post('/api/ask', { question, rung: this.always.checked ? 'model' : null, propose: this.mayPropose.checked });
      if (this.#isOpen) fill(this.answer, showAnswer(found));
      if (found.proposals.length > 0) this.#learn();
    } catch (error) {
      if (!this.#isOpen) sayFault(error);
      else fill(this.answer, faultLine(error));
    } finally {
      this.send.disabled = false;
    }
  }
}

function showAnswer(found) {
  const { dagster } = found;
  return [
    found.sentences.map(({ text, sources }) => [make('p', { class: 'said' }, text), make('p', { class: 'sources' }, sources.map((one) => showSource(one, dagster)))]),
    found.model && make('p', { class: 'hint' }, `Worded by ${found.model}, ${many(found.tokens, 'token')}: each number is one that a tool said, the words between are the model's own.`),
    found.rows.map((rows) => showRows(rows, dagster)),
  ];
}

/** Where a fact can be looked up: in a view of this page, in Dagster, or by a command. */
function showSource(source, dagster, name = `${source.kind} ${source.id}`) {
  const address = addressOf(source);
  if (address) return link(address, { title: source.follow }, name);
  const path = pathOf(source);
  if (path && dagster) return linkOut(dagster, path, { title: source.follow }, `${name} in Dagster`);
  return make('code', { title: 'a command that shows more' }, source.follow);
}

function addressOf({ kind, id }) {
  const [a, b] = id.split(' ');
  if (kind === 'frame') return new Address().with({ view: 'frame', frame: id });
  if (kind === 'session' || (kind === 'drift' && id && !/[*?]/.test(id))) return new Address().with({ session: id });
  if (kind === 'model_pair') return new Address().with({ view: 'models', a, b });
  if (kind === 'release_pair') return new Address().with({ view: 'releases', a, b });
  return null;
}

function pathOf({ kind, id }) {
  if (kind === 'run') return `/runs/${encodeURIComponent(id)}`;
  if (kind === 'runs') return '/runs';
  if (kind === 'asset') return `/assets/${id.split('/').map(encodeURIComponent).join('/')}`;
  return null;
}

function showRows(rows, dagster) {
  const kinds = rows.columns.map((_, n) => (rows.rows.some((row) => typeof row[n] === 'number') ? 'n' : null));
  const heads = rows.columns.map(({ name, unit }, n) => make('th', { class: kinds[n] }, unit === '1' ? name : `${name} (${unit})`));
  const lines = rows.rows.map((row, number) => make('tr', {}, row.map((value, n) => make('td', { class: kinds[n] }, tell(value))), rows.row_sources && make('td', {}, showSource(rows.sources[number], dagster, rows.row_sources.kind))));
  if (rows.row_sources) heads.push(make('th', {}, 'source'));
  const more = rows.left_out ? `, and ${count(rows.left_out)} more` : rows.is_cut ? ', and more' : '';
  return [
    make('h2', {}, `${rows.name}: ${many(rows.rows.length, 'row')}${more}`),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, make('tr', {}, heads)), make('tbody', {}, lines))),
  ];
}

function tell(value) {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : figure(value);
}
