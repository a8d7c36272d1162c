/** What of a host's state is given for a query. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ATTENTION, readSelection, selectApps, SelectionError, selectStatus } from '../../../src/admin/select.ts';
import { APP_STATES, type HostEvent } from '../../../src/admin/state.ts';
import { appState, hostStatus } from '../../support/host-status.ts';

const select = (query: string) => readSelection(new URLSearchParams(query));
const names = (query: string): string[] => selectApps(APPS, select(query)).map(({ name }) => name);

const APPS = [
  appState('blog', { domains: ['www.blog.example'], state: 'awake', requestsPerS: 2, memoryBytes: 5, since: 10, starts: { done: 1, failed: 0, p50Ms: 90, p95Ms: 90, lastMs: 90 } }),
  appState('shop', { domains: ['shop.example', 'kasse.example'], state: 'awake', requestsPerS: 40, inFlight: 3, since: 20 }),
  appState('broken', { state: 'quarantined', why: 'It ended with exit status 3.', generation: 'feedbeef' }),
  appState('archive'),
];

test('without a query: everything, what needs attention first, then by name', () => {
  assert.deepEqual(names(''), ['broken', 'blog', 'shop', 'archive']);
  assert.deepEqual([...ATTENTION].sort(), [...APP_STATES].sort(), 'each state has its place');
  const status = selectStatus(hostStatus(APPS), select(''));
  assert.equal(status.apps.length, 4);
  assert.equal(status.matching, 4);
});

const QUERIES: readonly [query: string, expected: readonly string[]][] = [
  ['app=blog', ['blog']],
  ['app=blo', []],
  ['q=shop', ['shop']],
  ['q=KASSE', ['shop']],
  ['q=%20blog%20', ['blog']],
  ['q=feed', ['broken']],
  ['q=exit+STATUS', ['broken']],
  ['q=nothing-like-it', []],
  ['state=awake', ['blog', 'shop']],
  ['state=asleep,quarantined', ['broken', 'archive']],
  ['state=', ['broken', 'blog', 'shop', 'archive']],
  ['state=awake&q=shop', ['shop']],
  ['sort=name', ['archive', 'blog', 'broken', 'shop']],
  ['sort=requests', ['shop', 'blog', 'archive', 'broken']],
  ['sort=in-flight', ['shop', 'archive', 'blog', 'broken']],
  ['sort=since', ['shop', 'blog', 'archive', 'broken']],
  ['sort=starts', ['blog', 'archive', 'broken', 'shop']],
  ['sort=memory', ['blog', 'archive', 'broken', 'shop']],
];
for (const [query, expected] of QUERIES) {
  test(`?${query}`, () => { assert.deepEqual(names(query), expected); });
}

test('a limit cuts the apps, not what is told of the whole host', () => {
  const status = selectStatus(hostStatus(APPS), select('limit=1&state=awake'));
  assert.deepEqual(status.apps.map(({ name }) => name), ['blog']);
  assert.equal(status.matching, 2);
  assert.equal(status.counts.asleep, 1);
  assert.deepEqual(selectStatus(hostStatus(APPS), select('limit=0')).apps, []);
});

test('of the apps in deep sleep, those that were asked for are named', () => {
  const sync = { syncedAt: 1, triedAt: 1, error: null, revision: '1', rejections: [], failed: [], handingOver: [], handOvers: { done: 0, failed: 0 }, deepAsleep: ['archive', 'blog'] };
  const deep = (query: string): readonly string[] | undefined => selectStatus(hostStatus(APPS, { sync }), select(query)).sync?.deepAsleep;
  assert.deepEqual(deep(''), ['archive', 'blog']);
  assert.deepEqual(deep('q=blog'), ['blog']);
  assert.deepEqual(deep('limit=0'), []);
});

test('of the events, the newest', () => {
  const events = [1, 2, 3].map((id): HostEvent => ({ id, at: id, kind: 'slept', app: 'shop', generation: '0123abcd', awakeMs: 1 }));
  const ids = (query: string): number[] => selectStatus(hostStatus([], { events }), select(query)).events.map(({ id }) => id);
  assert.deepEqual(ids('events=2'), [2, 3]);
  assert.deepEqual(ids('events=0'), []);
  assert.deepEqual(ids('events=99'), [1, 2, 3]);
  assert.deepEqual(ids(''), [1, 2, 3]);
  assert.deepEqual(ids('events_since=1'), [2, 3]);
  assert.deepEqual(ids('events_since=1&events=1'), [3]);
});

const WRONG: readonly [query: string, message: RegExp][] = [
  ['limti=3', /no parameter "limti".*limit/],
  ['app=Shop', /app is "Shop"/],
  ['app=shop&app=blog', /"app" is there twice/],
  ['events_since=x', /events_since is "x"/],
  ['limit=-1', /limit is "-1"/],
  ['limit=ten', /limit is "ten"/],
  ['limit=', /limit is ""/],
  ['events=1e3', /events is "1e3"/],
  ['state=awake,sleepy', /"sleepy".*asleep/],
  ['sort=toString', /sort is "toString".*memory/],
  ['sort=%1b[2J', /sort is "\\u\{1b\}\[2J"/],
];
for (const [query, message] of WRONG) {
  test(`?${query} is refused, and why is said`, () => {
    assert.throws(() => select(query), (error: unknown) => error instanceof SelectionError && message.test(error.message));
  });
}
