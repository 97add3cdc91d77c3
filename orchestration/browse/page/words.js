/** Numbers, times and ids as people read them. */

const EPOCH_FROM_NS = 1e17; // clocks that count from 1970 stand above, those of a device below

export function count(number) {
  return Number(number).toLocaleString('en').replaceAll(',', '\u202f');
}

/** "1 frame", "2 frames". */
export function many(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

export function shortId(id) {
  return String(id).slice(0, 10);
}

export function score(value) {
  return value === null || value === undefined ? '' : Number(value).toFixed(2);
}

/** A size, as "1.2 MB". */
export function bytes(number) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, number)) / 3));
  const size = number / 1000 ** power;
  return `${power && size < 100 ? size.toFixed(1) : Math.round(size)} ${['bytes', 'kB', 'MB', 'GB', 'TB'][power]}`;
}

/** A figure with four digits that tell. */
export function figure(value) {
  if (value === null || value === undefined) return '\u2013';
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(4)));
}

/** A time of a sensor's clock: of day where it counts from 1970, else its seconds. */
export function time(ns) {
  if (ns === null || ns === undefined) return '';
  if (ns < EPOCH_FROM_NS) return `${(ns / 1e9).toFixed(2)} s`;
  return new Date(ns / 1e6).toISOString().replace('T', ' ').slice(0, 22);
}

/** A time of the clock without its day, for a thumbnail. */
export function clock(ns) {
  const text = time(ns);
  return text.length > 12 ? text.slice(11) : text;
}

export function duration(ns) {
  const seconds = ns / 1e9;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
