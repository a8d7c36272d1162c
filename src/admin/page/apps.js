/** The table of apps. */
import { about } from './events.js';
import { byId, el, keep, setAttribute, setText } from './dom.js';
import { ago, agent, bytes, count, plural, rate, requestLine, shown, span, took } from './format.js';
import { LIMITS } from './view.js';

/** @typedef {import('../state.ts').AppState} AppState */
/** @typedef {import('../state.ts').HostStatus} HostStatus */
/** @typedef {import('../select.ts').Sort} Sort */
/** @typedef {{ readonly app: AppState, readonly details: boolean }} Row */
/** @typedef {{ readonly title: string, readonly sort: Sort | null, readonly kind: string, readonly text: (app: AppState, now: number) => string }} Column */

/** `kind`: `number` is set to the right, `wide` is left out where there is little room, `wider` sooner. */
/** @type {readonly Column[]} */
const COLUMNS = [
  { title: 'State', sort: 'state', kind: 'state', text: ({ since, state }, now) => `${STATE_NAMES[state]}${since === null ? '' : ` ${span(now - since)}`}` },
  { title: 'Requests/s', sort: 'requests', kind: 'number', text: ({ requestsPerS }) => rate(requestsPerS) },
  { title: 'In flight', sort: 'in-flight', kind: 'number wide', text: ({ inFlight }) => count(inFlight) },
  { title: 'Cold start', sort: 'starts', kind: 'number wide', text: ({ starts }) => took(starts.p50Ms) },
  { title: 'p95', sort: null, kind: 'number wider', text: ({ starts }) => took(starts.p95Ms) },
  { title: 'Memory', sort: 'memory', kind: 'number wide', text: ({ memoryBytes }) => bytes(memoryBytes) },
  { title: 'Last request', sort: null, kind: 'wider last', text: ({ last }, now) => (last === null ? '–' : `${ago(last.at, now)}, ${agent(last.userAgent)}`) },
];

export const STATE_NAMES = {
  asleep: 'asleep', deep: 'deep asleep', starting: 'starting', awake: 'awake', 'handing-over': 'handing over', stopping: 'stopping',
  quarantined: 'quarantined', rejected: 'rejected', elsewhere: 'elsewhere',
};

/** @type {Set<string>} */
const open = new Set();
/** @type {HostStatus | null} */
let told = null;

/**
 * @param {(sort: Sort) => void} sortBy
 * @param {(limit: number) => void} limitTo
 */
export function prepareApps(sortBy, limitTo) {
  const columns = [{ title: 'App', sort: /** @type {const} */ ('name'), kind: 'name' }, ...COLUMNS];
  byId('apps-head').append(...columns.map(({ title, sort, kind }) => {
    const head = el('th', { scope: 'col', class: kind }, sort === null ? title : el('button', { type: 'button', 'data-sort': sort }, title));
    head.querySelector('button')?.addEventListener('click', () => { if (sort !== null) sortBy(sort); });
    return head;
  }));
  byId('apps-rows').addEventListener('keydown', walk);
  byId('apps-more').addEventListener('click', () => {
    limitTo(LIMITS.find((limit) => limit > (told?.apps.length ?? 0)) ?? LIMITS[0] ?? 100);
  });
}

/**
 * @param {HostStatus} status
 * @param {import('./view.js').View} view
 */
export function showApps(status, view) {
  told = status;
  const { apps, matching, at } = status;
  const all = Object.values(status.counts).reduce((sum, n) => sum + n, 0);
  setText(byId('apps-note'), matching === all ? plural(all, 'app') : `${count(matching)} of ${plural(all, 'app')}`);
  const rows = apps.flatMap((app) => [{ app, details: false }, ...(open.has(app.name) ? [{ app, details: true }] : [])]);
  keep(byId('apps-rows'), rows, ({ app, details }) => `${app.name}${details ? ' details' : ''}`, make, (node, row) => { update(node, row, at); });
  for (const button of byId('apps-head').querySelectorAll('button')) {
    const order = button.dataset['sort'] === 'name' ? 'ascending' : 'descending';
    setAttribute(/** @type {Element} */ (button.parentElement), 'aria-sort', button.dataset['sort'] === view.sort ? order : null);
  }
  const none = byId('apps-none');
  none.hidden = apps.length > 0;
  setText(none, all === 0 ? 'No app is placed on this host.' : 'No app is like that.');
  const more = byId('apps-more');
  const next = LIMITS.find((limit) => limit > apps.length);
  more.hidden = matching <= apps.length || next === undefined;
  setText(more, `Show ${count(Math.min(matching, next ?? 0))} of ${count(matching)}`);
}

