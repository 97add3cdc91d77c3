/** What is known of a frame, as panels: its columns, figures of quality, objects, and where it came from and went. */

import { Address } from './address.js';
import { button, link, make } from './dom.js';
import { nameOf } from './drawing.js';
import { say } from './notices.js';
import { figure, shortId, time } from './words.js';

const VIEW_OF = {
  frame: (id) => ({ view: 'frame', frame: id }),
  session: (id) => ({ session: id }),
  release: (id) => ({ view: 'releases', b: id }),
  model: (id) => ({ view: 'models', b: id }),
};

/** A panel of names and values. */
export function panel(title, ...children) {
  return make('section', { class: 'panel', 'aria-label': title }, make('h2', {}, title), ...children);
}

/** All columns of a frame, with units. */
export function describeColumns(columns) {
  const rows = columns.filter(({ value }) => value !== null && value !== undefined);
  return make('dl', { class: 'facts' }, rows.map(({ name, value, unit }) => [make('dt', {}, name), make('dd', {}, tell(name, value), hasUnit(name, unit) && make('span', { class: 'unit' }, ` ${unit}`))]));
}

/** Figures by their names, without ids and hashes. */
export function describeFigures(figures) {
  const told = Object.entries(figures).filter(([name]) => !/(_id|sha256|_version|_hash)$/.test(name));
  return describeColumns(told.map(([name, value]) => ({ name, value })));
}

/** What is marked on it, layer by layer, as drawn. */
export function listObjects(layers, look) {
  const rows = look.layers.flatMap((layer) => (layers[layer] ?? []).filter((mark) => look.draws(layer, mark)).map((mark) => [layer, mark]));
  if (!rows.length) return make('p', { class: 'hint' }, 'Nothing is marked in the layers that show.');
  return make('ul', { class: 'objects' }, rows.map(([layer, mark]) => make('li', {}, make('i', { class: 'swatch', style: { background: look.colors.css(mark.class_name) } }), make('span', { class: 'name', title: mark.class_name }, nameOf(layer, mark)), make('span', { class: 'mono' }, mark.kind))));
}

/** Both directions of its lineage; what has a view here is a link, of the rest the id can be copied. */
export function listLineage({ back = [], forward = [] }) {
  return [make('h3', { class: 'muted' }, 'made from'), list(back, 'Nothing is stored of where it came from.'), make('h3', { class: 'muted' }, 'went into'), list(forward, 'Nothing rests on it yet.')];
}

function list(entries, nothing) {
  if (!entries.length) return make('p', { class: 'hint' }, nothing);
  return make('ul', { class: 'lineage' }, entries.map(describeEntry));
}

function describeEntry({ kind, id, text }) {
  const shown = text || shortId(id);
  const target = VIEW_OF[kind]?.(id);
  const what = target ? link(new Address().with(target), { class: 'text' }, shown) : make('span', { class: 'text' }, shown);
  return make('li', {}, make('span', { class: 'kind' }, kind), what, copier(id));
}

function copier(id) {
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    say('The id is copied.');
  };
  return button('copy', copy, { class: 'bare', title: id, 'aria-label': 'Copy the id' });
}

/** A plain number has the unit 1, and a time is told as one. */
function hasUnit(name, unit) {
  return unit && !/^1( |$)/.test(unit) && !/_ns$/.test(name);
}

function tell(name, value) {
  if (/_ns$/.test(name)) return time(Number(value));
  if (Array.isArray(value)) return value.map(figure).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return figure(value);
}
