/**
 * What a host, or a fleet, says of itself → its shape (state.ts). It may be of another version, or of a host that is
 * not well: what is missing or of another kind is told, and not stumbled over later. Pure.
 */
import { At } from '../model/at.ts';
import { hostEvent, inFlight, sketch } from '../report/happened.ts';
import {
  APP_STATES, STATE_FORMAT, type AppState, type AppStateName, type FleetStatus, type HostStatus, type InFlight, type SyncState,
} from './state.ts';

/** It is no state. The message says where in it, and why. */
export class StateError extends Error {
  override readonly name = 'StateError';
}

const rootOf = (value: unknown): At => new At(value, '', (message) => new StateError(message));

/** @throws StateError */
export function parseHostStatus(value: unknown): HostStatus {
  return hostStatus(rootOf(value));
}

/** @throws StateError */
export function parseInFlight(value: unknown): InFlight {
  const at = rootOf(value);
  return { format: format(at), at: at.member('at').amount(), ...inFlight(at) };
}

/** @throws StateError */
export function parseFleetStatus(value: unknown): FleetStatus {
  const at = rootOf(value);
  return {
    format: format(at),
    at: at.member('at').amount(),
    hosts: at.member('hosts').list((host) => {
      const row = { name: host.member('name').text(), state: host.member('state').oneOf(['active', 'draining', 'down']) };
      const status = host.member('status');
      return status.value === null ? { ...row, status: null, why: host.member('why').text() } : { ...row, status: hostStatus(status) };
    }),
  };
}

function format(at: At): typeof STATE_FORMAT {
  const found = at.member('format');
  return found.value === STATE_FORMAT ? STATE_FORMAT : found.fail(`is not ${STATE_FORMAT}: it is of another version`);
}

function hostStatus(at: At): HostStatus {
  const proxy = at.member('proxy');
  const counts = at.member('counts');
  return {
    format: format(at),
    host: at.member('host').text(),
    version: at.member('version').text(),
    at: at.member('at').amount(),
    since: at.member('since').amount(),
    sync: at.member('sync').orNull(syncState),
    proxy: {
      processes: proxy.member('processes').amount(),
      connections: proxy.member('connections').amount(),
      inFlight: proxy.member('inFlight').amount(),
      requestsPerS: proxy.member('requestsPerS').amount(),
      startsWaiting: proxy.member('startsWaiting').amount(),
      startsRunning: proxy.member('startsRunning').amount(),
    },
    counts: Object.fromEntries(APP_STATES.map((state) => [state, counts.member(state).amount()])) as Record<AppStateName, number>,
    matching: at.member('matching').amount(),
    apps: at.member('apps').list(appState),
    events: at.member('events').list(hostEvent),
  };
}

const text = (at: At): string => at.text();
const amount = (at: At): number => at.amount();

function appState(at: At): AppState {
  const starts = at.member('starts');
  return {
    name: at.member('name').text(),
    domains: at.member('domains').list(text),
    state: at.member('state').oneOf(APP_STATES),
    since: at.member('since').orNull(amount),
    generation: at.member('generation').orNull(text),
    running: at.member('running').list(text),
    why: at.member('why').orNull(text),
    retryAt: at.member('retryAt').orNull(amount),
    requests: at.member('requests').amount(),
    requestsPerS: at.member('requestsPerS').amount(),
    inFlight: at.member('inFlight').amount(),
    last: at.member('last').orNull(sketch),
    starts: {
      done: starts.member('done').amount(),
      failed: starts.member('failed').amount(),
      p50Ms: starts.member('p50Ms').orNull(amount),
      p95Ms: starts.member('p95Ms').orNull(amount),
      lastMs: starts.member('lastMs').orNull(amount),
    },
    memoryBytes: at.member('memoryBytes').orNull(amount),
    awakeSeconds: at.member('awakeSeconds').amount(),
    memoryByteSeconds: at.member('memoryByteSeconds').amount(),
    cpuSeconds: at.member('cpuSeconds').amount(),
  };
}

function syncState(at: At): SyncState {
  const handOvers = at.member('handOvers');
  return {
    syncedAt: at.member('syncedAt').orNull(amount),
    triedAt: at.member('triedAt').amount(),
    error: at.member('error').orNull(text),
    revision: at.member('revision').orNull(text),
    rejections: at.member('rejections').list((row) => ({
      table: row.member('table').text(), key: row.member('key').text(), column: row.member('column').text(), why: row.member('why').text(), app: row.member('app').orNull(text),
    })),
    failed: at.member('failed').list((one) => ({ subject: one.member('subject').text(), what: one.member('what').text(), why: one.member('why').text() })),
    handingOver: at.member('handingOver').list((one) => ({ app: one.member('app').text(), to: one.member('to').text() })),
    handOvers: { done: handOvers.member('done').amount(), failed: handOvers.member('failed').amount() },
    deepAsleep: at.member('deepAsleep').list(text),
  };
}