/** @param {Row} row */
function make({ app, details }) {
  const id = `app-${app.name}`;
  if (details) return el('tr', { class: 'details', id }, el('td', {}, el('dl')));
  const button = el('button', { type: 'button', class: 'app', 'aria-expanded': 'false' }, app.name);
  button.addEventListener('click', () => {
    if (!open.delete(app.name)) open.add(app.name);
    if (told !== null) redraw(told);
  });
  return el('tr', {}, el('th', { scope: 'row', class: 'name' }, button, ' ', el('span', { class: 'domains' })),
    ...COLUMNS.map(({ kind }) => el('td', { class: kind }, ...(kind === 'state' ? [el('i', { class: 'dot', 'aria-hidden': 'true' }), el('span')] : []))));
}

/** @type {(status: HostStatus) => void} */
let redraw = () => { /* Set below: a row that opens shows at once. */ };

/** @param {(status: HostStatus) => void} draw */
export function onOpen(draw) {
  redraw = draw;
}

/**
 * @param {HTMLElement} node
 * @param {Row} row
 * @param {number} now
 */
function update(node, { app, details }, now) {
  if (details) {
    // More columns than there is room for would be made, were they spanned.
    setAttribute(/** @type {Element} */ (node.firstElementChild), 'colspan', String([...byId('apps-head').children].filter((head) => head.getClientRects().length > 0).length));
    const list = detailsOf(app, now);
    keep(/** @type {HTMLElement} */ (node.querySelector('dl')), list, ([name]) => name, ([name]) => el('div', {}, el('dt', {}, name), el('dd')),
      (pair, [, value]) => { setText(/** @type {Element} */ (pair.lastElementChild), value); });
    return;
  }
  setAttribute(node, 'data-state', app.state);
  const [name, ...cells] = node.children;
  if (name === undefined) throw new Error('a row has cells');
  const [button, domains] = name.children;
  setAttribute(/** @type {Element} */ (button), 'aria-expanded', String(open.has(app.name)));
  setAttribute(/** @type {Element} */ (button), 'aria-controls', open.has(app.name) ? `app-${app.name}` : null);
  setText(/** @type {Element} */ (domains), some(app.domains, 2));
  COLUMNS.forEach(({ text, kind }, i) => {
    const cell = cells[i];
    if (cell === undefined) return;
    const value = text(app, now);
    setText(kind === 'state' ? /** @type {Element} */ (cell.lastElementChild) : cell, value);
    cell.classList.toggle('nothing', value === '0' || value === '–');
  });
}

/**
 * @param {AppState} app
 * @param {number} now
 * @returns {readonly (readonly [string, string])[]}
 */
function detailsOf(app, now) {
  const { starts } = app;
  return [
    ...(app.why === null ? [] : [/** @type {const} */ (['Why', shown(app.why)])]),
    ...(app.retryAt === null ? [] : [/** @type {const} */ (['Next try', app.retryAt > now ? `in ${span(app.retryAt - now + 999)} at the earliest` : 'at the next request'])]),
    ['Domains', some(app.domains, 50)],
    ['Generation', app.generation ?? 'none'],
    ['Running', app.running.length === 0 ? 'nothing' : app.running.join(', ')],
    ['Requests', `${count(app.requests)}, ${count(app.inFlight)} in flight`],
    ['Cold starts', `${count(starts.done)}${starts.failed === 0 ? '' : `, ${count(starts.failed)} failed`}; p50 ${took(starts.p50Ms)}, p95 ${took(starts.p95Ms)}, last ${took(starts.lastMs)}`],
    ['Awake', `${span(app.awakeSeconds * 1000)} in all, ${(app.memoryByteSeconds / 2 ** 30 / 3600).toFixed(2)} GiB·h, ${span(app.cpuSeconds * 1000)} of CPU time`],
    ...(app.last === null ? [] : [/** @type {const} */ (['Last request', `${ago(app.last.at, now)}: ${requestLine(app.last)}`]), ...about(app.last).slice(1)]),
  ];
}

/**
 * @param {readonly string[]} names
 * @param {number} max
 */
function some(names, max) {
  if (names.length === 0) return 'no domain';
  const more = names.length - max;
  return names.slice(0, max).map((name) => shown(name)).join(', ') + (more > 0 ? ` +${count(more)}` : '');
}

/** Up and down from one app to the next. @param {KeyboardEvent} event */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const { target } = event;
  if (step === undefined || !(target instanceof HTMLButtonElement)) return;
  const buttons = [...byId('apps-rows').querySelectorAll('button')];
  const next = buttons[buttons.indexOf(target) + step];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
