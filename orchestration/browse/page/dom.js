/** Elements from plain values. Text is text: nothing in this folder reads markup, so a name of a stranger is only shown. */

const SVG = 'http://www.w3.org/2000/svg';

/** An element. `on` holds listeners, `style` CSS properties, `data` data attributes; false and null leave one out. */
export function make(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function makeSvg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

/** A button, which is reached by keys too. */
export function button(text, run, attributes = {}) {
  return make('button', { type: 'button', ...attributes, on: { click: run } }, text);
}

/** A link to another view: its address is one of ours, or it is refused. */
export function link(address, attributes = {}, ...children) {
  return make('a', { href: `#${address}`, ...attributes }, ...children);
}

/** A link to Dagster, which runs on this machine beside the page and opens in a tab of its own. */
export function linkOut(base, path, attributes = {}, ...children) {
  return make('a', { out: `${base}${path}`, ...attributes }, ...children);
}

/** Take out what is there, and put this in; what has the focus keeps it, where something of the same `data-key` comes. */
export function fill(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children.flat(Infinity).filter(isShown).map(asNode));
  if (held !== undefined) {
    const heir = [...element.querySelectorAll('[data-key]')].find((one) => one.dataset.key === held);
    heir?.focus({ preventScroll: true });
  }
  return element;
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...children.flat(Infinity).filter(isShown).map(asNode));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === 'on') {
    for (const [event, run] of Object.entries(value)) element.addEventListener(event, run);
  } else if (name === 'style') {
    for (const [property, one] of Object.entries(value)) element.style.setProperty(property, one);
  } else if (name === 'data') {
    Object.assign(element.dataset, value);
  } else if (name === 'value') {
    element.value = value;
  } else if (name === 'out') {
    if (!/^http:\/\/127\.0\.0\.1:\d+\//.test(value)) throw new Error(`no address of this machine: ${value}`);
    for (const [key, one] of Object.entries({ href: value, target: '_blank', rel: 'noreferrer noopener' })) element.setAttribute(key, one);
  } else {
    if (name === 'href' && !/^#/.test(value)) throw new Error(`no address of this page: ${value}`);
    element.setAttribute(name, value === true ? '' : value);
  }
}

function isShown(child) {
  return child !== null && child !== undefined && child !== false && child !== '';
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
