import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventLog } from '../../../src/admin/events.ts';
import { Ledger } from '../../../src/admin/ledger.ts';
import { Recent } from '../../../src/admin/recent.ts';
import { readStore, storeText } from '../../../src/admin/store.ts';
import { percentile } from '../../../src/admin/account.ts';
import { COUNT, COUNTS } from '../../../src/report/counts.ts';
import type { StartEvent } from '../../../src/report/happened.ts';
import type { Report, TallyReport } from '../../../src/report/words.ts';

/** Of so many requests answered with 200. */
const tally = (requests: number, inFlight = 0): TallyReport =>
  ({ inFlight, counts: Array.from({ length: COUNTS }, (_, at) => (at === COUNT.status + 2 ? requests : 0)), last: null });

const report = (over: Partial<Report>): Report => ({
  say: 'report', n: 1, connections: 0, startsWaiting: 0, startsRunning: 0, apps: [], passed: null, unrouted: null, troubles: null, events: [], last: false, ...over,
});

const woke = (ms: number): StartEvent => ({ kind: 'woke', at: 1000, app: 'shop', generation: '0000000a', times: { queue: 1, start: ms - 1 }, request: null });

interface Books { readonly ledger: Ledger; readonly events: EventLog; since: number }

function books(): Books {
  const events = new EventLog();
  return { ledger: new Ledger(events, () => undefined), events, since: 5 };
}

