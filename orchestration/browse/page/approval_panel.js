/** Models that wait for a person: each becomes champion by who gives a reason. */

import { post } from './api.js';
import { button, fill, make } from './dom.js';
import { panel } from './facts.js';
import { faultLine, say } from './notices.js';

export class ApprovalPanel {
  /** `waiting` are names such as detection/3; `learn` is run when one waits no more. */
  constructor(waiting, learn) {
    this.learn = learn;
    const nothing = make('p', { class: 'hint' }, 'No model waits for a person.');
    this.element = panel('Models that wait for approval', waiting.length > 0 ? waiting.map((name) => this.#offer(name)) : nothing);
  }

  #offer(name) {
    const why = make('input', { type: 'text', maxlength: 1000, 'aria-label': `Why, of ${name}`, placeholder: 'why' });
    const told = make('div', { 'aria-live': 'polite' });
    const approve = button('Approve', () => this.#approve(name, why, told, approve));
    return make('div', {}, make('p', { class: 'row' }, make('b', {}, name), why, approve), told);
  }

  async #approve(name, why, told, approver) {
    const because = why.value.trim();
    if (!because) return why.focus();
    approver.disabled = true; // it may take a minute
    fill(told, make('p', { class: 'hint' }, 'Approving …'));
    try {
      const { is_done: isDone } = await post('/api/approve', { name, because });
      say(isDone ? `${name} is champion.` : `The approval of ${name} is under way, and goes on without this page.`, 'good');
      this.learn();
    } catch (error) {
      fill(told, faultLine(error));
      approver.disabled = false;
    }
  }
}
