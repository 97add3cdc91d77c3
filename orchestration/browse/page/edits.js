/** What somebody changes of the labels of a frame, step by step, before it is saved. Plain values, no DOM. */

const TENTHS = 10; // boxes are given to a tenth of a px

export class Edits {
  #steps = [];

  /** `marks` are those of the labels that stand, `size` that of the picture in px. */
  constructor(marks, size) {
    this.size = size;
    this.objects = marks.map(({ label_id, class_name, box }) => ({ label_id, class_name, box: box ?? null, isGone: false }));
    this.#before = this.objects.map((one) => ({ ...one }));
  }

  #before;

  /** What the server is to change, as it is asked. */
  get changes() {
    return this.objects.flatMap((one, n) => describe(one, this.#before[n])).filter(Boolean);
  }

  get isChanged() {
    return this.changes.length > 0;
  }

  /** Put a box of [x0, y0, x1, y1] px there, inside the picture. */
  place(index, box) {
    this.#do(index, { box: this.#fit(box) });
  }

  rename(index, name) {
    this.#do(index, { class_name: name });
  }

  remove(index) {
    this.#do(index, { isGone: true });
  }

  /** Another object; its index. */
  add(className, box) {
    this.#steps.push(this.objects);
    this.objects = [...this.objects, { label_id: null, class_name: className, box: this.#fit(box), isGone: false }];
    return this.objects.length - 1;
  }

  /** Take the last step back. */
  undo() {
    this.objects = this.#steps.pop() ?? this.objects;
  }

  #do(index, changes) {
    this.#steps.push(this.objects);
    this.objects = this.objects.map((one, n) => (n === index ? { ...one, ...changes } : one));
  }

  #fit([x0, y0, x1, y1]) {
    const { width, height } = this.size;
    const round = (value, most) => Math.round(Math.min(Math.max(value, 0), most) * TENTHS) / TENTHS;
    const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)].map((x) => round(x, width));
    const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)].map((y) => round(y, height));
    return [left, top, right, bottom];
  }
}

function describe(one, before) {
  if (!before) return one.isGone ? [] : [{ label_id: null, class_name: one.class_name, box: one.box }];
  if (one.isGone) return [{ label_id: one.label_id, remove: true }];
  const change = {};
  if (one.class_name !== before.class_name) change.class_name = one.class_name;
  if (String(one.box) !== String(before.box)) change.box = one.box;
  return Object.keys(change).length ? [{ label_id: one.label_id, ...change }] : [];
}

/** A box moved by so much, kept inside a picture of this size. */
export function shift([x0, y0, x1, y1], dx, dy, { width, height }) {
  const x = Math.min(Math.max(dx, -x0), width - x1);
  const y = Math.min(Math.max(dy, -y0), height - y1);
  return [x0 + x, y0 + y, x1 + x, y1 + y];
}

/** A box of which the sides that a handle holds ("nw", "e", ...) are moved by so much. */
export function stretch([x0, y0, x1, y1], handle, dx, dy) {
  return [
    handle.includes('w') ? x0 + dx : x0,
    handle.includes('n') ? y0 + dy : y0,
    handle.includes('e') ? x1 + dx : x1,
    handle.includes('s') ? y1 + dy : y1,
  ];
}