/** What another run of fc-admin knows that has only the file. */
function restarted(kept: Books, boot = 'boot'): Books {
  const next = books();
  readStore(storeText(kept, 'boot'), next, boot);
  return next;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;

describe('the ledger', () => {
  test('adds up processes, and counts what is said twice once', () => {
    const { ledger } = books();
    for (const process of ['a', 'b']) ledger.joined(process, 0);
    ledger.take('a', report({ apps: [['shop', tally(5, 2)]] }), SECOND);
    ledger.take('a', report({ apps: [['shop', tally(5, 2)]] }), SECOND);
    ledger.take('b', report({ apps: [['shop', tally(3, 1)]] }), SECOND);
    ledger.take('a', report({ apps: [['shop', tally(7, 0)]] }), SECOND);
    assert.deepEqual([ledger.of('shop').requests, ledger.of('shop').inFlight], [10, 1]);
  });

  test('a process that comes back tells all, and is counted once; what it has in flight goes with its connection', () => {
    const { ledger } = books();
    ledger.joined('a', 0);
    ledger.take('a', report({ apps: [['shop', tally(5, 4)]], connections: 4 }), SECOND);
    ledger.left('a');
    assert.deepEqual([ledger.of('shop').requests, ledger.of('shop').inFlight, ledger.present.connections], [5, 0, 0]);
    ledger.joined('a', 2 * SECOND);
    ledger.take('a', report({ apps: [['shop', tally(9, 1)]] }), 2 * SECOND);
    // Its connection was replaced before the end of the last one was noticed.
    ledger.joined('a', 3 * SECOND);
    ledger.take('a', report({ apps: [['shop', tally(9, 1)]] }), 3 * SECOND);
    assert.deepEqual([ledger.of('shop').requests, ledger.of('shop').inFlight], [9, 1]);
  });

  test('fc-admin restarts, with or without having stored the last of it: a process that lives tells it', () => {
    const before = books();
    before.ledger.joined('a', 0);
    before.ledger.take('a', report({ apps: [['shop', tally(5)]], events: [[1, woke(100)]] }), SECOND);
    const stored = restarted(before);
    before.ledger.take('a', report({ apps: [['shop', tally(8)]], events: [[2, woke(200)]] }), SECOND);
    for (const now of [stored, restarted(before)]) {
      now.ledger.joined('a', 0);
      now.ledger.take('a', report({ apps: [['shop', tally(9)]], events: [[1, woke(100)], [2, woke(200)], [3, woke(300)]] }), SECOND);
      assert.equal(now.ledger.of('shop').requests, 9);
      assert.deepEqual(now.ledger.of('shop').startMs, [100, 200, 300]);
      assert.equal(now.events.since(0).length, 3);
    }
  });

  test('after a reboot no process is who it was', () => {
    const before = books();
    before.ledger.joined('a', 0);
    before.ledger.take('a', report({ apps: [['shop', tally(5)]] }), SECOND);
    const { ledger } = restarted(before, 'another');
    ledger.joined('a', 0);
    ledger.take('a', report({ apps: [['shop', tally(2)]] }), SECOND);
    assert.equal(ledger.of('shop').requests, 7);
  });

  test('a process that says farewell twice, as fc-admin was restarted before it could hear that it was heard, counts once', () => {
    const before = books();
    before.ledger.joined('a', 0);
    before.ledger.take('a', report({ apps: [['shop', tally(5)]], events: [[1, woke(100)]], last: true }), HOUR);
    before.ledger.left('a');
    const { ledger, events } = restarted(before);
    ledger.joined('a', HOUR);
    ledger.take('a', report({ apps: [['shop', tally(5)]], events: [[1, woke(100)]], last: true }), HOUR + SECOND);
    assert.deepEqual([ledger.of('shop').requests, events.since(0).length], [5, 1]);
  });

  test('a process that has said farewell is forgotten soon, another one later, and what they counted is not', () => {
    const { ledger } = books();
    for (const process of ['a', 'b', 'c']) ledger.joined(process, 0);
    ledger.take('a', report({ apps: [['shop', tally(5)]], last: true }), HOUR);
    ledger.take('b', report({ apps: [['shop', tally(5)]] }), HOUR);
    ledger.left('a');
    ledger.left('b');
    ledger.take('c', report({}), HOUR + 180 * SECOND);
    assert.deepEqual([...ledger.said.keys()], ['b', 'c']);
    ledger.take('c', report({}), 3 * HOUR);
    assert.deepEqual([[...ledger.said.keys()], ledger.of('shop').requests], [['c'], 10]);
  });

  test('requests that were counted before anybody listened are no rush of the moment', () => {
    const { ledger } = books();
    ledger.joined('a', 10 * SECOND);
    ledger.take('a', report({ apps: [['shop', tally(1000)]] }), 10 * SECOND + 1);
    ledger.take('a', report({ apps: [['shop', tally(1020)]] }), 11 * SECOND);
    assert.deepEqual([ledger.of('shop').requests, ledger.of('shop').requestsPerS(12 * SECOND)], [1020, 2]);
  });

  test('of a generation in trouble, what waits for longest counts, and only as long as somebody says it', () => {
    const { ledger } = books();
    for (const process of ['a', 'b']) ledger.joined(process, 0);
    const trouble = (retryAt: number | null): Partial<Report> => ({ troubles: [{ generation: 'shop-0000000a', failures: 2, retryAt, why: 'No.' }] });
    ledger.take('a', report(trouble(null)), SECOND);
    ledger.take('b', report(trouble(5000)), SECOND);
    assert.equal(ledger.troubles().get('shop-0000000a')?.retryAt, 5000);
    ledger.take('b', report({}), SECOND);
    assert.equal(ledger.troubles().get('shop-0000000a')?.retryAt, 5000, 'as before');
    ledger.left('b');
    assert.equal(ledger.troubles().get('shop-0000000a')?.retryAt, null);
    ledger.take('a', report({ troubles: [] }), SECOND);
    assert.equal(ledger.troubles().size, 0);
  });

  test('what is stored that makes no sense is refused whole', () => {
    const kept = books();
    for (const text of ['', '{', 'null', '{"format":2}', storeText(kept, 'boot').replace('"since":5', '"since":"5"'), storeText(kept, 'boot').replace(/"counts":\[0,/, '"counts":[')]) {
      const next = books();
      assert.throws(() => { readStore(text, next, 'boot'); }, text);
      assert.deepEqual([next.ledger.apps.size, next.since], [0, 5]);
    }
  });
});

test('ids of events go on after a restart, and are none that were given before it', () => {
  const before = books();
  before.events.add({ kind: 'slept', at: 1, app: 'shop', generation: '0000000a', awakeMs: 5 });
  const stored = storeText(before, 'boot');
  before.events.add({ kind: 'slept', at: 2, app: 'shop', generation: '0000000a', awakeMs: 5 });
  const given = before.events.since(0).map(({ id }) => id);
  const next = books();
  readStore(stored, next, 'boot');
  next.events.add({ kind: 'handed-over', at: 3, app: 'shop', from: '0000000a', generation: '0000000b' });
  const [first, second] = next.events.since(0);
  assert.equal(first?.id, given[0]);
  assert.ok(!given.includes(second?.id ?? 0) && (second?.id ?? 0) > Math.max(...given));
});

test('the last two hundred events are kept', () => {
  const { events } = books();
  for (let at = 0; at < 250; at++) events.add({ kind: 'slept', at, app: 'shop', generation: '0000000a', awakeMs: 5 });
  assert.deepEqual([events.since(0).length, events.since(249).map(({ id }) => id)], [200, [250]]);
});

test('percentiles are of values that were there', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => at + 1);
  assert.deepEqual([percentile([], 0.5), percentile([7], 0.95), percentile([1, 2], 0.5), percentile(hundred, 0.5), percentile(hundred, 0.95)], [null, 7, 1, 50, 95]);
});

test('a rate is of the last ten whole seconds', () => {
  const recent = new Recent();
  for (let second = 0; second < 20; second++) recent.add(30, second * SECOND + 500);
  assert.equal(recent.perSecond(20 * SECOND), 30);
  assert.equal(recent.perSecond(25 * SECOND), 15);
  assert.equal(recent.perSecond(100 * SECOND), 0);
  recent.add(30, 5 * SECOND);
  assert.equal(recent.perSecond(6 * SECOND), 3, 'the clock was set back');
});
