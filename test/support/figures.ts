/** A host's figures for tests of what is made of them. */
import { type Distribution, type Figures, together, withValue } from '../../src/admin/metrics/figures.ts';
import { LATENCY_S, START_PARTS, START_S } from '../../src/admin/metrics/table.ts';

export function distribution(bounds: readonly number[], ...values: readonly number[]): Distribution {
  return values.reduce(withValue, together([], bounds));
}

/** One of everything. */
export function someFigures(): Figures {
  return {
    version: '1.2.3',
    apps: [
      { name: 'shop', answers: [1, 0, 40, 3, 2, 5], inFlight: 2, latency: distribution(LATENCY_S, 0.002, 0.02, 0.2, 2, 20, 200), started: 3, failed: 1 },
      { name: 'idle', answers: [0, 0, 0, 0, 0, 0], inFlight: 0, latency: distribution(LATENCY_S), started: 0, failed: 0 },
    ],
    passed: [0, 0, 7, 0, 0, 0],
    unrouted: [0, 0, 0, 0, 9, 0],
    proxy: { processes: 2, connections: 12, inFlight: 2, requestsPerS: 0.5, startsWaiting: 1, startsRunning: 4 },
    states: { asleep: 5, deep: 1, starting: 0, awake: 2, 'handing-over': 0, stopping: 0, quarantined: 1, rejected: 1, elsewhere: 0 },
    quarantined: ['shop'],
    sync: {
      syncedAt: 1_700_000_000_500, triedAt: 1_700_000_030_000, error: null, revision: '1',
      rejections: [{ table: 'apps', key: 'x', column: 'port', why: 'is 0', app: 'x' }],
      failed: [{ subject: 'fc-port@25.socket', what: 'open', why: 'taken' }],
      handingOver: [{ app: 'shop', to: '0123abcd' }], handOvers: { done: 4, failed: 1 }, deepAsleep: ['idle'],
    },
    starts: new Map(Object.keys(START_PARTS).map((part) => [part, distribution(START_S, 0.12)])),
    usage: new Map([['shop', { awakeUs: 1_500_000, byteSeconds: 2 ** 31, cpuUs: 250_000 }]]),
    memory: new Map([['shop', 2 ** 20]]),
  };
}
