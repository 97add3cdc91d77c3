/** The view of one frame: its picture and marks, what is known of it, its neighbours, and the correction of its labels. */

import { Address, change, go, read } from './address.js';
import { ask, isAborted, post } from './api.js';
import { DepthLayer } from './depth_layer.js';
import { button, fill, link, make } from './dom.js';
import { Editor } from './editor.js';
import { describeColumns, describeFigures, listLineage, listObjects, panel } from './facts.js';
import { forgetList, openList } from './frame_list.js';
import { bind } from './keys.js';
import { Layers } from './layers.js';
import { LABELS, Look } from './look.js';
import { Marks } from './marks.js';
import { emptyFault, say, sayFault } from './notices.js';
import { originalPanel } from './original_panel.js';
import { Picture, pictureOf } from './picture.js';
import { count, many, time } from './words.js';

const DRAWN = 'detection'; // whose labels are boxes: what is corrected first
const OVERTAKEN = 409;

export function open(page) {
  return new FrameView(page);
}

class FrameView {
  #id = null;
  #marks = null;
  #frame = null; // what is known at once
  #facts = null; // and what is asked for
  #editor = null;
  #list = null;
  #at = null;
  #left = null; // changes that somebody else was faster than
  #unmasked = null; // private columns that were asked for
  #original = null; // where it is sealed, for who may open it: what is typed there stays

