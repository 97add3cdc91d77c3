/** Marks on a canvas that lies over a picture: masks, outlines, points, and names where there is room. */

import { LABELS, TRACKS } from './look.js';
import { score } from './words.js';

const MASK_ALPHA = 0.34;
const MOST_FILLED = 0.6; // of a picture: more is ground, and its outline is enough
const FONT = '11px system-ui, sans-serif';
const NAME_PX = 15;
const MOST_LETTERS = 32; // of a name of a class beside its mark
const SHADE = 'rgb(0 0 0 / 55%)';
const OUTLINED = ['mask', 'polygon'];

/** Where a picture of `size` lies in a box of `room`, whole and centred: its left, top and scale in px of the room. */
export function fit({ width, height }, room) {
  const size = { width, height };
  const scale = Math.min(room.width / size.width, room.height / size.height);
  const [left, top] = [(room.width - size.width * scale) / 2, (room.height - size.height * scale) / 2];
  return { scale, left, top, ...size };
}

/** Make a canvas as large as it shows, cleared; its context draws in px of the screen. */
export function prepare(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Draw the layers of one frame. `place` is what `fit` gave; `without` are layers that somebody else draws. */
export function draw(context, layers, look, place, { names = false, without = [] } = {}) {
  const shown = look.layers.filter((layer) => layers[layer] && !without.includes(layer));
  const all = shown.flatMap((layer) => layers[layer].filter((mark) => look.draws(layer, mark)).map((mark) => [layer, mark]));
  all.sort(([, one], [, other]) => coverage(other) - coverage(one)); // what is small lies above what it lies in
  const pen = new Pen(context, look, place);
  for (const [layer, mark] of all) if (OUTLINED.includes(mark.kind)) pen.mask(mark);
  for (const [layer, mark] of all) pen.outline(layer, mark);
  for (const [layer, mark] of all) if (names || mark.kind === 'class') pen.name(layer, mark);
}

/** A name of a class as long as fits beside a mark; the whole one stands in the list of objects. */
function cut(name) {
  return name.length > MOST_LETTERS ? `${name.slice(0, MOST_LETTERS - 1)}…` : name;
}

/** What stands beside a mark. */
export function nameOf(layer, mark) {
  const track = mark.track_id === null || mark.track_id === undefined ? '' : ` #${String(mark.track_id).slice(0, 6)}`;
  return `${mark.class_name}${layer === LABELS ? '' : ` ${score(mark.score)}`}${track}`.trim();
}

class Pen {
  #taken = []; // rectangles of names
  #named = new Set();

  constructor(context, look, place) {
    this.context = context;
    this.look = look;
    this.place = place;
  }

  mask(mark) {
    const path = this.#trace(mark);
    if (coverage(mark) > MOST_FILLED * this.place.width * this.place.height) return;
    this.context.globalAlpha = MASK_ALPHA;
    this.context.fillStyle = this.look.colors.css(mark.class_name);
    this.context.fill(path);
    this.context.globalAlpha = 1;
  }

  outline(layer, mark) {
    const { dash, width } = this.look.lineOf(layer);
    const color = this.look.colors.css(mark.class_name);
    if (mark.kind === 'keypoints') this.#points(mark, color);
    const path = this.#trace(mark);
    if (!path) return;
    this.#stroke(path, SHADE, width + 2, []);
    this.#stroke(path, color, width, dash);
    if (layer === TRACKS) this.#corner(mark.box, color);
  }

  name(layer, mark) {
    const text = nameOf(layer, { ...mark, class_name: cut(`${mark.class_name}`) });
    const key = `${layer} ${mark.label_id ?? ''} ${text} ${mark.box ?? ''}`;
    if (this.#named.has(key)) return; // parts of one mask
    this.#named.add(key);
    const [x, y] = this.#corners(mark)[0] ?? [this.place.left + 3, this.place.top + NAME_PX + 3];
    this.context.font = FONT;
    const width = this.context.measureText(text).width + 7;
    const spot = this.#findSpot(x - 1, y, width, mark.kind === 'class');
    if (!spot) return;
    this.#taken.push(spot);
    this.context.fillStyle = this.look.colors.css(mark.class_name);
    this.context.fillRect(spot.x, spot.y, width, NAME_PX);
    this.context.fillStyle = '#111';
    this.context.fillText(text, spot.x + 3.5, spot.y + 11);
  }

  #findSpot(x, y, width, isStacked) {
    const tries = isStacked ? [0, 1, 2, 3, 4, 5] : [0, 1];
    const spots = tries.map((n) => ({ x, y: Math.max(0, y - NAME_PX) + n * NAME_PX, width }));
    return spots.find((spot) => !this.#taken.some((one) => overlap(one, spot)));
  }

  #trace(mark) {
    const path = new Path2D();
    if (OUTLINED.includes(mark.kind)) {
      mark.points.forEach((point, n) => path[n ? 'lineTo' : 'moveTo'](...this.#at(point)));
      path.closePath();
      return path;
    }
    const corners = this.#corners(mark);
    if (!corners.length) return null;
    const [[x0, y0], [x1, y1]] = corners;
    path.rect(x0, y0, x1 - x0, y1 - y0);
    return path;
  }

  #corners(mark) {
    const box = mark.box;
    return box?.length === 4 ? [this.#at([box[0], box[1]]), this.#at([box[2], box[3]])] : [];
  }

  #points({ points, visibility = [] }, color) {
    points.forEach(([x, y], n) => {
      const seen = visibility[n] ?? 2; // as COCO: 0 not there, 1 hidden, 2 seen
      if (!seen) return;
      const [left, top] = this.#at([x, y]);
      this.context.beginPath();
      this.context.arc(left, top, 3, 0, 2 * Math.PI);
      this.context.fillStyle = seen === 1 ? SHADE : color;
      this.context.fill();
      this.context.lineWidth = 1;
      this.context.strokeStyle = seen === 1 ? color : SHADE;
      this.context.stroke();
    });
  }

  #corner(box, color) {
    const [x, y] = this.#at([box[0], box[1]]);
    this.context.fillStyle = color;
    this.context.fillRect(x - 2, y - 2, 5, 5);
  }

  #stroke(path, color, width, dash) {
    this.context.setLineDash(dash);
    this.context.lineWidth = width;
    this.context.strokeStyle = color;
    this.context.stroke(path);
    this.context.setLineDash([]);
  }

  #at([x, y]) {
    return [this.place.left + x * this.place.scale, this.place.top + y * this.place.scale];
  }
}

/** The area of an outline, in px of the picture; of a mark without one 0. */
function coverage({ kind, points }) {
  if (!OUTLINED.includes(kind)) return 0;
  const twice = points.reduce((sum, [x, y], n) => {
    const [nextX, nextY] = points[(n + 1) % points.length];
    return sum + x * nextY - nextX * y;
  }, 0);
  return Math.abs(twice) / 2;
}

function overlap(one, other) {
  return Math.abs(one.y - other.y) < NAME_PX && one.x < other.x + other.width && other.x < one.x + one.width;
}
