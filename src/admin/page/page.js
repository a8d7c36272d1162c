/** Wiring: asks fc-admin, and hands what it says to the parts of the page. */
import { onOpen, prepareApps, showApps } from './apps.js';
import { showStarts } from './chart.js';
import { byId, setAttribute, setText } from './dom.js';
import { showEvents } from './events.js';
import { prepareFilter, showFilter } from './filter.js';
import { showFleet, silentHosts } from './fleet.js';
import { clock, shown, span } from './format.js';
import { showFigures } from './glance.js';
import { get, Poll } from './poll.js';
import { showTroubles, troublesOf, verdict } from './trouble.js';
import { fragmentOf, LIMITS, queryOf, viewOf } from './view.js';

/** @typedef {import('../state.ts').HostStatus} HostStatus */
/** @typedef {import('../state.ts').AppState} AppState */
/** @typedef {import('../state.ts').FleetStatus} FleetStatus */

/** What of state.json this page understands: STATE_FORMAT in state.ts. */
const FORMAT = 1;
const EVERY_MS = 1000;
const FLEET_EVERY_MS = 10_000;
/** Without an answer for so long, what is shown is called old. */
const STALE_MS = 5000;
const EVENTS = 100;

let view = viewOf(location.hash);
/** @type {HostStatus | null} */
let status = null;
/** @type {readonly AppState[]} */
let quarantined = [];
/** @type {FleetStatus | null} */
let fleet = null;
/** When the last answer came, by this machine's own clock, and why there was none since. */
let answeredAt = performance.now();
let wrong = '';

/**
 * @template {HostStatus | FleetStatus} T
 * @param {string} path
 * @param {AbortSignal} signal
 */
async function ask(path, signal) {
  const answer = /** @type {T} */ (await get(path, signal));
  if (answer.format !== FORMAT) throw new Error('fc-admin is of another version than this page: reload it');
  return answer;
}

const states = new Poll(EVERY_MS, async (signal) => {
  /** @type {HostStatus} */
  const answer = await ask(`state.json?${queryOf(view, EVENTS)}`, signal);
  const failing = answer.counts.quarantined === 0 ? [] : await failingApps(answer, signal);
  status = answer;
  quarantined = failing;
  answeredAt = performance.now();
  wrong = '';
  show();
}, (error) => {
  wrong = error.message;
  showPulse();
});

new Poll(FLEET_EVERY_MS, async (signal) => {
  /** @type {FleetStatus} */
  const answer = await ask('fleet.json?limit=0&events=0', signal);
  fleet = answer;
  show();
}, () => { /* The host itself is what counts; that fc-admin is silent is said already. */ });

/**
 * The apps in quarantine, whatever the reader looks at.
 * @param {HostStatus} answer
 * @param {AbortSignal} signal
 */
async function failingApps({ apps, counts }, signal) {
  const here = apps.filter(({ state }) => state === 'quarantined');
  if (here.length === counts.quarantined) return here;
  /** @type {HostStatus} */
  const answer = await ask(`state.json?state=quarantined&limit=${LIMITS[0]}&events=0`, signal);
  return answer.apps;
}

function show() {
  showPulse();
  if (status === null) return;
  const troubles = troublesOf(status, quarantined, silentHosts(fleet));
  setText(byId('host'), shown(status.host));
  setText(byId('version'), shown(status.version, 40));
  if (!isStale()) setText(byId('verdict'), verdict(troubles));
  setAttribute(document.body, 'data-verdict', troubles.length === 0 ? 'well' : 'wrong');
  document.title = `${troubles.length === 0 ? '' : `(${troubles.length}) `}${shown(status.host)} – FastContainer`;
  showFigures(status);
  showTroubles(troubles);
  showStarts(status.events);
  showEvents(status.events);
  showFilter(status.counts, view);
  showApps(status, view);
  if (fleet !== null) showFleet(fleet, status.host);
}

function isStale() {
  return wrong !== '' || (performance.now() - answeredAt > STALE_MS && !document.hidden);
}

function showPulse() {
  const age = performance.now() - answeredAt;
  const stale = isStale();
  setAttribute(byId('pulse'), 'data-pulse', stale ? 'stale' : status === null ? 'waiting' : 'live');
  setText(byId('pulse-text'), status === null ? (stale ? 'no answer' : 'asking fc-admin') : stale ? `${span(age)} old` : `live ${clock(status.at)}`);
  byId('stale').hidden = !stale;
  document.body.classList.toggle('old', stale);
  if (!stale) return;
  const why = wrong === '' ? 'fc-admin does not answer' : wrong;
  setText(byId('stale-text'), `${why}. ${status === null ? 'There is nothing to show yet.' : `What is shown is of ${clock(status.at)}, and may be so no more.`}`);
  setText(byId('verdict'), status === null ? 'Nothing is known yet.' : `Not known since ${clock(status.at)}.`);
}

/** @param {Partial<import('./view.js').View>} change */
function look(change) {
  view = { ...view, limit: LIMITS[0] ?? 100, ...change };
  const fragment = fragmentOf(view);
  history.replaceState(null, '', fragment === '' ? location.pathname + location.search : `#${fragment}`);
  states.now();
}

prepareFilter(() => view, look);
prepareApps((sort) => { look({ sort }); }, (limit) => { look({ limit }); });
onOpen((told) => { showApps(told, view); });
byId('stale-retry').addEventListener('click', () => { states.now(); });
setInterval(showPulse, 1000);
