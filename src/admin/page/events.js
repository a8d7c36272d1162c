/** Wake-ups, and what else happens, as it happens: the newest first. */
import { byId, el, keep, setText } from './dom.js';
import { agent, clock, count, requestLine, shown, span, took } from './format.js';
import { partsOf, PARTS, scale, total, wakes } from './parts.js';

/** @typedef {import('../state.ts').HostEvent} HostEvent */
/** @typedef {import('../state.ts').RequestSketch} RequestSketch */

const AT_FIRST = 12;

let all = false;

/** @param {readonly HostEvent[]} events */
export function showEvents(events) {
  const newest = events.toReversed();
  const visible = all ? newest : newest.slice(0, AT_FIRST);
  const full = scale(wakes(visible).map(({ times }) => total(times)));
  keep(byId('events'), visible, ({ id, at }) => `${id} ${at}`, make, (node, event) => {
    if (event.kind === 'woke') stretch(node, total(event.times) / full);
  });
  byId('events-none').hidden = events.length > 0;
  const more = byId('events-more');
  more.hidden = events.length <= AT_FIRST;
  setText(more, all ? `Show ${AT_FIRST} only` : `Show all ${count(events.length)}`);
  more.onclick = () => {
    all = !all;
    showEvents(events);
  };
}

/**
 * @param {HTMLElement} node
 * @param {number} share of the full width
 */
function stretch(node, share) {
  const bar = /** @type {HTMLElement} */ (node.querySelector('.bar-of'));
  bar.style.inlineSize = `${(100 * Math.min(1, share)).toFixed(1)}%`;
  bar.classList.toggle('cut', share > 1);
}

/** @param {HostEvent} event */
function make(event) {
  const time = el('time', { datetime: new Date(event.at).toISOString() }, clock(event.at));
  const app = el('b', { class: 'app' }, event.app);
  switch (event.kind) {
    case 'woke': return item(event.kind,
      [time, app, ' ', el('span', { class: 'dim' }, 'woke'), el('span', { class: 'ms' }, took(total(event.times)))],
      [bar(event.times), asked(event.request)],
      [['Generation', event.generation], ...partsOf(event.times).map(({ name, ms }) => /** @type {const} */ ([title(name), took(ms)])), ...about(event.request)]);
    case 'start-failed': return item(event.kind,
      [time, app, ' ', el('span', { class: 'wrong' }, 'did not start')],
      [el('span', { class: 'what' }, shown(event.why)), asked(event.request)],
      [['Generation', event.generation], ['In a row', count(event.failures)], ...about(event.request)]);
    case 'slept': return item(event.kind, [time, app, ' ', el('span', { class: 'dim' }, `fell asleep after ${span(event.awakeMs)}`)], [], []);
    case 'handed-over': return item(event.kind, [time, app, ' ', el('span', { class: 'dim' }, `handed over, ${event.from} → ${event.generation}`)], [], []);
  }
}

/**
 * @param {HostEvent['kind']} kind
 * @param {readonly (string | Node)[]} head
 * @param {readonly (Node | null)[]} body
 * @param {readonly (readonly [string, string])[]} details
 */
function item(kind, head, body, details) {
  const lines = [el('span', { class: 'head' }, ...head), ...body];
  if (details.length === 0) return el('li', { 'data-kind': kind }, ...lines);
  const list = el('dl', {}, ...details.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, el('bdi', {}, value))]));
  return el('li', { 'data-kind': kind }, el('details', {}, el('summary', {}, ...lines), list));
}

/** @param {import('../state.ts').StartTimes} times */
function bar(times) {
  const parts = partsOf(times);
  const label = parts.map(({ name, ms }) => `${name} ${took(ms)}`).join(', ');
  const filled = el('span', { class: 'bar-of' });
  for (const { name, ms } of parts) {
    const part = el('i', { 'data-part': name });
    part.style.flexGrow = String(ms);
    filled.append(part);
  }
  return el('span', { class: 'bar-full', role: 'img', 'aria-label': label }, filled);
}

/** @param {RequestSketch | null} request */
function asked(request) {
  if (request === null) return el('span', { class: 'what dim' }, 'not by a request of fc-proxy’s');
  return el('span', { class: 'what' }, el('bdi', {}, requestLine(request)), el('span', { class: 'dim' }, ' · ', el('bdi', {}, agent(request.userAgent)), request.bot ? ' · bot' : ''));
}

/**
 * @param {RequestSketch | null} request
 * @returns {readonly (readonly [string, string])[]}
 */
export function about(request) {
  if (request === null) return [];
  return [
    ['Request', requestLine(request)],
    ['Client', shown(request.client)],
    ['User agent', request.userAgent === '' ? 'none' : shown(request.userAgent) + (request.bot ? ' (a bot, by its name)' : '')],
  ];
}

/** @param {string} name */
function title(name) {
  const meaning = PARTS.find(([part]) => part === name)?.[1] ?? name;
  return `${name} – ${meaning}`;
}
