/** What a host could say of itself: apps and statuses for tests that only care about some of it. */
import { APP_STATES, STATE_FORMAT, type AppState, type AppStateName, type HostStatus } from '../../src/admin/state.ts';

export function appState(name: string, more: Partial<AppState> = {}): AppState {
  return {
    name, domains: [`${name}.test`], state: 'asleep', since: null, generation: '0123abcd', running: [], why: null, retryAt: null,
    requests: 0, requestsPerS: 0, inFlight: 0, last: null, starts: { done: 0, failed: 0, p50Ms: null, p95Ms: null, lastMs: null },
    memoryBytes: null, awakeSeconds: 0, memoryByteSeconds: 0, cpuSeconds: 0, ...more,
  };
}

/** Counted from its apps. */
export function hostStatus(apps: readonly AppState[], more: Partial<HostStatus> = {}): HostStatus {
  const count = (name: AppStateName): number => apps.filter(({ state }) => state === name).length;
  return {
    format: STATE_FORMAT, host: 'web1', version: '0.1.0', at: 1_700_000_000_000, since: 1_690_000_000_000, sync: null,
    proxy: { processes: 1, connections: 0, inFlight: 0, requestsPerS: 0, startsWaiting: 0, startsRunning: 0 },
    counts: Object.fromEntries(APP_STATES.map((name) => [name, count(name)])) as Record<AppStateName, number>,
    matching: apps.length, apps, events: [], ...more,
  };
}
