/** The filter above the table of apps: a text, and the states, which say at the same time how many apps are in each. */
import { byId, el, keep, setAttribute, setText } from './dom.js';
import { STATE_NAMES } from './apps.js';
import { count } from './format.js';
import { STATES } from './view.js';

/** @typedef {import('./view.js').View} View */

/**
 * @param {() => View} view
 * @param {(change: Partial<View>) => void} change
 */
export function prepareFilter(view, change) {
  const text = /** @type {HTMLInputElement} */ (byId('text'));
  text.value = view().text;
  text.addEventListener('input', () => { change({ text: text.value.trim() }); });
  byId('filter').addEventListener('submit', (event) => { event.preventDefault(); });
  byId('states').addEventListener('click', ({ target }) => {
    const state = target instanceof Element ? STATES.find((name) => name === target.closest('button')?.dataset['state']) : undefined;
    if (state === undefined) return;
    const { states } = view();
    change({ states: states.includes(state) ? states.filter((name) => name !== state) : [...states, state] });
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
      event.preventDefault();
      text.focus();
      text.select();
    } else if (event.key === 'Escape' && (event.target === text || event.target === document.body)) {
      text.value = '';
      change({ text: '', states: [] });
    }
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/**
 * @param {import('../state.ts').HostStatus['counts']} counts
 * @param {View} view
 */
export function showFilter(counts, { states }) {
  const present = STATES.filter((state) => counts[state] > 0 || states.includes(state));
  keep(byId('states'), present, (state) => state,
    (state) => el('button', { type: 'button', 'data-state': state }, el('i', { class: 'dot', 'aria-hidden': 'true' }), STATE_NAMES[state], ' ', el('b')),
    (button, state) => {
      setAttribute(button, 'aria-pressed', String(states.includes(state)));
      setText(/** @type {Element} */ (button.lastElementChild), count(counts[state]));
    });
}
