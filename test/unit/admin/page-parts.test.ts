/** What the page makes of what a host says: its pure parts, which run in Node as in a browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agent, ago, bytes, count, rate, shown, span, took } from '../../../src/admin/page/format.js';
import { figuresOf } from '../../../src/admin/page/glance.js';
import { partsOf, PARTS, percentile, scale } from '../../../src/admin/page/parts.js';
import { pauseMs } from '../../../src/admin/page/poll.js';
import { troublesOf, verdict } from '../../../src/admin/page/trouble.js';
import { fragmentOf, queryOf, STATES, viewOf } from '../../../src/admin/page/view.js';
import { ATTENTION, readSelection, SORTS } from '../../../src/admin/select.ts';
import type { HostEvent, SyncState } from '../../../src/admin/state.ts';
import { appState, hostStatus } from '../../support/host-status.ts';

const SYNC: SyncState = { syncedAt: 90_000, triedAt: 99_000, error: null, revision: '7', rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: [] };

test('times, numbers and sizes are short, and never say more than is so', () => {
  assert.deepEqual([0, 84.4, 999.4, 999.6, 1234, 9999, 59_499, 59_500, 185_000].map(took), ['0 ms', '84 ms', '999 ms', '1.0 s', '1.2 s', '10 s', '59 s', '59 s', '3 min']);
  assert.equal(took(null), '–');
  assert.deepEqual([-5, 0, 59_999, 60_000, 3_599_999, 86_400_000 * 2].map(span), ['0 s', '0 s', '59 s', '1 min', '59 min', '2 d']);
  assert.equal(ago(null, 5), 'never');
  assert.equal(ago(1000, 13_500), '12 s ago');
  assert.deepEqual([0, 0.04, 9.96, 128.4, 12_345].map(rate), ['0', '0.0', '10.0', '128', '12\u202f345']);
  assert.deepEqual([0, 512, 2048, 95.3 * 2 ** 20, 3.25 * 2 ** 30].map(bytes), ['0 B', '512 B', '2.0 KiB', '95 MiB', '3.3 GiB']);
  assert.equal(bytes(null), '–');
  assert.equal(count(1234567), '1\u202f234\u202f567');
});

test('a stranger\'s text is on one line, and hides nothing beside it', () => {
  assert.equal(shown('a\u202eb\nc\u001b[2Jd\u200b\ud800'), 'a\\u{202e}b\\u{a}c\\u{1b}[2Jd\\u{200b}\\u{d800}');
  assert.equal(shown('x'.repeat(5000), 10), 'xxxxxxxxx…');
});

const AGENTS: readonly [userAgent: string, name: string][] = [
  ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox 128'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36', 'Chrome 126'],
  ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0', 'Edge 126'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'Safari 17'],
  ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'Googlebot 2.1'],
  ['curl/8.5.0', 'curl 8.5.0'],
  ['', 'no user agent'],
  ['<script>alert(1)</script> x', '<script>alert(1)< script>'],
];
for (const [userAgent, name] of AGENTS) test(`the user agent ${JSON.stringify(userAgent)} is called ${name}`, () => { assert.equal(agent(userAgent), name); });

test('the parts of a cold start add up to it, in the order in which they happen', () => {
  const parts = partsOf({ queue: 3, start: 100, systemd: 5, network: 20, prepare: 4, podman: 40, ready: 30 });
  assert.deepEqual(parts, [{ name: 'queue', ms: 3 }, { name: 'systemd', ms: 5 }, { name: 'network', ms: 20 }, { name: 'podman', ms: 44 }, { name: 'ready', ms: 30 }, { name: 'other', ms: 1 }]);
  assert.deepEqual(partsOf({ queue: 0, start: 70 }), [{ name: 'other', ms: 70 }], 'nothing known of it');
  assert.deepEqual(partsOf({ queue: 0, start: 70, ready: 71 }), [{ name: 'ready', ms: 71 }], 'more known than it took');
  assert.deepEqual(PARTS.map(([name]) => name), ['queue', 'systemd', 'network', 'podman', 'ready', 'other']);
});

test('percentiles are of the nearest rank; a chart has a round top, which one slow start does not set', () => {
  assert.equal(percentile([], 0.5), null);
  assert.equal(percentile([5], 0.95), 5);
  assert.equal(percentile([4, 1, 3, 2], 0.5), 2);
  assert.equal(percentile(Array.from({ length: 100 }, (_, n) => n + 1), 0.95), 95);
  assert.equal(scale([]), 1);
  assert.equal(scale([80, 90, 120]), 200);
  assert.equal(scale([...Array<number>(99).fill(100), 30_000]), 200);
});

test('asked often, less and less while it fails, seldom while nobody looks', () => {
  assert.deepEqual([0, 1, 2, 5, 50].map((failures) => pauseMs(1000, failures, false)), [1000, 2000, 4000, 30_000, 30_000]);
  assert.equal(pauseMs(1000, 0, true), 30_000);
});

test('what the reader chose is in the address, and comes back from it; what is wrong there is left out', () => {
  const view = viewOf('#q=shop&state=asleep,awake&sort=memory');
  assert.deepEqual(view, { text: 'shop', states: ['awake', 'asleep'], sort: 'memory', limit: 100 });
  assert.deepEqual(viewOf(fragmentOf(view)), view);
  assert.equal(fragmentOf(viewOf('')), '');
  assert.deepEqual(viewOf('#state=sleepy,awake,constructor&sort=toString&limit=999999'), { text: '', states: ['awake'], sort: 'state', limit: 100 });
});

test('the page knows the states and orders that fc-admin knows, and asks as it understands', () => {
  assert.deepEqual(STATES, ATTENTION);
  for (const sort of SORTS) {
    const { text, states, limit, events, ...selection } = readSelection(new URLSearchParams(queryOf({ text: 'a&b=c', states: STATES, sort, limit: 100 }, 50)));
    assert.deepEqual({ text, states, limit, events, sort: selection.sort }, { text: 'a&b=c', states: STATES, limit: 100, events: 50, sort });
  }
});

test('a host where all is well has no trouble', () => {
  const status = hostStatus([appState('shop')], { at: 100_000, sync: SYNC });
  assert.deepEqual(troublesOf(status, [], []), []);
  assert.equal(verdict([]), 'Everything works.');
  assert.deepEqual(figuresOf(status, []).map(({ value, note }) => `${value} ${note}`), ['0 ', '0 0 connections', '0 of 1 app', '0 none waits', '– none yet', '10 s ago revision 7']);
});

test('everything that fails is named with its reason, and counted in one sentence', () => {
  const broken = appState('broken', { state: 'quarantined', why: 'It ended with exit status 3.', retryAt: 112_000 });
  const failure = (id: number, app: string): HostEvent => ({ id, at: 97_000, kind: 'start-failed', app, generation: 'g', why: `${app} did not listen.`, evidence: 'last words', failures: 2, retryAt: null, request: null });
  const woke: HostEvent = { id: 3, at: 99_000, kind: 'woke', app: 'mended', generation: 'g', times: { queue: 0, start: 5 }, request: null };
  const status = hostStatus([broken], {
    at: 100_000,
    events: [failure(1, 'broken'), failure(2, 'mended'), woke, failure(4, 'once')],
    proxy: { processes: 0, connections: 0, inFlight: 0, requestsPerS: 0, startsWaiting: 0, startsRunning: 0 },
    sync: {
      ...SYNC, error: 'cannot reach db1',
      rejections: [{ table: 'apps', key: 'misspelt', column: 'memory_max', why: '"lots" is no amount', app: 'misspelt' }],
      failed: [{ subject: 'fc-app-x.socket', what: 'start', why: 'refused' }],
    },
  });
  const troubles = troublesOf(status, [broken], [{ name: 'web3', why: 'It does not answer.' }]);
  assert.deepEqual(troubles.map(({ kind, subject, why }) => [kind, subject, why]), [
    ['proxy', 'fc-proxy', 'No process of it reports here: visitors may get no answer. See systemctl status fc-proxy.'],
    ['sync', 'fc-sync', 'cannot reach db1'],
    ['host', 'web3', 'It does not answer.'],
    ['start', 'broken', 'It ended with exit status 3.'],
    ['start', 'once', 'once did not listen.'],
    ['apply', 'fc-app-x.socket', 'start: refused'],
    ['row', 'apps misspelt', 'memory_max: "lots" is no amount'],
  ]);
  assert.deepEqual(troubles[3]?.notes, ['2nd failure in a row, 3 s ago', 'next try in 12 s at the earliest']);
  assert.equal(troubles[3]?.evidence, 'last words');
  assert.equal(new Set(troubles.map(({ key }) => key)).size, troubles.length, 'each has a key of its own');
  assert.equal(verdict(troubles),
    'fc-proxy is silent, fc-sync fails, 1 host does not answer, 2 apps do not start, 1 change is not applied and 1 row is rejected.');
  assert.equal(verdict(troublesOf(hostStatus([]), [], [])), 'fc-sync has not run.');
});
