import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from '../../../src/admin/events.ts';

const slept = (app: string, at: number) => ({ kind: 'slept', at, app, generation: '00000000', awakeMs: 1 }) as const;
const woke = (app: string, at: number) => ({ kind: 'woke', at, app, generation: '00000000', times: { queue: 0, start: 1 }, request: null }) as const;

test('the last 200 events of the host are kept, by number', () => {
  const log = new EventLog();
  for (let at = 1; at <= 250; at++) log.add(slept('shop', at));
  assert.deepEqual([log.since(0).length, log.since(0)[0]?.id, log.since(248).map(({ id }) => id)], [200, 51, [249, 250]]);
});

test('what woke an app last is known however much happens to others', () => {
  const log = new EventLog();
  log.add(woke('shop', 1));
  log.add(woke('shop', 2));
  log.add(slept('shop', 3));
  for (let at = 10; at < 500; at++) log.add(slept(`other${at}`, at));
  assert.deepEqual(log.of('shop').map(({ kind, at }) => [kind, at]), [['woke', 2], ['slept', 3]]);
  log.add(woke('shop', 600));
  assert.deepEqual(log.of('shop').map(({ kind, at }) => [kind, at]), [['slept', 3], ['woke', 600]]);
  assert.deepEqual(log.of('nobody'), []);
});

test('of apps without number, those that something happened to last', () => {
  const log = new EventLog();
  for (let app = 0; app < 20_000; app++) log.add(woke(`app${app}`, app));
  log.add(slept('app0', 1));
  log.add(woke('one-more', 2));
  assert.deepEqual(log.of('app0').map(({ kind }) => kind), ['woke', 'slept']);
  assert.deepEqual(log.of('app1'), []);
});

test('another run begins with what this one kept', () => {
  const [log, next] = [new EventLog(), new EventLog()];
  log.add(woke('shop', 1));
  next.restore(log.since(0), log.next);
  next.add(slept('shop', 2));
  assert.deepEqual(next.of('shop').map(({ id, kind }) => [id, kind]), [[1, 'woke'], [2, 'slept']]);
});
