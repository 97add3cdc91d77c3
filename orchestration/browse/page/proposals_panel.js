/** What programs propose: commands with their plans and prices, and the buttons of who may decide about each. */

import { post } from './api.js';
import { button, make } from './dom.js';
import { say, sayFault } from './notices.js';
import { figure, many } from './words.js';

/** `learn` is run when something was decided. */
export function listProposals(proposals, learn) {
  return proposals.length > 0 && [make('h2', {}, 'What programs propose'), proposals.map((one) => showProposal(one, learn))];
}

function showProposal(one, learn) {
  const { price } = one;
  const cost = price.num_runs ? `${figure(price.device_hours)} device-hours (${figure(price.least)} to ${figure(price.most)}, by ${many(price.num_runs, 'run')})` : 'no recorded runs tell its price';
  return make(
    'article',
    { class: 'proposal', 'aria-label': `Proposal ${one.proposal}` },
    make('p', { class: 'row' }, make('b', {}, one.proposal), make('span', { class: `badge ${one.state === 'done' ? 'good' : 'plain'}` }, one.state), make('code', {}, one.command)),
    one.because && make('p', {}, `Why: ${one.because}`),
    make('p', { class: 'hint' }, `${cost}; proposed at ${one.at}`),
    one.plan.length > 0 && make('details', {}, make('summary', {}, 'Plan'), make('pre', {}, one.plan.join('\n'))),
    one.state === 'open' && (one.may_decide ? offerDecision(one, learn) : tellDeciders(one)),
  );
}

function tellDeciders({ deciders, approve }) {
  return make('p', { class: 'hint' }, `Here decides who has the role ${deciders.join(' or ')}; whoever runs this home, by `, make('code', {}, approve), '.');
}

/** Of who has a role that decides about it: a reason, and what becomes of it. */
function offerDecision({ proposal }, learn) {
  const why = make('input', { type: 'text', maxlength: 1000, 'aria-label': `Why, of ${proposal}`, placeholder: 'why' });
  const buttons = [button('Carry out', () => decide('approve'), { class: 'small' }), button('Reject', () => decide('reject'), { class: 'small quiet' })];
  const decide = async (act) => {
    const because = why.value.trim();
    if (!because) return why.focus();
    for (const one of buttons) one.disabled = true; // it may take a minute
    try {
      const { is_done: isDone } = await post('/api/decide', { proposal, act, because });
      say(isDone ? `${proposal} is ${act === 'approve' ? 'carried out' : 'rejected'}.` : `${proposal} is under way, and goes on without this page.`, 'good');
    } catch (error) {
      sayFault(error);
    }
    learn();
  };
  return make('p', { class: 'row' }, why, buttons);
}
