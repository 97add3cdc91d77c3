/** Where a scroller stands in rows that are higher than a browser lets an element be. Plain numbers, no DOM.
 *
 * A browser bounds the height of an element (Chromium near 33 million px, Firefox near 17). Up to MOST_PX a scroll of one
 * px is one px; above that a drag of the scroll bar goes in proportion, while wheel and keys still go px by px.
 */

export const MOST_PX = 8_000_000;
const NEAR_VIEWS = 4; // so many views from an end, px are px whatever the height

export class ScrollMap {
  #most;
  #virtual = 0;
  #view = 1;
  #top = 0;
  #scrollTop = 0;

  constructor(mostPx = MOST_PX) {
    this.#most = mostPx;
  }

  /** The height that the scroller's content is to have. */
  get heightPx() {
    return Math.min(this.#virtual, this.#most);
  }

  /** The first row's px that shows, of all rows. */
  get top() {
    return this.#top;
  }

  /** Rows are so high in all, and so much of them shows. Returns the scrollTop that keeps the place. */
  resize(virtualPx, viewPx) {
    this.#virtual = virtualPx;
    this.#view = Math.max(1, viewPx);
    return this.jump(this.#top);
  }

  /** Show this px of all rows first. Returns the scrollTop for it. */
  jump(top) {
    this.#top = clamp(top, 0, this.#lastTop);
    return this.#settle(this.#top / this.#ratio);
  }

  /** The scroller stands at `scrollTop`. Returns the scrollTop that it should stand at, most often the same. */
  follow(scrollTop) {
    const moved = scrollTop - this.#scrollTop;
    const isStep = Math.abs(moved) <= this.#view;
    this.#top = clamp(isStep ? this.#top + moved : scrollTop * this.#ratio, 0, this.#lastTop);
    return this.#settle(scrollTop);
  }

  /** Where in the scroller's content a px of all rows lies. */
  place(virtualPx) {
    return virtualPx - this.#top + this.#scrollTop;
  }

  get #lastTop() {
    return Math.max(0, this.#virtual - this.#view);
  }

  get #lastScroll() {
    return Math.max(0, this.heightPx - this.#view);
  }

  get #ratio() {
    return this.#lastScroll ? this.#lastTop / this.#lastScroll : 1;
  }

  #settle(scrollTop) {
    const near = Math.min(NEAR_VIEWS * this.#view, this.#lastScroll / 2);
    const left = this.#lastTop - this.#top;
    let settled = scrollTop;
    if (this.#virtual <= this.#most || this.#top <= near) settled = this.#top;
    else if (left <= near) settled = this.#lastScroll - left;
    else if (scrollTop < near || scrollTop > this.#lastScroll - near) {
      settled = clamp(this.#top / this.#ratio, near, this.#lastScroll - near);
    }
    this.#scrollTop = settled;
    return settled;
  }
}

function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
