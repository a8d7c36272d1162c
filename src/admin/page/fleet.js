/** The hosts of the fleet, when there is more than one. */
import { byId, el, keep, setText } from './dom.js';
import { ago, count, rate, shown } from './format.js';

/** @typedef {import('../state.ts').FleetStatus} FleetStatus */
/** @typedef {FleetStatus['hosts'][number]} Host */

/**
 * Hosts that should answer and do not. Pure.
 * @param {FleetStatus | null} fleet
 * @returns {readonly import('./trouble.js').Silent[]}
 */
export function silentHosts(fleet) {
  return (fleet?.hosts ?? []).flatMap((host) => (host.status === null && host.state !== 'down' ? [{ name: host.name, why: host.why }] : []));
}

/**
 * @param {FleetStatus} fleet
 * @param {string} here
 */
export function showFleet({ hosts, at }, here) {
  byId('fleet').hidden = hosts.length < 2;
  setText(byId('fleet-note'), `${count(hosts.length)} hosts`);
  keep(byId('fleet-hosts'), hosts, ({ name }) => name, make, (node, host) => {
    const cells = cellsOf(host, at, host.name === here);
    [...node.children].forEach((cell, i) => { setText(cell, cells[i] ?? ''); });
    node.classList.toggle('wrong', host.status === null && host.state !== 'down');
    const failing = node.children[2];
    failing?.classList.toggle('wrong', !/^[0–]$/.test(failing.textContent ?? ''));
  });
}

/** @param {Host} host */
function make({ name }) {
  const cell = (/** @type {string} */ kind) => el('td', kind === '' ? {} : { class: kind });
  return el('tr', {}, el('th', { scope: 'row' }, name), ...['', 'number', 'number', 'number', 'number', 'number', 'said', ''].map(cell));
}

/**
 * @param {Host} host
 * @param {number} at
 * @param {boolean} here
 * @returns {readonly string[]}
 */
function cellsOf(host, at, here) {
  const name = here ? `${host.name} (this one)` : host.name;
  if (host.status === null) return [name, host.state, '–', '–', '–', '–', '–', shown(host.why), '–'];
  const { counts, proxy, sync, version } = host.status;
  const failing = counts.quarantined + (sync?.rejections.length ?? 0) + (sync?.failed.length ?? 0);
  const step = sync === null ? 'never' : sync.error === null ? ago(sync.syncedAt, at) : `fc-sync fails: ${shown(sync.error, 120)}`;
  return [
    name, host.state, count(failing), rate(proxy.requestsPerS), count(proxy.inFlight), count(counts.awake + counts['handing-over']),
    count(counts.asleep + counts.deep), step, shown(version, 40),
  ];
}
