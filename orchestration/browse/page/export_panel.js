/** Labels and releases as an archive: how much it would be, and then the archive itself. */

import { fetchFile, post } from './api.js';
import { button, fill, make } from './dom.js';
import { panel } from './facts.js';
import { faultLine, say } from './notices.js';
import { save } from './saving.js';
import { bytes, many, shortId } from './words.js';

export class ExportPanel {
  constructor({ tasks, releases, sessions }, formats) {
    this.what = make(
      'select',
      { on: { change: () => this.#choose() } },
      make('optgroup', { label: 'Labels that stand now' }, tasks.map((task) => make('option', { value: `labels ${task}` }, `labels of ${task}`))),
      releases.length > 0 && make('optgroup', { label: 'Releases' }, releases.map((one) => make('option', { value: `release ${one.release_id}` }, `release ${shortId(one.release_id)} of ${one.task}`))),
    );
    this.form = make('select', {}, make('option', { value: '' }, "the task's own"), formats.map((form) => make('option', { value: form }, form)));
    this.sessions = make('select', { multiple: true, size: Math.min(6, Math.max(2, sessions.length)) }, sessions.map(({ session }) => make('option', { value: session }, session)));
    this.ofSessions = make('label', {}, 'Sessions (none chosen: all)', this.sessions);
    this.buttons = [button('How much is it?', () => this.#run(() => this.#tellSize())), button('Download', () => this.#run(() => this.#download()), { class: 'main' })];
    this.told = make('div', { 'aria-live': 'polite' });
    this.element = panel(
      'Take out labels or a release',
      make('div', { class: 'fields' }, make('label', {}, 'What', this.what), make('label', {}, 'Format', this.form), this.ofSessions),
      make('p', { class: 'row' }, this.buttons),
      this.told,
      make('p', { class: 'hint' }, 'Who took out what is written down. No private column is in it; under a privacy policy pictures are covered.'),
    );
  }

  /** A release has its sessions. */
  #choose() {
    this.ofSessions.hidden = this.what.value.startsWith('release');
    fill(this.told);
  }

  get #asked() {
    const [kind, name] = this.what.value.split(' ');
    const format = this.form.value || null;
    if (kind === 'release') return { path: '/api/export/release', body: { release: name, format } };
    return { path: '/api/export/labels', body: { task: name, sessions: [...this.sessions.selectedOptions].map((one) => one.value), format } };
  }

  async #run(act) {
    for (const one of this.buttons) one.disabled = true;
    fill(this.told, make('p', { class: 'hint' }, 'Asking …'));
    try {
      fill(this.told, await act());
    } catch (error) {
      fill(this.told, faultLine(error));
    } finally {
      for (const one of this.buttons) one.disabled = false;
    }
  }

  async #tellSize() {
    const { path, body } = this.#asked;
    const told = await post(path, { ...body, dry_run: true });
    const size = `about ${bytes(told.size_bytes)} of pictures; an archive holds ${bytes(told.most_bytes)} at most`;
    return [make('p', {}, `${told.what}: ${many(told.num_frames, 'frame')} of ${many(told.sessions.length, 'session')}, ${size}.`), told.warnings.map((text) => make('p', { class: 'fault' }, text))];
  }

  async #download() {
    const { path, body } = this.#asked;
    const file = await fetchFile(path, body);
    save(file);
    say(`${file.name} is saved.`, 'good');
    return make('p', {}, `${file.name}: ${bytes(file.bytes.size)}.`);
  }
}
