/** The original of a frame under a privacy policy, for who may open it and says why: saved as a file, shown nowhere. */

import { fetchFile } from './api.js';
import { button, fill, make } from './dom.js';
import { panel } from './facts.js';
import { faultLine } from './notices.js';
import { save } from './saving.js';

/** Of one frame, as `name`, whose name is written down. */
export function originalPanel(frame, name) {
  const why = make('input', { type: 'text', maxlength: 1000, 'aria-label': 'Why the original is opened', placeholder: 'why', data: { key: 'original' } });
  const told = make('div', { 'aria-live': 'polite' });
  const saver = button('Save it', () => open(), { class: 'small' });
  const open = async () => {
    const because = why.value.trim();
    if (!because) return why.focus();
    saver.disabled = true; // each call is written down
    fill(told, make('p', { class: 'hint' }, 'Opening …'));
    try {
      const file = await fetchFile('/api/original', { frame_id: frame, because });
      save(file);
      fill(told, make('p', { role: 'status' }, `${file.name} is saved.`));
    } catch (error) {
      fill(told, faultLine(error));
    } finally {
      saver.disabled = false;
    }
  };
  const hint = make('p', { class: 'hint' }, `It is sealed. That ${name} opens it, when and why is written down first, and stays.`);
  return panel('Original', hint, make('p', { class: 'row' }, why, saver), told);
}
