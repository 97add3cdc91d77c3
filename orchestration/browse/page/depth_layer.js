/** Depth over the picture of a frame, from near (red) to far (blue), and the scale of it in metres. */

import { change } from './address.js';
import { ask, isAborted } from './api.js';
import { fill, make } from './dom.js';
import { panel } from './facts.js';
import { sayFault } from './notices.js';
import { figure } from './words.js';

const EVERY = 2; // colour of the scale has its metres beside it

export class DepthLayer {
  #id = null; // of the frame whose depth shows
  #control = null;

  /** Lies between the image of a `picture` and its marks. */
  constructor(picture) {
    this.image = make('img', { class: 'depth-layer', alt: '', hidden: true });
    this.image.addEventListener('load', () => this.image.classList.add('is-here'));
    picture.canvas.before(this.image);
    this.box = make('input', { type: 'checkbox', data: { key: 'depth' }, on: { change: () => change({ depth: this.box.checked ? 1 : null }, { replace: true }) } });
    this.told = make('span', {});
    this.scale = make('div', { class: 'depth-scale', role: 'img' });
    this.panel = panel('Depth', make('label', { class: 'row' }, this.box, this.told), this.scale);
  }

  /** Show, or hide, what is known of a frame: `depth` as its facts tell it; null where it has none. */
  show(id, depth, isShown) {
    this.box.checked = isShown;
    if (depth) fill(this.told, depth.sigma_m ? `${depth.told}, ± ${figure(depth.sigma_m)} m (median)` : depth.told);
    const wanted = depth && isShown ? id : null;
    if (wanted === this.#id) return;
    this.#id = wanted;
    this.#control?.abort();
    this.image.hidden = wanted === null;
    this.image.classList.remove('is-here');
    fill(this.scale);
    if (wanted) this.#open(wanted);
  }

  close() {
    this.#control?.abort();
  }

  async #open(id) {
    this.#control = new AbortController();
    this.image.src = `/depth/${encodeURIComponent(id)}.png`;
    try {
      this.#tellScale(await ask(`/api/depth/${encodeURIComponent(id)}`, '', this.#control));
    } catch (error) {
      if (!isAborted(error)) sayFault(error);
    }
  }

  #tellScale({ scale, coverage }) {
    const metres = scale.map((one) => figure(Number(one.depth_m.toPrecision(2))));
    fill(
      this.scale,
      scale.map(({ rgb }, n) => make('span', {}, make('i', { style: { background: `rgb(${rgb.join(' ')})` } }), n % EVERY ? '' : `${metres[n]} m`)),
    );
    const share = `${Math.round(100 * coverage)} % of the px have a depth`;
    this.scale.setAttribute('aria-label', `From ${metres[0]} m, red, to ${metres.at(-1)} m, blue; ${share}`);
    this.scale.title = share;
  }
}
