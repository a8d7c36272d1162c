/** What is failing, and why. */
import { byId, el, keep, setAttribute, setText } from './dom.js';
import { ago, count, plural, requestLine, shown, span } from './format.js';

/** @typedef {import('../state.ts').HostStatus} HostStatus */
/** @typedef {import('../state.ts').AppState} AppState */
/** @typedef {Extract<import('../state.ts').HostEvent, { kind: 'start-failed' }>} StartFailed */
/** @typedef {{ readonly name: string, readonly why: string }} Silent a host of the fleet that should answer and does not */
/** @typedef {'proxy' | 'unsynced' | 'sync' | 'host' | 'start' | 'apply' | 'row'} TroubleKind */
/**
 * @typedef {object} Trouble
 * @property {TroubleKind} kind
 * @property {string} key
 * @property {string} subject an app, a row, a program
 * @property {string} why a sentence
 * @property {readonly string[]} notes
 * @property {string} evidence empty: there is none
 */

const AT_FIRST = 6;
const LABELS = { proxy: 'silent', unsynced: 'has not run', sync: 'fails', host: 'does not answer', apply: 'not applied', start: 'does not start', row: 'row rejected' };

/**
 * Pure.
 * @param {HostStatus} status
 * @param {readonly AppState[]} quarantined of the whole host, whatever `status.apps` holds
 * @param {readonly Silent[]} silent
 * @returns {readonly Trouble[]} what takes down most first
 */
export function troublesOf({ at, proxy, sync, events }, quarantined, silent) {
  /** @type {Trouble[]} */
  const troubles = [];
  if (proxy.processes === 0) {
    troubles.push({ kind: 'proxy', key: 'proxy', subject: 'fc-proxy', why: 'No process of it reports here: visitors may get no answer. See systemctl status fc-proxy.', notes: [], evidence: '' });
  }
  if (sync === null) {
    troubles.push({ kind: 'unsynced', key: 'unsynced', subject: 'fc-sync', why: 'It has not run here yet, or left nothing that can be read. See systemctl status fc-sync-watch.', notes: [], evidence: '' });
  } else if (sync.error !== null) {
    troubles.push({ kind: 'sync', key: 'sync', subject: 'fc-sync', why: shown(sync.error), notes: [`tried ${ago(sync.triedAt, at)}`, `this host is as the CMDB was ${ago(sync.syncedAt, at)}`], evidence: '' });
  }
  for (const { name, why } of silent) troubles.push({ kind: 'host', key: `host ${name}`, subject: name, why: shown(why), notes: [], evidence: '' });
  for (const { app, state, why, retryAt, failed } of startsThatFail(quarantined, events)) {
    const notes = [];
    if (failed !== null) notes.push(`${count(failed.failures)}${ordinal(failed.failures)} failure in a row, ${ago(failed.at, at)}`);
    if (state === 'quarantined' && retryAt !== null) notes.push(retryAt > at ? `next try in ${span(retryAt - at + 999)} at the earliest` : 'tried again at the next request');
    else notes.push('tried again at the next request');
    if (failed?.request) notes.push(`asked for by ${requestLine(failed.request)}`);
    troubles.push({ kind: 'start', key: `start ${app}`, subject: app, why: shown(why), notes, evidence: failed?.evidence ?? '' });
  }
  for (const { subject, what, why } of sync?.failed ?? []) {
    troubles.push({ kind: 'apply', key: `apply ${subject} ${what}`, subject: shown(subject), why: shown(`${what}: ${why}`), notes: [], evidence: '' });
  }
  for (const { table, key, column, why, app } of sync?.rejections ?? []) {
    const notes = app === null || key === app ? [] : [`concerns ${app}`];
    troubles.push({ kind: 'row', key: `row ${table} ${key} ${column} ${why}`, subject: shown(`${table} ${key}`), why: shown(column === '' ? why : `${column}: ${why}`), notes, evidence: '' });
  }
  return troubles;
}

