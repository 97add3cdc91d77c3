/** What the page has to say of itself: that the server is gone, what it refused, what was written. */

import { button, fill, make } from './dom.js';

const STAYS_MS = 6000;
const banner = make('div', { class: 'banner', role: 'alert', hidden: true });
const toasts = make('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

/** The places where notices appear. */
export function place() {
  return [banner, toasts];
}

/** Say across the page that nobody answers, until somebody does. */
export function tellGone(isGone) {
  banner.hidden = !isGone;
  if (isGone) {
    fill(
      banner,
      make('b', {}, 'The server is gone. '),
      'What you see is what it said last. Start `daguerre browse` again; where it names a new link, open that.',
    );
  }
}

/** Say something for some seconds; `kind` is good, bad or plain. */
export function say(text, kind = 'plain') {
  const toast = make('div', { class: `toast ${kind}` }, make('span', {}, text));
  toast.append(button('×', () => toast.remove(), { 'aria-label': 'Close', class: 'bare' }));
  toasts.append(toast);
  if (kind !== 'bad') setTimeout(() => toast.remove(), STAYS_MS);
}

/** Say what was refused, and the remedy. */
export function sayFault(error) {
  say(tellFault(error), 'bad');
}

/** The same as a line, where what was asked stands. */
export function faultLine(error) {
  return make('p', { class: 'fault', role: 'alert' }, withCommands(tellFault(error)));
}

function tellFault(error) {
  return [error.message, error.remedy].filter(Boolean).join(': ');
}

/** A page without anything on it: why, and what to do. */
export function empty(title, text, ...actions) {
  const buttons = actions.filter(Boolean);
  return make(
    'div',
    { class: 'empty' },
    make('h2', {}, title),
    text && make('p', {}, withCommands(text)),
    buttons.length > 0 && make('p', { class: 'row' }, buttons),
  );
}

/** A text in parts: what stands between backticks is a command. */
export function withCommands(text) {
  return text.split('`').map((part, index) => (index % 2 ? make('code', {}, part) : part));
}

/** The same for what was refused. */
export function emptyFault(error, ...actions) {
  return empty(error.message, error.remedy ?? '', ...actions);
}
