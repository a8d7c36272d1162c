/** Facts for tests: an app that is well, and what differs. */
import type { AppState, HostEvent, InFlight, RequestSketch, SyncState } from '../../../src/admin/state.ts';
import type { SnapshotGeneration } from '../../../src/snapshot/format.ts';
import { answer, exitOf } from '../../../src/why/answer.ts';
import type { CmdbFacts, Facts, GenerationFacts, PortFacts, SnapshotFacts, SystemdFacts, UnitFacts } from '../../../src/why/facts.ts';
import type { Section } from '../../../src/why/say.ts';

/** 14:05:00 of some day, in the time zone of the tests. */
export const NOW = new Date(2026, 10, 26, 14, 5, 0).getTime();

export const HERE: SnapshotGeneration = {
  id: '0123abcd', instance: 'shop-0123abcd', lease: 'fc-lease-300s@shop-0123abcd.timer', leaseS: 300, container: 'fc-ctr-shop-0123abcd.service',
  socket: 'fc-app-shop-0123abcd.socket', socketPath: '/run/fastcontainer/shop-0123abcd.sock', address: '10.197.0.3', port: 80, startTimeoutS: 30, image: null, fetching: false,
};

export function unit(name: string, change: Partial<UnitFacts> = {}): UnitFacts {
  return { unit: name, activeState: 'inactive', subState: 'dead', since: null, activeSince: null, restarts: 0, elapsesAt: null, evidence: null, ...change };
}

export function up(name: string, since = NOW - 180_000, change: Partial<UnitFacts> = {}): UnitFacts {
  return unit(name, { activeState: 'active', subState: 'running', since, activeSince: since, ...change });
}

export function generation(change: Partial<GenerationFacts> = {}): GenerationFacts {
  const instance = change.instance ?? HERE.instance;
  return {
    instance, serves: true, container: unit(`fc-ctr-${instance}.service`), gate: unit(`fc-app-${instance}.service`), refuse: unit(`fc-refuse@${instance}.timer`),
    leases: [], connections: 0, log: [], failedAt: null, ...change,
  };
}

/** Its container is up, for three minutes, and it has a lease for two more. */
export function awake(change: Partial<GenerationFacts> = {}): GenerationFacts {
  return generation({ container: up(HERE.container), leases: [up(HERE.lease, NOW - 180_000, { elapsesAt: NOW + 120_000 })], ...change });
}

export function port(change: Partial<PortFacts> = {}): PortFacts {
  return { port: 2525, door: up('fc-port@2525.socket'), gate: unit('fc-port@2525.service'), clients: [], ...change };
}

export const REQUEST: RequestSketch = { at: NOW - 180_200, method: 'GET', host: 'shop.example', path: '/basket', client: '192.0.2.7', userAgent: 'Mozilla/5.0', bot: false };

/** Of `requests`, or of as many as `count` says. */
export function inFlight(requests: readonly Partial<RequestSketch & { doing: 'waiting' | 'request' | 'upgrade' }>[], count = requests.length): Pick<InFlight, 'count' | 'requests'> {
  return {
    count,
    requests: requests.map(({ doing = 'request', ...change }) => ({ app: 'shop', doing, request: { ...REQUEST, at: NOW - 12_000, path: '/slow', client: '192.0.2.9', userAgent: 'curl/8', bot: true, ...change } })),
  };
}

export const WELL: AppState = {
  name: 'shop', domains: ['shop.example'], state: 'awake', since: NOW - 180_000, generation: '0123abcd', running: ['0123abcd'], why: null, retryAt: null,
  requests: 7, requestsPerS: 0, inFlight: 0, last: null, starts: { done: 1, failed: 0, p50Ms: 100, p95Ms: 100, lastMs: 100 },
  memoryBytes: 1, awakeSeconds: 180, memoryByteSeconds: 1, cpuSeconds: 1,
};

const REPORT: SyncState = {
  syncedAt: NOW - 4_000, triedAt: NOW - 4_000, error: null, revision: '20', rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: [],
};

const ROWS: CmdbFacts = {
  address: 'fc@db1/fastcontainer', revision: '20', changed: { revision: '7', at: NOW - 3_600_000 }, app: 'good', placedOn: ['web1'], domains: ['shop.example'],
  rejections: [], generation: HERE.id, rule: null,
};

const SNAPSHOT: SnapshotFacts = {
  writtenAt: NOW - 60_000, revision: '20',
  hosts: [{ name: 'web1', address: '192.0.2.11', port: 8079, state: 'active' }, { name: 'web2', address: '192.0.2.12', port: 8079, state: 'active' }, { name: 'web3', address: '192.0.2.13', port: 8079, state: 'down' }],
  app: { domains: ['shop.example'], placements: [{ host: 'web1', weight: 100, listenPort: null }], here: HERE },
};

export interface Change {
  readonly facts?: Partial<Facts>;
  readonly state?: Partial<AppState> | null;
  readonly events?: readonly HostEvent[];
  readonly report?: Partial<SyncState>;
  readonly rows?: Partial<CmdbFacts>;
  readonly snapshot?: Partial<SnapshotFacts>;
  readonly here?: Partial<SnapshotGeneration>;
  readonly systemd?: Partial<SystemdFacts>;
}

export function facts({ facts: rest = {}, state = {}, events = [], report = {}, rows = {}, snapshot = {}, here = {}, systemd = {} }: Change = {}): Facts {
  return {
    at: NOW, host: 'web1', root: true, question: { kind: 'app', name: 'shop' }, app: 'shop', rule: null, nearest: [],
    status: { value: { host: 'web1', at: NOW, events, proxy: { processes: 1, connections: 0, inFlight: 0, requestsPerS: 0, startsWaiting: 0, startsRunning: 0 } } },
    state: state === null ? null : { ...WELL, ...state },
    inFlight: { value: inFlight([]) },
    snapshot: { value: { ...SNAPSHOT, app: { domains: ['shop.example'], placements: [{ host: 'web1', weight: 100, listenPort: null }], here: { ...HERE, ...here } }, ...snapshot } },
    report: { value: { ...REPORT, ...report } },
    failure: null, imageFailure: null,
    systemd: { value: { generations: [awake()], ports: [], image: null, program: { 'fc-sync-watch.service': up('fc-sync-watch.service'), 'fc-sync.timer': unit('fc-sync.timer') }, ...systemd } },
    cmdb: { value: { ...ROWS, ...rows } },
    ...rest,
  };
}

/** All that is said, a line each: headings, sentences, and evidence behind a `|`. */
export function said(of: Facts): readonly string[] {
  const { headline, sections } = answer(of);
  return [headline, ...sections.flatMap((section: Section) => [`${section.wrong ? '!' : '#'} ${section.title}`, ...section.sentences.flatMap(({ text, evidence }) => [text, ...evidence.map((line) => `| ${line}`)])])];
}

export function exit(of: Facts): number {
  return exitOf(answer(of), of);
}