/**
 * Apps in quarantine, and those whose newest try failed.
 * @param {readonly AppState[]} quarantined
 * @param {HostStatus['events']} events
 */
function startsThatFail(quarantined, events) {
  /** @type {Map<string, StartFailed | null>} */
  const last = new Map();
  for (const event of events) {
    if (event.kind === 'woke') last.set(event.app, null);
    if (event.kind === 'start-failed') last.set(event.app, event);
  }
  const known = new Set(quarantined.map(({ name }) => name));
  return [
    ...quarantined.map(({ name, why, retryAt }) => {
      const failed = last.get(name) ?? null;
      return { app: name, state: 'quarantined', why: why ?? failed?.why ?? 'It does not start.', retryAt, failed };
    }),
    ...[...last.values()].flatMap((failed) => (failed === null || known.has(failed.app) ? [] : [{ app: failed.app, state: 'failed', why: failed.why, retryAt: failed.retryAt, failed }])),
  ];
}

/** @param {number} n */
function ordinal(n) {
  const last = n % 100 >= 11 && n % 100 <= 13 ? 0 : n % 10;
  return ['th', 'st', 'nd', 'rd'][last] ?? 'th';
}

/**
 * The one sentence above everything. Pure.
 * @param {readonly Trouble[]} troubles
 */
export function verdict(troubles) {
  /** @param {TroubleKind} kind */
  const number = (kind) => troubles.filter((trouble) => trouble.kind === kind).length;
  const parts = [
    number('proxy') > 0 ? 'fc-proxy is silent' : '',
    number('unsynced') > 0 ? 'fc-sync has not run' : '',
    number('sync') > 0 ? 'fc-sync fails' : '',
    number('host') > 0 ? `${plural(number('host'), 'host does', 'hosts do')} not answer` : '',
    number('start') > 0 ? `${plural(number('start'), 'app does', 'apps do')} not start` : '',
    number('apply') > 0 ? `${plural(number('apply'), 'change is', 'changes are')} not applied` : '',
    number('row') > 0 ? `${plural(number('row'), 'row is', 'rows are')} rejected` : '',
  ].filter((part) => part !== '');
  if (parts.length === 0) return 'Everything works.';
  const sentence = parts.length === 1 ? parts[0] ?? '' : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
  return `${sentence}.`;
}

let all = false;

/** @param {readonly Trouble[]} troubles */
export function showTroubles(troubles) {
  const section = byId('trouble');
  section.hidden = troubles.length === 0;
  const visible = all ? troubles : troubles.slice(0, AT_FIRST);
  keep(byId('troubles'), visible, ({ key }) => key, make, update);
  const more = byId('troubles-more');
  more.hidden = troubles.length <= AT_FIRST;
  setText(more, all ? `Show ${AT_FIRST} only` : `Show all ${count(troubles.length)}`);
  more.onclick = () => {
    all = !all;
    showTroubles(troubles);
  };
}

/** @param {Trouble} trouble */
function make({ kind }) {
  return el('li', { 'data-kind': kind },
    el('h3', {}, el('bdi', { class: 'subject' }), ' ', el('span', { class: 'tag' }, LABELS[kind])),
    el('p', { class: 'why' }),
    el('p', { class: 'notes' }),
    el('details', { hidden: '' }, el('summary', {}, 'Evidence'), el('pre', { tabindex: '0' })));
}

/**
 * @param {HTMLElement} node
 * @param {Trouble} trouble
 */
function update(node, { subject, why, notes, evidence }) {
  const [heading, reason, small, details] = node.children;
  if (heading?.firstChild == null || reason === undefined || small === undefined || details === undefined) throw new Error('a trouble has four parts');
  setText(heading.firstChild, subject);
  setText(reason, why);
  setText(small, notes.join(' · '));
  setAttribute(small, 'hidden', notes.length === 0 ? '' : null);
  setAttribute(details, 'hidden', evidence === '' ? '' : null);
  setText(/** @type {Element} */ (details.lastElementChild), evidence.split('\n').map((line) => shown(line, 2000)).join('\n'));
}
