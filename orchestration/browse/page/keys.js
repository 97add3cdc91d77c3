/** What keys do: each view binds its own, and the page that `?` opens lists those that count now. */

import { button, fill, make } from './dom.js';

const scopes = []; // the last first: an editor before its view before the page
const NAMES = { ' ': 'Space', ArrowLeft: '←', ArrowRight: '→', ArrowUp: '↑', ArrowDown: '↓', Escape: 'Esc' };
const MARKS = { '←': 'Left', '→': 'Right', '↑': 'Up', '↓': 'Down' };
let dialog = null;

/** Bind keys: [{ keys: ['j', 'ArrowRight'], does: 'next frame', run }]. Returns what unbinds them. */
export function bind(title, bindings) {
  const scope = { title, bindings };
  scopes.unshift(scope);
  return () => scopes.splice(scopes.indexOf(scope), 1);
}

/** Show all that keys do here. */
export function showHelp() {
  dialog ??= document.body.appendChild(make('dialog', { class: 'help', 'aria-label': 'Keys' }));
  const sections = [...scopes].map((scope) => [make('h3', {}, scope.title), make('dl', {}, scope.bindings.map(tell))]);
  fill(
    dialog,
    make('header', {}, make('h2', {}, 'Keys'), button('Close', () => dialog.close(), { class: 'quiet' })),
    make('div', { class: 'columns' }, sections.map((section) => make('section', {}, section))),
  );
  dialog.showModal();
}

function tell({ keys, does }) {
  const shown = keys.map((key) => (key === '+' ? [key] : key.split('+')).map((part) => NAMES[part] ?? part).join(' '));
  const texts = shown.map((text) => make('kbd', { 'aria-label': MARKS[text] ?? null }, text));
  return [make('dt', {}, texts), make('dd', {}, does)];
}

function name(event) {
  const held = [event.ctrlKey || event.metaKey ? 'Ctrl' : '', event.altKey ? 'Alt' : ''];
  const isArrow = event.key.length > 1;
  if (event.shiftKey && isArrow) held.push('Shift');
  return [...held.filter(Boolean), event.key].join('+');
}

function isTyping(target) {
  const isField = target.matches?.('textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=range])');
  return isField || target.isContentEditable;
}

/** Space and Enter press what has the focus; arrows move a slider. */
function belongsTo(target, key) {
  if (['Enter', ' '].includes(key)) return target.matches?.('button, a, summary, input');
  return key.startsWith('Arrow') && target.matches?.('input[type=range], input[type=radio]');
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || dialog?.open) return;
  const key = name(event);
  if (isTyping(event.target) && !key.startsWith('Ctrl')) {
    if (key === 'Escape') event.target.blur();
    return;
  }
  if (belongsTo(event.target, event.key)) return;
  for (const { bindings } of scopes) {
    const found = bindings.find(({ keys }) => keys.includes(key));
    if (!found) continue;
    event.preventDefault();
    found.run(event);
    return;
  }
});
