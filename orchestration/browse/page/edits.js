/** What somebody changes of the labels of a frame, step by step, before it is saved. Plain values, no DOM. */

const TENTHS = 10; // boxes are given to a tenth of a px

export class Edits {
  #steps = [];

  /** `marks` are those of the labels that stand, `size` that of the picture in px. */
  constructor(marks, size) {
    this.size = size;
    this.objects = marks.map(({ label_id, class_name, box }) => ({ label_id, class_name, box: box ?? null, runs: null, isGone: false }));
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

  /** Put a box of [x0, y0, x1, y1] px there, inside the picture; a mask that was drawn for another box goes. */
  place(index, box) {
    this.#do(index, { box: this.#fit(box), runs: null });
  }

  /** Give it a mask, as runs along the rows; its box, where it has one or is to have one, goes around it. */
  paint(index, runs, box) {
    const others = this.objects.filter((one, n) => n !== index && !one.isGone);
    const isBoxed = this.objects[index].box !== null || !others.length || others.some((one) => one.box !== null);
    this.#do(index, { runs, box: isBoxed ? this.#fit(box) : null });
  }

  rename(index, name) {
    this.#do(index, { class_name: name });
  }

  remove(index) {
    this.#do(index, { isGone: true });
  }

  /** Another object, with a box or, until it is painted, without; its index. */
  add(className, box) {
    this.#steps.push(this.objects);
    this.objects = [...this.objects, { label_id: null, class_name: className, box: box && this.#fit(box), runs: null, isGone: false }];
    return this.objects.length - 1;
  }

  /** Do on what stands now what was to be changed of an earlier version; how much of it cannot be done any more. */
  replay(changes) {
    this.#steps.push(this.objects);
    const known = new Set(this.objects.map((one) => one.label_id));
    const [here, lost] = [[], []];
    for (const one of changes) (one.label_id === null || known.has(one.label_id) ? here : lost).push(one);
    const mine = new Map(here.filter((one) => one.label_id !== null).map((one) => [one.label_id, one]));
    const added = here.filter((one) => one.label_id === null).map((one) => ({ box: null, runs: null, isGone: false, ...one }));
    this.objects = [...this.objects.map((one) => takeOver(one, mine.get(one.label_id))), ...added];
    return lost.length;
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
  if (!before) return one.isGone || !(one.box || one.runs) ? [] : [withRuns({ label_id: null, class_name: one.class_name, box: one.box }, one)];
  if (one.isGone) return [{ label_id: one.label_id, remove: true }];
  const change = {};
  if (one.class_name !== before.class_name) change.class_name = one.class_name;
  if (String(one.box) !== String(before.box)) change.box = one.box;
  withRuns(change, one);
  return Object.keys(change).length ? [{ label_id: one.label_id, ...change }] : [];
}

function withRuns(change, { runs }) {
  if (runs) change.runs = runs;
  return change;
}

function takeOver(one, { remove, ...change } = {}) {
  return { ...one, ...change, isGone: remove ?? one.isGone };
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
