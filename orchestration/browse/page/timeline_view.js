/** The view of time: a strip a session, with how many frames came when, gaps, what is in quarantine, and drift. */

import { Address, go } from './address.js';
import { ask, isAborted } from './api.js';
import { prepare } from './drawing.js';
import { button, fill, link, make } from './dom.js';
import { empty, emptyFault } from './notices.js';
import { duration, many, time } from './words.js';

const HEIGHT_PX = 46;
const TICK_PX = 8;
const DRIFTED = 'drifted';

export function open(page) {
  return new TimelineView(page);
}

class TimelineView {
  #control = new AbortController();
  #strips = [];

  constructor(page) {
    this.page = page;
    this.body = make('div', {}, make('p', { class: 'waiting' }, 'Asking …'));
    this.element = make('main', { class: 'page' }, make('header', {}, make('h1', {}, 'Timeline'), legend()), this.body);
    this.scheme = matchMedia('(prefers-color-scheme: dark)');
    this.redraw = () => this.#strips.forEach((strip) => strip.draw());
    this.scheme.addEventListener('change', this.redraw);
  }

  async update(address) {
    const sessions = address.all('session');
    if (this.asked === sessions.join('\n')) return;
    this.asked = sessions.join('\n');
    this.question = new URLSearchParams(sessions.map((name) => ['session', name]));
    this.#forget();
    await this.#more();
  }

  close() {
    this.scheme.removeEventListener('change', this.redraw);
    this.#forget();
  }

  async #more() {
    const control = this.#control;
    this.question.set('offset', this.#strips.length);
    try {
      this.#show(await ask('/api/timeline', this.question, control));
    } catch (error) {
      if (!isAborted(error)) fill(this.body, emptyFault(error));
    }
  }

  #show({ total, sessions }) {
    this.page.place(many(total, 'session'));
    if (!total) return fill(this.body, empty('There is no session', 'Take one in with `daguerre ingest PATH`.'));
    const known = new Map(this.page.home.sessions.map((one) => [one.session, one]));
    const fresh = sessions.map((one) => new Strip(one, known.get(one.session), this.page.home));
    this.#strips.push(...fresh);
    const isMore = this.#strips.length < total;
    fill(this.body, this.#strips.map((strip) => strip.element), isMore && button('More sessions', () => this.#more(), { class: 'more' }));
  }

  #forget() {
    this.#control.abort();
    this.#control = new AbortController();
    for (const strip of this.#strips) strip.close();
    this.#strips = [];
  }
}

function legend() {
  const entries = [['var(--accent)', 'frames'], ['var(--strong)', 'gap'], ['var(--bad)', 'in quarantine'], ['var(--warn)', 'drift']];
  return make('div', { class: 'legend' }, entries.map(([color, text]) => make('span', {}, make('i', { class: 'swatch', style: { background: color } }), text)));
}