  constructor(page) {
    this.page = page;
    this.picture = new Picture('picture');
    this.picture.element.tabIndex = 0;
    this.picture.onplace = (place) => this.#editor?.setPlace(place);
    this.depth = new DepthLayer(this.picture);
    this.layers = new Layers(page);
    this.bar = make('div', { class: 'frame-bar' });
    this.side = make('aside', { class: 'frame-side', 'aria-label': 'What is known of the frame' });
    this.main = make('div', { class: 'frame-main' }, this.bar, this.picture.element);
    this.element = make('main', { class: 'frame-view' }, this.main, this.side);
    this.unbind = bind('Frame', this.#listKeys());
    this.warn = (event) => this.#editor?.isChanged && event.preventDefault();
    addEventListener('beforeunload', this.warn);
  }

  async update(address) {
    this.look = new Look(address, this.page.colors);
    this.layers.update(address);
    this.#openMarks();
    this.#list = openList(address.question());
    const id = address.get('frame') ?? '';
    if (id !== this.#id) await this.#open(id, address);
    else this.#show();
  }

  close() {
    this.#leaveEditor();
    removeEventListener('beforeunload', this.warn);
    this.unbind();
    this.#marks?.close();
    this.depth.close();
    this.picture.close();
    this.page.place('');
  }

  // what is shown

  async #open(id, address) {
    this.#leaveEditor();
    this.#id = id;
    this.#facts = null;
    this.#unmasked = null;
    this.#original = null;
    this.#at = address.has('at') ? address.count('at', 0) : null;
    const listed = this.#at === null ? null : this.#list.get(this.#at);
    this.#frame = listed?.frame_id === id ? listed : null;
    if (this.#frame) this.#showPicture();
    else fill(this.side, make('p', { class: 'waiting' }, 'Asking …'));
    try {
      const facts = await ask(`/api/frame/${encodeURIComponent(id)}`);
      if (id !== this.#id) return;
      this.#facts = facts;
      this.#frame = facts.frame;
      if (facts.is_sealed && this.page.may('unseal')) this.#original = originalPanel(id, this.page.home.person.name);
    } catch (error) {
      if (isAborted(error) || id !== this.#id) return;
      fill(this.main, emptyFault(error, button('All frames', () => this.#back())));
      fill(this.side);
      return;
    }
    this.#showPicture();
    this.#findPlace();
  }

  #showPicture() {
    if (this.bar.parentNode !== this.main) fill(this.main, this.bar, this.picture.element);
    this.picture.open(pictureOf(this.#id), this.#size);
    this.picture.element.focus({ preventScroll: true });
    this.#show();
  }

  get #size() {
    const { width, height } = this.#frame;
    return { width, height };
  }

  #show() {
    if (!this.#frame) return;
    this.#marks.want([this.#id]);
    this.#showEditor();
    const marks = this.#marks.get(this.#id) ?? {};
    this.picture.show(marks, this.look, { names: true, without: this.#editor ? [LABELS] : [] });
    this.depth.show(this.#id, this.#facts?.depth ?? null, read().has('depth'));
    this.#showBar();
    this.#showSide(marks);
  }

  #showBar() {
    const frame = this.#frame;
    const tasks = this.page.home.author ? (this.page.home.tasks ?? []) : [];
    const told = [frame.session, frame.sensor, time(frame.time_ns)].filter(Boolean).join(' · ');
    fill(
      this.bar,
      button('← Frames', () => this.#back(), { class: 'quiet small', data: { key: 'back' } }),
      make('h1', { title: told }, told),
      make('span', { class: 'gap' }),
      button('Previous', () => this.#step(-1), { class: 'small', data: { key: 'previous' } }),
      button('Next', () => this.#step(1), { class: 'small', data: { key: 'next' } }),
      this.page.home.has_embeddings && button('Similar frames', () => this.#showSimilar(), { class: 'small', data: { key: 'similar' } }),
      !this.#editor && tasks.length > 0 && this.#offerTasks(tasks),
    );
    const total = this.#list.total;
    this.page.place(this.#at !== null && total ? `${count(this.#at + 1)} of ${many(total, 'frame')}` : '');
  }

  #offerTasks(tasks) {
    const select = make('select', { 'aria-label': 'Correct labels of a task', data: { key: 'edit' }, on: { change: () => change({ edit: select.value || null }) } }, make('option', { value: '' }, 'Correct …'), tasks.map((task) => make('option', { value: task }, task)));
    return select;
  }

  #showSide(marks) {
    const { held, columns = [], masked = [], quality = {}, lineage = {}, labels = [], queue = [] } = this.#facts ?? {};
    fill(
      this.side,
      held && panel('Held back', make('p', { class: 'held' }, `Readers do not get this session: ${held}.`)),
      this.#editor?.panel,
      this.layers.element,
      this.#facts?.depth && this.depth.panel,
      !this.#editor && panel('Objects', listObjects(marks, this.look)),
      (labels.length > 0 || queue.length > 0) && panel('Labels', labels.map((one) => this.#tellLabels(one)), queue.map((row) => this.#tellQueue(row))),
      panel('Frame', this.#facts ? describeColumns(columns) : make('p', { class: 'hint' }, 'Asking …')),
      masked.length > 0 && panel('Private', this.#tellMasked(masked)),
      this.#original,
      this.page.may('erase') && panel('Erase', link(new Address().with({ view: 'govern', erase: this.#id }), {}, 'Plan the erasure of this frame')),
      Object.keys(quality ?? {}).length > 0 && panel('Quality', describeFigures(quality)),
      this.#facts && panel('Lineage', listLineage(lineage)),
    );
  }

  /** Private columns by their names, and their values for who may read them and asks. */
  #tellMasked(names) {
    if (this.#unmasked) return this.#unmasked.length ? describeColumns(this.#unmasked) : make('p', { class: 'hint' }, 'Nothing is known.');
    const told = make('p', { class: 'hint' }, `Hidden: ${names.join(', ')}.`);
    return this.page.may('read_private') ? [told, button('Show; it is written down', () => this.#unmask(this.#id), { class: 'small' })] : told;
  }

  async #unmask(id) {
    try {
      const { columns } = await post('/api/masked', { frame_id: id });
      if (id !== this.#id) return;
      this.#unmasked = columns;
      this.#show();
    } catch (error) {
      sayFault(error);
    }
  }

  #tellLabels({ task, version, is_looked_at: isLookedAt, num_missing: missing }) {
    const said = version ? `version ${version}` : 'as they came in';
    const stands = isLookedAt ? said : 'nobody has looked';
    return make('p', {}, make('b', {}, task), ` ${stands}`, missing > 0 && make('span', { class: 'hint' }, `, ${missing} seen that are no labels`));
  }

  #tellQueue(row) {
    const skip = async () => {
      try {
        row.state = (await post('/api/queue', { row_id: row.row_id, state: 'skipped' })).state;
        this.#show();
      } catch (error) {
        sayFault(error);
      }
    };
    const isOpen = row.state === 'open' && this.page.home.author;
    return make('p', {}, make('span', { class: 'badge' }, `asked: ${row.state}`), ` ${row.task}: ${row.told} `, isOpen && button('Skip', skip, { class: 'small' }));
  }

  // neighbours

  async #findPlace() {
    if (this.#at !== null && (await this.#list.wait(this.#at))?.frame_id === this.#id) return this.#fetchNext();
    try {
      this.#at = await this.#list.find(this.#id);
    } catch (error) {
      if (isAborted(error)) return;
      this.#at = null;
    }
    if (this.#frame) this.#showBar();
    this.#fetchNext();
  }

  #fetchNext() {
    if (this.#at === null) return;
    this.#list.need(Math.max(0, this.#at - 5), this.#at + 20);
    for (const at of [this.#at + 1, this.#at - 1]) {
      const frame = this.#list.get(at);
      if (frame) new Image().src = pictureOf(frame.frame_id);
    }
    if (this.#frame) this.#showBar();
  }

  async #step(by) {
    if (this.#at === null) return say('This frame is not among those that the filters choose.');
    const at = this.#at + by;
    const frame = at < 0 ? null : await this.#list.wait(at);
    if (!frame) return say(by < 0 ? 'This is the first frame.' : 'This is the last frame.');
    this.#goTo(frame.frame_id, at);
  }

  #stepInTime(name) {
    const id = this.#facts?.neighbours?.[name];
    if (id) this.#goTo(id, null);
    else say(name === 'previous' ? 'Its sensor has nothing before it.' : 'Its sensor has nothing after it.');
  }

  #goTo(frame, at) {
    if (this.#isKept()) change({ frame, at, edit: read().get('edit') }, { replace: true });
  }

  /** Whether nothing would be lost. */
  #isKept() {
    if (!this.#editor?.isChanged) return true;
    say('There are corrections that are not saved: save them (w), or undo them (u).', 'bad');
    return false;
  }

  #back() {
    if (this.#isKept()) go(read().with({ view: null, frame: null, edit: null, at: this.#at }));
  }

  #showSimilar() {
    if (this.#isKept()) go(read().with({ view: null, frame: null, edit: null, at: null, sort: `similar:${this.#id}` }));
  }

  // marks and corrections

  #openMarks() {
    const layers = [...new Set([...this.look.layers, ...(read().get('edit') ? [LABELS] : [])])];
    if (this.#marks?.layers.join() === layers.join()) return;
    this.#marks?.close();
    this.#marks = new Marks(layers, () => this.#show(), sayFault);
  }

  #showEditor() {
    const task = read().get('edit');
    if (this.#editor && task !== this.#editor.owner.task) this.#leaveEditor();
    const marks = this.#marks.get(this.#id);
    if (!task || this.#editor || !marks || !this.#facts || !this.page.home.author) return;
    const owner = {
      task,
      classes: this.page.home.classes,
      masks: () => this.#askMasks(task),
      colors: this.page.colors,
      save: (changes) => this.#save(task, { changes }),
      judge: (act) => this.#isKept() && this.#save(task, { act }),
      leave: () => this.#isKept() && change({ edit: null }, { replace: true }),
    };
    const mine = (marks[LABELS] ?? []).filter((mark) => (mark.task ?? task) === task);
    this.#editor = new Editor(owner, mine, this.#size);
    this.picture.element.append(this.#editor.masks, this.#editor.element);
    this.#replay();
    const place = this.picture.place();
    if (place) this.#editor.setPlace(place);
  }

  #leaveEditor() {
    this.#editor?.close();
    this.#editor?.masks.remove();
    this.#editor?.element.remove();
    this.#editor = null;
  }

  async #save(task, said) {
    const seen = this.#versionOf(task);
    const id = this.#id;
    try {
      const { version, warnings = [], failed_checks: failed = [] } = await post('/api/labels', { frame_id: id, task, seen, ...said });
      say(`Saved as version ${version}.`, 'good');
      for (const text of [...warnings, ...failed]) say(text, failed.includes(text) ? 'bad' : 'plain');
    } catch (error) {
      if (error.status === OVERTAKEN) return this.#takeNewer(task, said.changes ?? []);
      sayFault(error);
      return;
    }
    this.#leaveEditor();
    this.#marks.forget(id);
    forgetList(); // another class may choose other frames
    this.#list = openList(read().question());
    if (id === this.#id) await this.#open(id, read());
  }

  /** Somebody was first: what they said shows, and what was to be changed is put on top, not saved. */
  async #takeNewer(task, changes) {
    const id = this.#id;
    this.#leaveEditor();
    this.#marks.forget(id);
    this.#left = { id, task, changes };
    await this.#open(id, read());
    const version = this.#versionOf(task);
    const done = changes.length ? `Your ${many(changes.length, 'change')} stand on top of it and are not saved: look at them, and save again.` : 'Look at it, and say so again.';
    if (id === this.#id && this.#facts) say(`Somebody saved version ${version} of these labels while you looked. It shows now. ${done}`, 'bad');
  }

  #replay() {
    const left = this.#left;
    this.#left = null;
    if (left?.id !== this.#id || left.task !== this.#editor.owner.task || !left.changes.length) return;
    const numLost = this.#editor.edits.replay(left.changes);
    this.#editor.show();
    if (numLost) say(`${many(numLost, 'change')} of yours had to go: somebody has removed the objects.`, 'bad');
  }

  #versionOf(task) {
    return this.#facts?.labels?.find((one) => one.task === task)?.version ?? 0;
  }

  /** Runs of the masks that stand, by label. */
  async #askMasks(task) {
    const { version, runs } = await ask(`/api/masks/${encodeURIComponent(this.#id)}`, { task });
    if (version !== this.#versionOf(task)) say('Somebody has saved other labels meanwhile: what you save now will show them first.');
    return runs;
  }

  #listKeys() {
    return [
      { keys: ['ArrowRight', 'l', 'j'], does: 'next frame', run: () => this.#step(1) },
      { keys: ['ArrowLeft', 'h', 'k'], does: 'frame before', run: () => this.#step(-1) },
      { keys: ['.'], does: 'next in time, of its sensor', run: () => this.#stepInTime('next') },
      { keys: [','], does: 'before in time', run: () => this.#stepInTime('previous') },
      { keys: ['e'], does: 'correct its labels', run: () => this.#startEditing() },
      { keys: ['d'], does: 'depth on or off', run: () => this.#facts?.depth && change({ depth: read().has('depth') ? null : 1 }, { replace: true }) },
      { keys: ['s'], does: 'similar frames', run: () => this.#showSimilar() },
      { keys: ['b'], does: 'labels on or off', run: () => this.look.toggleLayer(LABELS) },
      { keys: ['Escape'], does: 'back to the grid', run: () => this.#back() },
    ];
  }

  /** Of the task that has labels, or the only one. */
  #startEditing() {
    const { author, tasks = [] } = this.page.home;
    if (!author) return say('You have no right to correct labels, which the role annotator has: whoever runs this home gives it.', 'bad');
    const said = (this.#facts?.labels ?? []).filter((one) => one.is_looked_at && one.num_labels).map((one) => one.task);
    const task = said.find((one) => one === DRAWN) ?? said[0] ?? (tasks.includes(DRAWN) ? DRAWN : tasks[0]);
    if (task) change({ edit: task });
  }
}
