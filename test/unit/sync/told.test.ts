import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PassReport } from '../../../src/sync/sync.ts';
import { afterPass, afterRun, afterTry, type Contact, tellsTheSame, type Told } from '../../../src/sync/told.ts';
import type { Step } from '../../../src/systemd/plan.ts';
import { NOTHING_LEFT } from '../../support/cmdb-host.ts';
import { generation } from './generations.ts';

const GOOD: Contact = { syncedAt: 5_000, triedAt: 5_000, error: null };
const NONE = { done: 0, failed: 0 };

function report(change: Partial<PassReport> & { steps?: readonly Step[]; deep?: readonly string[] } = {}): PassReport {
  const { steps = [], deep = [], ...rest } = change;
  return { ...NOTHING_LEFT, ...rest, plan: { ...NOTHING_LEFT.plan, steps, sleep: { deep: new Set(deep), sink: [], nextInMs: null } } };
}

const told = (change: Parameters<typeof report>[0], before: Told | null = null, ended = NONE): Told => afterPass(before, GOOD, report(change), '7', ended);

test('a pass after which nothing is left', () => {
  assert.deepEqual(told({}), {
    syncedAt: 5_000, triedAt: 5_000, error: null, revision: '7', rejections: [], failed: [], handingOver: [], handOvers: NONE, deepAsleep: [],
  });
});

test('a failed try leaves all but itself as it was', () => {
  const before = told({ deep: ['blog'] });
  assert.deepEqual(afterTry(before, { syncedAt: null, triedAt: 9_000, error: 'away' }), { ...before, triedAt: 9_000, error: 'away' });
  assert.equal(afterTry(afterTry(before, { syncedAt: null, triedAt: 9_000, error: 'away' }), GOOD).error, null);
});

test('a pass over rows of before does not say that they were read again', () => {
  const away: Contact = { syncedAt: 4_000, triedAt: 9_000, error: 'away' };
  const { syncedAt, triedAt, error } = afterPass(told({}), away, report(), '7', NONE);
  assert.deepEqual({ syncedAt, triedAt, error }, away);
});

describe('hand-overs', () => {
  test('that run are told, and those that ended are counted over runs', () => {
    const to = generation('shop', 'b');
    const first = told({ steps: [{ kind: 'handOver', app: 'shop', from: 'shop-00000000', to, proof: false }] }, null, { done: 2, failed: 0 });
    assert.deepEqual(first.handingOver, [{ app: 'shop', to: to.id }]);
    assert.deepEqual(told({ steps: [{ kind: 'busy', app: 'shop', to }] }, first).handingOver, [{ app: 'shop', to: to.id }]);
    const last = told({ steps: [{ kind: 'switch', app: 'shop', from: 'shop-00000000', to }] }, first, { done: 1, failed: 1 });
    assert.deepEqual([last.handingOver, last.handOvers], [[], { done: 3, failed: 1 }]);
  });

  test('end with the run', () => {
    const before = told({ steps: [{ kind: 'busy', app: 'shop', to: generation('shop', 'b') }] });
    assert.deepEqual(afterRun(before, { done: 1, failed: 0 }), { ...before, handingOver: [], handOvers: { done: 1, failed: 0 } });
  });
});

test('a pass over some apps leaves what is told of others', () => {
  const failed = (subject: string): PassReport['failed'][number] => ({ subject, what: 'did not', cause: new Error('so') });
  const before = told({ deep: ['blog', 'shop'], failed: [failed('fc-app-my_shop-0123abcd.socket'), failed('blog'), failed('fc-lease-never@shop-0123abcd.timer')] });
  const after = told({ about: new Set(['shop', 'my-shop']), deep: ['my-shop'], failed: [failed('shop')] }, before);
  assert.deepEqual(after.deepAsleep, ['blog', 'my-shop']);
  assert.deepEqual(after.failed.map(({ subject }) => subject), ['blog', 'shop']);
});

test('times, and seconds that are counted in a text, are no news', () => {
  const failing = (seconds: number): Told => told({ failed: [{ subject: 'shop', what: `next try in ${seconds} s`, cause: 'so' }] });
  assert.ok(tellsTheSame(failing(9), { ...failing(8), triedAt: 1, syncedAt: 2 }));
  assert.ok(!tellsTheSame(failing(9), told({})));
  assert.ok(!tellsTheSame(told({}), told({ deep: ['blog'] })));
  assert.ok(!tellsTheSame(told({}), { ...told({}), error: 'away' }));
});
