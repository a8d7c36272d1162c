/** The host in a few figures. */
import { ago, count, plural, rate, took } from './format.js';
import { byId, el, keep, setText, svg, setAttribute } from './dom.js';
import { percentile, total, wakes } from './parts.js';

/** @typedef {import('../state.ts').HostStatus} HostStatus */
/** @typedef {{ readonly name: string, readonly value: string, readonly note: string, readonly line?: readonly number[], readonly wrong?: boolean }} Figure */

/** Requests per second as they were, for the line below the figure. */
const SAMPLES = 90;

/**
 * Pure.
 * @param {HostStatus} status
 * @param {readonly number[]} rates
 * @returns {readonly Figure[]}
 */
export function figuresOf({ at, counts, proxy, sync, events }, rates) {
  const apps = Object.values(counts).reduce((sum, n) => sum + n, 0);
  const awake = counts.awake + counts['handing-over'];
  const starts = wakes(events).map(({ times }) => total(times));
  return [
    { name: 'Requests/s', value: rate(proxy.requestsPerS), note: '', line: rates },
    { name: 'In flight', value: count(proxy.inFlight), note: plural(proxy.connections, 'connection') },
    { name: 'Awake', value: count(awake), note: `of ${plural(apps, 'app')}` },
    { name: 'Starting', value: count(proxy.startsRunning), note: proxy.startsWaiting === 0 ? 'none waits' : `${count(proxy.startsWaiting)} wait for their turn` },
    { name: 'Cold start', value: took(percentile(starts, 0.5)), note: starts.length === 0 ? 'none yet' : `p95 ${took(percentile(starts, 0.95))}` },
    sync === null
      ? { name: 'Synced', value: 'never', note: 'fc-sync has not run', wrong: true }
      : { name: 'Synced', value: ago(sync.syncedAt, at), note: sync.error === null ? `revision ${sync.revision ?? '–'}` : 'fc-sync fails', wrong: sync.error !== null },
  ];
}

/** @type {number[]} */
const rates = [];

/** @param {HostStatus} status */
export function showFigures(status) {
  rates.push(status.proxy.requestsPerS);
  rates.splice(0, rates.length - SAMPLES);
  keep(byId('figures'), figuresOf(status, rates), ({ name }) => name, make, update);
}

/** @param {Figure} figure */
function make({ name, line }) {
  const note = el('dd', { class: 'note' });
  if (line !== undefined) {
    note.append(svg('svg', { viewBox: `0 0 ${SAMPLES} 20`, preserveAspectRatio: 'none', class: 'line', 'aria-hidden': 'true' }, svg('polyline', { points: '' })));
  }
  return el('div', {}, el('dt', {}, name), el('dd', { class: 'value' }), note);
}

/**
 * @param {HTMLElement} node
 * @param {Figure} figure
 */
function update(node, { value, note, line, wrong = false }) {
  const [, big, small] = node.children;
  if (big === undefined || small === undefined) throw new Error('a figure has three parts');
  setText(big, value);
  node.classList.toggle('wrong', wrong);
  if (line === undefined) setText(small, note);
  else setAttribute(/** @type {Element} */ (small.querySelector('polyline')), 'points', points(line));
}

/** @param {readonly number[]} values */
function points(values) {
  const top = Math.max(1, ...values);
  return values.map((value, at) => `${at},${(19 - 18 * value / top).toFixed(1)}`).join(' ');
}
