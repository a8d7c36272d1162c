/** States of hosts for tests of fc-status. */
import type { AppState, HostStatus, SyncState } from '../../../src/admin/state.ts';
import { appState, hostStatus } from '../../support/host-status.ts';

/** When all of it is told. */
export const NOW = Date.UTC(2026, 10, 26, 12);

export function anApp(name: string, over: Partial<AppState> = {}): AppState {
  return appState(name, { domains: [`${name}.example.com`], since: NOW - 3_600_000, generation: '1a2b3c4d', ...over });
}

const SYNC: SyncState = {
  syncedAt: NOW - 4000, triedAt: NOW - 4000, error: null, revision: '1234', rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: [],
};

export function aHost(host: string, apps: readonly AppState[], over: Partial<HostStatus> = {}, sync: Partial<SyncState> = {}): HostStatus {
  return hostStatus(apps, {
    host, at: NOW, sync: { ...SYNC, ...sync }, proxy: { processes: 1, connections: 31, inFlight: 3, requestsPerS: 14.2, startsWaiting: 0, startsRunning: 1 }, ...over,
  });
}

/** A host with an app in each state. */
export function aStatus(): HostStatus {
  return aHost('web1', [
    anApp('shop', { domains: ['shop.example.com', 'www.shop.example.com', '*.shop.example.org'], state: 'awake', since: NOW - 185_000, requests: 4000, requestsPerS: 12.4, inFlight: 2, memoryBytes: 35_756_441, starts: { done: 14, failed: 0, p50Ms: 182, p95Ms: 1240, lastMs: 180 } }),
    anApp('blog', { state: 'awake', since: NOW - 12_000, requests: 3, requestsPerS: 0.3, inFlight: 0, memoryBytes: 8_388_608, starts: { done: 3, failed: 1, p50Ms: 210, p95Ms: 230, lastMs: 230 } }),
    anApp('a-rather-long-name-of-an-app-of-forty-ch', { domains: ['a-rather-long-name.of-an-app.customers.example.com'], state: 'handing-over', since: NOW - 2000, generation: 'deadbeef', memoryBytes: 512 }),
    anApp('wiki', { state: 'starting', since: NOW - 400, inFlight: 1 }),
    anApp('mail', { state: 'stopping', since: NOW - 90_000_000 }),
    anApp('broken', { state: 'quarantined', since: NOW - 64_000, why: 'fc-ctr-broken-1a2b3c4d.service exited with status 3 before anything listened on port 8080', retryAt: NOW + 23_000, starts: { done: 0, failed: 5, p50Ms: null, p95Ms: null, lastMs: null } }),
    anApp('wrong', { state: 'rejected', why: 'port is "x", not a number from 1 to 65535', generation: null, since: null, domains: [] }),
    anApp('sleepy'), anApp('sleepier', { state: 'deep' }), anApp('far', { state: 'elsewhere', generation: null, since: null }),
  ], {}, {
    rejections: [
      { table: 'apps', key: 'wrong', column: 'port', why: 'is "x", not a number from 1 to 65535', app: 'wrong' },
      { table: 'domains', key: 'ex ample.com', column: 'fqdn', why: 'is "ex ample.com", not a domain name (or *. and a domain name)', app: null },
    ],
  });
}
