/** Erase one thing for good: first what each store holds of it, then a reason, and its name once more. */

import { post } from './api.js';
import { button, fill, make } from './dom.js';
import { panel } from './facts.js';
import { forgetList } from './frame_list.js';
import { faultLine, withCommands } from './notices.js';
import { bytes, count, many } from './words.js';

export class ErasePanel {
  constructor() {
    this.what = make('input', { type: 'text', maxlength: 1000, autocomplete: 'off', spellcheck: 'false', on: { input: () => fill(this.told) } });
    this.planner = button('Plan', () => this.#plan());
    this.told = make('div', { 'aria-live': 'polite' });
    this.open = make('div', {});
    const form = make('form', { class: 'fields', on: { submit: (event) => this.#submit(event) } }, make('label', { class: 'wide' }, 'A session, SESSION/PATH, or the id of a frame or a capture', this.what), this.planner);
    this.element = panel('Erase for good', this.open, form, this.told);
  }

  /** Put this into the field. */
  name(what) {
    if (this.what.value === what) return;
    this.what.value = what;
    fill(this.told);
  }

  /** Say which erasures have not ended. */
  tellOpen(erasures) {
    const told = erasures.map((id) => [make('p', { class: 'fault' }, `Erasure ${id.slice(0, 8)} has not ended: what it is of is hidden, and bytes stay until whoever runs this home has ended its servers and calls `, make('code', {}, 'daguerre forget --resume'), '.')]);
    fill(this.open, told);
  }

  #submit(event) {
    event.preventDefault();
    this.#plan();
  }

  async #plan() {
    const what = this.what.value.trim();
    if (!what || this.planner.disabled) return this.what.focus();
    const told = await this.#ask({ what: [what], dry_run: true }, 'Looking into every store …');
    if (!told || what !== this.what.value.trim()) return; // somebody typed on meanwhile
    if (!told.is_done) return fill(this.told, make('p', { class: 'fault' }, 'To plan it takes longer than a minute: whoever runs this home sees the plan by ', make('code', {}, 'daguerre forget --erase --dry-run'), '.'));
    fill(this.told, showPlan(told.said), this.#offer(what));
  }

  /** The last step: a reason, and the name as it stands in the plan. */
  #offer(what) {
    const why = make('input', { type: 'text', maxlength: 1000, on: { input: () => look() } });
    const again = make('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', on: { input: () => look() } });
    const last = button('Erase for good', () => this.#erase(what, why.value.trim()), { class: 'danger', disabled: true });
    const look = () => (last.disabled = !why.value.trim() || again.value !== what);
    return make('div', { class: 'fields' }, make('label', { class: 'wide' }, 'Why; it is written down', why), make('label', { class: 'wide' }, make('span', {}, 'Type ', make('b', {}, what), ' to erase it: nobody brings it back'), again), last);
  }

  async #erase(what, because) {
    const told = await this.#ask({ what: [what], because }, 'Erasing …');
    if (!told) return;
    forgetList(); // of frames there are fewer now
    fill(this.told, showEnd(told, what));
  }

  async #ask(body, meanwhile) {
    this.planner.disabled = true;
    fill(this.told, make('p', { class: 'hint' }, meanwhile));
    try {
      return await post('/api/erase', body);
    } catch (error) {
      fill(this.told, faultLine(error));
      return null;
    } finally {
      this.planner.disabled = false;
    }
  }
}

function showPlan(plan) {
  const sizes = ['session', 'capture', 'frame', 'file'].map((noun) => many(plan[`${noun}s`], noun)).join(', ');
  const lines = plan.held.filter((one) => one.count).map((one) => make('tr', {}, make('td', {}, one.store), make('td', { class: 'n' }, count(one.count)), make('td', {}, one.what), make('td', { class: 'n' }, one.size_bytes ? bytes(one.size_bytes) : ''), make('td', {}, one.becomes)));
  const heads = ['store', 'number', 'of what', 'size', 'what becomes of it'].map((text) => make('th', { scope: 'col' }, text));
  return [
    make('p', {}, make('b', {}, sizes), ' would be erased.'),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, make('tr', {}, heads)), make('tbody', {}, lines))),
    [['release', plan.releases], ['model', plan.models]].map(([noun, ids]) => ids.length > 0 && make('p', {}, `${many(ids.length, noun)} that have it: ${ids.map((id) => id.slice(0, 8)).join(', ')}.`)),
    plan.near_duplicates > 0 && make('p', {}, `${many(plan.near_duplicates, 'frame')} look like one of these, and stay: look at them.`),
    plan.advice.length > 0 && [make('h3', {}, 'To do by hand'), make('ul', {}, plan.advice.map((text) => make('li', {}, withCommands(text))))],
  ];
}

function showEnd({ is_done: isDone, is_hidden: isHidden, said }, what) {
  if (isDone) return make('p', { role: 'status' }, make('b', {}, `${what} is erased.`), ` The certificate is ${said.certificate}.`);
  if (isHidden) return [make('p', { role: 'status' }, make('b', {}, `${what} is hidden from everybody.`), ' Its bytes wait: end the servers of this home, this one too, and call ', make('code', {}, 'daguerre forget --resume'), '.'), make('p', { class: 'hint' }, said)];
  return make('p', { role: 'status' }, `The erasure of ${what} is under way, and goes on without this page.`);
}
