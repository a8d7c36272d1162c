/** Where the time of cold starts went. Pure. */

/** @typedef {import('../state.ts').HostEvent} HostEvent */
/** @typedef {Extract<HostEvent, { kind: 'woke' }>} Woke */
/** @typedef {'queue' | 'systemd' | 'network' | 'podman' | 'ready' | 'other'} PartName */
/** @typedef {{ readonly name: PartName, readonly ms: number }} Part */

/** In the order in which they happen, and what they are. */
export const PARTS = /** @type {const} */ ([
  ['queue', 'waiting for its turn'],
  ['systemd', 'until systemd’s job ran'],
  ['network', 'the network namespace'],
  ['podman', 'podman, until the app’s process ran'],
  ['ready', 'the app, until it listened'],
  ['other', 'not accounted for'],
]);

/**
 * @param {import('../state.ts').StartTimes} times
 * @returns {readonly Part[]} those that took any time
 */
export function partsOf({ queue, start, systemd = 0, network = 0, prepare = 0, podman = 0, ready = 0 }) {
  const known = systemd + network + prepare + podman + ready;
  /** @type {readonly Part[]} */
  const parts = [
    { name: 'queue', ms: queue },
    { name: 'systemd', ms: systemd },
    { name: 'network', ms: network },
    { name: 'podman', ms: prepare + podman },
    { name: 'ready', ms: ready },
    // Parts may overlap a little; what is left is never less than nothing.
    { name: 'other', ms: Math.max(0, start - known) },
  ];
  return parts.filter(({ ms }) => ms > 0);
}

/** @param {import('../state.ts').StartTimes} times */
export function total({ queue, start }) {
  return queue + start;
}

/**
 * @param {readonly HostEvent[]} events
 * @returns {readonly Woke[]}
 */
export function wakes(events) {
  return events.filter((event) => event.kind === 'woke');
}

/**
 * The smallest value that this share of all does not exceed (nearest rank).
 * @param {readonly number[]} values
 * @param {number} share 0 to 1
 * @returns {number | null} null: there are none
 */
export function percentile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/**
 * The time that a full bar stands for: a round one, which one slow start does not stretch so far that all others look
 * like none.
 * @param {readonly number[]} values
 */
export function scale(values) {
  const top = Math.min(Math.max(0, ...values), Math.max(percentile(values, 0.95) ?? 0, 2 * (percentile(values, 0.5) ?? 0)));
  const power = 10 ** Math.floor(Math.log10(Math.max(top, 1)));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= top) ?? 10 * power;
}
