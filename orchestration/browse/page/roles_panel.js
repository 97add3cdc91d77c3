/** Which role has which right, and what whoever looks at the page may do. */

import { make } from './dom.js';
import { panel } from './facts.js';

const HOLDER = 'holder'; // of the link that a server prints at its start
const TITLES = { [HOLDER]: 'link of the start' };

/** `rights` in order, `roles` as lists of them; `person` is who looks. */
export function rolesPanel({ rights, roles }, person) {
  const names = Object.keys(roles);
  const isMine = (name) => person.roles.includes(name);
  const heads = names.map((name) => make('th', { class: isMine(name) ? 'mine' : null, scope: 'col' }, TITLES[name] ?? name));
  const lines = rights.map((right) => make('tr', {}, make('th', { scope: 'row' }, right), names.map((name) => showCell(roles[name].includes(right), isMine(name)))));
  return panel(
    'Who may do what',
    make('p', {}, tellPerson(person, rights.filter((right) => person.roles.some((role) => roles[role]?.includes(right))))),
    make('div', { class: 'scroll' }, make('table', { class: 'roles' }, make('thead', {}, make('tr', {}, make('th', {}), heads)), make('tbody', {}, lines))),
    make('p', { class: 'hint' }, 'What programs propose is decided by who may carry it out; ', make('code', {}, 'approve'), ' and ', make('code', {}, 'rollback'), ' by who approves models.'),
    make('p', { class: 'hint' }, 'Whoever runs this home gives a role by ', make('code', {}, 'daguerre role grant'), '; on the command line there are no roles.'),
  );
}

function showCell(has, isMine) {
  return make('td', { class: isMine ? 'mine' : null, 'aria-label': has ? 'yes' : 'no' }, has ? '✓' : '');
}

function tellPerson({ name, roles }, mine) {
  const who = roles.includes(HOLDER) ? `You opened the link that this server printed at its start, as ${name}` : `You are ${name}: ${roles.join(', ')}`;
  return `${who}. You may ${mine.join('; ')}.`;
}
