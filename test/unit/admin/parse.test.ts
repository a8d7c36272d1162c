/** What hosts say of themselves, read as it should be, or not at all. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseFleetStatus, parseHostStatus, StateError } from '../../../src/admin/parse.ts';
import type { HostStatus } from '../../../src/admin/state.ts';
import { appState, hostStatus } from '../../support/host-status.ts';

const request = { at: 5, method: 'GET', host: 'shop.test', path: '/', client: '192.0.2.1', userAgent: '', bot: false };

const full: HostStatus = hostStatus([
  appState('shop', { since: 1, running: ['0123abcd'], why: 'because', retryAt: 2, last: request, starts: { done: 1, failed: 2, p50Ms: 3, p95Ms: 4, lastMs: 5 }, memoryBytes: 6 }),
  appState('blog', { generation: null, state: 'elsewhere' }),
], {
  sync: {
    syncedAt: 1, triedAt: 2, error: 'it broke', revision: '3', rejections: [{ table: 'apps', key: 'x', column: 'port', why: 'is wrong', app: null }],
    failed: [{ subject: 'a', what: 'b', why: 'c' }], handingOver: [{ app: 'shop', to: '0123abcd' }], handOvers: { done: 1, failed: 0 }, deepAsleep: ['x'],
  },
  events: [
    { id: 1, at: 1, kind: 'woke', app: 'shop', generation: '0123abcd', times: { queue: 0, start: 100, podman: 50 }, request },
    { id: 2, at: 1, kind: 'start-failed', app: 'shop', generation: '0123abcd', why: 'a', evidence: 'b', failures: 1, retryAt: null, request: null },
    { id: 3, at: 1, kind: 'slept', app: 'shop', generation: '0123abcd', awakeMs: 5 },
    { id: 4, at: 1, kind: 'handed-over', app: 'shop', from: 'ffffffff', generation: '0123abcd' },
  ],
});

test('all of it comes through, and what is not known here is left out', () => {
  const said: unknown = JSON.parse(JSON.stringify({ ...full, news: 'of a later version' }));
  assert.deepEqual(parseHostStatus(said), full);
  const fleet = { format: 1, at: 3, hosts: [{ name: 'web1', state: 'active', status: full }, { name: 'web2', state: 'down', status: null, why: 'it is off' }] };
  assert.deepEqual(parseFleetStatus(JSON.parse(JSON.stringify(fleet))), fleet);
});

describe('what is not as it should be is named', () => {
  const refused = (value: unknown, message: RegExp): void => {
    assert.throws(() => parseHostStatus(value), (error) => error instanceof StateError && message.test(error.message));
  };

  test('another version, or no state at all', () => {
    refused({ ...full, format: 2 }, /^format is not 1: it is of another version$/);
    for (const value of [null, 1, 'x', [], {}, undefined]) refused(value, /is not/);
  });

  test('something in it', () => {
    refused({ ...full, apps: [...full.apps, { ...appState('x'), state: 'dreaming' }] }, /^apps\[2\]\.state is none of asleep, deep/);
    refused({ ...full, apps: [{ ...appState('x'), requestsPerS: '1' }] }, /^apps\[0\]\.requestsPerS is not a number$/);
    refused({ ...full, counts: {} }, /^counts\.asleep is not a number$/);
    refused({ ...full, events: [{ id: 1, at: 1, app: 'x', generation: 'x', kind: 'dreamt' }] }, /^events\[0\]\.kind is none of/);
    assert.throws(() => parseFleetStatus({ format: 1, at: 1, hosts: [{ name: 'x', state: 'active', status: null }] }), /hosts\[0\]\.why is not a text/);
  });
});
