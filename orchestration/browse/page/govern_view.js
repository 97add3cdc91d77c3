/** What the roles of whoever looks let them do here: who may do what, exports, models that wait, erasures. */

import { ask } from './api.js';
import { ApprovalPanel } from './approval_panel.js';
import { fill, make } from './dom.js';
import { ErasePanel } from './erase_panel.js';
import { ExportPanel } from './export_panel.js';
import { emptyFault } from './notices.js';
import { rolesPanel } from './roles_panel.js';

export function open(page) {
  return new GovernView(page);
}

class GovernView {
  #isOpen = true;

  constructor(page) {
    this.page = page;
    this.erasing = page.may('erase') ? new ErasePanel() : null;
    this.body = make('div', {}, make('p', { class: 'waiting' }, 'Asking …'));
    this.element = make('main', { class: 'page governing' }, make('header', {}, make('h1', {}, 'Govern')), this.body);
    this.#learn();
  }

  /** What is to be erased may stand in the address; it is planned when somebody asks for it. */
  update(address) {
    if (address.has('erase')) this.erasing?.name(address.get('erase'));
  }

  close() {
    this.#isOpen = false;
  }

  async #learn() {
    try {
      const told = await ask('/api/governance');
      if (this.#isOpen) fill(this.body, this.#listPanels(told));
    } catch (error) {
      if (this.#isOpen) fill(this.body, emptyFault(error));
    }
  }

  #listPanels(told) {
    const { page } = this;
    this.erasing?.tellOpen(told.erasures);
    return [
      page.may('export') && new ExportPanel(page.home, told.formats).element,
      page.may('approve') && new ApprovalPanel(told.waiting, () => this.#learn()).element,
      this.erasing?.element,
      rolesPanel(told, page.home.person),
    ];
  }
}
