/** The newest cold starts as a chart: a column each, made of its parts, with p50 and p95 across. */
import { byId, el, setText, svg } from './dom.js';
import { clock, count, took } from './format.js';
import { partsOf, PARTS, percentile, scale, total, wakes } from './parts.js';

/** @typedef {import('./parts.js').Woke} Woke */

const COLUMNS = 60;
const WIDTH = 360;
const HEIGHT = 112;
const LEFT = 40;
const TOP = 8;

let drawn = '';

/** @param {readonly import('../state.ts').HostEvent[]} events */
export function showStarts(events) {
  const starts = wakes(events).slice(-COLUMNS);
  const shownNow = starts.map(({ id, at }) => `${id} ${at}`).join();
  if (drawn === shownNow && drawn !== '') return;
  drawn = shownNow;
  const totals = starts.map(({ times }) => total(times));
  const p50 = percentile(totals, 0.5);
  const p95 = percentile(totals, 0.95);
  setText(byId('starts-note'), p50 === null ? '' : `p50 ${took(p50)} · p95 ${took(p95)}`);
  const figure = byId('chart');
  if (p50 === null || p95 === null) {
    figure.replaceChildren(el('p', { class: 'none' }, 'No app has woken yet.'));
    return;
  }
  figure.replaceChildren(draw(starts, totals, p50, p95), legend(starts));
}

/**
 * @param {readonly Woke[]} starts
 * @param {readonly number[]} totals
 * @param {number} p50
 * @param {number} p95
 */
function draw(starts, totals, p50, p95) {
  const full = scale(totals);
  /** @param {number} ms */
  const y = (ms) => TOP + (HEIGHT - TOP) * (1 - Math.min(1, ms / full));
  const step = (WIDTH - LEFT) / COLUMNS;
  const label = `The last ${count(starts.length)} cold starts took from ${took(Math.min(...totals))} to ${took(Math.max(...totals))}; half of them at most ${took(p50)}, 95 of 100 at most ${took(p95)}.`;
  const chart = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT + 4}`, role: 'img', 'aria-label': label });
  for (const ms of [0, full / 2, full]) {
    const text = svg('text', { x: LEFT - 6, y: y(ms) + 3.5, class: 'axis' });
    text.textContent = took(ms);
    chart.append(svg('line', { x1: LEFT, x2: WIDTH, y1: y(ms), y2: y(ms), class: 'grid' }), text);
  }
  starts.forEach((start, at) => {
    const column = svg('g', {});
    const title = svg('title');
    title.textContent = `${start.app}, ${clock(start.at)}: ${took(total(start.times))}`;
    column.append(title);
    let below = 0;
    for (const { name, ms } of partsOf(start.times)) {
      const [from, to] = [y(below), y(below + ms)];
      below += ms;
      column.append(svg('rect', { x: WIDTH - step * (starts.length - at) + 0.5, y: to, width: step - 1, height: Math.max(0, from - to), 'data-part': name }));
    }
    chart.append(column);
  });
  for (const [ms, name] of /** @type {const} */ ([[p50, 'p50'], [p95, 'p95']])) {
    chart.append(svg('line', { x1: LEFT, x2: WIDTH, y1: y(ms), y2: y(ms), class: name }));
  }
  return chart;
}

/** @param {readonly Woke[]} starts */
function legend(starts) {
  const seen = new Set(starts.flatMap(({ times }) => partsOf(times).map(({ name }) => name)));
  return el('figcaption', { class: 'legend' }, ...PARTS.filter(([name]) => seen.has(name))
    .map(([name, meaning]) => el('span', { title: meaning }, el('i', { 'data-part': name, 'aria-hidden': 'true' }), name)),
  el('span', {}, starts.length === 1 ? 'the only one' : `the last ${count(starts.length)}`));
}