/** One session; its own clock from its first frame to its last. */
class Strip {
  constructor(session, known, home) {
    this.session = session;
    this.column = home.columns.find(({ name }) => name === 't_ns' || name === 'time_ns')?.name;
    this.canvas = make('canvas', { tabindex: '0', role: 'slider', 'aria-label': `Time of ${session.session}`, on: { click: (event) => this.#click(event), keydown: (event) => this.#press(event), focus: () => this.draw(), blur: () => this.draw() } });
    this.at = 0;
    const marks = [
      known?.published === false && make('span', { class: 'badge bad', title: known.reason ?? '' }, 'held back'),
      known?.num_quarantined > 0 && make('span', { class: 'badge' }, `${known.num_quarantined} in quarantine`),
      session.drift.map((one) => make('span', { class: `badge ${one.verdict === DRIFTED ? '' : 'plain'}`, title: one.reason ?? '' }, `${one.model} ${one.verdict}`)),
    ];
    const span = session.end_ns - session.start_ns;
    this.element = make(
      'div',
      { class: 'strip' },
      make('div', { class: 'who' }, link(new Address().with({ session: session.session }), { title: session.session }, session.session), make('div', { class: 'marks' }, marks)),
      this.canvas,
      make('div', { class: 'span' }, make('div', {}, many(session.num_frames, 'frame')), make('div', {}, session.start_ns === null ? 'without a clock' : duration(span)), make('div', { class: 'hint' }, time(session.start_ns))),
    );
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.canvas);
  }

  close() {
    this.watcher.disconnect();
  }

  draw() {
    const { width } = this.canvas.getBoundingClientRect();
    if (!width) return;
    const context = prepare(this.canvas, width, HEIGHT_PX);
    const color = (name) => getComputedStyle(this.canvas).getPropertyValue(name);
    const { buckets, gaps = [], quarantined = [], drift = [] } = this.session;
    const step = width / Math.max(1, buckets.length);
    const most = Math.max(1, ...buckets);
    for (const [from, to] of gaps) {
      context.fillStyle = color('--strong');
      context.globalAlpha = 0.45;
      context.fillRect(this.#x(from, width), 0, Math.max(1, this.#x(to, width) - this.#x(from, width)), HEIGHT_PX);
      context.globalAlpha = 1;
    }
    context.fillStyle = color('--accent');
    buckets.forEach((number, n) => {
      const high = (number / most) * (HEIGHT_PX - TICK_PX - 4);
      context.fillRect(n * step, HEIGHT_PX - high, Math.max(1, step - 0.5), high);
    });
    this.#ticks(context, quarantined, color('--bad'), width);
    this.#ticks(context, drift.filter((one) => one.verdict === DRIFTED), color('--warn'), width);
    if (document.activeElement === this.canvas) {
      context.strokeStyle = color('--ink');
      context.lineWidth = 1.5;
      context.strokeRect(this.at * step + 0.5, 1, Math.max(3, step - 1), HEIGHT_PX - 2);
    }
    this.#tell();
  }

  #ticks(context, marks, color, width) {
    context.fillStyle = color;
    for (const { time_ns: ns } of marks) context.fillRect(Math.min(width - 3, this.#x(ns ?? this.session.start_ns, width)), 0, 3, TICK_PX);
  }

  #x(ns, width) {
    const { start_ns: start, bucket_ns: step, buckets } = this.session;
    return step ? Math.min(width, Math.max(0, ((ns - start) / (step * buckets.length)) * width)) : 0;
  }

  #tell() {
    const { buckets } = this.session;
    this.canvas.setAttribute('aria-valuemax', String(buckets.length - 1));
    this.canvas.setAttribute('aria-valuenow', String(this.at));
    this.canvas.setAttribute('aria-valuetext', `${many(buckets[this.at] ?? 0, 'frame')} at ${time(this.#bounds()[0])}`);
  }

  #click(event) {
    const { buckets } = this.session;
    const room = this.canvas.getBoundingClientRect();
    this.at = Math.min(buckets.length - 1, Math.floor(((event.clientX - room.left) / room.width) * buckets.length));
    this.#open();
  }

  #press(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) {
      this.at = Math.min(this.session.buckets.length - 1, Math.max(0, this.at + by));
      this.draw();
    } else if (event.key === 'Enter') this.#open();
    else return;
    event.preventDefault();
  }

  #bounds() {
    const { start_ns: start, bucket_ns: step } = this.session;
    return [start + this.at * step, start + (this.at + 1) * step];
  }

  /** The frames of the time under the cursor. */
  #open() {
    const hasTime = this.column && this.session.buckets.length > 0;
    go(new Address().with({ session: this.session.session, where: hasTime ? writeSpan(this.column, ...this.#bounds()) : null }));
  }
}

/** The condition that a time lies between two, in ns: wider by what a number of JavaScript cannot say of a time since 1970,
 * so that no frame at an end is left out. */
export function writeSpan(column, from, to) {
  const slack = Math.abs(to) * Number.EPSILON;
  return `${column} >= ${BigInt(Math.floor(from - slack))} and ${column} <= ${BigInt(Math.ceil(to + slack))}`;
}
